/*
 * What an issuer's entry must say for its type. Source of the rules and their texts: Fulcio
 * pkg/config/config.go, which asks them of exact issuers only; here wildcards obey them too.
 */
#include <string.h>
#include <strings.h>

#include "oidc/principal/types.h"

#define HOST_MAX 253

/* Where the last two labels begin; NULL when there are fewer. */
static const char *top_two(const char *host, size_t len)
{
    const char *end = host + len;
    const char *dot = memrchr(host, '.', len);
    if (dot == NULL || dot == host || dot + 1 == end)
        return NULL;
    const char *before = memrchr(host, '.', (size_t)(dot - host));
    before = before != NULL ? before + 1 : host;
    return before < dot ? before : NULL;
}

/* Equal, or equal in the last two labels. */
static int same_domain(const char *a, size_t a_len, const char *b, size_t b_len, struct tm_err *e)
{
    if (a_len == b_len && memcmp(a, b, a_len) == 0)
        return 0;
    const char *x = top_two(a, a_len);
    const char *y = top_two(b, b_len);
    if (x == NULL || y == NULL)
        return tm_err_set(e, "URI hostname too short: %.*s", (int)(x == NULL ? a_len : b_len),
                          x == NULL ? a : b);
    size_t x_len = (size_t)(a + a_len - x);
    size_t y_len = (size_t)(b + b_len - y);
    if (x_len != y_len || memcmp(x, y, x_len) != 0)
        return tm_err_set(e, "hostname top-level and second-level domains do not match: %.*s, %.*s",
                          (int)a_len, a, (int)b_len, b);
    return 0;
}

int oidc_check_uri(const struct oidc_issuer *issuer, struct tm_err *e)
{
    struct oidc_url domain;
    struct oidc_url own;
    if (issuer->subject_domain == NULL)
        return tm_err_set(e, "uri issuer must have SubjectDomain set");
    if (!oidc_url_split(issuer->subject_domain, false, &domain))
        return tm_err_set(e, "SubjectDomain for uri must contain scheme");
    if (domain.rest[strspn(domain.rest, "/")] != '\0')
        return tm_err_set(e, "SubjectDomain for uri must be a scheme and a host only");
    if (!oidc_url_split(issuer->url, issuer->wildcard, &own))
        return tm_err_set(e, "issuer for uri must contain scheme");
    if (domain.scheme_len != own.scheme_len ||
        strncasecmp(domain.scheme, own.scheme, own.scheme_len) != 0)
        return tm_err_set(e, "subject (%.*s) and issuer (%.*s) URI schemes do not match",
                          (int)domain.scheme_len, domain.scheme, (int)own.scheme_len, own.scheme);
    return same_domain(domain.host, domain.host_len, own.host, own.host_len, e);
}

int oidc_check_username(const struct oidc_issuer *issuer, struct tm_err *e)
{
    struct oidc_url own;
    const char *domain = issuer->subject_domain;
    if (domain == NULL)
        return tm_err_set(e, "username issuer must have SubjectDomain set");
    if (strchr(domain, ':') != NULL)
        return tm_err_set(e, "SubjectDomain for username should not contain scheme");
    if (strlen(domain) > HOST_MAX || strpbrk(domain, "/?#@!* ") != NULL)
        return tm_err_set(e, "SubjectDomain for username must be a host name");
    if (!oidc_url_split(issuer->url, issuer->wildcard, &own))
        return tm_err_set(e, "issuer for username must contain scheme");
    return same_domain(domain, strlen(domain), own.host, own.host_len, e);
}

int oidc_check_spiffe(const struct oidc_issuer *issuer, struct tm_err *e)
{
    const char *d = issuer->spiffe_trust_domain;
    if (issuer->wildcard)
        return tm_err_set(e, "SPIFFE meta issuers not supported");
    if (d == NULL)
        return tm_err_set(e, "spiffe issuer must have SPIFFETrustDomain set");
    if (d[0] == '\0' || strlen(d) > 255 ||
        strspn(d, "abcdefghijklmnopqrstuvwxyz0123456789-._") != strlen(d))
        return tm_err_set(e, "spiffe trust domain is invalid");
    return 0;
}

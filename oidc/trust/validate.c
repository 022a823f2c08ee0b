#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <strings.h>

#include "oidc/principal/types.h"
#include "oidc/trust/internal.h"

#define HOST_MAX 256

/* "scheme://host[:port]/…" apart; false when there is no scheme or host. */
static bool split_url(const char *url, char scheme[16], char host[HOST_MAX])
{
    const char *sep = strstr(url, "://");
    if (sep == NULL || sep == url || sep - url >= 16)
        return false;
    memcpy(scheme, url, (size_t)(sep - url));
    scheme[sep - url] = '\0';
    size_t len = strcspn(sep + 3, "/?#:");
    if (len == 0 || len >= HOST_MAX)
        return false;
    memcpy(host, sep + 3, len);
    host[len] = '\0';
    return true;
}

/* The last two labels; NULL when there are fewer. */
static const char *top_two(const char *host)
{
    const char *last = strrchr(host, '.');
    if (last == NULL || last == host)
        return NULL;
    while (last > host && last[-1] != '.')
        last--;
    return last;
}

static int same_domain(const char *a, const char *b, struct err *e)
{
    if (strcmp(a, b) == 0)
        return 0;
    const char *x = top_two(a);
    const char *y = top_two(b);
    if (x == NULL || y == NULL)
        return err_set(e, "URI hostname too short: %.100s", x == NULL ? a : b);
    if (strcmp(x, y) != 0)
        return err_set(e, "hostname top-level and second-level domains do not match: %.100s, %.100s",
                       a, b);
    return 0;
}

static int check_uri(const struct oidc_issuer *i, struct err *e)
{
    char s1[16];
    char s2[16];
    char h1[HOST_MAX];
    char h2[HOST_MAX];
    if (i->subject_domain == NULL)
        return err_set(e, "uri issuer must have SubjectDomain set");
    if (!split_url(i->subject_domain, s1, h1))
        return err_set(e, "SubjectDomain for uri must contain scheme");
    if (!split_url(i->url, s2, h2))
        return err_set(e, "issuer for uri must contain scheme");
    if (strcmp(s1, s2) != 0)
        return err_set(e, "subject (%s) and issuer (%s) URI schemes do not match", s1, s2);
    return same_domain(h1, h2, e);
}

static int check_username(const struct oidc_issuer *i, struct err *e)
{
    char scheme[16];
    char host[HOST_MAX];
    if (i->subject_domain == NULL)
        return err_set(e, "username issuer must have SubjectDomain set");
    if (strstr(i->subject_domain, "://") != NULL)
        return err_set(e, "SubjectDomain for username should not contain scheme");
    if (!split_url(i->url, scheme, host))
        return err_set(e, "issuer for username must contain scheme");
    return same_domain(i->subject_domain, host, e);
}

static int check_spiffe(const struct oidc_issuer *i, struct err *e)
{
    if (i->wildcard)
        return err_set(e, "SPIFFE meta issuers not supported");
    const char *d = i->spiffe_trust_domain;
    if (d == NULL)
        return err_set(e, "spiffe issuer must have SPIFFETrustDomain set");
    if (d[0] == '\0' || strlen(d) > 255 ||
        strspn(d, "abcdefghijklmnopqrstuvwxyz0123456789-._") != strlen(d))
        return err_set(e, "spiffe trust domain is invalid");
    return 0;
}

static int check_ca_cert(const struct oidc_issuer *i, struct err *e)
{
    if (i->ca_cert == NULL)
        return 0;
    BIO *in = BIO_new_mem_buf(i->ca_cert, -1);
    X509 *cert = in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    BIO_free(in);
    X509_free(cert);
    ERR_clear_error();
    return cert != NULL ? 0
                        : err_set(e, "failed to parse CA certificate for %sissuer %.200s",
                                  i->wildcard ? "meta " : "", i->url);
}

static int check_type(const struct oidc_issuer *i, struct err *e)
{
    if (strcmp(i->type_name, "spiffe") == 0)
        return check_spiffe(i, e);
    if (i->wildcard)
        return 0;
    if (strcmp(i->type_name, "uri") == 0)
        return check_uri(i, e);
    if (strcmp(i->type_name, "username") == 0)
        return check_username(i, e);
    return 0;
}

static int link_provider(const struct oidc_trust *t, struct entry *entry, struct err *e)
{
    struct oidc_issuer *i = &entry->public;
    bool wants = strcmp(i->type_name, "ci-provider") == 0;
    if (!wants)
        return entry->ci_provider == NULL ? 0 : err_set(e, "ci-provider goes with type ci-provider");
    for (const struct oidc_provider *p = t->providers; p != NULL && entry->ci_provider != NULL;
         p = p->next) {
        if (strcmp(p->name, entry->ci_provider) == 0)
            i->provider = p;
    }
    return i->provider != NULL ? 0
                               : err_set(e, "ci-provider '%.60s' is not in ci-issuer-metadata",
                                         entry->ci_provider != NULL ? entry->ci_provider : "");
}

int validate_entry(const struct oidc_trust *t, struct entry *entry, struct err *e)
{
    struct oidc_issuer *i = &entry->public;
    if (i->url == NULL && i->wildcard)
        i->url = strdup(entry->map_key);
    if (i->url == NULL || strcmp(i->url, entry->map_key) != 0)
        return err_set(e, "issuer-url must equal the key it stands under");
    if (strchr(i->url, '*') != NULL && !i->wildcard)
        return err_set(e, "'*' belongs under meta-issuers");
    if (strncmp(i->url, "https://", 8) != 0 && strncmp(i->url, "http://", 7) != 0)
        return err_set(e, "the issuer must be an https URL");
    if (i->client_id == NULL || i->client_id[0] == '\0')
        return err_set(e, "client-id (the audience) is missing");
    i->type = i->type_name != NULL ? oidc_type_find(i->type_name) : NULL;
    if (i->type == NULL)
        return err_set(e, "unknown type '%.60s' (and issuer missing challenge claim)",
                       i->type_name != NULL ? i->type_name : "");
    if (i->challenge_claim == NULL) /* as upstream reports it */
        i->challenge_claim = strdup(strcmp(i->type_name, "email") == 0 ? "email" : "sub");
    if (i->challenge_claim == NULL)
        return err_set(e, "out of memory");
    if (i->issuer_claim != NULL && strcmp(i->type_name, "email") != 0)
        return err_set(e, "only email issuers can use issuer claim mapping");
    if (i->issuer_claim != NULL && strncmp(i->issuer_claim, "$.", 2) != 0)
        return err_set(e, "issuer-claim must be a path such as $.federated_claims.connector_id");
    if (check_ca_cert(i, e) != 0 || check_type(i, e) != 0)
        return -1;
    return link_provider(t, entry, e);
}

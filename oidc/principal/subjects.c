/*
 * The issuer types whose subject is a person, a workload or a name. Source of the rules: Fulcio
 * pkg/identity/<type>/principal.go.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/utf8.h"
#include "oidc/token/claim.h"
#include "oidc/principal/types.h"

static int set_challenge(struct oidc_principal *p, const char *text, struct tm_err *e)
{
    return oidc_principal_set(&p->challenge, text, "challenge", e);
}

static int set_san(struct oidc_principal *p, enum tm_identity_san_kind kind, const char *text,
                   struct tm_err *e)
{
    p->san_kind = kind;
    return oidc_principal_set(&p->san, text, "subject alternative name", e);
}

/* The issuer in the certificate, when it stands in another claim than iss. */
static int set_issuer(const char *path, const json_t *claims, struct oidc_principal *p,
                      struct tm_err *e)
{
    const json_t *v = oidc_claim_at_path(claims, path);
    struct tm_buf text = {0};
    if (v == NULL)
        return tm_err_set(e, "the token has no claim at issuer-claim %.100s", path);
    int rc = oidc_claim_text(v, "issuer-claim", &text, e);
    if (rc == 0)
        rc =
            oidc_principal_set(&p->field[IDENTITY_ISSUER_V1], tm_buf_str(&text), "issuer-claim", e);
    if (rc == 0)
        rc = oidc_principal_set(&p->field[IDENTITY_ISSUER], tm_buf_str(&text), "issuer-claim", e);
    tm_buf_free(&text);
    return rc;
}

MAKER(oidc_make_email)
{
    bool verified = false;
    const char *email = oidc_claim_required(claims, "email", e);
    if (email == NULL || oidc_claim_bool(claims, "email_verified", &verified, e) != 0)
        return -1;
    if (!verified && !issuer->skip_email_verification)
        return tm_err_set(e, "email_verified claim was false");
    if (!oidc_claim_is_email(email))
        return tm_err_set(e, "email address is not valid");
    if (issuer->issuer_claim != NULL && set_issuer(issuer->issuer_claim, claims, p, e) != 0)
        return -1;
    return set_challenge(p, email, e) != 0 ? -1 : set_san(p, IDENTITY_SAN_EMAIL, email, e);
}

/* Segments of [A-Za-z0-9._-]; none empty, "." or "..". */
static bool spiffe_path_ok(const char *path)
{
    while (*path == '/') {
        size_t len = strspn(++path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                    "0123456789-._");
        if (len == 0 || (len == 1 && path[0] == '.') || (len == 2 && memcmp(path, "..", 2) == 0))
            return false;
        path += len;
    }
    return *path == '\0';
}

MAKER(oidc_make_spiffe)
{
    static const char scheme[] = "spiffe://";
    const size_t start = sizeof(scheme) - 1;
    const char *sub = oidc_claim_required(claims, "sub", e);
    size_t len = strlen(issuer->spiffe_trust_domain);
    if (sub == NULL)
        return -1;
    if (strncmp(sub, scheme, start) != 0 ||
        strncmp(sub + start, issuer->spiffe_trust_domain, len) != 0 ||
        (sub[start + len] != '/' && sub[start + len] != '\0') || !spiffe_path_ok(sub + start + len))
        return tm_err_set(e, "sub is not a SPIFFE ID of the configured trust domain");
    return set_challenge(p, sub, e) != 0 ? -1 : set_san(p, IDENTITY_SAN_URI, sub, e);
}

MAKER(oidc_make_uri)
{
    struct oidc_url have;
    struct oidc_url want;
    const char *sub = oidc_claim_required(claims, "sub", e);
    if (sub == NULL)
        return -1;
    if (!oidc_url_split(sub, false, &have) || !oidc_url_split(issuer->subject_domain, false, &want))
        return tm_err_set(e, "sub is not a URI with a scheme and a plain host name");
    if (have.scheme_len != want.scheme_len ||
        strncasecmp(have.scheme, want.scheme, want.scheme_len) != 0)
        return tm_err_set(e, "subject URI scheme must match expected domain URI scheme");
    if (have.host_len != want.host_len || memcmp(have.host, want.host, want.host_len) != 0)
        return tm_err_set(e, "subject hostname must match expected domain");
    return set_challenge(p, sub, e) != 0 ? -1 : oidc_principal_set_uri(p, sub, URL_SENT, e);
}

/* Nothing by which one name looks like another. */
static bool is_readable(const char *text)
{
    size_t n;
    for (const unsigned char *s = (const unsigned char *)text; *s != '\0'; s += n) {
        n = tm_utf8_sequence(s, strlen((const char *)s));
        if (n > 0 && !tm_utf8_plain(s, n))
            return false;
        n += n == 0;
    }
    return true;
}

MAKER(oidc_make_username)
{
    const char *sub = oidc_claim_required(claims, "sub", e);
    char san[OIDC_VALUE_MAX + 2];
    if (sub == NULL)
        return -1;
    if (strchr(sub, '!') != NULL)
        return tm_err_set(e, "username cannot contain ! character");
    if (!is_readable(sub))
        return tm_err_set(e, "username holds a control or an invisible character");
    if (oidc_claim_looks_like_email(sub))
        return tm_err_set(e, "a username should not be an email address");
    if ((size_t)snprintf(san, sizeof(san), "%s!%s", sub, issuer->subject_domain) >= sizeof(san))
        return tm_err_set(e, "sub is over-long");
    return set_challenge(p, sub, e) != 0 ? -1 : set_san(p, IDENTITY_SAN_OTHER, san, e);
}

/* Kubernetes names (RFC 1123): nothing that could add a segment to the SAN's path. */
static const char *kubernetes_name(const json_t *obj, const char *key)
{
    const char *s = json_string_value(oidc_claim_find(obj, key));
    if (s == NULL || s[0] == '\0' || s[0] == '.' ||
        s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.")] != '\0')
        return NULL;
    return s;
}

MAKER(oidc_make_kubernetes)
{
    (void)issuer;
    const json_t *k = oidc_claim_find(claims, "kubernetes.io");
    const char *ns = kubernetes_name(k, "namespace");
    const char *name = kubernetes_name(oidc_claim_find(k, "serviceaccount"), "name");
    const char *sub = oidc_claim_required(claims, "sub", e);
    char uri[OIDC_VALUE_MAX + 1];
    if (sub == NULL)
        return -1;
    if (ns == NULL || name == NULL)
        return tm_err_set(e, "claim 'kubernetes.io' lacks a good namespace or serviceaccount name");
    if ((size_t)snprintf(uri, sizeof(uri), "https://kubernetes.io/namespaces/%s/serviceaccounts/%s",
                         ns, name) >= sizeof(uri))
        return tm_err_set(e, "claim 'kubernetes.io' is over-long");
    return set_challenge(p, sub, e) != 0 ? -1 : oidc_principal_set_uri(p, uri, URL_PARSED, e);
}

/* The challenge is what Sigstore's clients take for the subject: a verified email before sub. */
MAKER(oidc_make_chainguard)
{
    (void)issuer;
    const char *iss = oidc_claim_required(claims, "iss", e);
    const char *sub = iss != NULL ? oidc_claim_required(claims, "sub", e) : NULL;
    const char *email = NULL;
    bool verified = false;
    if (sub == NULL || oidc_claim_optional(claims, "email", &email, e) != 0 ||
        oidc_claim_bool(claims, "email_verified", &verified, e) != 0)
        return -1;
    if (email[0] != '\0' && !verified)
        return tm_err_set(e, "email_verified claim was false");
    struct tm_buf uri = {0};
    tm_buf_printf(&uri, "%s%s%s", iss, iss[strlen(iss) - 1] == '/' ? "" : "/", sub);
    int rc = set_challenge(p, email[0] != '\0' ? email : sub, e);
    if (rc == 0)
        rc = oidc_principal_set_uri(p, tm_buf_str(&uri), URL_JOINED, e);
    tm_buf_free(&uri);
    return rc;
}

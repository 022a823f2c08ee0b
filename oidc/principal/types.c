#include "oidc/principal/types.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/strictjson.h"

static int set_challenge(struct oidc_principal *p, const char *text, struct err *e)
{
    return principal_set(&p->challenge, text, "challenge", e);
}

static int set_san(struct oidc_principal *p, enum identity_san_kind kind, const char *text,
                   struct err *e)
{
    p->san_kind = kind;
    return principal_set(&p->san, text, "subject alternative name", e);
}

/* true, "true" and "True" count; what cannot be read fails even when verification is skipped. */
static int email_is_verified(const json_t *claims, bool *verified, struct err *e)
{
    const json_t *v = json_object_get(claims, "email_verified");
    const char *text = json_string_value(v);
    *verified = json_is_true(v) ||
                (text != NULL && (strcmp(text, "true") == 0 || strcmp(text, "True") == 0));
    bool readable = v == NULL || json_is_boolean(v) || *verified ||
                    (text != NULL && (strcmp(text, "false") == 0 || strcmp(text, "False") == 0));
    return readable ? 0 : err_set(e, "claim 'email_verified' is not a boolean");
}

/* $.a.b over nested objects. */
static const char *claim_at_path(const json_t *claims, const char *path)
{
    char part[128];
    const json_t *v = claims;
    for (path++; *path == '.'; path += strlen(part)) {
        path++;
        size_t len = strcspn(path, ".");
        if (len == 0 || len >= sizeof(part))
            return NULL;
        memcpy(part, path, len);
        part[len] = '\0';
        v = json_object_get(v, part);
    }
    return json_string_value(v);
}

static int make_email(const struct oidc_issuer *issuer, const json_t *claims,
                      struct oidc_principal *p, struct err *e)
{
    bool verified = false;
    const char *email = principal_claim(claims, "email", e);
    if (email == NULL || email_is_verified(claims, &verified, e) != 0)
        return -1;
    if (!verified && !issuer->skip_email_verification)
        return err_set(e, "the token's email is not verified");
    if (!principal_is_email(email))
        return err_set(e, "claim 'email' is not an email address");
    if (issuer->issuer_claim != NULL) {
        const char *named = claim_at_path(claims, issuer->issuer_claim);
        if (named == NULL || named[0] == '\0')
            return err_set(e, "claim '%.100s' (issuer-claim) is missing", issuer->issuer_claim);
        if (principal_set(&p->field[IDENTITY_ISSUER], named, "issuer", e) != 0 ||
            principal_set(&p->field[IDENTITY_ISSUER_V1], named, "issuer", e) != 0)
            return -1;
    }
    return set_challenge(p, email, e) != 0 ? -1 : set_san(p, IDENTITY_SAN_EMAIL, email, e);
}

static bool spiffe_path_ok(const char *path)
{
    while (*path == '/') {
        size_t len = strcspn(++path, "/");
        if (len == 0 || (len == 1 && path[0] == '.') ||
            (len == 2 && path[0] == '.' && path[1] == '.'))
            return false;
        for (size_t i = 0; i < len; i++) {
            if (!isalnum((unsigned char)path[i]) && strchr("-._", path[i]) == NULL)
                return false;
        }
        path += len;
    }
    return *path == '\0';
}

static int make_spiffe(const struct oidc_issuer *issuer, const json_t *claims,
                       struct oidc_principal *p, struct err *e)
{
    const char *sub = principal_claim(claims, "sub", e);
    size_t len = strlen(issuer->spiffe_trust_domain);
    if (sub == NULL)
        return -1;
    if (strncmp(sub, "spiffe://", 9) != 0 ||
        strncmp(sub + 9, issuer->spiffe_trust_domain, len) != 0 ||
        (sub[9 + len] != '/' && sub[9 + len] != '\0') || !spiffe_path_ok(sub + 9 + len))
        return err_set(e, "sub is not a SPIFFE ID of the configured trust domain");
    return set_challenge(p, sub, e) != 0 ? -1 : set_san(p, IDENTITY_SAN_URI, sub, e);
}

/* Scheme and host (without port) of both are equal. */
static bool same_host(const char *a, const char *b)
{
    const char *x = strstr(a, "://");
    const char *y = strstr(b, "://");
    if (x == NULL || y == NULL || x - a != y - b || strncmp(a, b, (size_t)(x - a)) != 0)
        return false;
    size_t lx = strcspn(x + 3, "/?#:");
    size_t ly = strcspn(y + 3, "/?#:");
    return lx > 0 && lx == ly && strncmp(x + 3, y + 3, lx) == 0 &&
           memchr(x + 3, '@', strcspn(x + 3, "/?#")) == NULL;
}

static int make_uri(const struct oidc_issuer *issuer, const json_t *claims,
                    struct oidc_principal *p, struct err *e)
{
    const char *sub = principal_claim(claims, "sub", e);
    if (sub == NULL)
        return -1;
    if (principal_is_email(sub) || issuer->subject_domain == NULL ||
        !same_host(sub, issuer->subject_domain))
        return err_set(e, "sub is not a URI of the configured subject-domain");
    return set_challenge(p, sub, e) != 0 ? -1 : principal_set_uri(p, sub, e);
}

static int make_username(const struct oidc_issuer *issuer, const json_t *claims,
                         struct oidc_principal *p, struct err *e)
{
    const char *sub = principal_claim(claims, "sub", e);
    char san[OIDC_VALUE_MAX + 1];
    if (sub == NULL)
        return -1;
    if (strchr(sub, '!') != NULL || principal_is_email(sub) || issuer->subject_domain == NULL)
        return err_set(e, "sub holds '!' or is an email address, so it is no user name");
    if ((size_t)snprintf(san, sizeof(san), "%s!%s", sub, issuer->subject_domain) >= sizeof(san))
        return err_set(e, "sub is over-long");
    return set_challenge(p, sub, e) != 0 ? -1 : set_san(p, IDENTITY_SAN_OTHER, san, e);
}

static int make_kubernetes(const struct oidc_issuer *issuer, const json_t *claims,
                           struct oidc_principal *p, struct err *e)
{
    (void)issuer;
    const json_t *k = json_object_get(claims, "kubernetes.io");
    const char *ns = strictjson_str(k, "namespace");
    const char *name = strictjson_str(json_object_get(k, "serviceaccount"), "name");
    const char *sub = principal_claim(claims, "sub", e);
    char uri[OIDC_VALUE_MAX + 1];
    if (sub == NULL)
        return -1;
    if (ns == NULL || name == NULL || ns[0] == '\0' || name[0] == '\0')
        return err_set(e, "claim 'kubernetes.io' lacks namespace or serviceaccount name");
    if ((size_t)snprintf(uri, sizeof(uri), "https://kubernetes.io/namespaces/%s/serviceaccounts/%s",
                         ns, name) >= sizeof(uri))
        return err_set(e, "claim 'kubernetes.io' is over-long");
    return set_challenge(p, sub, e) != 0 ? -1 : principal_set_uri(p, uri, e);
}

static int make_chainguard(const struct oidc_issuer *issuer, const json_t *claims,
                           struct oidc_principal *p, struct err *e)
{
    (void)issuer;
    const char *iss = principal_claim(claims, "iss", e);
    const char *sub = iss != NULL ? principal_claim(claims, "sub", e) : NULL;
    const char *email = strictjson_str(claims, "email");
    char uri[OIDC_VALUE_MAX + 1];
    bool verified = false;
    if (sub == NULL || email_is_verified(claims, &verified, e) != 0)
        return -1;
    if (email != NULL && email[0] != '\0' && !verified)
        return err_set(e, "the token's email is not verified");
    const char *challenge = email != NULL && email[0] != '\0' ? email : sub;
    size_t len = strlen(iss);
    if (len > 0 && iss[len - 1] == '/')
        len--;
    if ((size_t)snprintf(uri, sizeof(uri), "%.*s/%s", (int)len, iss, sub) >= sizeof(uri))
        return err_set(e, "sub is over-long");
    return set_challenge(p, challenge, e) != 0 ? -1 : principal_set_uri(p, uri, e);
}

static const struct oidc_type types[] = {
    {"email", make_email, NULL},
    {"spiffe", make_spiffe, NULL},
    {"uri", make_uri, NULL},
    {"username", make_username, NULL},
    {"kubernetes", make_kubernetes, NULL},
    {"chainguard-identity", make_chainguard, NULL},
    {"ci-provider", principal_ci, NULL},
    {"github-workflow", principal_builtin_ci, &builtin_github},
    {"gitlab-pipeline", principal_builtin_ci, &builtin_gitlab},
    {"codefresh-workflow", principal_builtin_ci, &builtin_codefresh},
    {"buildkite-job", principal_builtin_ci, &builtin_buildkite},
};

const struct oidc_type *oidc_type_find(const char *name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    return NULL;
}

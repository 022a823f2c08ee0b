/*
 * An issuer as it is trusted: an entry of the list (oidc/trust).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct oidc_rules;    /* which tokens get a certificate: oidc/trust/rules.h */
struct oidc_provider; /* compiled ci-issuer-metadata entry: templates and defaults */
struct oidc_type;     /* row of the issuer-type table: oidc/principal/types.h */

struct oidc_issuer {
    const char *url;       /* exact issuer URL, or the wildcard pattern */
    bool wildcard;         /* from meta-issuers */
    const char *client_id; /* audience the token must carry; never empty */
    const char *type_name; /* as configured, e.g. "ci-provider" */
    const struct oidc_type *type;
    const struct oidc_provider *provider; /* ci-provider and the built-in CI types, else NULL */
    const char *issuer_claim;             /* email: JSONPath, or NULL */
    const char *subject_domain;           /* uri, username; or NULL */
    const char *spiffe_trust_domain;      /* bare name; or NULL */
    const char *challenge_claim;          /* as reported by /api/v2/configuration; never NULL */
    const char *ca_cert;                  /* PEM; or NULL */
    bool skip_email_verification;
    /* tenmint's own; what is 0, false or NULL is not given */
    bool allow_http;                   /* http:// issuer outside loopback */
    bool disabled;                     /* stays in the list, gets nothing */
    bool trial;                        /* judged to the end, then refused */
    int64_t not_before_s, not_after_s; /* Unix seconds: in force from the first, until the second */
    int64_t lifetime_s;                /* of its certificates, where the server's is longer */
    const char *jwks_file;             /* its keys, in place of those it publishes */
    const struct oidc_rules *allow;
};

enum oidc_issuer_state { ISSUER_IN_FORCE, ISSUER_DISABLED, ISSUER_NOT_YET, ISSUER_OVER };
enum oidc_issuer_state oidc_issuer_state(const struct oidc_issuer *issuer, int64_t now_s);

/* It gets certificates: in force, and not on trial. */
bool oidc_issuer_is_open(const struct oidc_issuer *issuer, int64_t now_s);

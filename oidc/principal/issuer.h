/*
 * An issuer as it is trusted: an entry of the list (oidc/trust).
 */
#ifndef TENMINT_OIDC_ISSUER_H
#define TENMINT_OIDC_ISSUER_H

#include <stdbool.h>

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
    bool allow_http; /* tenmint's own: http:// issuer outside loopback */
};

#endif

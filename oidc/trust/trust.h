/*
 * The trusted-issuer list: Fulcio's config/identity/config.yaml (YAML or JSON),
 * parsed strictly, validated, compiled, and then immutable.
 */
#ifndef TENMINT_OIDC_TRUST_H
#define TENMINT_OIDC_TRUST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct oidc_trust;    /* immutable after load; shared by reference count */
struct oidc_provider; /* compiled ci-issuer-metadata entry: templates and defaults */
struct oidc_type;     /* row of the issuer-type table (oidc/principal) */

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

/* Reads and validates; refuses unknown, duplicate and mistyped keys with file, line and reason. */
int oidc_trust_load(const char *path, struct oidc_trust **out, struct tm_err *e);

/* Same, from memory; `name` is used in messages only. */
int oidc_trust_parse(const char *name, const char *text, size_t len, struct oidc_trust **out,
                     struct tm_err *e);

/* Refuses issuers over http that could never be asked: beyond loopback, and allowed neither by
 * `allow_http`, which is for all, nor in their own entry. */
int oidc_trust_check_http(const struct oidc_trust *t, bool allow_http, struct tm_err *e);

/* Says of each issuer what is legal and surprising: certificates of a server of one's own that name
 * github.com or gitlab.com. */
typedef void (*oidc_trust_warn_fn)(void *arg, const char *text);
void oidc_trust_warn(const struct oidc_trust *t, oidc_trust_warn_fn say, void *arg);

struct oidc_trust *oidc_trust_ref(struct oidc_trust *t);
void oidc_trust_unref(struct oidc_trust *t); /* NULL is fine */

/* Exact match first, then wildcards in file order ('*' = one or more of
 * [-_a-zA-Z0-9], anchored; GHSA-59jp-pj84-45mr). NULL: not trusted. */
const struct oidc_issuer *oidc_trust_find(const struct oidc_trust *t, const char *iss, size_t len);

/* SHA-256 of the text that it was read from, in hexadecimal. */
const char *oidc_trust_digest(const struct oidc_trust *t);

/* Iteration in file order: exact issuers, then wildcards. */
size_t oidc_trust_count(const struct oidc_trust *t);
const struct oidc_issuer *oidc_trust_at(const struct oidc_trust *t, size_t i);

#endif

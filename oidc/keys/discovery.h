/*
 * OpenID Connect Discovery 1.0 §4: issuer URL -> document -> jwks_uri -> key set.
 */
#ifndef TENMINT_OIDC_DISCOVERY_H
#define TENMINT_OIDC_DISCOVERY_H

#include "common/fetch/fetch.h"
#include "oidc/keys/jwks.h"

struct oidc_discovery_request {
    const char *iss;
    const char *ca_pem; /* extra CAs, or NULL */
    const char *bearer; /* shown to the issuer's own origin, nowhere else; or NULL */
    bool allow_http;
    int64_t timeout_ms; /* of each of the two fetches */
};

/* `keys` is the callee's to unref, or NULL with `e` set. Runs on the pool's thread (on the
 * caller's when the fetch cannot even start). */
typedef void (*discovery_done_fn)(void *arg, struct oidc_jwks *keys, int64_t max_age_s,
                                  const struct tm_err *e);

/* Calls `done` exactly once. `req` is copied. */
void oidc_discovery_start(struct tm_fetch_pool *pool, const struct oidc_discovery_request *req,
                          discovery_done_fn done, void *arg);

/* The jwks_uri of a discovery document whose `issuer` equals `iss` byte for byte; malloc'ed.
 * NULL with `e` set. */
char *oidc_discovery_parse(const char *text, size_t len, const char *iss, struct tm_err *e);

#endif

/*
 * Who asks issuers for their keys: the keystore begins a fetch and gets the key set as it came, to
 * be read where it is used. Another process may stand behind it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct oidc_fetch {
    const char *iss;
    const char *ca_pem; /* extra CAs, or NULL */
    const char *bearer; /* shown to the issuer's own origin, nowhere else; or NULL */
    bool allow_http;
    int64_t timeout_ms; /* of each of the two requests */
};

struct oidc_fetched {
    const char *jwks; /* the key set's bytes, not believed yet; at most JWKS_BYTES_MAX */
    size_t len;
    int64_t max_age_s; /* Cache-Control of the key set; -1: absent */
};

/* `answer` is the fetcher's and ends with the call; NULL: it failed, `e` says why. Any thread, also
 * the caller's own before `begin` returns. */
typedef void (*oidc_fetched_fn)(void *arg, const struct oidc_fetched *answer,
                                const struct tm_err *e);

struct oidc_fetcher {
    void *ctx;
    /* Calls `done` exactly once. `f` is copied. */
    void (*begin)(void *ctx, const struct oidc_fetch *f, oidc_fetched_fn done, void *arg);
    /* Ends what is under way (each `done` is called) and frees ctx; no begin may follow. */
    void (*stop)(void *ctx);
};

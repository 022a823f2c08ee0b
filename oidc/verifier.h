/*
 * From a compact JWT to a principal: parse, choose the issuer, find its key,
 * verify the signature, check the claims, map them. This is the whole public
 * face of oidc/ for a caller that has a token.
 */
#ifndef TENMINT_OIDC_VERIFIER_H
#define TENMINT_OIDC_VERIFIER_H

#include <stdint.h>

#include "common/err.h"
#include "common/fetch/fetch.h"
#include "common/jlog.h"
#include "oidc/principal/principal.h"
#include "oidc/trust/trust.h"

#define OIDC_TOKEN_MAX ((size_t)32 * 1024) /* bytes of a compact token */

struct oidc_verifier; /* safe to use from several threads */

enum oidc_engine {
    OIDC_ENGINE_CACHED_KEY, /* keys decoded once, OpenSSL EVP; every algorithm */
    OIDC_ENGINE_LIBJWT,     /* libjwt for RS and ES algorithms, the cached key for the rest */
};

struct oidc_options {
    int64_t skew_s;              /* leeway for exp, nbf, iat; default 60 */
    int64_t max_age_s;           /* refuse a token whose iat is older; 0: no check */
    int64_t jwks_refresh_s;      /* background refresh period; default 3600 */
    int64_t jwks_min_interval_s; /* between fetches for unknown kids; default 30 */
    int64_t jwks_max_age_s;   /* keys that no fetch has confirmed for longer are dropped; 0: kept */
    int64_t fetch_timeout_ms; /* default 10 000 */
    bool allow_http;          /* issuers over http:// outside loopback; default false */
    enum oidc_engine engine;
    const char *ca_file;               /* PEM file with extra CAs for every issuer; or NULL */
    const char *kubernetes_ca_file;    /* for the cluster this process runs in, if the file is */
    const char *kubernetes_token_file; /* there; read at each fetch; NULL: not looked for */
    struct tm_fetch_hub *fetch_hub; /* whose process fetches, outlives the verifier; NULL: ours */
};

void oidc_options_default(struct oidc_options *o);

/* The stable reasons of a refusal: metric label and log field. */
enum oidc_reason {
    OIDC_REASON_NONE,
    OIDC_REASON_MISSING,   /* no token */
    OIDC_REASON_MALFORMED, /* not a compact JWT, bad base64 or JSON, too long */
    OIDC_REASON_ALGORITHM, /* not on the allow-list, or wrong for the key */
    OIDC_REASON_HEADER,    /* crit, jwk, jku, x5u … */
    OIDC_REASON_ISSUER,    /* not trusted */
    OIDC_REASON_KEYS,      /* issuer's keys cannot be had, or not yet the one of this kid */
    OIDC_REASON_SIGNATURE,
    OIDC_REASON_EXPIRED,
    OIDC_REASON_NOT_YET, /* nbf or iat in the future */
    OIDC_REASON_AUDIENCE,
    OIDC_REASON_CLAIMS, /* the principal cannot be made */
};
const char *oidc_reason_name(enum oidc_reason r); /* "expired" … */

enum oidc_status {
    OIDC_OK,
    OIDC_REFUSED, /* `reason` and `e` say why */
    OIDC_WAIT,    /* keys are being fetched; waiter->wake is called once, then call again */
};

/* `wake` runs on another thread and must only schedule; it is called exactly once per OIDC_WAIT. */
struct oidc_waiter {
    void (*wake)(void *arg);
    void *arg;
};

struct oidc_result {
    enum oidc_reason reason;
    int64_t retry_after_s; /* OIDC_REASON_KEYS: when it is worth to ask again; at least 1 */
    struct oidc_principal principal; /* filled on OIDC_OK; oidc_principal_free() it */
    char issuer[256];                /* the token's iss, "" if not trusted (safe to log) */
    char subject[256]; /* the token's sub, truncated; set when its signature is good */
};

/* `trust` is referenced; `log` is borrowed and may be NULL. Starts discovery of every
 * exact issuer in the background. NULL with `e` set on failure. */
struct oidc_verifier *oidc_verifier_new(struct oidc_trust *trust, const struct oidc_options *o,
                                        struct tm_jlog *log, struct tm_err *e);
void oidc_verifier_free(struct oidc_verifier *v);

/* Swaps the trust list. Keys of issuers that stay as they were are kept, those of issuers that
 * are gone or reached in another way now (ca-cert, allow-http) are dropped. Any thread. */
void oidc_verifier_set_trust(struct oidc_verifier *v, struct oidc_trust *trust);

/* A new reference to the trust list in force. */
struct oidc_trust *oidc_verifier_trust(struct oidc_verifier *v);

/*
 * Verifies at time `now_s` (Unix seconds). Set waiter to NULL to get
 * OIDC_REFUSED/OIDC_REASON_KEYS instead of OIDC_WAIT. Never blocks on the network.
 * After a wake, call again with the same token: a fetch that failed, or brought no key of the
 * token's id, is then reported as OIDC_REASON_KEYS (not another wait) until the next is allowed.
 */
enum oidc_status oidc_verify(struct oidc_verifier *v, const char *token, size_t len, int64_t now_s,
                             const struct oidc_waiter *waiter, struct oidc_result *out,
                             struct tm_err *e);

/* Per-issuer state for metrics: exact issuers, and those of wildcards that have had keys. `fn` must
 * not call back into v. */
struct oidc_issuer_stats {
    const char *issuer;
    int64_t jwks_age_s; /* -1: never fetched */
    uint64_t fetches;   /* JWKS fetches tried */
    uint64_t failures;  /* discovery or JWKS fetches failed */
    unsigned keys;      /* usable keys held */
};
void oidc_verifier_stats(struct oidc_verifier *v,
                         void (*fn)(void *arg, const struct oidc_issuer_stats *s), void *arg);

#endif

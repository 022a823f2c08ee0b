/*
 * From a compact JWT to a principal: parse, choose the issuer, find its key,
 * verify the signature, check the claims, map them. This is the whole public
 * face of oidc/ for a caller that has a token.
 */
#pragma once

#include <stdint.h>

#include "common/err.h"
#include "common/jlog.h"
#include "oidc/principal/principal.h"
#include "oidc/token/types.h"
#include "oidc/trust/trust.h"

struct oidc_verifier; /* safe to use from several threads */

enum oidc_status {
    OIDC_OK,
    OIDC_REFUSED, /* `reason` and `e` say why */
    OIDC_WAIT,    /* keys are being fetched; waiter->wake is called once, then call again */
};

struct oidc_result {
    enum oidc_reason reason;
    int64_t retry_after_s; /* OIDC_REASON_KEYS: when it is worth to ask again; at least 1 */
    struct oidc_principal principal;  /* filled on OIDC_OK; oidc_principal_free() it */
    int64_t lifetime_s;               /* OIDC_OK: of the certificate at most; 0: the server's own */
    struct oidc_token_use use;        /* OIDC_OK, with options.single_use */
    char entry[OIDC_ISSUER_MAX + 1];  /* the list's entry that admits the issuer; "" if none does */
    char issuer[OIDC_ISSUER_MAX + 1]; /* the token's iss, "" if not trusted (safe to log) */
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

/* From `until_s` (Unix seconds; 0: never) on no token is taken: whoever vouches for the list has
 * not done so for longer. Any thread. */
void oidc_verifier_set_end(struct oidc_verifier *v, int64_t until_s);

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
void oidc_verifier_stats(struct oidc_verifier *v,
                         void (*fn)(void *arg, const struct oidc_issuer_stats *s), void *arg);

/*
 * Every issuer's keys: discovery and JWKS fetched in the background, refreshed before they
 * age, kept through an outage; request threads only ever read.
 */
#pragma once

#include "oidc/keys/jwks.h"
#include "common/jlog.h"
#include "oidc/token/types.h"
#include "oidc/trust/trust.h"

/* Issuers of wildcards that have shown keys; over it, whose keys age first is forgotten. Those that
 * have not are counted by oidc/keys/wildcard.h, exact ones by the trust list. */
#define KEYSTORE_PROVEN_MAX 1024

struct oidc_keystore;
struct oidc_issuer_keys; /* one issuer's state; shared by reference count */

struct oidc_keystore *oidc_keystore_new(const struct oidc_options *o, struct tm_jlog *log,
                                        struct tm_err *e);
void oidc_keystore_free(struct oidc_keystore *k); /* wakes every waiter first */

/* The trust list in force. Exact issuers are fetched in the background from now on; an issuer
 * that is not trusted any more is forgotten; one whose settings changed (ca-cert, allow-http)
 * loses the keys that were fetched under the old ones. References `trust`. */
void oidc_keystore_set_trust(struct oidc_keystore *k, struct oidc_trust *trust);

/* A reference to the keys of this exact issuer URL, made on first use. NULL: not trusted, or
 * the wildcard has too many on trial. A wildcard's issuer is refreshed while it is used, and
 * forgotten when its keys age unused. */
struct oidc_issuer_keys *oidc_keystore_issuer(struct oidc_keystore *k, const char *iss);
void oidc_issuer_keys_unref(struct oidc_issuer_keys *p); /* NULL is fine */

/* A reference to the keys in force, or NULL when none were ever had. */
struct oidc_jwks *oidc_issuer_keys_get(struct oidc_issuer_keys *p);

/* Why the latest fetch failed; an empty text when it did not. */
void oidc_issuer_keys_why(struct oidc_issuer_keys *p, struct tm_err *e);

enum oidc_issuer_keys_answer {
    ISSUER_KEYS_CHANGED, /* other keys than `seen` are in force: look again */
    ISSUER_KEYS_WAIT,    /* being fetched; the waiter will be woken */
    ISSUER_KEYS_NONE,    /* fetched too recently to ask again */
};

/* The caller found nothing in `seen` (NULL: had no keys) and wants newer ones. One fetch serves
 * all that wait. After a good fetch the next is allowed jwks_min_interval_s later, after failures
 * 1, 2, 4 … s later, but no later than that; a wildcard's issuer that never had keys needs a place,
 * too (oidc/keys/wildcard.h). waiter NULL: never waits. ISSUER_KEYS_NONE sets *retry_after_s: when
 * the next is allowed, at least 1. */
enum oidc_issuer_keys_answer oidc_issuer_keys_want(struct oidc_issuer_keys *p,
                                                   const struct oidc_jwks *seen,
                                                   const struct oidc_waiter *waiter,
                                                   int64_t *retry_after_s);

void oidc_keystore_stats(struct oidc_keystore *k,
                         void (*fn)(void *arg, const struct oidc_issuer_stats *s), void *arg);

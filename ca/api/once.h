/*
 * A token is good for one certificate: who remembers which have been used. Issuance calls this
 * interface; the memory of one process is one implementation, a store that several servers share
 * another, which answers later.
 */
#ifndef TENMINT_CA_API_ONCE_H
#define TENMINT_CA_API_ONCE_H

#include "common/err.h"
#include "oidc/token/types.h"

enum ca_once_status {
    ONCE_FIRST,   /* it is this request's now */
    ONCE_YOUNG,   /* likewise, but it is older than what is remembered; `e` says so */
    ONCE_USED,    /* it was another's */
    ONCE_WAIT,    /* the waiter will be woken once; then call collect */
    ONCE_UNKNOWN, /* it cannot be told; `e` says why */
};

struct ca_once_claim {
    const struct oidc_token_use *use; /* borrowed, until the claim is released or settled */
    uint64_t number;                  /* the store's own, of this claim */
};

struct ca_once {
    void *ctx;
    /* Any thread. On WAIT *ticket names the question until collect answers it, or cancel, which
     * gives the token back, too. */
    enum ca_once_status (*claim)(void *ctx, struct ca_once_claim *claim, int64_t now_s,
                                 const struct oidc_waiter *waiter, void **ticket, struct tm_err *e);
    enum ca_once_status (*collect)(void *ctx, void *ticket, const struct oidc_waiter *waiter,
                                   struct tm_err *e);
    void (*cancel)(void *ctx, const struct ca_once_claim *claim, void *ticket, int64_t now_s);
    /* After FIRST and YOUNG, when no certificate has left: the token may come again. */
    void (*release)(void *ctx, const struct ca_once_claim *claim, int64_t now_s);
};

/* Of this process alone, which remembers from `begin_s` (Unix seconds) on: tokens that could be
 * used before, or do not say since when, are ONCE_YOUNG. 12 MiB at most, for about 400,000 tokens
 * that have not expired; more are ONCE_UNKNOWN. NULL with `e` set. */
#define ONCE_SETS ((size_t)32768)
struct ca_once *ca_once_memory_new(size_t sets, int64_t begin_s, struct tm_err *e);
void ca_once_memory_free(struct ca_once *o); /* NULL is fine */

#endif

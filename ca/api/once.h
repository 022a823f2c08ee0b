/*
 * A token is good for one certificate: who remembers which have been used. Issuance calls this
 * interface; the memory of one process is one implementation, a store that several servers share
 * another, which answers later.
 */
#pragma once

#include <stdbool.h>

#include "common/err.h"
#include "oidc/token/types.h"

enum ca_once_status {
    ONCE_FIRST,   /* it is this request's now */
    ONCE_YOUNG,   /* likewise, but it is older than what is remembered; `e` says so */
    ONCE_USED,    /* it was another's */
    ONCE_WAIT,    /* the waiter will be woken once; then call collect */
    ONCE_UNKNOWN, /* it cannot be told; `e` says why */
};

struct ca_once_claim {                /* what the caller does not set is 0 */
    const struct oidc_token_use *use; /* borrowed, until the claim is released or settled */
    uint64_t number;                  /* the store's own, of this claim */
    bool held;                        /* likewise: this process remembers the token for it */
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
    /* When no certificate has left after FIRST, YOUNG, or an UNKNOWN that was to be none the worse:
     * the token may come again. */
    void (*release)(void *ctx, const struct ca_once_claim *claim, int64_t now_s);
};

/* Memory that outlives its process, for one after the other. -1 with `e` set. */
int ca_once_memory_open(struct tm_err *e);

/* Of this server alone, which remembers from `begin_s` (Unix seconds) on: tokens that could be used
 * before, or do not say since when, are ONCE_YOUNG. Takes `fd`, of ca_once_memory_open, with what
 * others before have remembered in it, and since when; `sets` is ONCE_SETS then. -1: memory of its
 * own. 12 MiB at most, for about 400,000 tokens that have not expired; more are ONCE_UNKNOWN. NULL
 * with `e` set. */
#define ONCE_SETS ((size_t)32768)
struct ca_once *ca_once_memory_new(int fd, size_t sets, int64_t begin_s, struct tm_err *e);
void ca_once_memory_free(struct ca_once *o); /* NULL is fine */

/* Whether it remembers a claim to the token, which has not been given back. */
bool ca_once_memory_knows(const struct ca_once *o, const struct oidc_token_use *use, int64_t now_s);

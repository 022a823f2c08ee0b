#include "ca/api/once.h"

#include <stdlib.h>

#include "ca/api/ledger.h"

_Static_assert(OIDC_TOKEN_USE_ID == LEDGER_KEY, "a token's id is a key");

struct memory {
    struct ca_ledger *ledger;
    int64_t begin_s;
};

static enum ca_once_status claim(void *memory, struct ca_once_claim *claim, int64_t now_s,
                                 const struct oidc_waiter *waiter, void **ticket, struct tm_err *e)
{
    (void)waiter;
    (void)ticket;
    const struct memory *m = memory;
    const struct oidc_token_use *use = claim->use;
    int64_t *until = ca_ledger_open(m->ledger, use->id, now_s, false);
    if (until == NULL) {
        tm_err_set(e, "too many tokens in use: there is no room to remember another");
        return ONCE_UNKNOWN;
    }
    enum ca_once_status st = *until > now_s ? ONCE_USED : ONCE_FIRST;
    if (st == ONCE_FIRST)
        *until = use->until_s;
    ca_ledger_close(m->ledger, use->id);
    if (st == ONCE_FIRST && use->from_s <= m->begin_s) {
        tm_err_set(e, "the token may have been used before this server began to remember");
        st = ONCE_YOUNG;
    }
    return st;
}

static void release(void *memory, const struct ca_once_claim *claim, int64_t now_s)
{
    const struct memory *m = memory;
    const struct oidc_token_use *use = claim->use;
    int64_t *until = ca_ledger_open(m->ledger, use->id, now_s, false);
    if (until == NULL)
        return;
    *until = 0;
    ca_ledger_close(m->ledger, use->id);
}

struct ca_once *ca_once_memory_new(size_t sets, int64_t begin_s, struct tm_err *e)
{
    struct ca_once *o = calloc(1, sizeof(*o));
    struct memory *m = calloc(1, sizeof(*m));
    struct ca_ledger *ledger = o != NULL && m != NULL ? ca_ledger_new(sets, e) : NULL;
    if (ledger == NULL) {
        tm_err_set(e, "out of memory");
        free(m);
        free(o);
        return NULL;
    }
    *m = (struct memory){ledger, begin_s};
    *o = (struct ca_once){.ctx = m, .claim = claim, .release = release};
    return o;
}

void ca_once_memory_free(struct ca_once *o)
{
    if (o == NULL)
        return;
    const struct memory *m = o->ctx;
    ca_ledger_free(m->ledger);
    free(o->ctx);
    free(o);
}

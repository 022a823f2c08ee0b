#include "ca/log/engine/ticket.h"

#include <stdlib.h>

struct ca_log_ticket *ca_log_ticket_new(struct ca_log_draft *draft, void (*wake)(void *arg),
                                        void *arg)
{
    struct ca_log_ticket *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        tm_buf_free(&draft->bytes);
        return NULL;
    }
    t->draft = *draft;
    *draft = (struct ca_log_draft){0};
    t->wake = wake;
    t->arg = arg;
    atomic_init(&t->refs, 2);
    atomic_init(&t->cancelled, false);
    atomic_init(&t->outcome, LOG_WAIT);
    return t;
}

void ca_log_ticket_drop(struct ca_log_ticket *t)
{
    tm_buf_free(&t->draft.bytes);
    free(t);
}

static void unref(struct ca_log_ticket *t)
{
    if (atomic_fetch_sub(&t->refs, 1) == 1)
        ca_log_ticket_drop(t);
}

void ca_log_ticket_free(struct ca_log_ticket *t)
{
    atomic_store(&t->cancelled, true);
    unref(t);
}

void ca_log_ticket_finish(struct ca_log_ticket *t, enum ca_log_outcome outcome,
                          const struct tm_err *why)
{
    void (*wake)(void *arg) = t->wake;
    void *arg = t->arg;
    if (outcome == LOG_FAILED)
        t->why = *why;
    atomic_store_explicit(&t->outcome, outcome, memory_order_release);
    unref(t);
    wake(arg);
}

enum ca_log_outcome ca_log_poll(const struct ca_log_ticket *t, struct tm_err *e)
{
    enum ca_log_outcome outcome = atomic_load_explicit(&t->outcome, memory_order_acquire);
    if (outcome == LOG_FAILED)
        *e = t->why;
    return outcome;
}

struct ca_log_place ca_log_ticket_place(const struct ca_log_ticket *t)
{
    return (struct ca_log_place){t->index, t->timestamp_ms, &t->draft};
}

/*
 * Whether what the server is for can be done now, looked at before anybody asks: a list of checks,
 * run in turn by one thread. Who asks reads what was found last and never waits for a token, a disk
 * or a log. A check that does not come back counts as failed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/jlog.h"

#define CA_READY_CHECKS_MAX 10
#define CA_READY_ROUND_MS 500   /* between two rounds of the thread */
#define CA_READY_STALE_MS 30000 /* without a finished round: nothing is known any more */

struct ca_ready_check {
    const char *name; /* in details and metrics; outlives the list */
    /* 0, or -1 with the reason. On the thread. */
    int (*look)(void *ctx, struct tm_err *e);
    int64_t rest_ms; /* from one look that found nothing wrong to the next; 0: each round */
    void *ctx;
};

struct ca_ready;

/* Copies `checks`. No thread yet: until a first round nothing is ready. NULL with `e` set. */
struct ca_ready *ca_ready_new(const struct ca_ready_check *checks, size_t count,
                              struct tm_jlog *jlog, struct tm_err *e);
void ca_ready_free(struct ca_ready *r); /* stops it; NULL is fine */

/* Whoever is told after each round; before the start. */
void ca_ready_tell(struct ca_ready *r, void (*told)(void *ctx, bool ready, int64_t now_ms),
                   void *ctx);

/* The thread. Stop it before what the checks look at is freed. */
int ca_ready_start(struct ca_ready *r, struct tm_err *e);
void ca_ready_stop(struct ca_ready *r);

/* One round, as the thread makes it; `now_ms` by tm_clock_mono_ms, `wall_s` Unix seconds. */
void ca_ready_round(struct ca_ready *r, int64_t now_ms, int64_t wall_s);

/* All checks found nothing wrong. Any thread. */
bool ca_ready_now(struct ca_ready *r, int64_t now_ms);
/* {"ready":…,"checks":[{"check":…,"ready":…,"since":…,"detail":…},…]} */
void ca_ready_json(struct ca_ready *r, int64_t now_ms, struct tm_buf *out);
/* tenmint_ready{check="…"} */
void ca_ready_metrics(struct ca_ready *r, int64_t now_ms, struct tm_buf *out);

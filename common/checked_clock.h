/*
 * Wall time that was checked, for whoever dates a thing that lasts: certificates, SCTs,
 * checkpoints, notes, cosignatures.
 *
 * The wall clock is held against the clock that runs since the machine started, also while it is
 * suspended. The two move alike, however the kernel is made to run faster or slower, unless
 * somebody sets the wall clock. When they have moved apart by more than the slack since they were
 * last trusted, the clock is in doubt, and nothing is dated. It is trusted again when it is back
 * where it should be, or when it has stood still at its new place for a while and the kernel says
 * that a time service keeps it (a clock that was set by hand is never said to be kept).
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/jlog.h"

#define CLOCK_SLACK_MS 10000   /* steps of a time service are smaller; the default */
#define CLOCK_SETTLE_MS 120000 /* how long a clock stands at a new place before it is believed */

enum tm_clock_sync { CLOCK_SYNC_UNKNOWN, CLOCK_SYNC_NO, CLOCK_SYNC_YES };

struct tm_clock_source { /* tests have their own; milliseconds */
    int64_t (*wall_ms)(void);
    int64_t (*running_ms)(void);      /* never set, goes on while the machine is suspended */
    enum tm_clock_sync (*sync)(void); /* whether a time service keeps the wall clock */
};
extern const struct tm_clock_source tm_clock_system;

struct tm_checked_clock { /* any thread */
    const struct tm_clock_source *source;
    struct tm_jlog *jlog;      /* says each change, once; or NULL */
    int64_t slack_ms;          /* CLOCK_SLACK_MS; set by whoever wants less, before the first use */
    _Atomic int64_t offset_ms; /* wall less running, where it was trusted last */
    atomic_bool doubted;
    pthread_mutex_t lock; /* of what follows, and of changes of the above */
    int64_t place_ms;     /* wall less running, where it stands in doubt */
    int64_t since_ms;     /* running; since when it stands there */
    uint64_t jumps;
};

/* `source`: NULL is tm_clock_system. The wall clock is trusted as it is now. */
void tm_checked_clock_init(struct tm_checked_clock *c, const struct tm_clock_source *source,
                           struct tm_jlog *jlog);
void tm_checked_clock_free(struct tm_checked_clock *c);

/* Wall time. -1: it is in doubt, `e` says why and *ms is not to be used. */
int tm_checked_clock_now(struct tm_checked_clock *c, int64_t *ms, struct tm_err *e);

struct tm_clock_facts {
    bool trusted;
    int64_t apart_ms; /* how far the wall clock is from where it should be */
    uint64_t jumps;   /* times that it came into doubt */
    enum tm_clock_sync sync;
};
struct tm_clock_facts tm_checked_clock_facts(struct tm_checked_clock *c);

/* tenmint_clock_…, Prometheus text. */
void tm_checked_clock_metrics(struct tm_checked_clock *c, struct tm_buf *out);

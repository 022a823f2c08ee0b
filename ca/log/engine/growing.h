/*
 * The growing end of the tree: what is durable in the journal, and which of it is in tiles yet.
 * The sequencer adds to it, the publisher takes full tiles off it; each waits here for the other.
 */
#pragma once

#include <pthread.h>

#include "ca/log/engine/edge.h"
#include "ca/log/engine/journal.h"
#include "ca/log/engine/ticket.h"
#include "ca/log/engine/verdict.h"

#define LOG_GROUP_ENTRIES 2048 /* at most, in one group */

/* A full tile that is not on disk yet, with the full hash tiles that it completes. */
struct ca_log_pending {
    struct ca_log_pending *next;
    uint64_t n;         /* tile number at level 0 */
    struct tm_buf data; /* 256 entries */
    unsigned levels;    /* at least 1 */
    struct tm_merkle_hash (*hash)[TILE_WIDTH];
};

struct ca_log_growing {
    pthread_mutex_t lock; /* of all that follows; held over I/O only while the journal is made
                             anew, some dozen times a day */
    pthread_cond_t wake;  /* to the publisher */
    pthread_cond_t round; /* from the publisher: a try has ended */
    struct ca_log_edge edge;
    struct tm_buf partial;          /* entries of the tile that is filling */
    struct ca_log_pending *pending; /* oldest first; popped by the publisher only */
    struct ca_log_pending *pending_last;
    unsigned pending_count;
    size_t pending_bytes;
    uint64_t settled;    /* entries in full tiles on disk, a multiple of 256 */
    uint64_t newest_ms;  /* largest timestamp of any entry */
    int64_t dirty_since; /* monotonic ms of the first entry that nobody publishes yet; 0: none */
    int64_t uncovered_since; /* no later than the oldest entry without a checkpoint; 0: none */
    bool lost;               /* out of memory after a sync: only a restart can go on */
    bool publish_now, stop;  /* asked of the publisher */
    uint64_t rounds;         /* tries of the publisher that ended */
};

void ca_log_growing_init(struct ca_log_growing *g);
void ca_log_growing_free(struct ca_log_growing *g);

uint64_t ca_log_growing_size(struct ca_log_growing *g); /* what is durable */
uint64_t ca_log_growing_settled(struct ca_log_growing *g);

/* ---- while the log is opened: no other thread is there ---- */

/* The first `size` entries, a multiple of TILE_WIDTH, lie in full tiles. */
int ca_log_growing_load(struct ca_log_growing *g, const struct ca_log_tiles *t, uint64_t size,
                        struct tm_err *e);
/* One durable entry. -1: out of memory. */
int ca_log_growing_add(struct ca_log_growing *g, const void *entry, size_t len,
                       const struct ca_log_leaf *leaf);
const struct ca_log_edge *ca_log_growing_edge(const struct ca_log_growing *g);

/* ---- the sequencer ---- */

/* Waits until a group fits. -1: the log takes nothing now. */
int ca_log_growing_await_room(struct ca_log_growing *g, const struct ca_log_verdict *v,
                              int64_t merge_delay_ms, struct tm_err *e);
/* Takes in a durable group. */
void ca_log_growing_take(struct ca_log_growing *g, const struct ca_log_ticket *list);
/* A new journal with all that is not settled; as ca_journal_create. */
int ca_log_growing_rewrite(struct ca_log_growing *g, struct ca_journal *j, const char *dir,
                           struct tm_err *e);

/* ---- the publisher ---- */

struct ca_log_snapshot {
    struct ca_log_edge edge;           /* with `partial`: only of a snapshot for a checkpoint */
    struct tm_buf partial;             /* owned */
    const struct ca_log_pending *list; /* `count` of them stay until the publisher pops them */
    unsigned count;
    uint64_t newest_ms;
    int64_t taken, dirty_since; /* monotonic ms */
    bool lost;
};

/* Waits until there is something to do; true when it is a checkpoint: asked for, older than
 * `interval_ms`, or `refresh_at` has come. */
bool ca_log_growing_await_work(struct ca_log_growing *g, int64_t interval_ms, int64_t refresh_at,
                               bool *stop);
/* `s` is used again and again. */
void ca_log_growing_snapshot(struct ca_log_growing *g, bool checkpoint, struct ca_log_snapshot *s);
/* The oldest pending tile is on disk. The caller frees it. */
struct ca_log_pending *ca_log_growing_pop(struct ca_log_growing *g);
void ca_log_pending_free(struct ca_log_pending *p);
/* Of a try that began with `s`. */
void ca_log_growing_round_ended(struct ca_log_growing *g, const struct ca_log_snapshot *s,
                                bool checkpoint, bool done);
void ca_log_growing_rest(struct ca_log_growing *g, int64_t ms); /* ends early on a stop */
void ca_log_growing_await_stop(struct ca_log_growing *g);

/* ---- anybody ---- */

uint64_t ca_log_growing_rounds(struct ca_log_growing *g);
/* Asks for a checkpoint and waits until more than `rounds` tries have ended. Returns how many. */
uint64_t ca_log_growing_await_round(struct ca_log_growing *g, uint64_t rounds);
void ca_log_growing_stop(struct ca_log_growing *g);

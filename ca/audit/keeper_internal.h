/* What the files of the keeper share. */
#pragma once

#include <pthread.h>

#include "ca/audit/keeper.h"
#include "ca/audit/queue.h"
#include "common/ipc/loop.h"

#define AUDIT_SPOOL_MS 1000 /* between looks for what commands left */

struct ca_audit_sender { /* a process that sends events */
    struct ca_audit_keeper *keeper;
    struct tm_ipc_channel *channel;
    const char *process;
    unsigned kinds;
    uint64_t asked; /* the last id that wants an answer; with the lock */
};

struct ca_audit_keeper {
    struct ca_audit_keeper_options o;
    struct tm_ipc_loop *loop;
    struct ca_audit_sender sender[AUDIT_SENDERS_MAX];
    size_t senders;

    /* The writer's, and before it runs the opener's. */
    struct ca_audit_store *store;  /* NULL: to be opened again */
    struct ca_audit_tip tip;       /* of the database, as we know it */
    struct ca_audit_queued *group; /* that is being written; not in the database yet, */
    struct ca_audit_tip hoped;     /* unless this is its end: seq 0: it was not tried */
    struct ca_audit_tip maybe; /* the chain's end, if a removal that failed is done all the same */
    uint64_t headed;           /* the last record whose hash is in the log of heads */
    size_t spooled;            /* events that wait and came from files */
    int64_t spool_ms, head_ms; /* monotonic: when they were looked at last */
    struct tm_checked_clock clock; /* nothing is taken out by a clock in doubt */
    pthread_t thread;
    bool running;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct ca_audit_queue queue;
    size_t group_bytes; /* of `group` */
    bool stop, works;
    struct tm_err why;   /* when it does not work */
    int64_t progress_ms; /* monotonic: when something was written, or the first began to wait */
    uint64_t written, dropped, groups, failures;
    uint64_t unreadable; /* files that commands left */
    int64_t headed_ms;   /* wall clock: when a head was entered last; 0: never */
};

/* ---- keeper_take.c ---- */

/* With the lock. Takes `q`; NULL: there was no memory for it. False: there is no room. Events that
 * `must` be kept may use all of it. */
bool ca_audit_keeper_put(struct ca_audit_keeper *k, struct ca_audit_queued *q, bool must);

/* On the writer's thread: takes what commands left, when it is time to look. */
void ca_audit_keeper_spool(struct ca_audit_keeper *k);

/* keeper_retention.c: on the writer's thread, after a head was entered. */
void ca_audit_keeper_retention(struct ca_audit_keeper *k);

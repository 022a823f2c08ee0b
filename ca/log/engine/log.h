/*
 * The engine of the embedded transparency logs: an append-only Merkle tree in one directory, in
 * the layout of C2SP tlog-tiles and static-ct-api, so that any web server can serve the directory
 * as it is. What an entry is, its format says (ca/log/engine/format.h).
 *
 *   DIR/checkpoint              signed tree head, replaced whole
 *   DIR/tile/<L>/<N>[.p/<W>]    hashes
 *   DIR/tile/data/<N>[.p/<W>]   entries; tile/entries in logs of another format
 *   DIR/issuer/<SHA-256>        issuing certificates, DER
 *   DIR/state/                  the log's own: identity, lock, journal, index of leaf hashes
 *
 * Entries are sequenced in groups: one fsync of the journal makes a group durable, and only then
 * do its submitters learn of it. A checkpoint that covers them follows within the checkpoint
 * interval. Reading is ca/log/engine/reader.h's.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/jlog.h"
#include "ca/log/engine/format.h"

struct ca_log;        /* any thread */
struct ca_log_ticket; /* one submission */

#define LOG_MERGE_DELAY_S 60 /* what an SCT promises: RFC 6962's maximum merge delay */

struct ca_log_options { /* pointers are borrowed and must outlive the log */
    const struct ca_log_format *format;
    const char *directory;
    const char *origin;             /* the submission prefix without its scheme */
    EVP_PKEY *key;                  /* signs tree heads */
    const char *key_remedy;         /* what to do when the key does not sign; or NULL */
    int64_t checkpoint_interval_ms; /* longest time from durable to covered by a checkpoint */
    int64_t merge_delay_ms;  /* no entries are taken while one has waited longer for a checkpoint,
                                or twice the interval if that is more; 0: LOG_MERGE_DELAY_S */
    const char *anchor;      /* file on other storage that keeps a copy of the newest
                                checkpoint: a restored old backup is then refused; or NULL */
    struct tm_jlog *jlog;    /* or NULL */
    int64_t (*now_ms)(void); /* NULL: the system's clock, checked */

    /* Appends more signature lines (witnesses) to a checkpoint before it is published; NULL: none.
     * Their absence is no fault. -1: the log is proven to be not the one that it published before
     * (`e`): nothing more is published and no entry taken. On the publisher's thread, and in
     * ca_log_open, which then fails. */
    int (*cosign)(void *ctx, const char *text, size_t len, struct tm_buf *lines, struct tm_err *e);
    void *cosign_ctx;

    /* Called when a checkpoint of `size` has been shown, on the publisher's thread; it must only
     * schedule. Or NULL. */
    void (*published)(void *ctx, uint64_t size);
    void *published_ctx;
};

void ca_log_options_default(struct ca_log_options *o);

/* -1: no log can have this origin. */
int ca_log_origin_check(const char *origin, struct tm_err *e);

/* Makes an empty log in a new or empty directory: identity, first checkpoint. -1 when there is
 * one already. */
int ca_log_create(const struct ca_log_options *o, struct tm_err *e);

/*
 * Opens for writing: takes the lock (another process that writes is a refusal), recovers what a
 * crash left, publishes a checkpoint of everything that is durable, starts to take entries. NULL
 * with `e` set: the directory holds no log, another log's data, or contradicts itself.
 */
struct ca_log *ca_log_open(const struct ca_log_options *o, struct tm_err *e);

/*
 * The way out for a log that was dated by a wrong clock: excuses the times of its checkpoint and
 * journal that are ahead of `now_ms`, the latest of which is *newest_ms. When it is opened next, it
 * is dated by the clock again, and its time goes back once. -1: nothing is ahead, the log is open,
 * or none.
 */
int ca_log_redate(const struct ca_log_format *format, const char *directory, int64_t now_ms,
                  uint64_t *newest_ms, struct tm_err *e);

/* Finishes queued entries, publishes a last checkpoint, gives the lock back. NULL is fine. Every
 * ticket must have been freed. */
void ca_log_close(struct ca_log *l);

enum ca_log_outcome {
    LOG_DONE,   /* durable */
    LOG_WAIT,   /* the wake that ca_log_append was given will come */
    LOG_FAILED, /* `e` says why; nothing was logged, or it will not be known whether */
};

/* 0, or -1 with the reason for which the log takes and publishes nothing any more: it was rolled
 * back or has forked. */
int ca_log_check(const struct ca_log *l, struct tm_err *e);

/* Queues an entry; takes what `draft` holds, also on -1. `wake(arg)` is called once, on the log's
 * thread, when it is durable or has failed; it must only schedule. -1: refused at once, `wake` is
 * not called. */
int ca_log_append(struct ca_log *l, struct ca_log_draft *draft, void (*wake)(void *arg), void *arg,
                  struct ca_log_ticket **ticket, struct tm_err *e);

/* Where the entry stands. */
enum ca_log_outcome ca_log_poll(const struct ca_log_ticket *ticket, struct tm_err *e);

struct ca_log_place { /* of an entry that is LOG_DONE; borrowed from its ticket */
    uint64_t index, timestamp_ms;
    const struct ca_log_draft *draft; /* sealed */
};
struct ca_log_place ca_log_ticket_place(const struct ca_log_ticket *ticket);

/* At any time, once. An entry that is not being written yet is dropped; `wake` still comes. */
void ca_log_ticket_free(struct ca_log_ticket *ticket);

/* Publishes a checkpoint now and waits for it: everything that was durable before the call is in
 * it. -1: it could not be written. */
int ca_log_sync(struct ca_log *l, struct tm_err *e);

/* Appends the newest published checkpoint, a signed note. Returns its tree size. */
uint64_t ca_log_checkpoint(struct ca_log *l, struct tm_buf *note);
uint64_t ca_log_checkpoint_size(struct ca_log *l); /* of the same, without the note */

/* What to do, behind the error of a key that did not sign; `remedy` may be NULL. Returns -1. */
int ca_log_key_failed(const char *remedy, struct tm_err *e);

EVP_PKEY *ca_log_key(const struct ca_log *l);           /* borrowed */
const unsigned char *ca_log_id(const struct ca_log *l); /* 32 bytes */
const char *ca_log_directory(const struct ca_log *l);

#define LOG_BUCKETS 12
struct ca_log_histogram {
    uint64_t bucket[LOG_BUCKETS]; /* not cumulative; the last is the rest */
    uint64_t count;
    double sum;
};
extern const double ca_log_group_bounds[LOG_BUCKETS - 1]; /* entries of a group */
extern const double ca_log_fsync_bounds[LOG_BUCKETS - 1]; /* seconds of a group's fsync */

struct ca_log_stats {
    uint64_t entries;          /* logged since start-up */
    uint64_t failures;         /* entries refused or failed since start-up */
    uint64_t size;             /* durable */
    uint64_t checkpoint_size;  /* published */
    int64_t checkpoint_age_ms; /* since the newest checkpoint was shown; no clock can set it back */
    uint64_t checkpoint_failures;
    bool contradicted; /* rolled back or forked: it takes no entries */
    struct ca_log_histogram group, fsync;
};
/* Any moment's figures; each is right, together they may be of two moments. */
void ca_log_stats_get(struct ca_log *l, struct ca_log_stats *out);

/*
 * What the files of ca/log's writing side share.
 *
 * Threads: submitters (ca_log_add, ca_log_collect), one sequencer (journal, tree), one publisher
 * (tiles, checkpoint), one indexer. An entry goes queue -> journal -> tree in memory -> tiles ->
 * checkpoint.
 */
#ifndef TENMINT_CA_LOG_INTERNAL_H
#define TENMINT_CA_LOG_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "ca/log/engine/edge.h"
#include "ca/log/engine/journal.h"
#include "ca/log/engine/leaf.h"
#include "ca/log/engine/log.h"
#include "ca/log/engine/store.h"
#include "common/transparency/digsig.h"

#define LOG_GROUP_ENTRIES 2048
#define LOG_GROUP_SPACING_US 2000 /* between groups while entries come in company */
#define LOG_PENDING_MAX 64        /* full tiles in memory before sequencing waits */
#define LOG_PENDING_BYTES ((size_t)128 * 1024 * 1024)
#define LOG_PENDING_SETTLE 16
#define LOG_JOURNAL_ROTATE ((off_t)16 * 1024 * 1024)
#define LOG_ISSUERS_KNOWN 64

struct ca_log_ticket {
    struct ca_log *log;
    struct ca_log_ticket *next; /* queue_lock */
    atomic_int refs;            /* the submitter's and the log's */
    atomic_bool cancelled;
    _Atomic(enum ca_log_outcome) outcome; /* what follows is the log's until this leaves LOG_WAIT */
    struct ca_leaf_draft draft;
    uint64_t index;
    uint64_t timestamp_ms;
    struct tm_merkle_hash hash;
    void (*wake)(void *arg);
    void *arg;
    struct tm_err why;
};

/* A full tile that is not on disk yet, with the full hash tiles that it completes. */
struct ca_log_pending {
    struct ca_log_pending *next;
    uint64_t n;         /* tile number at level 0 */
    struct tm_buf data; /* 256 TileLeafs */
    unsigned levels;    /* at least 1 */
    struct tm_merkle_hash (*hash)[TILE_WIDTH];
};

struct ca_log_issuer { /* a certificate that is in issuer/ */
    struct tm_buf der;
    unsigned char fingerprint[32];
};

struct ca_log_tree { /* what is durable; tree_lock */
    struct ca_log_edge edge;
    struct tm_buf partial;          /* TileLeafs of the tile that is filling */
    struct ca_log_pending *pending; /* oldest first; popped by the publisher only */
    struct ca_log_pending *pending_last;
    unsigned pending_count;
    size_t pending_bytes;
    uint64_t settled;    /* entries in full tiles on disk, a multiple of 256 */
    uint64_t newest_ms;  /* largest timestamp of any entry */
    int64_t dirty_since; /* monotonic ms of the first entry that nobody publishes yet; 0: none */
    int64_t uncovered_since; /* no later than the oldest entry without a checkpoint; 0: none */
    bool lost;               /* out of memory after a sync: only a restart can go on */
};

struct ca_log {
    struct ca_log_options o;
    char *directory, *origin, *anchor; /* owned; o points at them */
    unsigned char id[32];
    struct tm_note_key note_key;
    struct tm_digsig_signer *signer; /* of SCTs */
    int lock_fd;

    pthread_mutex_t queue_lock;
    pthread_cond_t queue_wake;
    struct ca_log_ticket *queue, *queue_last;
    bool stopping;

    /* the sequencer's */
    struct ca_journal journal; /* fd -1: to be made anew before the next group */
    struct tm_buf group;
    uint64_t last_ms; /* timestamp of the last entry */
    size_t last_count;
    struct timespec last_began; /* monotonic; of the last group */
    bool clock_warned;

    pthread_mutex_t tree_lock;
    pthread_cond_t tree_wake;    /* to the publisher */
    pthread_cond_t tree_settled; /* from the publisher */
    struct ca_log_tree tree;
    bool publish_now, publisher_stop;

    /* the publisher's */
    struct ca_log_store tiles;
    struct ca_log_edge snapshot;
    struct tm_buf snapshot_partial;
    uint64_t tiles_size; /* whose partial tiles were written last */

    pthread_mutex_t note_lock;
    struct tm_buf note; /* published */
    uint64_t published;
    uint64_t published_ms;
    uint64_t publish_rounds; /* tries that ended */

    pthread_mutex_t issuer_lock;
    struct ca_log_store issuers;
    struct ca_log_issuer issuer[LOG_ISSUERS_KNOWN];
    size_t issuer_count;

    struct log_indexer *indexer;
    pthread_t sequencer, publisher;
    bool sequencing, publishing; /* threads to join */
    atomic_bool contradicted;    /* for good: rolled back or forked; then: */
    struct tm_err contradiction;

    pthread_mutex_t stats_lock;
    struct ca_log_stats stats;
};

int64_t ca_log_now_ms(const struct ca_log *l);
void ca_log_say(const struct ca_log *l, enum tm_jlog_level level, const char *message,
                const struct tm_err *e);

/* What to do, behind the error of a key that did not sign. Returns -1. */
int ca_log_key_failed(const struct ca_log *l, struct tm_err *e);

/* sequence.c */
void *ca_log_sequencer(void *arg);
/* Takes a durable entry into the tree. tree_lock held. -1: out of memory. */
int ca_log_tree_add(struct ca_log_tree *t, const void *leaf, size_t len,
                    const struct tm_merkle_hash *hash, uint64_t timestamp_ms);
/* A new journal with all that is not settled. tree_lock held. */
int ca_log_rotate(struct ca_log *l, struct tm_err *e);

/* publish.c */
void *ca_log_publisher(void *arg);
/* Writes full tiles, and with `checkpoint` the partial ones and a checkpoint of what is durable. */
int ca_log_publish(struct ca_log *l, bool checkpoint, struct tm_err *e);
void ca_log_pending_free(struct ca_log_pending *p);
/* 0, or -1 with the reason for which the log takes and publishes nothing any more. */
int ca_log_check_contradiction(struct ca_log *l, struct tm_err *e);

/* recover.c */
int ca_log_recover(struct ca_log *l, struct tm_err *e);

/* issuers.c: SHA-256 of each issuer, whose certificate is in issuer/ when this returns */
int ca_log_issuers(struct ca_log *l, const struct ca_log_entry *entry, unsigned char *fingerprints,
                   struct tm_err *e);
void ca_log_issuers_forget(struct ca_log *l);

/* index.c */
struct log_indexer *ca_log_indexer_start(const char *dir, struct tm_err *e);
void ca_log_indexer_advance(struct log_indexer *x, uint64_t settled); /* full tiles up to here */
void ca_log_indexer_stop(struct log_indexer *x);                      /* NULL is fine */

#endif

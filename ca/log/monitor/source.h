/*
 * A log to read, whatever it is: a directory of tiles, static-ct-api over HTTP, or the RFC 6962
 * API. Nothing that a source returns is to be believed before ca/log/monitor/head.h has verified
 * the checkpoint and ca/log/monitor/scan.h has led the entries to it.
 */
#pragma once

#include <openssl/evp.h>

#include "ca/log/monitor/store.h"
#include "ca/log/monitor/tiles.h"
#include "common/transparency/entry.h"
#include "common/transparency/frontier.h"

enum ca_source_api {
    SOURCE_ANY,     /* tiles where there is a checkpoint, else RFC 6962 */
    SOURCE_TILES,   /* static-ct-api; or tlog-tiles of a log of signatures */
    SOURCE_RFC6962, /* get-sth, get-entries, … */
};

struct ca_source_options {
    struct ca_store_options store;
    enum ca_source_api api;
    const char *origin; /* what RFC 6962 logs are called in checkpoints; NULL: the URL, no scheme */
    EVP_PKEY *log_key;  /* the same: whose key id they bear; NULL: zeros */
};

struct ca_log_source; /* one thread */

struct ca_log_source *ca_log_source_open(const struct ca_source_options *o, struct tm_err *e);
void ca_log_source_free(struct ca_log_source *s); /* NULL is fine */

enum ca_source_api ca_log_source_api(const struct ca_log_source *s); /* not SOURCE_ANY */
/* Known once a checkpoint was read: a log of signatures, whose entries are texts. */
bool ca_log_source_signatures(const struct ca_log_source *s);
struct ca_store *ca_log_source_store(struct ca_log_source *s); /* borrowed */
struct ca_tiles *ca_log_source_tiles(struct ca_log_source *s); /* borrowed; NULL for RFC 6962 */

/* Appends the newest checkpoint, a signed note of at most NOTE_BYTES_MAX. */
int ca_log_source_checkpoint(struct ca_log_source *s, struct tm_buf *note, struct tm_err *e);

/* RFC 6962 §2.1.2, into proof[MERKLE_PROOF_MAX]. */
int ca_log_source_consistency(struct ca_log_source *s, uint64_t old_size, uint64_t new_size,
                              struct tm_merkle_hash *proof, size_t *count, struct tm_err *e);

/* The frontier that the tree of `tree_size` had when it was of `size`. */
int ca_log_source_frontier(struct ca_log_source *s, uint64_t tree_size, uint64_t size,
                           struct tm_frontier *out, struct tm_err *e);

struct ca_log_batch { /* entries in a row; they point into `raw` */
    uint64_t first;
    size_t count;
    struct tm_entry *entry; /* owned */
    struct tm_buf raw;
    char where[512]; /* the file or URL that they came from */
};
void ca_log_batch_free(struct ca_log_batch *b);

/* Entries from `first` on, before `end` <= tree_size: at least one, and as many as come in one
 * answer. */
int ca_log_source_entries(struct ca_log_source *s, uint64_t tree_size, uint64_t first, uint64_t end,
                          struct ca_log_batch *out, struct tm_err *e);

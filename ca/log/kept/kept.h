/*
 * A log as this server keeps it, whatever its entries are: opened with its key, its witnesses and
 * its anchor, and whether all of that works.
 */
#pragma once

#include "ca/log/engine/log.h"
#include "ca/log/witness/client.h"
#include "common/key/key.h"

struct ca_kept_options { /* borrowed, and outlives the log */
    const struct ca_log_format *format;
    const char *directory; /* NULL: there is no such log */
    const char *origin;
    struct tm_key_source key;
    int64_t checkpoint_interval_ms; /* 0: the log's default */
    const char *anchor;             /* or NULL */
    struct tm_jlog *jlog;           /* or NULL */

    const struct ca_witness_peer *witness; /* that cosign checkpoints; none: witness_count is 0 */
    size_t witness_count;
    size_t witness_quorum;      /* fewer are a warning */
    int64_t witness_timeout_ms; /* 0: the client's default */
    int64_t witness_rest_ms;    /* likewise */
    bool witness_allow_http;
    struct tm_fetch_hub *fetch_hub; /* whose process asks the witnesses; NULL: this one */
};

/* The warning for a log that has no witness, and no anchor or one that an old backup would bring
 * along; else NULL. */
const char *ca_kept_undetected(const struct ca_kept_options *o);

struct ca_kept;

/* Opens the key and the witnesses, and fills `lo` for opening the log, which comes next and ends
 * before ca_kept_close. Warns of a log in which nothing would notice a rollback. NULL with `e` set.
 */
struct ca_kept *ca_kept_open(const struct ca_kept_options *o, struct ca_log_options *lo,
                             struct tm_err *e);
void ca_kept_close(struct ca_kept *k); /* NULL is fine */

/* 0: `log`, opened so, can take entries and publish them: key, checkpoints, room on the disk. */
int ca_kept_ready(const struct ca_kept *k, struct ca_log *log, struct tm_err *e);

/* Its key signs by a token or over a network. */
bool ca_kept_is_slow(const struct ca_kept *k);

size_t ca_kept_cosignatures(const struct ca_kept *k); /* of the newest checkpoint */
size_t ca_kept_quorum(const struct ca_kept *k);

/* Bytes that are free on the log's disk; 0 also when nobody can tell. */
uint64_t ca_kept_disk_free(const struct ca_kept *k);

/*
 * Durable files under a log's directory. One writer. A file is complete and synced before its name
 * appears; names last after ca_log_store_sync.
 */
#pragma once

#include <stddef.h>

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

#define LOG_CHECKPOINT "checkpoint"
#define LOG_STATE "state"
#define LOG_IDENTITY "state/identity"
#define LOG_LOCK "state/lock"
#define LOG_JOURNAL "state/journal"
#define LOG_INDEX "state/index"
#define LOG_REDATED "state/redated"

#define LOG_ISSUER_NAME (sizeof("issuer/") + 64)
void ca_log_issuer_name(const unsigned char fingerprint[32], char out[LOG_ISSUER_NAME]);

/* Appends a whole file of up to `max` bytes; *missing tells ENOENT from other faults. */
int ca_log_store_read(const char *path, size_t max, struct tm_buf *out, bool *missing,
                      struct tm_err *e);

#define LOG_DIRTY_MAX 32

struct ca_log_store {
    const char *dir;            /* borrowed */
    const char *tmp;            /* name of this store's temporary file, e.g. "state/tile.tmp" */
    char *dirty[LOG_DIRTY_MAX]; /* directories to sync; owned */
    size_t dirty_count;
};

/* Writes DIR/name, replacing what is there, and makes the directories before it. */
int ca_log_store_put(struct ca_log_store *s, const char *name, const void *data, size_t len,
                     struct tm_err *e);

/* As ca_log_store_put, unless DIR/name has this content already. */
int ca_log_store_keep(struct ca_log_store *s, const char *name, const void *data, size_t len,
                      struct tm_err *e);

/* Syncs the directories that changed. */
int ca_log_store_sync(struct ca_log_store *s, struct tm_err *e);
void ca_log_store_free(struct ca_log_store *s);

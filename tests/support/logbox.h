/*
 * A log in a directory of the test's, with a key, and entries that are told apart by a number.
 */
#pragma once

#include <openssl/evp.h>
#include <pthread.h>

#include "ca/log/ct/ctlog.h"
#include "ca/log/engine/reader.h"

struct logbox {
    char dir[128]; /* under TMPDIR */
    EVP_PKEY *key;
    struct ca_log_options o;
};

void logbox_init(struct logbox *b); /* makes the directory and the key, not the log */
void logbox_free(struct logbox *b); /* removes the directory */
void logbox_remove(const char *dir);
void logbox_copy(const char *from, const char *to); /* `to` must not exist */

struct ca_ctlog *logbox_open(struct logbox *b); /* a fault ends the program */

/* The entry that stands for `number`; pointers are good until the next call on this thread. */
struct ca_log_entry logbox_entry(uint64_t number, size_t size);

/* Adds entry `number` and waits. 0: *index and the SCT are set. */
int logbox_add(struct ca_ctlog *l, uint64_t number, size_t size, struct tm_buf *sct,
               uint64_t *index, struct tm_err *e);

/* The SCT is this log's for entry `number`, and entry `index` of the directory's newest checkpoint
 * is that entry: ends the program if not. */
void logbox_check_sct(const struct logbox *b, uint64_t number, size_t size,
                      const struct tm_buf *sct, uint64_t index);

/* DIR's checkpoint, its signature checked. */
struct tm_checkpoint logbox_checkpoint(const struct logbox *b);

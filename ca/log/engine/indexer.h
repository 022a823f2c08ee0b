/*
 * The thread that keeps the index of leaf hashes: new runs from tiles, short runs into long ones.
 */
#pragma once

#include <stdint.h>

#include "common/err.h"

struct ca_log_indexer; /* its lock is inside */

struct ca_log_indexer *ca_log_indexer_start(const char *dir, struct tm_err *e);
/* Full tiles are on disk up to `settled` entries. */
void ca_log_indexer_advance(struct ca_log_indexer *x, uint64_t settled);
void ca_log_indexer_stop(struct ca_log_indexer *x); /* NULL is fine */

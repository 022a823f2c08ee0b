/*
 * The leaf hashes of a log's newest published entries, in memory: whether one of them is logged
 * already is asked for each submission, and the index on disk does not have the newest.
 */
#pragma once

#include "ca/log/engine/reader.h"

#define SIG_KNOWN 16384 /* entries; the index is behind by less */

struct ca_sig_known; /* any thread; its own lock inside, held while a tile or the index is read */

struct ca_sig_known *ca_sig_known_new(struct tm_err *e);
void ca_sig_known_free(struct ca_sig_known *k); /* NULL is fine */

/* Whether the tree of `d`, whose size is a published one's, has the leaf: 1 and *index, 0, or -1
 * with `e`. Reads what was published since it was asked last. */
int ca_sig_known_find(struct ca_sig_known *k, struct ca_log_dir *d,
                      const struct tm_merkle_hash *leaf, uint64_t *index, struct tm_err *e);

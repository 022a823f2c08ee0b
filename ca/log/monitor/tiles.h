/*
 * A Merkle tree in tiles (C2SP tlog-tiles): any node of it, and the proofs made of nodes. What is
 * read here is not to be believed until a proof leads from it to a signed root hash.
 */
#pragma once

#include "ca/log/monitor/store.h"
#include "common/transparency/entry.h"
#include "common/transparency/frontier.h"

#define TILE_DATA_MAX ((size_t)256 << 20) /* bytes of 256 entries */

struct ca_tiles; /* with a cache of some tiles; one thread */

struct ca_tiles *ca_tiles_new(struct ca_store *s, struct tm_err *e); /* borrows `s` */
void ca_tiles_free(struct ca_tiles *t);                              /* NULL is fine */

/* TILE_LEVEL_DATA, until TILE_LEVEL_ENTRIES is set. */
int ca_tiles_data_level(const struct ca_tiles *t);
void ca_tiles_set_data_level(struct ca_tiles *t, int level);

/* Empties the cache: what was read before is not held against a newer checkpoint's tree. */
void ca_tiles_forget(struct ca_tiles *t);

/* How many hashes or entries tile `index` of `level` (of entries: 0's) has in a tree of
 * `tree_size`; 0: there is no such tile. */
unsigned ca_tile_width(uint64_t tree_size, int level, uint64_t index);

/* Appends the tile as it is in the tree of `tree_size`; where a partial tile is gone, the full
 * one is read: then more may be there than asked for. -1: missing or unreadable. */
int ca_tiles_read(struct ca_tiles *t, uint64_t tree_size, int level, uint64_t index,
                  struct tm_buf *out, struct tm_err *e);
void ca_tiles_want_data(struct ca_tiles *t, uint64_t tree_size, uint64_t index);

/* The root of the perfect subtree of 2^level leaves that begins at leaf index * 2^level. */
int ca_tiles_node(struct ca_tiles *t, uint64_t tree_size, unsigned level, uint64_t index,
                  struct tm_merkle_hash *out, struct tm_err *e);

/* The frontier that the tree of `tree_size` had when it was of `size`. */
int ca_tiles_frontier(struct ca_tiles *t, uint64_t tree_size, uint64_t size,
                      struct tm_frontier *out, struct tm_err *e);

/* RFC 6962 §2.1.1, into proof[MERKLE_PROOF_MAX]. index < tree_size. */
int ca_tiles_inclusion(struct ca_tiles *t, uint64_t tree_size, uint64_t index,
                       struct tm_merkle_hash *proof, size_t *count, struct tm_err *e);

/* RFC 6962 §2.1.2, into proof[MERKLE_PROOF_MAX]. 0 <= old_size <= new_size. */
int ca_tiles_consistency(struct ca_tiles *t, uint64_t old_size, uint64_t new_size,
                         struct tm_merkle_hash *proof, size_t *count, struct tm_err *e);

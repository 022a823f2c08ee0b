/*
 * A Merkle tree in tiles (C2SP tlog-tiles): any node of it, and the proofs made of nodes. What is
 * read here is not to be believed until a proof leads from it to a signed root hash.
 */
#ifndef TENMINT_CA_MONITOR_TILES_H
#define TENMINT_CA_MONITOR_TILES_H

#include "ca/log/monitor/store.h"
#include "common/transparency/entry.h"
#include "common/transparency/frontier.h"

#define TILE_DATA_MAX ((size_t)256 << 20) /* bytes of 256 entries */

struct tiles; /* with a cache of some tiles; one thread */

struct tiles *tiles_new(struct store *s, struct err *e); /* borrows `s` */
void tiles_free(struct tiles *t);                        /* NULL is fine */

/* Empties the cache: what was read before is not held against a newer checkpoint's tree. */
void tiles_forget(struct tiles *t);

/* How many hashes or entries tile `index` of `level` (TILE_LEVEL_DATA is 0's) has in a tree of
 * `tree_size`; 0: there is no such tile. */
unsigned tile_width(uint64_t tree_size, int level, uint64_t index);

/* Appends the tile as it is in the tree of `tree_size`; where a partial tile is gone, the full
 * one is read: then more may be there than asked for. -1: missing or unreadable. */
int tiles_read(struct tiles *t, uint64_t tree_size, int level, uint64_t index, struct buf *out,
               struct err *e);
void tiles_want_data(struct tiles *t, uint64_t tree_size, uint64_t index);

/* The root of the perfect subtree of 2^level leaves that begins at leaf index * 2^level. */
int tiles_node(struct tiles *t, uint64_t tree_size, unsigned level, uint64_t index,
               struct merkle_hash *out, struct err *e);

/* The frontier that the tree of `tree_size` had when it was of `size`. */
int tiles_frontier(struct tiles *t, uint64_t tree_size, uint64_t size, struct frontier *out,
                   struct err *e);

/* RFC 6962 §2.1.2, into proof[MERKLE_PROOF_MAX]. 0 <= old_size <= new_size. */
int tiles_consistency(struct tiles *t, uint64_t old_size, uint64_t new_size,
                      struct merkle_hash *proof, size_t *count, struct err *e);

#endif

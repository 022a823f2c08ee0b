/*
 * The right edge of a tree: the tile of each level that is still filling. It is all that appending
 * needs to know of a tree, however large.
 */
#ifndef TENMINT_CA_LOG_EDGE_H
#define TENMINT_CA_LOG_EDGE_H

#include "ca/log/engine/reader.h"

struct log_edge {
    uint64_t size;
    struct merkle_hash tile[LOG_TILE_LEVELS][TILE_WIDTH];
};

/* MTH of `count` hashes, a power of two up to TILE_WIDTH. */
void log_run_root(const struct merkle_hash *hash, unsigned count, struct merkle_hash *out);

/* Appends a leaf hash. Returns how many levels' tiles it filled, from 0 up: their hashes stay in
 * edge->tile until the next append. */
unsigned log_edge_add(struct log_edge *edge, const struct merkle_hash *leaf);

void log_edge_root(const struct log_edge *edge, struct merkle_hash *out);

/* The edge of the first `size` entries, a multiple of TILE_WIDTH, from full tiles. */
int log_edge_load(struct log_edge *edge, const struct log_tiles *t, uint64_t size, struct err *e);

#endif

/*
 * The right edge of a tree: the tile of each level that is still filling. It is all that appending
 * needs to know of a tree, however large.
 */
#pragma once

#include "ca/log/engine/reader.h"

struct ca_log_edge {
    uint64_t size;
    struct tm_merkle_hash tile[LOG_TILE_LEVELS][TILE_WIDTH];
};

/* MTH of `count` hashes, a power of two up to TILE_WIDTH. */
void ca_log_run_root(const struct tm_merkle_hash *hash, unsigned count, struct tm_merkle_hash *out);

/* Appends a leaf hash. Returns how many levels' tiles it filled, from 0 up: their hashes stay in
 * edge->tile until the next append. */
unsigned ca_log_edge_add(struct ca_log_edge *edge, const struct tm_merkle_hash *leaf);

void ca_log_edge_root(const struct ca_log_edge *edge, struct tm_merkle_hash *out);

/* The edge of the first `size` entries, a multiple of TILE_WIDTH, from full tiles. */
int ca_log_edge_load(struct ca_log_edge *edge, const struct ca_log_tiles *t, uint64_t size,
                     struct tm_err *e);

/*
 * The right edge of a Merkle tree: the roots of its perfect subtrees, which is all that is needed
 * to add leaves and to know the root hash. At most 64 hashes, whatever the size.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/transparency/merkle.h"

struct tm_frontier {
    uint64_t size; /* leaves so far */
    struct tm_merkle_hash
        peak[64]; /* the widest (and leftmost) first; tm_frontier_peaks(size) of them */
};

size_t tm_frontier_peaks(uint64_t size); /* the number of bits set */
void tm_frontier_add(struct tm_frontier *f, const struct tm_merkle_hash *leaf);
void tm_frontier_root(const struct tm_frontier *f, struct tm_merkle_hash *root);

/* From the inclusion proof of the last of `size` leaves (size > 0), whose hashes are the edge's.
 * -1: the proof has another length. Its truth is checked by tm_frontier_root. */
int tm_frontier_from_last(struct tm_frontier *f, uint64_t size, const struct tm_merkle_hash *leaf,
                          const struct tm_merkle_hash *proof, size_t count, struct tm_err *e);

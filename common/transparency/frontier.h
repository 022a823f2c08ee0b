/*
 * The right edge of a Merkle tree: the roots of its perfect subtrees, which is all that is needed
 * to add leaves and to know the root hash. At most 64 hashes, whatever the size.
 */
#ifndef TENMINT_COMMON_FRONTIER_H
#define TENMINT_COMMON_FRONTIER_H

#include <stddef.h>
#include <stdint.h>

#include "common/transparency/merkle.h"

struct frontier {
    uint64_t size;               /* leaves so far */
    struct merkle_hash peak[64]; /* the widest (and leftmost) first; frontier_peaks(size) of them */
};

size_t frontier_peaks(uint64_t size); /* the number of bits set */
void frontier_add(struct frontier *f, const struct merkle_hash *leaf);
void frontier_root(const struct frontier *f, struct merkle_hash *root);

/* From the inclusion proof of the last of `size` leaves (size > 0), whose hashes are the edge's.
 * -1: the proof has another length. Its truth is checked by frontier_root. */
int frontier_from_last(struct frontier *f, uint64_t size, const struct merkle_hash *leaf,
                       const struct merkle_hash *proof, size_t count, struct err *e);

#endif

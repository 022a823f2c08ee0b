/*
 * The making of proofs, RFC 6962 §2.1: of which ranges of leaves they are the roots. Whoever holds
 * a tree brings the roots of its perfect subtrees, from tiles or from elsewhere.
 */
#pragma once

#include "common/transparency/merkle.h"

struct tm_merkle_range { /* leaves; a subtree of the tree: the split rule of §2.1 leads to it */
    uint64_t start, count;
};

/* Both give the ranges in the order of the proof's hashes, and return how many there are. Sizes are
 * at most INT64_MAX. */

/* §2.1.1: of entry `index` in the tree of `size`, index < size. */
size_t tm_ranges_inclusion(uint64_t index, uint64_t size,
                           struct tm_merkle_range out[MERKLE_PROOF_MAX]);
/* §2.1.2: from the tree of `old_size` to that of `new_size`, old_size <= new_size. */
size_t tm_ranges_consistency(uint64_t old_size, uint64_t new_size,
                             struct tm_merkle_range out[MERKLE_PROOF_MAX]);

/* The root of the perfect subtree of 2^height leaves that is the index-th of its height. */
struct tm_merkle_subtrees {
    int (*root)(void *ctx, unsigned height, uint64_t index, struct tm_merkle_hash *out,
                struct tm_err *e);
    void *ctx;
};

/* The roots of the perfect subtrees that a range consists of, the widest first; *n of them. */
int tm_ranges_peaks(const struct tm_merkle_subtrees *t, struct tm_merkle_range r,
                    struct tm_merkle_hash peak[MERKLE_PROOF_MAX], size_t *n, struct tm_err *e);
/* The root of each range: a proof. Ranges are not empty. */
int tm_ranges_roots(const struct tm_merkle_subtrees *t, const struct tm_merkle_range *r,
                    size_t count, struct tm_merkle_hash *out, struct tm_err *e);

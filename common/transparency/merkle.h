/*
 * RFC 6962 §2.1 Merkle trees (SHA-256): hashes and proof verification. Pure functions; storage
 * is ca/log's.
 */
#ifndef TENMINT_COMMON_MERKLE_H
#define TENMINT_COMMON_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define MERKLE_HASH 32      /* bytes */
#define MERKLE_PROOF_MAX 64 /* hashes; a longer proof fits no tree */

struct merkle_hash {
    unsigned char b[MERKLE_HASH];
};

void merkle_leaf(const void *data, size_t len, struct merkle_hash *out); /* H(0x00 || data) */
/* As merkle_leaf, of two parts one after the other. */
void merkle_leaf_parts(const void *head, size_t head_len, const void *rest, size_t rest_len,
                       struct merkle_hash *out);
void merkle_node(const struct merkle_hash *left, const struct merkle_hash *right,
                 struct merkle_hash *out);  /* H(0x01 || left || right) */
void merkle_empty(struct merkle_hash *out); /* root of the tree without leaves: H("") */
bool merkle_equal(const struct merkle_hash *a, const struct merkle_hash *b);

/* RFC 9162 §2.1.3.2. 0: `leaf` is entry `index` of the tree of `size` with `root`. */
int merkle_check_inclusion(uint64_t index, uint64_t size, const struct merkle_hash *leaf,
                           const struct merkle_hash *proof, size_t count,
                           const struct merkle_hash *root, struct err *e);

/* RFC 9162 §2.1.4.2. 0: the tree `new_size` extends the tree `old_size`. */
int merkle_check_consistency(uint64_t old_size, const struct merkle_hash *old_root,
                             uint64_t new_size, const struct merkle_hash *new_root,
                             const struct merkle_hash *proof, size_t count, struct err *e);

#endif

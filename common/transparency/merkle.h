/*
 * RFC 6962 §2.1 Merkle trees (SHA-256): hashes and proof verification. Pure functions; storage
 * is ca/log's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define MERKLE_HASH 32      /* bytes */
#define MERKLE_PROOF_MAX 64 /* hashes; a longer proof fits no tree */

struct tm_merkle_hash {
    unsigned char b[MERKLE_HASH];
};

void tm_merkle_leaf(const void *data, size_t len, struct tm_merkle_hash *out); /* H(0x00 || data) */
/* As tm_merkle_leaf, of two parts one after the other. */
void tm_merkle_leaf_parts(const void *head, size_t head_len, const void *rest, size_t rest_len,
                          struct tm_merkle_hash *out);
void tm_merkle_node(const struct tm_merkle_hash *left, const struct tm_merkle_hash *right,
                    struct tm_merkle_hash *out);  /* H(0x01 || left || right) */
void tm_merkle_empty(struct tm_merkle_hash *out); /* root of the tree without leaves: H("") */
bool tm_merkle_equal(const struct tm_merkle_hash *a, const struct tm_merkle_hash *b);

/* RFC 9162 §2.1.3.2. 0: `leaf` is entry `index` of the tree of `size` with `root`. */
int tm_merkle_check_inclusion(uint64_t index, uint64_t size, const struct tm_merkle_hash *leaf,
                              const struct tm_merkle_hash *proof, size_t count,
                              const struct tm_merkle_hash *root, struct tm_err *e);

/* RFC 9162 §2.1.4.2. 0: the tree `new_size` extends the tree `old_size`. */
int tm_merkle_check_consistency(uint64_t old_size, const struct tm_merkle_hash *old_root,
                                uint64_t new_size, const struct tm_merkle_hash *new_root,
                                const struct tm_merkle_hash *proof, size_t count, struct tm_err *e);

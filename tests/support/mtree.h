/*
 * RFC 6962 §2.1 as its text has it: recursive, over all leaves. The tests compare the real code
 * with this.
 */
#pragma once

#include <stddef.h>

#define MTREE_PROOF_MAX 64

struct mtree_hash {
    unsigned char b[32];
};

struct mtree_proof {
    struct mtree_hash hash[MTREE_PROOF_MAX];
    size_t count;
};

struct mtree; /* leaves, and every MTH that was asked for once */

struct mtree_hash mtree_leaf(const void *data, size_t len);
struct mtree *mtree_new(const struct mtree_hash *leaf, size_t count); /* copied; up to 1024 */
void mtree_free(struct mtree *t);
/* MTH(D[0:n]) */
struct mtree_hash mtree_root(struct mtree *t, size_t n);
/* PATH(m, D[0:n]) */
void mtree_path(struct mtree *t, size_t m, size_t n, struct mtree_proof *out);
/* PROOF(m, D[0:n]), 0 < m <= n */
void mtree_proof(struct mtree *t, size_t m, size_t n, struct mtree_proof *out);

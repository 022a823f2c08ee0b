#include "tests/support/mtree.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_MAX 1024

struct mtree {
    size_t count;
    struct mtree_hash *mth; /* [start * (count + 1) + n] = MTH(D[start:start+n]) */
    bool *known;
};

static struct mtree_hash hash(const void *data, size_t len)
{
    struct mtree_hash h;
    if (EVP_Digest(data, len, h.b, NULL, EVP_sha256(), NULL) != 1)
        abort();
    return h;
}

struct mtree_hash mtree_leaf(const void *data, size_t len)
{
    unsigned char *b = malloc(len + 1);
    if (b == NULL)
        abort();
    b[0] = 0;
    if (len > 0)
        memcpy(b + 1, data, len);
    struct mtree_hash h = hash(b, len + 1);
    free(b);
    return h;
}

struct mtree *mtree_new(const struct mtree_hash *leaf, size_t count)
{
    struct mtree *t = calloc(1, sizeof(*t));
    if (t == NULL || count > COUNT_MAX)
        abort();
    t->count = count;
    t->mth = calloc((count + 1) * (count + 1), sizeof(*t->mth));
    t->known = calloc((count + 1) * (count + 1), sizeof(*t->known));
    if (t->mth == NULL || t->known == NULL)
        abort();
    for (size_t i = 0; i < count; i++) {
        t->mth[i * (count + 1) + 1] = leaf[i];
        t->known[i * (count + 1) + 1] = true;
    }
    return t;
}

void mtree_free(struct mtree *t)
{
    if (t == NULL)
        return;
    free(t->mth);
    free(t->known);
    free(t);
}

/* "the largest power of two smaller than n" */
static size_t split(size_t n)
{
    size_t k = 1;
    while (k * 2 < n)
        k *= 2;
    return k;
}

static struct mtree_hash mth(struct mtree *t, size_t start, size_t n)
{
    size_t at = start * (t->count + 1) + n;
    if (n == 0)
        return hash("", 0);
    if (!t->known[at]) {
        unsigned char b[65] = {1};
        size_t k = split(n);
        struct mtree_hash left = mth(t, start, k);
        struct mtree_hash right = mth(t, start + k, n - k);
        memcpy(b + 1, left.b, 32);
        memcpy(b + 33, right.b, 32);
        t->mth[at] = hash(b, sizeof(b));
        t->known[at] = true;
    }
    return t->mth[at];
}

struct mtree_hash mtree_root(struct mtree *t, size_t n)
{
    return mth(t, 0, n);
}

static void push(struct mtree_proof *out, struct mtree_hash h)
{
    out->hash[out->count++] = h;
}

static void path(struct mtree *t, size_t m, size_t start, size_t n, struct mtree_proof *out)
{
    if (n <= 1)
        return;
    size_t k = split(n);
    if (m < k) {
        path(t, m, start, k, out);
        push(out, mth(t, start + k, n - k));
    } else {
        path(t, m - k, start + k, n - k, out);
        push(out, mth(t, start, k));
    }
}

static void subproof(struct mtree *t, size_t m, size_t start, size_t n, bool known,
                     struct mtree_proof *out)
{
    if (m == n) {
        if (!known)
            push(out, mth(t, start, n));
        return;
    }
    size_t k = split(n);
    if (m <= k) {
        subproof(t, m, start, k, known, out);
        push(out, mth(t, start + k, n - k));
    } else {
        subproof(t, m - k, start + k, n - k, false, out);
        push(out, mth(t, start, k));
    }
}

void mtree_path(struct mtree *t, size_t m, size_t n, struct mtree_proof *out)
{
    out->count = 0;
    path(t, m, 0, n, out);
}

void mtree_proof(struct mtree *t, size_t m, size_t n, struct mtree_proof *out)
{
    out->count = 0;
    subproof(t, m, 0, n, true, out);
}

#include "common/transparency/frontier.h"

size_t tm_frontier_peaks(uint64_t size)
{
    return (size_t)__builtin_popcountll(size);
}

void tm_frontier_add(struct tm_frontier *f, const struct tm_merkle_hash *leaf)
{
    size_t n = tm_frontier_peaks(f->size);
    struct tm_merkle_hash h = *leaf;
    /* As in adding one to a binary number: each bit that carries joins two subtrees. */
    for (uint64_t bits = f->size; (bits & 1) != 0; bits >>= 1)
        tm_merkle_node(&f->peak[--n], &h, &h);
    f->peak[n] = h;
    f->size++;
}

void tm_frontier_root(const struct tm_frontier *f, struct tm_merkle_hash *root)
{
    size_t n = tm_frontier_peaks(f->size);
    if (n == 0) {
        tm_merkle_empty(root);
        return;
    }
    *root = f->peak[--n];
    while (n > 0)
        tm_merkle_node(&f->peak[--n], root, root);
}

int tm_frontier_from_last(struct tm_frontier *f, uint64_t size, const struct tm_merkle_hash *leaf,
                          const struct tm_merkle_hash *proof, size_t count, struct tm_err *e)
{
    size_t peaks = tm_frontier_peaks(size);
    size_t inside = size > 0 ? (size_t)__builtin_ctzll(size) : 0; /* the last subtree's height */
    if (peaks == 0 || count != inside + peaks - 1)
        return tm_err_set(e, "the proof of the last entry has %zu hashes", count);
    struct tm_merkle_hash h = *leaf;
    for (size_t i = 0; i < inside; i++)
        tm_merkle_node(&proof[i], &h, &h);
    f->size = size;
    f->peak[peaks - 1] = h;
    for (size_t i = 0; i + 1 < peaks; i++)
        f->peak[i] = proof[count - 1 - i];
    return 0;
}

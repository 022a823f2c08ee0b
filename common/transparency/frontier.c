#include "common/transparency/frontier.h"

size_t frontier_peaks(uint64_t size)
{
    return (size_t)__builtin_popcountll(size);
}

void frontier_add(struct frontier *f, const struct merkle_hash *leaf)
{
    size_t n = frontier_peaks(f->size);
    struct merkle_hash h = *leaf;
    /* As in adding one to a binary number: each bit that carries joins two subtrees. */
    for (uint64_t bits = f->size; (bits & 1) != 0; bits >>= 1)
        merkle_node(&f->peak[--n], &h, &h);
    f->peak[n] = h;
    f->size++;
}

void frontier_root(const struct frontier *f, struct merkle_hash *root)
{
    size_t n = frontier_peaks(f->size);
    if (n == 0) {
        merkle_empty(root);
        return;
    }
    *root = f->peak[--n];
    while (n > 0)
        merkle_node(&f->peak[--n], root, root);
}

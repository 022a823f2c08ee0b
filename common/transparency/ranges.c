#include "common/transparency/ranges.h"

static unsigned highest_bit(uint64_t v)
{
    return 63U - (unsigned)__builtin_clzll(v);
}

/* One step down towards `at`: `r` becomes the part that holds it, the other part is returned. */
static struct tm_merkle_range descend(struct tm_merkle_range *r, uint64_t at)
{
    uint64_t left = (uint64_t)1 << highest_bit(r->count - 1); /* the split rule */
    struct tm_merkle_range other = {r->start + left, r->count - left};
    if (at < other.start) {
        r->count = left;
        return other;
    }
    struct tm_merkle_range before = {r->start, left};
    *r = other;
    return before;
}

/* They were found from the root down; a proof goes up. */
static void reverse(struct tm_merkle_range *r, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct tm_merkle_range swapped = r[i];
        r[i] = r[count - 1 - i];
        r[count - 1 - i] = swapped;
    }
}

size_t tm_ranges_inclusion(uint64_t index, uint64_t size,
                           struct tm_merkle_range out[MERKLE_PROOF_MAX])
{
    struct tm_merkle_range in = {0, size};
    size_t n = 0;
    while (in.count > 1)
        out[n++] = descend(&in, index);
    reverse(out, n);
    return n;
}

size_t tm_ranges_consistency(uint64_t old_size, uint64_t new_size,
                             struct tm_merkle_range out[MERKLE_PROOF_MAX])
{
    struct tm_merkle_range in = {0, new_size};
    size_t n = 0;
    if (old_size == 0 || old_size == new_size)
        return 0;
    while (in.start + in.count != old_size)
        out[n++] = descend(&in, old_size - 1);
    if (in.start != 0) /* else the verifier has this hash: the old root */
        out[n++] = in;
    reverse(out, n);
    return n;
}

int tm_ranges_peaks(const struct tm_merkle_subtrees *t, struct tm_merkle_range r,
                    struct tm_merkle_hash peak[MERKLE_PROOF_MAX], size_t *n, struct tm_err *e)
{
    *n = 0;
    while (r.count > 0) {
        unsigned height = highest_bit(r.count);
        if (t->root(t->ctx, height, r.start >> height, &peak[(*n)++], e) != 0)
            return -1;
        r.start += (uint64_t)1 << height;
        r.count -= (uint64_t)1 << height;
    }
    return 0;
}

int tm_ranges_roots(const struct tm_merkle_subtrees *t, const struct tm_merkle_range *r,
                    size_t count, struct tm_merkle_hash *out, struct tm_err *e)
{
    for (size_t i = 0; i < count; i++) {
        struct tm_merkle_hash peak[MERKLE_PROOF_MAX];
        size_t n = 0;
        if (tm_ranges_peaks(t, r[i], peak, &n, e) != 0)
            return -1;
        out[i] = peak[--n];
        while (n > 0)
            tm_merkle_node(&peak[--n], &out[i], &out[i]);
    }
    return 0;
}

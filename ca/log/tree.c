/* RFC 6962 §2.1 over tiles: each perfect subtree is a run of hashes in one tile. */
#include <inttypes.h>
#include <string.h>

#include "ca/log/edge.h"
#include "ca/log/reader.h"

struct range { /* leaves */
    uint64_t start, count;
};

/* One proof's view of the tiles: the last tile of each level is kept. */
struct view {
    const struct log_tiles *tiles;
    uint64_t size;
    uint64_t held[LOG_TILE_LEVELS]; /* tile number + 1; 0: none */
    struct merkle_hash hash[LOG_TILE_LEVELS][TILE_WIDTH];
};

static void view_init(struct view *v, const struct log_tiles *tiles, uint64_t size)
{
    v->tiles = tiles;
    v->size = size;
    memset(v->held, 0, sizeof(v->held));
}

/* The subtree of 2^height leaves that is the i-th of its height. */
static int subtree(struct view *v, unsigned height, uint64_t i, struct merkle_hash *out,
                   struct err *e)
{
    unsigned level = height / 8;
    unsigned count = 1U << (height % 8);
    uint64_t first = i * count;
    uint64_t n = first / TILE_WIDTH;
    unsigned at = (unsigned)(first % TILE_WIDTH);
    unsigned width = level < LOG_TILE_LEVELS ? log_tile_width(v->size, level, n) : 0;
    if (width < at + count)
        return err_set(e, "tree of %" PRIu64 ": it has no such subtree", v->size);
    if (v->held[level] != n + 1) {
        v->held[level] = 0;
        if (v->tiles->hashes(v->tiles->ctx, level, n, width, v->hash[level], e) != 0)
            return -1;
        v->held[level] = n + 1;
    }
    log_run_root(v->hash[level] + at, count, out);
    return 0;
}

/* MTH of a range that begins where a subtree of its size does. */
static int range_root(struct view *v, struct range r, struct merkle_hash *out, struct err *e)
{
    struct merkle_hash part[64];
    size_t parts = 0;
    for (int height = 63; height >= 0; height--) {
        uint64_t n = (uint64_t)1 << height;
        if ((r.count & n) == 0)
            continue;
        if (subtree(v, (unsigned)height, r.start >> height, &part[parts++], e) != 0)
            return -1;
        r.start += n;
    }
    *out = part[--parts];
    while (parts > 0)
        merkle_node(&part[--parts], out, out);
    return 0;
}

/* The largest power of two smaller than n, n > 1. */
static uint64_t split(uint64_t n)
{
    return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

/* Ranges were found from the root down; a proof goes up. */
static int prove(struct view *v, const struct range *down, size_t count, struct log_proof *out,
                 struct err *e)
{
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        if (range_root(v, down[count - 1 - i], &out->hash[i], e) != 0)
            return -1;
    }
    return 0;
}

int log_tree_root(const struct log_tiles *t, uint64_t size, struct merkle_hash *out, struct err *e)
{
    struct view v;
    view_init(&v, t, size);
    if (size == 0) {
        merkle_empty(out);
        return 0;
    }
    return range_root(&v, (struct range){0, size}, out, e);
}

int log_tree_leaf(const struct log_tiles *t, uint64_t index, uint64_t size, struct merkle_hash *out,
                  struct err *e)
{
    struct view v;
    view_init(&v, t, size);
    return subtree(&v, 0, index, out, e);
}

int log_tree_inclusion(const struct log_tiles *t, uint64_t index, uint64_t size,
                       struct log_proof *out, struct err *e)
{
    struct view v;
    struct range down[64];
    struct range in = {0, size};
    size_t count = 0;
    if (index >= size || size > LOG_SIZE_MAX)
        return err_set(e, "entry %" PRIu64 " is not in a tree of %" PRIu64, index, size);
    view_init(&v, t, size);
    while (in.count > 1) {
        uint64_t k = split(in.count);
        if (index < in.start + k) {
            down[count++] = (struct range){in.start + k, in.count - k};
            in.count = k;
        } else {
            down[count++] = (struct range){in.start, k};
            in.start += k;
            in.count -= k;
        }
    }
    return prove(&v, down, count, out, e);
}

int log_tree_consistency(const struct log_tiles *t, uint64_t old_size, uint64_t new_size,
                         struct log_proof *out, struct err *e)
{
    struct view v;
    struct range down[65];
    struct range in = {0, new_size};
    size_t count = 0;
    if (old_size > new_size || new_size > LOG_SIZE_MAX)
        return err_set(e, "no tree of %" PRIu64 " comes before one of %" PRIu64, old_size,
                       new_size);
    view_init(&v, t, new_size);
    out->count = 0;
    if (old_size == 0 || old_size == new_size)
        return 0;
    while (in.start + in.count != old_size) {
        uint64_t k = split(in.count);
        if (old_size <= in.start + k) {
            down[count++] = (struct range){in.start + k, in.count - k};
            in.count = k;
        } else {
            down[count++] = (struct range){in.start, k};
            in.start += k;
            in.count -= k;
        }
    }
    if (in.start != 0) /* else the verifier has this hash: the old root */
        down[count++] = in;
    return prove(&v, down, count, out, e);
}

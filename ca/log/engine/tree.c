/* RFC 6962 §2.1 over tiles: each perfect subtree is a run of hashes in one tile. */
#include <inttypes.h>
#include <string.h>

#include "ca/log/engine/edge.h"
#include "ca/log/engine/reader.h"
#include "common/transparency/ranges.h"

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
static int subtree(void *ctx, unsigned height, uint64_t i, struct merkle_hash *out, struct err *e)
{
    struct view *v = ctx;
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

static int prove(const struct log_tiles *t, uint64_t size, const struct merkle_range *r,
                 size_t count, struct merkle_hash *out, struct err *e)
{
    struct view v;
    const struct merkle_subtrees subtrees = {subtree, &v};
    view_init(&v, t, size);
    return ranges_roots(&subtrees, r, count, out, e);
}

int log_tree_root(const struct log_tiles *t, uint64_t size, struct merkle_hash *out, struct err *e)
{
    const struct merkle_range whole = {0, size};
    if (size > 0)
        return prove(t, size, &whole, 1, out, e);
    merkle_empty(out);
    return 0;
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
    struct merkle_range r[MERKLE_PROOF_MAX];
    if (index >= size || size > LOG_SIZE_MAX)
        return err_set(e, "entry %" PRIu64 " is not in a tree of %" PRIu64, index, size);
    out->count = ranges_inclusion(index, size, r);
    return prove(t, size, r, out->count, out->hash, e);
}

int log_tree_consistency(const struct log_tiles *t, uint64_t old_size, uint64_t new_size,
                         struct log_proof *out, struct err *e)
{
    struct merkle_range r[MERKLE_PROOF_MAX];
    if (old_size > new_size || new_size > LOG_SIZE_MAX)
        return err_set(e, "no tree of %" PRIu64 " comes before one of %" PRIu64, old_size,
                       new_size);
    out->count = ranges_consistency(old_size, new_size, r);
    return prove(t, new_size, r, out->count, out->hash, e);
}

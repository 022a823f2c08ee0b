/* RFC 6962 §2.1 over tiles: each perfect subtree is a run of hashes in one tile. */
#include <inttypes.h>
#include <string.h>

#include "ca/log/engine/edge.h"
#include "ca/log/engine/reader.h"
#include "common/transparency/ranges.h"

/* One proof's view of the tiles: the last tile of each level is kept. */
struct view {
    const struct ca_log_tiles *tiles;
    uint64_t size;
    uint64_t held[LOG_TILE_LEVELS]; /* tile number + 1; 0: none */
    struct tm_merkle_hash hash[LOG_TILE_LEVELS][TILE_WIDTH];
};

static void view_init(struct view *v, const struct ca_log_tiles *tiles, uint64_t size)
{
    v->tiles = tiles;
    v->size = size;
    memset(v->held, 0, sizeof(v->held));
}

/* The subtree of 2^height leaves that is the i-th of its height. */
static int subtree(void *ctx, unsigned height, uint64_t i, struct tm_merkle_hash *out,
                   struct tm_err *e)
{
    struct view *v = ctx;
    unsigned level = height / 8;
    unsigned count = 1U << (height % 8);
    uint64_t first = i * count;
    uint64_t n = first / TILE_WIDTH;
    unsigned at = (unsigned)(first % TILE_WIDTH);
    unsigned width = level < LOG_TILE_LEVELS ? ca_log_tile_width(v->size, level, n) : 0;
    if (width < at + count)
        return tm_err_set(e, "tree of %" PRIu64 ": it has no such subtree", v->size);
    if (v->held[level] != n + 1) {
        v->held[level] = 0;
        if (v->tiles->hashes(v->tiles->ctx, level, n, width, v->hash[level], e) != 0)
            return -1;
        v->held[level] = n + 1;
    }
    ca_log_run_root(v->hash[level] + at, count, out);
    return 0;
}

static int prove(const struct ca_log_tiles *t, uint64_t size, const struct tm_merkle_range *r,
                 size_t count, struct tm_merkle_hash *out, struct tm_err *e)
{
    struct view v;
    const struct tm_merkle_subtrees subtrees = {subtree, &v};
    view_init(&v, t, size);
    return tm_ranges_roots(&subtrees, r, count, out, e);
}

int ca_log_tree_root(const struct ca_log_tiles *t, uint64_t size, struct tm_merkle_hash *out,
                     struct tm_err *e)
{
    const struct tm_merkle_range whole = {0, size};
    if (size > 0)
        return prove(t, size, &whole, 1, out, e);
    tm_merkle_empty(out);
    return 0;
}

int ca_log_tree_leaf(const struct ca_log_tiles *t, uint64_t index, uint64_t size,
                     struct tm_merkle_hash *out, struct tm_err *e)
{
    struct view v;
    view_init(&v, t, size);
    return subtree(&v, 0, index, out, e);
}

int ca_log_tree_inclusion(const struct ca_log_tiles *t, uint64_t index, uint64_t size,
                          struct ca_log_proof *out, struct tm_err *e)
{
    struct tm_merkle_range r[MERKLE_PROOF_MAX];
    if (index >= size || size > LOG_SIZE_MAX)
        return tm_err_set(e, "entry %" PRIu64 " is not in a tree of %" PRIu64, index, size);
    out->count = tm_ranges_inclusion(index, size, r);
    return prove(t, size, r, out->count, out->hash, e);
}

int ca_log_tree_consistency(const struct ca_log_tiles *t, uint64_t old_size, uint64_t new_size,
                            struct ca_log_proof *out, struct tm_err *e)
{
    struct tm_merkle_range r[MERKLE_PROOF_MAX];
    if (old_size > new_size || new_size > LOG_SIZE_MAX)
        return tm_err_set(e, "no tree of %" PRIu64 " comes before one of %" PRIu64, old_size,
                          new_size);
    out->count = tm_ranges_consistency(old_size, new_size, r);
    return prove(t, new_size, r, out->count, out->hash, e);
}

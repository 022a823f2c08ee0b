#include "ca/log/monitor/tiles.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/transparency/ranges.h"

#define CACHED 32
#define LEVEL_BITS 8 /* one tile level is eight tree levels */
#define TILE_BYTES ((size_t)TILE_WIDTH * MERKLE_HASH)

struct cached {
    int level;
    uint64_t index;
    unsigned width; /* hashes that are there; 0: nothing is cached here */
    uint64_t used;  /* when, for eviction */
    struct tm_merkle_hash hash[TILE_WIDTH];
};

struct ca_tiles {
    struct ca_store *store;
    int data_level;
    uint64_t tick;
    struct cached cached[CACHED];
};

struct ca_tiles *ca_tiles_new(struct ca_store *s, struct tm_err *e)
{
    struct ca_tiles *t = calloc(1, sizeof(*t));
    if (t == NULL)
        tm_err_set(e, "out of memory");
    else
        *t = (struct ca_tiles){.store = s, .data_level = TILE_LEVEL_DATA};
    return t;
}

int ca_tiles_data_level(const struct ca_tiles *t)
{
    return t->data_level;
}

void ca_tiles_set_data_level(struct ca_tiles *t, int level)
{
    t->data_level = level;
}

void ca_tiles_free(struct ca_tiles *t)
{
    free(t);
}

void ca_tiles_forget(struct ca_tiles *t)
{
    for (size_t i = 0; i < CACHED; i++)
        t->cached[i].width = 0;
}

unsigned ca_tile_width(uint64_t tree_size, int level, uint64_t index)
{
    unsigned shift = level < 0 ? 0 : (unsigned)level * LEVEL_BITS;
    uint64_t nodes = shift < 64 ? tree_size >> shift : 0;
    uint64_t full = nodes / TILE_WIDTH;
    if (index < full)
        return TILE_WIDTH;
    return index == full ? (unsigned)(nodes % TILE_WIDTH) : 0;
}

int ca_tiles_read(struct ca_tiles *t, uint64_t tree_size, int level, uint64_t index,
                  struct tm_buf *out, struct tm_err *e)
{
    char path[TILE_PATH_MAX];
    char name[512];
    size_t max = level < 0 ? TILE_DATA_MAX : TILE_BYTES;
    unsigned width = ca_tile_width(tree_size, level, index);
    if (width == 0)
        return tm_err_set(e, "a tree of %" PRIu64 " has no tile %" PRIu64 " of level %d", tree_size,
                          index, level);
    tm_tile_path(level, index, width, path);
    int rc = ca_store_get(t->store, path, max, out, e);
    if (rc == 0 && width < TILE_WIDTH) {
        char full[TILE_PATH_MAX];
        tm_tile_path(level, index, TILE_WIDTH, full);
        rc = ca_store_get(t->store, full, max, out, e);
    }
    ca_store_name(t->store, path, name, sizeof(name));
    if (rc == 0)
        return tm_err_set(e, "'%s' is missing", name);
    return rc < 0 ? tm_err_wrap(e, "read tile") : 0;
}

void ca_tiles_want_data(struct ca_tiles *t, uint64_t tree_size, uint64_t index)
{
    char path[TILE_PATH_MAX];
    unsigned width = ca_tile_width(tree_size, t->data_level, index);
    if (width == 0)
        return;
    tm_tile_path(t->data_level, index, width, path);
    ca_store_want(t->store, path, TILE_DATA_MAX);
}

static struct cached *find_cached(struct ca_tiles *t, int level, uint64_t index, unsigned width)
{
    struct cached *oldest = &t->cached[0];
    for (size_t i = 0; i < CACHED; i++) {
        struct cached *c = &t->cached[i];
        if (c->level == level && c->index == index && c->width >= width)
            return c;
        if (c->used < oldest->used)
            oldest = c;
    }
    oldest->width = 0;
    return oldest;
}

/* The tile of hashes, from the cache or the store. */
static const struct cached *load(struct ca_tiles *t, uint64_t tree_size, int level, uint64_t index,
                                 struct tm_err *e)
{
    unsigned width = ca_tile_width(tree_size, level, index);
    struct cached *c = find_cached(t, level, index, width);
    c->used = ++t->tick;
    if (c->width > 0)
        return c;
    struct tm_buf b = {0};
    int rc = ca_tiles_read(t, tree_size, level, index, &b, e);
    if (rc == 0 && (b.len % MERKLE_HASH != 0 || b.len < width * (size_t)MERKLE_HASH)) {
        char path[TILE_PATH_MAX];
        char name[512];
        tm_tile_path(level, index, width, path);
        ca_store_name(t->store, path, name, sizeof(name));
        rc =
            tm_err_set(e, "'%s' has %zu bytes, want %zu", name, b.len, width * (size_t)MERKLE_HASH);
    }
    if (rc == 0) {
        c->level = level;
        c->index = index;
        c->width = (unsigned)(b.len / MERKLE_HASH);
        memcpy(c->hash, b.data, b.len);
    }
    tm_buf_free(&b);
    return rc == 0 ? c : NULL;
}

int ca_tiles_node(struct ca_tiles *t, uint64_t tree_size, unsigned level, uint64_t index,
                  struct tm_merkle_hash *out, struct tm_err *e)
{
    struct tm_merkle_hash h[TILE_WIDTH / 2];
    unsigned below = level % LEVEL_BITS;
    uint64_t first = index << below;
    const struct cached *c = load(t, tree_size, (int)(level / LEVEL_BITS), first / TILE_WIDTH, e);
    if (c == NULL)
        return -1;
    const struct tm_merkle_hash *from = &c->hash[first % TILE_WIDTH];
    size_t n = (size_t)1 << below;
    if (n == 1) {
        *out = *from;
        return 0;
    }
    for (n /= 2; n > 0; n /= 2) {
        for (size_t i = 0; i < n; i++)
            tm_merkle_node(&from[2 * i], &from[2 * i + 1], &h[i]);
        from = h;
    }
    *out = h[0];
    return 0;
}

struct view { /* the tiles as those of one tree */
    struct ca_tiles *tiles;
    uint64_t size;
};

static int subtree(void *ctx, unsigned height, uint64_t index, struct tm_merkle_hash *out,
                   struct tm_err *e)
{
    struct view *v = ctx;
    return ca_tiles_node(v->tiles, v->size, height, index, out, e);
}

int ca_tiles_frontier(struct ca_tiles *t, uint64_t tree_size, uint64_t size,
                      struct tm_frontier *out, struct tm_err *e)
{
    struct view v = {t, tree_size};
    const struct tm_merkle_subtrees subtrees = {subtree, &v};
    size_t n = 0;
    out->size = size;
    return tm_ranges_peaks(&subtrees, (struct tm_merkle_range){0, size}, out->peak, &n, e);
}

int ca_tiles_inclusion(struct ca_tiles *t, uint64_t tree_size, uint64_t index,
                       struct tm_merkle_hash *proof, size_t *count, struct tm_err *e)
{
    struct view v = {t, tree_size};
    const struct tm_merkle_subtrees subtrees = {subtree, &v};
    struct tm_merkle_range r[MERKLE_PROOF_MAX];
    *count = tm_ranges_inclusion(index, tree_size, r);
    return tm_ranges_roots(&subtrees, r, *count, proof, e);
}

int ca_tiles_consistency(struct ca_tiles *t, uint64_t old_size, uint64_t new_size,
                         struct tm_merkle_hash *proof, size_t *count, struct tm_err *e)
{
    struct view v = {t, new_size};
    const struct tm_merkle_subtrees subtrees = {subtree, &v};
    struct tm_merkle_range r[MERKLE_PROOF_MAX];
    *count = tm_ranges_consistency(old_size, new_size, r);
    return tm_ranges_roots(&subtrees, r, *count, proof, e);
}

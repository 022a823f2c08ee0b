#include "ca/log/engine/prover.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/transparency/ranges.h"

#define SLOTS 32 /* tiles; at a tree's edge each level has one or two of interest */

/* A tile with the nodes above its hashes, all that are perfect subtrees. */
struct slot {
    unsigned level, width; /* width 0: empty */
    uint64_t n;
    uint64_t used;                             /* the newest use is the largest */
    struct tm_merkle_hash node[8][TILE_WIDTH]; /* [h][i]: the i-th of 2^h hashes */
};

struct ca_log_prover {
    struct ca_log_dir dir;
    pthread_mutex_t lock; /* of all that follows */
    uint64_t uses;
    struct slot *slots;
};

struct asking {
    struct ca_log_prover *p;
    uint64_t size;
};

struct ca_log_prover *ca_log_prover_new(const char *directory, int tile_level, struct tm_err *e)
{
    struct ca_log_prover *p = calloc(1, sizeof(*p));
    if (p != NULL)
        p->slots = calloc(SLOTS, sizeof(*p->slots));
    if (p == NULL || p->slots == NULL) {
        free(p);
        return tm_err_null(e, "out of memory");
    }
    p->dir = (struct ca_log_dir){.path = directory, .tile_level = tile_level};
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

void ca_log_prover_free(struct ca_log_prover *p)
{
    if (p == NULL)
        return;
    pthread_mutex_destroy(&p->lock);
    free(p->slots);
    free(p);
}

/* The slot of this tile, or the one used longest ago. A wider tile serves a narrower one: what was
 * published does not change. */
static struct slot *find(struct ca_log_prover *p, unsigned level, uint64_t n, unsigned width,
                         bool *there)
{
    struct slot *oldest = &p->slots[0];
    *there = false;
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *s = &p->slots[i];
        if (s->width > 0 && s->level == level && s->n == n) {
            *there = s->width >= width;
            return s;
        }
        if (s->used < oldest->used)
            oldest = s;
    }
    return oldest;
}

static void fill_nodes(struct slot *s)
{
    for (unsigned h = 1; h < 8; h++) {
        for (unsigned i = 0; i < s->width >> h; i++)
            tm_merkle_node(&s->node[h - 1][2 * i], &s->node[h - 1][2 * i + 1], &s->node[h][i]);
    }
}

static struct slot *tile_of(const struct asking *a, unsigned level, uint64_t n, unsigned width,
                            struct tm_err *e)
{
    bool there;
    struct slot *s = find(a->p, level, n, width, &there);
    s->used = ++a->p->uses;
    if (there)
        return s;
    struct ca_log_dir dir = a->p->dir;
    dir.size = a->size;
    struct ca_log_tiles tiles = ca_log_dir_tiles(&dir);
    *s = (struct slot){.level = level, .n = n, .used = s->used};
    if (tiles.hashes(tiles.ctx, level, n, width, s->node[0], e) != 0)
        return NULL;
    s->width = width;
    fill_nodes(s);
    return s;
}

static int subtree(void *ctx, unsigned height, uint64_t i, struct tm_merkle_hash *out,
                   struct tm_err *e)
{
    const struct asking *a = ctx;
    unsigned level = height / 8;
    unsigned h = height % 8;
    uint64_t first = i << h; /* hash of the tile's level */
    uint64_t n = first / TILE_WIDTH;
    unsigned width = level < LOG_TILE_LEVELS ? ca_log_tile_width(a->size, level, n) : 0;
    unsigned at = (unsigned)(first % TILE_WIDTH);
    if (width < at + (1U << h))
        return tm_err_set(e, "tree of %" PRIu64 ": it has no such subtree", a->size);
    const struct slot *s = tile_of(a, level, n, width, e);
    if (s == NULL)
        return -1;
    *out = s->node[h][at >> h];
    return 0;
}

int ca_log_prover_inclusion(struct ca_log_prover *p, uint64_t index, uint64_t size,
                            struct ca_log_proof *out, struct tm_err *e)
{
    struct tm_merkle_range r[MERKLE_PROOF_MAX];
    struct asking a = {p, size};
    const struct tm_merkle_subtrees subtrees = {subtree, &a};
    if (index >= size || size > LOG_SIZE_MAX)
        return tm_err_set(e, "entry %" PRIu64 " is not in a tree of %" PRIu64, index, size);
    out->count = tm_ranges_inclusion(index, size, r);
    pthread_mutex_lock(&p->lock);
    int rc = tm_ranges_roots(&subtrees, r, out->count, out->hash, e);
    pthread_mutex_unlock(&p->lock);
    return rc;
}

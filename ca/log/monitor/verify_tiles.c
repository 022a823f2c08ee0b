/*
 * The tree from the data up. Each level gathers 256 hashes; a full row is held against the tile
 * that stores it and its root goes one level up. Where both differ, the level above says which
 * of the two is wrong, because it keeps the root of the row.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/monitor/verify_internal.h"

#define LEVELS 8 /* of tiles: 2^64 leaves */

struct row {
    struct tm_merkle_hash hash[TILE_WIDTH];
    unsigned count;
    uint64_t index; /* of the tile that it is */
};

struct walk {
    struct ca_verifier *v;
    struct ca_tiles *tiles;
    uint64_t size; /* of the signed tree */
    uint64_t done; /* leaves so far */
    struct row level[LEVELS];
};

static void name_tile(struct walk *w, int level, uint64_t index, char out[512])
{
    char path[TILE_PATH_MAX];
    tm_tile_path(level, index, ca_tile_width(w->size, level, index), path);
    ca_store_name(ca_log_source_store(w->v->o->source), path, out, 512);
}

static void row_root(const struct tm_merkle_hash *hash, unsigned count, struct tm_merkle_hash *out)
{
    struct tm_frontier f = {0};
    for (unsigned i = 0; i < count; i++)
        tm_frontier_add(&f, &hash[i]);
    tm_frontier_root(&f, out);
}

/* The root of the leaves so far, from the rows that are not full. */
static void rows_root(const struct walk *w, struct tm_merkle_hash *out)
{
    struct tm_frontier f = {.size = w->done};
    size_t peak = 0;
    for (unsigned level = LEVELS; level-- > 0;) {
        const struct row *row = &w->level[level];
        unsigned at = 0;
        for (unsigned width = TILE_WIDTH / 2; width > 0; width /= 2) {
            if ((row->count & width) == 0)
                continue;
            row_root(&row->hash[at], width, &f.peak[peak++]);
            at += width;
        }
    }
    tm_frontier_root(&f, out);
}

static bool is_signed_root(const struct walk *w)
{
    struct tm_merkle_hash root;
    rows_root(w, &root);
    return w->done == w->size && tm_merkle_equal(&root, &w->v->o->head->tree.root);
}

enum truth { RECOMPUTED_IS_RIGHT, STORED_IS_RIGHT, NOT_KNOWN };

/* A row of the right edge has only the signed root above it. */
static enum truth ask_root(struct walk *w, struct row *row, const struct tm_merkle_hash *stored)
{
    struct row kept = *row;
    if (is_signed_root(w))
        return RECOMPUTED_IS_RIGHT;
    memcpy(row->hash, stored, row->count * sizeof(*stored));
    bool right = is_signed_root(w);
    *row = kept;
    return right ? STORED_IS_RIGHT : NOT_KNOWN;
}

static enum truth ask_above(struct walk *w, struct row *row, unsigned level,
                            const struct tm_merkle_hash *stored)
{
    struct tm_merkle_hash above;
    struct tm_merkle_hash root;
    struct tm_err ignored;
    if (row->count < TILE_WIDTH)
        return ask_root(w, row, stored);
    if (ca_tiles_node(w->tiles, w->size, 8 * (level + 1), row->index, &above, &ignored) != 0)
        return NOT_KNOWN;
    row_root(row->hash, row->count, &root);
    if (tm_merkle_equal(&root, &above))
        return RECOMPUTED_IS_RIGHT;
    row_root(stored, row->count, &root);
    return tm_merkle_equal(&root, &above) ? STORED_IS_RIGHT : NOT_KNOWN;
}

static void report_difference(struct walk *w, unsigned level, const struct row *row, unsigned i,
                              enum truth truth)
{
    char tile[512];
    char below[512];
    uint64_t at = row->index * TILE_WIDTH + i;
    name_tile(w, (int)level, row->index, tile);
    if (level == 0)
        name_tile(w, ca_tiles_data_level(w->tiles), row->index, below);
    else
        name_tile(w, (int)level - 1, at, below);
    if (truth == RECOMPUTED_IS_RIGHT)
        ca_verify_fault(w->v, "'%s': hash %u is wrong: what is under it ('%s') is right", tile, i,
                        below);
    else if (level == 0)
        ca_verify_fault(w->v, "'%s': entry %" PRIu64 " is not what %s says ('%s', hash %u)", below,
                        at, truth == STORED_IS_RIGHT ? "the signed tree" : "its hash", tile, i);
    else
        ca_verify_fault(w->v, "'%s': hash %u is not the root of '%s'", tile, i, below);
}

static void compare_row(struct walk *w, unsigned level, struct row *row,
                        const struct tm_merkle_hash *stored)
{
    enum truth truth = ask_above(w, row, level, stored);
    for (unsigned i = 0; i < row->count; i++) {
        if (!tm_merkle_equal(&stored[i], &row->hash[i]))
            report_difference(w, level, row, i, truth);
    }
    if (truth == STORED_IS_RIGHT)
        memcpy(row->hash, stored, row->count * sizeof(*stored));
}

/* Holds a row against its tile; leaves in it what the level above is to be built from. */
static void check_row(struct walk *w, unsigned level, struct row *row)
{
    struct tm_buf b = {0};
    struct tm_err why;
    char name[512];
    size_t want = row->count * (size_t)MERKLE_HASH;
    name_tile(w, (int)level, row->index, name);
    w->v->report->tiles++;
    if (ca_tiles_read(w->tiles, w->size, (int)level, row->index, &b, &why) != 0)
        ca_verify_fault(w->v, "%s", why.text);
    else if (b.len != want && b.len != TILE_WIDTH * (size_t)MERKLE_HASH)
        ca_verify_fault(w->v, "'%s' has %zu bytes, want %zu", name, b.len, want);
    else if (memcmp(b.data, row->hash, want) != 0) {
        struct tm_merkle_hash stored[TILE_WIDTH];
        memcpy(stored, b.data, want);
        compare_row(w, level, row, stored);
    }
    tm_buf_free(&b);
}

static void add(struct walk *w, unsigned level, const struct tm_merkle_hash *hash)
{
    struct row *row = &w->level[level];
    row->hash[row->count++] = *hash;
    if (row->count < TILE_WIDTH)
        return;
    struct tm_merkle_hash root;
    check_row(w, level, row);
    row_root(row->hash, row->count, &root);
    row->count = 0;
    row->index++;
    if (level + 1 < LEVELS)
        add(w, level + 1, &root);
}

/* The hash of an entry whose data cannot be read: the stored one, so that the rest is checked. */
static void stored_leaf(struct walk *w, uint64_t index, struct tm_merkle_hash *out)
{
    struct tm_err ignored;
    if (ca_tiles_node(w->tiles, w->size, 0, index, out, &ignored) != 0)
        memset(out, 0, sizeof(*out));
}

static void check_older_here(struct walk *w)
{
    const struct ca_verify_options *o = w->v->o;
    for (size_t i = 0; i < o->older_count; i++) {
        struct tm_merkle_hash root;
        if (o->older[i].tree.size != w->done)
            continue;
        rows_root(w, &root);
        if (!tm_merkle_equal(&root, &o->older[i].tree.root))
            ca_verify_fault(w->v,
                            "FORK: the tree has another root hash at size %" PRIu64
                            " than an older checkpoint signed",
                            w->done);
    }
}

static int take_entry(int level, struct tm_bytes *tile, struct tm_entry *n, struct tm_err *why)
{
    return level == TILE_LEVEL_DATA ? tm_entry_take_tile_leaf(tile, n, why)
                                    : tm_entry_take_text(tile, n, why);
}

static void walk_data_tile(struct walk *w, uint64_t index)
{
    struct tm_buf b = {0};
    struct tm_err why = {0};
    char name[512];
    struct tm_entry n;
    struct tm_merkle_hash leaf;
    int level = ca_tiles_data_level(w->tiles);
    unsigned width = ca_tile_width(w->size, level, index);
    name_tile(w, level, index, name);
    w->v->report->tiles++;
    bool whole = ca_tiles_read(w->tiles, w->size, level, index, &b, &why) == 0;
    if (!whole)
        ca_verify_fault(w->v, "%s", why.text);
    struct tm_bytes tile = bytes_of(b.data, b.len);
    for (unsigned i = 0; i < width; i++) {
        int got = whole ? take_entry(level, &tile, &n, &why) : 0;
        if (got > 0) {
            w->v->report->entries++;
            ca_verify_entry(w->v, w->done, &n, name);
            tm_entry_leaf_hash(&n, &leaf);
        } else {
            if (whole)
                ca_verify_fault(w->v, "'%s': entry %" PRIu64 ": %s; nothing after it can be read",
                                name, w->done, got < 0 ? why.text : "the tile ends before it");
            whole = false;
            stored_leaf(w, w->done, &leaf);
        }
        w->done++;
        add(w, 0, &leaf);
        check_older_here(w);
    }
    if (whole && width == TILE_WIDTH && tile.left > 0)
        ca_verify_fault(w->v, "'%s' has %zu bytes after its last entry", name, tile.left);
    tm_buf_free(&b);
}

/* The rows that are not full are partial tiles. */
static void finish(struct walk *w)
{
    for (unsigned level = 0; level < LEVELS; level++) {
        if (w->level[level].count > 0)
            check_row(w, level, &w->level[level]);
    }
    if (!is_signed_root(w))
        ca_verify_fault(
            w->v, "the %" PRIu64 " entries do not have the root hash that is signed%s", w->size,
            w->v->report->faults > 0 ? " (see above)"
                                     : ": entries and tiles agree with each other, so "
                                       "they were changed together, or are another log's");
}

int ca_verify_tiles(struct ca_verifier *v, struct tm_err *e)
{
    struct walk *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return tm_err_set(e, "out of memory");
    w->v = v;
    w->tiles = ca_log_source_tiles(v->o->source);
    w->size = v->o->head->tree.size;
    check_older_here(w); /* a checkpoint of the empty tree */
    for (uint64_t i = 0; i * TILE_WIDTH < w->size; i++) {
        for (uint64_t ahead = 0; ahead < STORE_AHEAD; ahead++)
            ca_tiles_want_data(w->tiles, w->size, i + ahead);
        walk_data_tile(w, i);
        if (v->o->progress != NULL && i % 256 == 255)
            v->o->progress(v->o->ctx, w->done);
    }
    finish(w);
    free(w);
    return 0;
}

/* A log in tiles: static-ct-api or tlog-tiles, in a directory or over HTTP. */
#include <inttypes.h>
#include <stdlib.h>

#include "ca/log/monitor/head.h"
#include "ca/log/monitor/source_internal.h"
#include "common/transparency/note.h"

static int tiles_checkpoint(struct ca_log_source *s, struct tm_buf *note, struct tm_err *e)
{
    char name[512];
    ca_tiles_forget(s->tiles);
    int rc = ca_store_get(s->store, "checkpoint", NOTE_BYTES_MAX, note, e);
    ca_store_name(s->store, "checkpoint", name, sizeof(name));
    if (rc > 0 && ca_head_is_plain(note->data, note->len))
        ca_tiles_set_data_level(s->tiles, TILE_LEVEL_ENTRIES);
    if (rc != 0)
        return rc > 0 ? 0 : -1;
    tm_err_set(e, "'%s' is missing: this is not a log", name);
    return tm_err_mark(e, ERR_UNAVAILABLE);
}

static int consistency(struct ca_log_source *s, uint64_t old_size, uint64_t new_size,
                       struct tm_merkle_hash *proof, size_t *count, struct tm_err *e)
{
    return ca_tiles_consistency(s->tiles, old_size, new_size, proof, count, e);
}

static int frontier(struct ca_log_source *s, uint64_t tree_size, uint64_t size,
                    struct tm_frontier *out, struct tm_err *e)
{
    return ca_tiles_frontier(s->tiles, tree_size, size, out, e);
}

/* A tile's entries from its `skip`-th on, at most `count`; parses `out->raw`, a tile of `level`. */
static int parse_tile(struct ca_log_batch *out, int level, size_t skip, size_t count,
                      struct tm_err *e)
{
    struct tm_bytes tile = bytes_of(out->raw.data, out->raw.len);
    struct tm_entry n;
    out->entry = calloc(count, sizeof(*out->entry));
    if (out->entry == NULL)
        return tm_err_set(e, "out of memory");
    for (size_t i = 0; i < skip + count; i++) {
        int rc = level == TILE_LEVEL_DATA ? tm_entry_take_tile_leaf(&tile, &n, e)
                                          : tm_entry_take_text(&tile, &n, e);
        if (rc == 0)
            tm_err_set(e, "the tile ends before it");
        if (rc <= 0)
            return tm_err_wrap(e, "'%s': entry %" PRIu64, out->where, out->first - skip + i);
        if (i >= skip)
            out->entry[out->count++] = n;
    }
    return 0;
}

static int entries(struct ca_log_source *s, uint64_t tree_size, uint64_t first, uint64_t end,
                   struct ca_log_batch *out, struct tm_err *e)
{
    char path[TILE_PATH_MAX];
    int level = ca_tiles_data_level(s->tiles);
    uint64_t index = first / TILE_WIDTH;
    unsigned width = ca_tile_width(tree_size, level, index);
    size_t skip = first % TILE_WIDTH;
    uint64_t stop = index * TILE_WIDTH + width;
    for (uint64_t i = 0; i < STORE_AHEAD && (index + i) * TILE_WIDTH < end; i++)
        ca_tiles_want_data(s->tiles, tree_size, index + i);
    if (ca_tiles_read(s->tiles, tree_size, level, index, &out->raw, e) != 0)
        return -1;
    tm_tile_path(level, index, width, path);
    ca_store_name(s->store, path, out->where, sizeof(out->where));
    return parse_tile(out, level, skip, (size_t)((end < stop ? end : stop) - first), e);
}

const struct ca_source_ops ca_source_tiles_ops = {tiles_checkpoint, consistency, frontier, entries};

#include "ca/log/engine/edge.h"

#include <string.h>

void ca_log_run_root(const struct tm_merkle_hash *hash, unsigned count, struct tm_merkle_hash *out)
{
    struct tm_merkle_hash row[TILE_WIDTH];
    memcpy(row, hash, count * sizeof(*hash));
    for (; count > 1; count /= 2) {
        for (size_t i = 0; i < count / 2; i++)
            tm_merkle_node(&row[2 * i], &row[2 * i + 1], &row[i]);
    }
    *out = row[0];
}

unsigned ca_log_edge_add(struct ca_log_edge *edge, const struct tm_merkle_hash *leaf)
{
    struct tm_merkle_hash h = *leaf;
    uint64_t at = edge->size++;
    for (unsigned level = 0; level < LOG_TILE_LEVELS; level++) {
        unsigned i = (unsigned)(at % TILE_WIDTH);
        edge->tile[level][i] = h;
        if (i + 1 < TILE_WIDTH)
            return level;
        ca_log_run_root(edge->tile[level], TILE_WIDTH, &h);
        at /= TILE_WIDTH;
    }
    return LOG_TILE_LEVELS;
}

void ca_log_edge_root(const struct ca_log_edge *edge, struct tm_merkle_hash *out)
{
    bool any = false;
    tm_merkle_empty(out);
    /* Each set bit of the size is a perfect subtree, the smallest at the right. */
    for (unsigned height = 0; height < 8 * LOG_TILE_LEVELS; height++) {
        if ((edge->size >> height & 1) == 0)
            continue;
        unsigned count = 1U << (height % 8);
        uint64_t hashes = edge->size >> (height / 8 * 8);
        unsigned at = (unsigned)(hashes % TILE_WIDTH) & ~(2 * count - 1);
        struct tm_merkle_hash part;
        ca_log_run_root(edge->tile[height / 8] + at, count, &part);
        if (any)
            tm_merkle_node(&part, out, out);
        else
            *out = part;
        any = true;
    }
}

int ca_log_edge_load(struct ca_log_edge *edge, const struct ca_log_tiles *t, uint64_t size,
                     struct tm_err *e)
{
    edge->size = size;
    for (unsigned level = 1; level < LOG_TILE_LEVELS; level++) {
        uint64_t hashes = size >> (8 * level);
        uint64_t first = hashes - hashes % TILE_WIDTH;
        for (uint64_t i = first; i < hashes; i++) {
            struct tm_merkle_hash below[TILE_WIDTH];
            if (t->hashes(t->ctx, level - 1, i, TILE_WIDTH, below, e) != 0)
                return -1;
            ca_log_run_root(below, TILE_WIDTH, &edge->tile[level][i - first]);
        }
    }
    return 0;
}

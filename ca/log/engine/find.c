/* From a leaf hash to its position: the index's runs, then the tiles that it does not reach. */
#include <inttypes.h>
#include <unistd.h>

#include "ca/log/engine/index.h"
#include "ca/log/engine/reader.h"

#define WINDOW 256 /* records read at once */

struct search {
    struct ca_log_dir *dir;
    const struct tm_merkle_hash *leaf;
    uint64_t key; /* its first 8 bytes */
    uint64_t found;
};

static uint64_t be64(const unsigned char *p)
{
    uint64_t v = 0;
    for (size_t i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

/* 1: entry `at` has the hash that is looked for. */
static int check(struct search *s, uint64_t at, struct tm_err *e)
{
    struct tm_merkle_hash h;
    struct ca_log_tiles t = ca_log_dir_tiles(s->dir);
    if (at >= s->dir->size)
        return 0;
    if (ca_log_tree_leaf(&t, at, s->dir->size, &h, e) != 0)
        return -1;
    if (!tm_merkle_equal(&h, s->leaf))
        return 0;
    s->found = at;
    return 1;
}

static int scan_window(struct search *s, const unsigned char *rec, uint64_t n, struct tm_err *e)
{
    int rc = 0;
    for (uint64_t i = 0; i < n && rc == 0; i++) {
        if (be64(rec + i * INDEX_RECORD) == s->key)
            rc = check(s, be64(rec + i * INDEX_RECORD + 8), e);
    }
    return rc;
}

/* Hashes are evenly spread, so the key itself tells about where its record is. */
static uint64_t guess(uint64_t key, uint64_t lo, uint64_t lo_key, uint64_t hi, uint64_t hi_key)
{
    if (hi_key <= lo_key || key <= lo_key)
        return lo;
    unsigned __int128 span = (unsigned __int128)(key - lo_key) * (hi - lo);
    uint64_t at = lo + (uint64_t)(span / (hi_key - lo_key));
    return at < hi ? at : hi - 1;
}

static int search_run(struct search *s, int fd, uint64_t count, struct tm_err *e)
{
    unsigned char rec[WINDOW * INDEX_RECORD];
    uint64_t lo = 0;
    uint64_t hi = count;
    uint64_t lo_key = 0;
    uint64_t hi_key = UINT64_MAX;
    while (lo < hi) {
        uint64_t at = guess(s->key, lo, lo_key, hi, hi_key);
        uint64_t start = at > lo + WINDOW / 2 ? at - WINDOW / 2 : lo;
        uint64_t n = hi - start < WINDOW ? hi - start : WINDOW;
        if (pread(fd, rec, n * INDEX_RECORD, (off_t)(start * INDEX_RECORD)) !=
            (ssize_t)(n * INDEX_RECORD))
            return tm_err_errno(e, "read the index of leaf hashes");
        uint64_t first = be64(rec);
        uint64_t last = be64(rec + (n - 1) * INDEX_RECORD);
        if (start > lo && s->key <= first) {
            hi = start + 1; /* keeps a record: equal keys may lie on both sides */
            hi_key = first;
        } else if (start + n < hi && s->key >= last) {
            lo = start + n - 1;
            lo_key = last;
        } else {
            return scan_window(s, rec, n, e);
        }
    }
    return 0;
}

static int search_tiles(struct search *s, uint64_t from, struct tm_err *e)
{
    struct ca_log_tiles t = ca_log_dir_tiles(s->dir);
    for (uint64_t n = from / TILE_WIDTH; n * TILE_WIDTH < s->dir->size; n++) {
        struct tm_merkle_hash h[TILE_WIDTH];
        unsigned width = ca_log_tile_width(s->dir->size, 0, n);
        if (t.hashes(t.ctx, 0, n, width, h, e) != 0)
            return -1;
        for (unsigned i = 0; i < width; i++) {
            if (tm_merkle_equal(&h[i], s->leaf)) {
                s->found = n * TILE_WIDTH + i;
                return 1;
            }
        }
    }
    return 0;
}

void ca_log_runs_close(struct ca_log_runs *r)
{
    for (size_t i = 0; i < r->count; i++)
        close(r->run[i].fd);
    *r = (struct ca_log_runs){0};
}

/* The runs from the first entry on, as far as they reach and the tree goes. */
static void open_runs(struct ca_log_runs *r, const struct ca_log_dir *d)
{
    ca_log_runs_close(r);
    while (r->end < d->size && r->count < LOG_RUNS_MAX) {
        unsigned level = 0;
        int fd = ca_index_run_open(d->path, r->end, &level);
        if (fd < 0)
            return;
        r->run[r->count].fd = fd;
        r->run[r->count++].records = index_run_count(level);
        r->end += index_run_count(level);
    }
}

int ca_log_runs_find(struct ca_log_runs *r, struct ca_log_dir *d, const struct tm_merkle_hash *leaf,
                     uint64_t *index, struct tm_err *e)
{
    struct search s = {.dir = d, .leaf = leaf, .key = be64(leaf->b)};
    int rc = 0;
    if (d->size > r->end)
        open_runs(r, d);
    for (size_t i = 0; i < r->count && rc == 0; i++)
        rc = search_run(&s, r->run[i].fd, r->run[i].records, e);
    if (rc == 0 && r->end < d->size)
        rc = search_tiles(&s, r->end, e);
    if (rc == 1)
        *index = s.found;
    if (rc < 0)
        ca_log_runs_close(r); /* the files may have been mended */
    return rc;
}

int ca_log_dir_find(struct ca_log_dir *d, const struct tm_merkle_hash *leaf, uint64_t *index,
                    struct tm_err *e)
{
    struct ca_log_runs r = {0};
    int rc = ca_log_runs_find(&r, d, leaf, index, e);
    ca_log_runs_close(&r);
    return rc;
}

#include "ca/log/engine/recover.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"

/*
 * The log is its full tiles and the journal; the checkpoint (and the anchor, if there is
 * one) say what has been shown of it. Whatever was shown must be in the log with the same root
 * hash, and tiles must not hold more than the journal: else the directory is no longer the log
 * that was shown, and going on would fork it.
 */

#define LONG_AGO_MS (30 * UINT64_C(86400000))

struct shown { /* a tree head that somebody may have seen */
    const char *what;
    bool present, met;
    uint64_t size;
    struct tm_merkle_hash root;
};

struct replay {
    const struct ca_log_site *site;
    struct ca_log_growing *growing;
    struct shown shown[2];
    uint64_t shown_ms;  /* that the newer of them is dated */
    uint64_t last_ms;   /* timestamp of the last entry */
    uint64_t newest_ms; /* of those that are not excused */
    struct ca_log_dir dir;
};

/* A signed checkpoint of ours. */
static int read_shown(const struct ca_log_site *l, const char *path, struct shown *s,
                      uint64_t *time_ms, struct tm_err *e)
{
    struct tm_buf b = {0};
    struct tm_note n;
    struct tm_checkpoint c;
    int rc = tm_file_read(path, NOTE_BYTES_MAX, &b, e);
    if (rc == 0 && tm_note_parse(b.data, b.len, &n, e) == 0) {
        rc = tm_checkpoint_parse(&n, &c, e);
        if (rc == 0 && strcmp(c.origin, l->origin) != 0)
            rc = tm_err_set(e, "its origin is '%.128s'", c.origin);
        if (rc == 0)
            rc = tm_note_verify(&n, &l->note_key, time_ms, e);
        tm_note_free(&n);
    } else {
        rc = -1;
    }
    tm_buf_free(&b);
    if (rc != 0)
        return tm_err_wrap(e, "%s '%s'", s->what, path);
    s->present = true;
    s->size = c.size;
    s->root = c.root;
    return 0;
}

static int read_all_shown(struct replay *r, struct tm_err *e)
{
    const struct ca_log_site *l = r->site;
    struct shown *shown = r->shown;
    char path[PATH_MAX];
    uint64_t at[2] = {0, 0};
    shown[0].what = "checkpoint";
    shown[1].what = "anchor";
    if (tm_file_join(l->directory, LOG_CHECKPOINT, path, sizeof(path), e) != 0 ||
        read_shown(l, path, &shown[0], &at[0], e) != 0)
        return -1;
    if (l->anchor != NULL) {
        if (access(l->anchor, F_OK) == 0) {
            if (read_shown(l, l->anchor, &shown[1], &at[1], e) != 0)
                return -1;
        } else if (errno == ENOENT) {
            ca_log_say(l, JLOG_WARN, "the log's anchor is not there; it is made anew", NULL);
        } else {
            return tm_err_errno(e, "anchor '%s'", l->anchor);
        }
    }
    r->shown_ms = at[0] > at[1] ? at[0] : at[1];
    return 0;
}

static int compare(struct shown *s, const struct tm_merkle_hash *root, struct tm_err *e)
{
    s->met = true;
    if (tm_merkle_equal(&s->root, root))
        return 0;
    return tm_err_set(e,
                      "the first %" PRIu64 " entries have another root hash than the %s says: the "
                      "data is damaged or not this log's",
                      s->size, s->what);
}

/* Tree heads of the size that the tree in memory has now. */
static int meet(struct replay *r, struct tm_err *e)
{
    const struct ca_log_edge *edge = ca_log_growing_edge(r->growing);
    for (size_t i = 0; i < 2; i++) {
        struct shown *s = &r->shown[i];
        struct tm_merkle_hash root;
        if (!s->present || s->met || s->size != edge->size)
            continue;
        ca_log_edge_root(edge, &root);
        if (compare(s, &root, e) != 0)
            return -1;
    }
    return 0;
}

/* Full tiles from the directory, the right edge from memory. */
static int edge_hashes(void *ctx, unsigned level, uint64_t n, unsigned width,
                       struct tm_merkle_hash *out, struct tm_err *e)
{
    struct replay *r = ctx;
    const struct ca_log_edge *edge = ca_log_growing_edge(r->growing);
    if (ca_log_tile_width(edge->size, level, n) < TILE_WIDTH) {
        memcpy(out, edge->tile[level], width * sizeof(*out));
        return 0;
    }
    struct ca_log_tiles t = ca_log_dir_tiles(&r->dir);
    return t.hashes(t.ctx, level, n, width, out, e);
}

/* The tree before the journal, and the tree heads that lie before its end. */
static int begin(void *ctx, uint64_t base, struct tm_err *e)
{
    struct replay *r = ctx;
    r->dir = (struct ca_log_dir){.path = r->site->directory, .size = base};
    struct ca_log_tiles tiles = ca_log_dir_tiles(&r->dir);
    if (ca_log_growing_load(r->growing, &tiles, base, e) != 0)
        return tm_err_wrap(e, "tiles before the journal, which begins at entry %" PRIu64, base);
    struct ca_log_tiles known = {.ctx = r, .hashes = edge_hashes};
    for (size_t i = 0; i < 2; i++) {
        struct tm_merkle_hash root;
        struct shown *s = &r->shown[i];
        if (s->present && s->size < base &&
            (ca_log_tree_root(&known, s->size, &root, e) != 0 || compare(s, &root, e) != 0))
            return -1;
    }
    return meet(r, e);
}

static int replay_group(void *ctx, uint64_t first, uint32_t count, const unsigned char *data,
                        size_t len, struct tm_err *e)
{
    struct replay *r = ctx;
    struct tm_bytes in = bytes_of(data, len);
    for (uint32_t i = 0; i < count; i++) {
        struct ca_log_leaf leaf;
        const unsigned char *from = in.p;
        if (r->site->format->take(&in, first + i, &leaf, e) != 0)
            return tm_err_set(e, "entry %" PRIu64 " is damaged", first + i);
        if (ca_log_growing_add(r->growing, from, (size_t)(in.p - from), &leaf) != 0)
            return tm_err_set(e, "out of memory");
        r->last_ms = leaf.timestamp_ms;
        if (r->last_ms > r->newest_ms && !ca_log_excused(&r->site->excuse, r->last_ms))
            r->newest_ms = r->last_ms;
        if (meet(r, e) != 0)
            return -1;
    }
    return tm_bytes_end(&in) ? 0 : tm_err_set(e, "bytes follow the entries of a group");
}

static int check_met(const struct replay *r, struct tm_err *e)
{
    uint64_t size = ca_log_growing_size(r->growing);
    for (size_t i = 0; i < 2; i++) {
        const struct shown *s = &r->shown[i];
        if (s->present && !s->met)
            return tm_err_set(e,
                              "it holds %" PRIu64 " entries, but its %s is of %" PRIu64 ": "
                              "it is an older copy. Going on would fork the log: bring back the "
                              "newest copy, or start a new log under a new origin and key",
                              size, s->what, s->size);
    }
    return 0;
}

static int beyond(uint64_t size, const char *name, struct tm_err *e)
{
    return tm_err_set(e,
                      "%s holds entries beyond the journal's %" PRIu64 ": " LOG_STATE " is of an "
                      "older copy than the tiles. Going on would fork the log",
                      name, size);
}

/* Tiles are written after the journal, so there can be none that it does not know of. */
static int check_tiles(const struct replay *r, struct tm_err *e)
{
    char name[TILE_PATH_MAX];
    char path[PATH_MAX];
    uint64_t size = ca_log_growing_size(r->growing);
    uint64_t n = size / TILE_WIDTH;
    tm_tile_path(0, n, TILE_WIDTH, name);
    if (tm_file_join(r->site->directory, name, path, sizeof(path), e) != 0)
        return -1;
    if (access(path, F_OK) == 0)
        return beyond(size, name, e);
    tm_tile_path(0, n, 1, name);
    *strrchr(name, '/') = '\0';
    if (tm_file_join(r->site->directory, name, path, sizeof(path), e) != 0)
        return -1;
    DIR *d = opendir(path);
    int rc = 0;
    for (const struct dirent *entry = d != NULL ? readdir(d) : NULL; entry != NULL && rc == 0;
         entry = readdir(d)) {
        if (strtoul(entry->d_name, NULL, 10) > size % TILE_WIDTH)
            rc = beyond(size, name, e);
    }
    if (d != NULL)
        closedir(d);
    return rc;
}

/* Nothing can be dated behind what was dated before. */
static int check_time(const struct replay *r, struct tm_err *e)
{
    int64_t now = 0;
    char last[21];
    char here[21];
    uint64_t shown = ca_log_excused(&r->site->excuse, r->shown_ms) ? 0 : r->shown_ms;
    bool entry = r->newest_ms > shown;
    uint64_t newest = entry ? r->newest_ms : shown;
    if (ca_log_now(r->site, &now, e) != 0)
        return -1;
    tm_clock_format((int64_t)(newest / 1000), last);
    tm_clock_format(now / 1000, here);
    if (ca_log_is_ahead(newest, now))
        return tm_err_set(e,
                          "its last %s is of %s, but this machine's clock says %s. If the clock is "
                          "wrong, set it. If it is right, the log was dated by a wrong one: "
                          "'tenmint-ca log redate DIR' dates it by the clock again (its time goes "
                          "back once, which monitors report), or start a new log",
                          entry ? "entry" : "checkpoint", last, here);
    if (newest > 0 && (uint64_t)now > newest + LONG_AGO_MS)
        ca_log_say(r->site, JLOG_WARN,
                   "the log's last checkpoint is more than 30 days old: is the clock right?", NULL);
    return 0;
}

static int replay(struct replay *r, struct tm_err *e)
{
    struct ca_journal_reader to = {.ctx = r, .begin = begin, .group = replay_group};
    size_t torn = 0;
    if (read_all_shown(r, e) != 0 || ca_journal_read(r->site->directory, &to, &torn, e) != 0 ||
        check_met(r, e) != 0 || check_tiles(r, e) != 0)
        return -1;
    if (check_time(r, e) != 0)
        return -1;
    if (torn > 0)
        ca_log_say(r->site, JLOG_WARN,
                   "the journal's last group was torn; nobody was told of its entries", NULL);
    return 0;
}

int ca_log_recover(struct ca_log_sequencer *s, struct ca_log_publisher *p, struct tm_err *e)
{
    const char *dir = s->site->directory;
    struct replay r = {.site = s->site, .growing = s->growing};
    if (replay(&r, e) != 0)
        return -1;
    s->last_ms = r.last_ms;
    ca_log_shown_before(p->shown, r.shown_ms);
    if (ca_log_growing_rewrite(s->growing, &s->journal, dir, e) != 0)
        return tm_err_wrap(e, "make the journal anew");
    if (ca_log_publish(p, true, e) != 0)
        return tm_err_wrap(e, "publish what was recovered");
    /* The tiles hold most of it now. Not before: what a killed process had not synced yet must be
     * in a journal before it is in a tile. Should this fail, the next group tries again. */
    if (ca_log_growing_settled(s->growing) > s->journal.base)
        (void)ca_log_growing_rewrite(s->growing, &s->journal, dir, NULL);
    return 0;
}

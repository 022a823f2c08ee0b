#include "ca/log/engine/publisher.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"

#define IDLE_REFRESH_MS 60000 /* a tree that does not grow gets a new timestamp this often */
#define RETRY_MS 1000         /* after a failure the disk gets a rest */

/* ---- tiles ---- */

static int put_tile(struct ca_log_publisher *p, int level, uint64_t n, unsigned width,
                    const void *data, size_t len, struct tm_err *e)
{
    char name[TILE_PATH_MAX];
    tm_tile_path(level, n, width, name);
    return ca_log_store_keep(&p->tiles, name, data, len, e);
}

/* Partial tiles of a tile whose full form has long been there. Readers that began with an older
 * checkpoint fall back to the full one. */
static void drop_partials(const struct ca_log_publisher *p, int level, uint64_t n)
{
    char name[TILE_PATH_MAX];
    char path[PATH_MAX];
    tm_tile_path(level, n, 1, name);
    *strrchr(name, '/') = '\0';
    if (tm_file_join(p->site->directory, name, path, sizeof(path), NULL) != 0)
        return;
    DIR *d = opendir(path);
    if (d == NULL)
        return;
    for (const struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d)) {
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(d), entry->d_name, 0);
    }
    closedir(d);
    (void)rmdir(path);
}

/* One full tile of entries and the hash tiles that it completed. */
static int settle(struct ca_log_publisher *p, const struct ca_log_pending *t, struct tm_err *e)
{
    if (put_tile(p, p->site->format->tile_level, t->n, TILE_WIDTH, t->data.data, t->data.len, e) !=
        0)
        return -1;
    uint64_t n = t->n;
    for (unsigned level = 0; level < t->levels; level++, n /= TILE_WIDTH) {
        if (put_tile(p, (int)level, n, TILE_WIDTH, t->hash[level], sizeof(t->hash[level]), e) != 0)
            return -1;
    }
    return 0;
}

static void tidy(const struct ca_log_publisher *p, const struct ca_log_pending *t)
{
    uint64_t n = t->n;
    if (n > 0)
        drop_partials(p, p->site->format->tile_level, n - 1);
    for (unsigned level = 0; level < t->levels && n > 0; level++, n /= TILE_WIDTH)
        drop_partials(p, (int)level, n - 1);
}

/* The last of the list may be getting a successor at this moment. */
static int settle_all(struct ca_log_publisher *p, struct tm_err *e)
{
    const struct ca_log_pending *t = p->snapshot.list;
    for (unsigned i = 0; i < p->snapshot.count; i++) {
        t = i > 0 ? t->next : t;
        if (settle(p, t, e) != 0)
            return -1;
    }
    return ca_log_store_sync(&p->tiles, e);
}

static void pop_settled(struct ca_log_publisher *p)
{
    for (unsigned i = 0; i < p->snapshot.count; i++) {
        struct ca_log_pending *t = ca_log_growing_pop(p->growing);
        tidy(p, t);
        ca_log_pending_free(t);
    }
}

/* The partial tiles of the snapshot, where they differ from those of the last time. */
static int put_partials(struct ca_log_publisher *p, struct tm_err *e)
{
    const struct ca_log_edge *edge = &p->snapshot.edge;
    const struct tm_buf *entries = &p->snapshot.partial;
    for (unsigned level = 0; level < LOG_TILE_LEVELS; level++) {
        uint64_t hashes = edge->size >> (8 * level);
        unsigned width = (unsigned)(hashes % TILE_WIDTH);
        if (width == 0 || hashes == p->tiles_size >> (8 * level))
            continue;
        if (put_tile(p, (int)level, hashes / TILE_WIDTH, width, edge->tile[level],
                     width * sizeof(edge->tile[level][0]), e) != 0)
            return -1;
        if (level == 0 && put_tile(p, p->site->format->tile_level, hashes / TILE_WIDTH, width,
                                   entries->data, entries->len, e) != 0)
            return -1;
    }
    if (ca_log_store_sync(&p->tiles, e) != 0)
        return -1;
    p->tiles_size = edge->size;
    return 0;
}

/* ---- checkpoints ---- */

/* More lines for a checkpoint, or the proof that it must not be. */
static int cosign(struct ca_log_publisher *p, const char *text, size_t len, struct tm_buf *note,
                  struct tm_err *e)
{
    const struct ca_log_options *o = &p->site->o;
    if (o->cosign == NULL || o->cosign(o->cosign_ctx, text, len, note, e) == 0)
        return 0;
    ca_log_verdict_pass(p->verdict, e);
    return -1;
}

static int sign_checkpoint(struct ca_log_publisher *p, uint64_t timestamp_ms, struct tm_buf *note,
                           struct tm_err *e)
{
    const struct ca_log_site *s = p->site;
    struct tm_checkpoint c = {.size = p->snapshot.edge.size};
    ca_log_edge_root(&p->snapshot.edge, &c.root);
    snprintf(c.origin, sizeof(c.origin), "%s", s->origin);
    tm_checkpoint_text(&c, note);
    size_t text_len = note->len;
    struct tm_buf text = {0};
    tm_buf_append(&text, note->data, text_len);
    buf_putc(note, '\n');
    int rc = buf_failed(&text)
                 ? tm_err_set(e, "out of memory")
                 : tm_note_sign(tm_buf_str(&text), text_len, &s->note_key, timestamp_ms, note, e);
    rc = rc == 0 ? cosign(p, tm_buf_str(&text), text_len, note, e)
                 : ca_log_key_failed(s->o.key_remedy, e);
    tm_buf_free(&text);
    return rc == 0 && buf_failed(note) ? tm_err_set(e, "out of memory") : rc;
}

/* The anchor first: it must never be behind what was shown. */
static int show_checkpoint(const struct ca_log_site *site, const struct tm_buf *note,
                           struct tm_err *e)
{
    if (site->anchor != NULL &&
        tm_file_write_atomic(site->anchor, 0644, note->data, note->len, e) != 0)
        return tm_err_wrap(e, "anchor");
    struct ca_log_store s = {.dir = site->directory, .tmp = LOG_STATE "/checkpoint.tmp"};
    int rc = ca_log_store_put(&s, LOG_CHECKPOINT, note->data, note->len, e);
    if (rc == 0)
        rc = ca_log_store_sync(&s, e);
    ca_log_store_free(&s);
    return rc;
}

/* As recent as the newest SCT, and later than the last checkpoint (RFC 6962 §3.5), but never in
 * the future: what was dated there by a clock that was wrong, and is excused, is no bound. */
static int checkpoint_time(struct ca_log_publisher *p, uint64_t *out, struct tm_err *e)
{
    const uint64_t bounds[] = {p->snapshot.newest_ms, ca_log_shown_time_ms(p->shown) + 1};
    int64_t now = 0;
    if (ca_log_now(p->site, &now, e) != 0)
        return -1;
    *out = (uint64_t)now;
    for (size_t i = 0; i < 2; i++) {
        if (bounds[i] > *out && !ca_log_excused(&p->site->excuse, bounds[i]))
            *out = bounds[i];
    }
    return !ca_log_is_ahead(*out, now)
               ? 0
               : tm_err_set(e, "the clock is %llu s behind what the log is dated already",
                            (unsigned long long)(*out - (uint64_t)now) / 1000);
}

static int publish_snapshot(struct ca_log_publisher *p, struct tm_err *e)
{
    const struct ca_log_options *o = &p->site->o;
    struct tm_buf note = {0};
    uint64_t timestamp = 0;
    uint64_t size = p->snapshot.edge.size;
    int rc = checkpoint_time(p, &timestamp, e);
    if (rc == 0)
        rc = put_partials(p, e);
    if (rc == 0)
        rc = sign_checkpoint(p, timestamp, &note, e);
    if (rc == 0)
        rc = show_checkpoint(p->site, &note, e);
    if (rc == 0) {
        ca_log_shown_set(p->shown, &note, size, timestamp);
        if (o->published != NULL)
            o->published(o->published_ctx, size);
    }
    tm_buf_free(&note);
    return rc;
}

int ca_log_publish(struct ca_log_publisher *p, bool checkpoint, struct tm_err *e)
{
    struct ca_log_snapshot *s = &p->snapshot;
    ca_log_growing_snapshot(p->growing, checkpoint, s);
    int rc = s->lost || buf_failed(&s->partial) ? tm_err_set(e, "out of memory")
                                                : ca_log_verdict_check(p->verdict, e);
    if (rc == 0)
        rc = settle_all(p, e);
    if (rc == 0) {
        pop_settled(p);
        if (checkpoint)
            rc = publish_snapshot(p, e);
    }
    ca_log_growing_round_ended(p->growing, s, checkpoint, rc == 0);
    if (rc == 0 && p->indexer != NULL)
        ca_log_indexer_advance(p->indexer, ca_log_growing_settled(p->growing));
    return rc;
}

/* ---- the thread ---- */

static void *run(void *arg)
{
    struct ca_log_publisher *p = arg;
    int64_t interval = p->site->o.checkpoint_interval_ms;
    int64_t refresh_at = tm_clock_mono_ms() + IDLE_REFRESH_MS;
    for (bool stop = false; !stop;) {
        struct tm_err e = {0};
        bool checkpoint = ca_log_growing_await_work(p->growing, interval, refresh_at, &stop);
        if (ca_log_publish(p, checkpoint, &e) == 0) {
            refresh_at = checkpoint ? tm_clock_mono_ms() + IDLE_REFRESH_MS : refresh_at;
            continue;
        }
        ca_log_say(p->site, JLOG_ERROR, "a checkpoint could not be published", &e);
        ca_log_count_checkpoint_failure(p->counts);
        if (ca_log_contradicted(p->verdict)) {
            ca_log_growing_await_stop(p->growing);
            break;
        }
        ca_log_growing_rest(p->growing, RETRY_MS);
    }
    return NULL;
}

int ca_log_publisher_start(struct ca_log_publisher *p, struct tm_err *e)
{
    errno = pthread_create(&p->thread, NULL, run, p);
    if (errno != 0)
        return tm_err_errno(e, "start a thread");
    p->running = true;
    return 0;
}

void ca_log_publisher_stop(struct ca_log_publisher *p)
{
    ca_log_growing_stop(p->growing);
    if (p->running)
        pthread_join(p->thread, NULL);
    p->running = false;
}

void ca_log_publisher_free(struct ca_log_publisher *p)
{
    ca_log_store_free(&p->tiles);
    tm_buf_free(&p->snapshot.partial);
}

/* The thread that turns what is durable into tiles and checkpoints. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ca/log/engine/internal.h"
#include "common/clock.h"
#include "common/file.h"

#define IDLE_REFRESH_MS 60000 /* a tree that does not grow gets a new timestamp this often */
#define RETRY_MS 1000

void ca_log_pending_free(struct ca_log_pending *p)
{
    tm_buf_free(&p->data);
    free(p->hash);
    free(p);
}

static int put_tile(struct ca_log *l, int level, uint64_t n, unsigned width, const void *data,
                    size_t len, struct tm_err *e)
{
    char name[TILE_PATH_MAX];
    tm_tile_path(level, n, width, name);
    return ca_log_store_keep(&l->tiles, name, data, len, e);
}

/* Partial tiles of a tile whose full form has long been there. Readers that began with an older
 * checkpoint fall back to the full one. */
static void drop_partials(const struct ca_log *l, int level, uint64_t n)
{
    char name[TILE_PATH_MAX];
    char path[PATH_MAX];
    tm_tile_path(level, n, 1, name);
    *strrchr(name, '/') = '\0';
    if (tm_file_join(l->directory, name, path, sizeof(path), NULL) != 0)
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

/* One full data tile and the hash tiles that it completed. */
static int settle(struct ca_log *l, const struct ca_log_pending *p, struct tm_err *e)
{
    if (put_tile(l, -1, p->n, TILE_WIDTH, p->data.data, p->data.len, e) != 0)
        return -1;
    uint64_t n = p->n;
    for (unsigned level = 0; level < p->levels; level++, n /= TILE_WIDTH) {
        if (put_tile(l, (int)level, n, TILE_WIDTH, p->hash[level], sizeof(p->hash[level]), e) != 0)
            return -1;
    }
    return 0;
}

static void tidy(const struct ca_log *l, const struct ca_log_pending *p)
{
    uint64_t n = p->n;
    if (n > 0)
        drop_partials(l, -1, n - 1);
    for (unsigned level = 0; level < p->levels && n > 0; level++, n /= TILE_WIDTH)
        drop_partials(l, (int)level, n - 1);
}

/* `list` is the head of tree.pending; nobody else takes from it. */
static int settle_all(struct ca_log *l, const struct ca_log_pending *list, unsigned count,
                      struct tm_err *e)
{
    const struct ca_log_pending *p = list;
    for (unsigned i = 0; i < count; i++, p = p->next) {
        if (settle(l, p, e) != 0)
            return -1;
    }
    return ca_log_store_sync(&l->tiles, e);
}

static void pop_settled(struct ca_log *l, unsigned count)
{
    while (count-- > 0) {
        pthread_mutex_lock(&l->tree_lock);
        struct ca_log_pending *p = l->tree.pending;
        l->tree.pending = p->next;
        if (p->next == NULL)
            l->tree.pending_last = NULL;
        l->tree.pending_count--;
        l->tree.pending_bytes -= p->data.len;
        l->tree.settled += TILE_WIDTH;
        pthread_mutex_unlock(&l->tree_lock);
        tidy(l, p);
        ca_log_pending_free(p);
    }
}

/* The partial tiles of the snapshot, where they differ from those of the last time. */
static int put_partials(struct ca_log *l, struct tm_err *e)
{
    const struct ca_log_edge *edge = &l->snapshot;
    const struct tm_buf *data = &l->snapshot_partial;
    for (unsigned level = 0; level < LOG_TILE_LEVELS; level++) {
        uint64_t hashes = edge->size >> (8 * level);
        unsigned width = (unsigned)(hashes % TILE_WIDTH);
        if (width == 0 || hashes == l->tiles_size >> (8 * level))
            continue;
        if (put_tile(l, (int)level, hashes / TILE_WIDTH, width, edge->tile[level],
                     width * sizeof(edge->tile[level][0]), e) != 0)
            return -1;
        if (level == 0 &&
            put_tile(l, -1, hashes / TILE_WIDTH, width, data->data, data->len, e) != 0)
            return -1;
    }
    if (ca_log_store_sync(&l->tiles, e) != 0)
        return -1;
    l->tiles_size = edge->size;
    return 0;
}

int ca_log_check_contradiction(struct ca_log *l, struct tm_err *e)
{
    if (!atomic_load_explicit(&l->contradicted, memory_order_acquire))
        return 0;
    return tm_err_set(e, "%s", l->contradiction.text);
}

/* More lines for a checkpoint, or the proof that it must not be. */
static int cosign(struct ca_log *l, const char *text, size_t len, struct tm_buf *note,
                  struct tm_err *e)
{
    if (l->o.cosign == NULL || l->o.cosign(l->o.cosign_ctx, text, len, note, e) == 0)
        return 0;
    l->contradiction = *e;
    atomic_store_explicit(&l->contradicted, true, memory_order_release);
    return -1;
}

static int sign_checkpoint(struct ca_log *l, uint64_t timestamp_ms, struct tm_buf *note,
                           struct tm_err *e)
{
    struct tm_checkpoint c = {.size = l->snapshot.size};
    ca_log_edge_root(&l->snapshot, &c.root);
    snprintf(c.origin, sizeof(c.origin), "%s", l->origin);
    tm_checkpoint_text(&c, note);
    size_t text_len = note->len;
    struct tm_buf text = {0};
    tm_buf_append(&text, note->data, text_len);
    buf_putc(note, '\n');
    int rc = buf_failed(&text)
                 ? tm_err_set(e, "out of memory")
                 : tm_note_sign(tm_buf_str(&text), text_len, &l->note_key, timestamp_ms, note, e);
    rc = rc == 0 ? cosign(l, tm_buf_str(&text), text_len, note, e) : ca_log_key_failed(l, e);
    tm_buf_free(&text);
    return rc == 0 && buf_failed(note) ? tm_err_set(e, "out of memory") : rc;
}

/* The anchor first: it must never be behind what was shown. */
static int show_checkpoint(struct ca_log *l, const struct tm_buf *note, struct tm_err *e)
{
    if (l->anchor != NULL && tm_file_write_atomic(l->anchor, 0644, note->data, note->len, e) != 0)
        return tm_err_wrap(e, "anchor");
    struct ca_log_store s = {.dir = l->directory, .tmp = LOG_STATE "/checkpoint.tmp"};
    int rc = ca_log_store_put(&s, LOG_CHECKPOINT, note->data, note->len, e);
    if (rc == 0)
        rc = ca_log_store_sync(&s, e);
    ca_log_store_free(&s);
    return rc;
}

static int publish_snapshot(struct ca_log *l, uint64_t newest_ms, struct tm_err *e)
{
    struct tm_buf note = {0};
    uint64_t timestamp = (uint64_t)ca_log_now_ms(l);
    if (timestamp < newest_ms)
        timestamp = newest_ms; /* RFC 6962 §3.5: as recent as the newest SCT */
    if (timestamp <= l->published_ms)
        timestamp = l->published_ms + 1;
    int rc = put_partials(l, e);
    if (rc == 0)
        rc = sign_checkpoint(l, timestamp, &note, e);
    if (rc == 0)
        rc = show_checkpoint(l, &note, e);
    if (rc == 0) {
        pthread_mutex_lock(&l->note_lock);
        struct tm_buf old = l->note;
        l->note = note;
        note = old;
        l->published = l->snapshot.size;
        l->published_ms = timestamp;
        pthread_mutex_unlock(&l->note_lock);
    }
    tm_buf_free(&note);
    return rc;
}

int ca_log_publish(struct ca_log *l, bool checkpoint, struct tm_err *e)
{
    struct ca_log_tree *t = &l->tree;
    pthread_mutex_lock(&l->tree_lock);
    const struct ca_log_pending *list = t->pending;
    unsigned count = t->pending_count;
    uint64_t newest_ms = t->newest_ms;
    int64_t now = tm_clock_mono_ms();
    int64_t dirty = t->dirty_since;
    bool lost = t->lost;
    if (checkpoint) {
        l->snapshot = t->edge;
        tm_buf_reset(&l->snapshot_partial);
        tm_buf_append(&l->snapshot_partial, t->partial.data, t->partial.len);
        t->dirty_since = 0;
    }
    pthread_mutex_unlock(&l->tree_lock);
    int rc = lost || buf_failed(&l->snapshot_partial) ? tm_err_set(e, "out of memory")
                                                      : ca_log_check_contradiction(l, e);
    if (rc == 0)
        rc = settle_all(l, list, count, e);
    if (rc == 0) {
        pop_settled(l, count);
        if (checkpoint)
            rc = publish_snapshot(l, newest_ms, e);
    }
    pthread_mutex_lock(&l->tree_lock);
    if (rc != 0 && checkpoint && dirty != 0)
        t->dirty_since = dirty;
    if (rc == 0 && checkpoint)
        t->uncovered_since = t->edge.size > l->snapshot.size ? now : 0;
    l->publish_rounds++;
    pthread_cond_broadcast(&l->tree_settled);
    pthread_mutex_unlock(&l->tree_lock);
    if (rc == 0 && l->indexer != NULL)
        ca_log_indexer_advance(l->indexer, t->settled);
    return rc;
}

/* How long until a checkpoint is due; a little early, so that it is there when the interval ends.
 * tree_lock held. */
static int64_t wait_ms(const struct ca_log *l, int64_t refresh_at)
{
    int64_t now = tm_clock_mono_ms();
    int64_t interval = l->o.checkpoint_interval_ms;
    int64_t at = refresh_at;
    if (l->tree.dirty_since != 0 && l->tree.dirty_since + interval - interval / 8 < at)
        at = l->tree.dirty_since + interval - interval / 8;
    return at > now ? at - now : 0;
}

/* Sleeps until there is something to do; true when it is a checkpoint. */
static bool await_work(struct ca_log *l, int64_t refresh_at, bool *stop)
{
    bool due = false;
    pthread_mutex_lock(&l->tree_lock);
    for (;;) {
        int64_t ms = wait_ms(l, refresh_at);
        *stop = l->publisher_stop;
        due = *stop || l->publish_now || ms == 0;
        if (due || l->tree.pending_count >= LOG_PENDING_SETTLE)
            break;
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += ms / 1000;
        until.tv_nsec += ms % 1000 * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&l->tree_wake, &l->tree_lock, &until);
    }
    l->publish_now = false;
    pthread_mutex_unlock(&l->tree_lock);
    return due;
}

/* After a failure the disk gets a rest. */
static void rest(struct ca_log *l)
{
    pthread_mutex_lock(&l->tree_lock);
    bool stop = l->publisher_stop;
    pthread_mutex_unlock(&l->tree_lock);
    for (int i = 0; i < RETRY_MS / 20 && !stop; i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 20L * 1000 * 1000}, NULL);
        pthread_mutex_lock(&l->tree_lock);
        stop = l->publisher_stop;
        pthread_mutex_unlock(&l->tree_lock);
    }
}

static void await_stop(struct ca_log *l)
{
    pthread_mutex_lock(&l->tree_lock);
    while (!l->publisher_stop)
        pthread_cond_wait(&l->tree_wake, &l->tree_lock);
    pthread_mutex_unlock(&l->tree_lock);
}

void *ca_log_publisher(void *arg)
{
    struct ca_log *l = arg;
    int64_t refresh_at = tm_clock_mono_ms() + IDLE_REFRESH_MS;
    for (bool stop = false; !stop;) {
        struct tm_err e = {0};
        bool checkpoint = await_work(l, refresh_at, &stop);
        if (ca_log_publish(l, checkpoint, &e) == 0) {
            refresh_at = checkpoint ? tm_clock_mono_ms() + IDLE_REFRESH_MS : refresh_at;
            continue;
        }
        ca_log_say(l, JLOG_ERROR, "a checkpoint could not be published", &e);
        pthread_mutex_lock(&l->stats_lock);
        l->stats.checkpoint_failures++;
        pthread_mutex_unlock(&l->stats_lock);
        if (ca_log_check_contradiction(l, NULL) != 0) {
            await_stop(l);
            break;
        }
        rest(l);
    }
    return NULL;
}

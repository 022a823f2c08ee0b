#include "ca/log/engine/growing.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/thread.h"

#define PENDING_MAX 64 /* full tiles in memory before sequencing waits */
#define PENDING_BYTES ((size_t)128 * 1024 * 1024)
#define PENDING_SETTLE 16 /* full tiles that are worth the publisher's while */

void ca_log_growing_init(struct ca_log_growing *g)
{
    *g = (struct ca_log_growing){0};
    pthread_mutex_init(&g->lock, NULL);
    tm_cond_init(&g->wake);
    pthread_cond_init(&g->round, NULL);
}

void ca_log_pending_free(struct ca_log_pending *p)
{
    tm_buf_free(&p->data);
    free(p->hash);
    free(p);
}

void ca_log_growing_free(struct ca_log_growing *g)
{
    while (g->pending != NULL) {
        struct ca_log_pending *p = g->pending;
        g->pending = p->next;
        ca_log_pending_free(p);
    }
    tm_buf_free(&g->partial);
    pthread_mutex_destroy(&g->lock);
    pthread_cond_destroy(&g->wake);
    pthread_cond_destroy(&g->round);
}

uint64_t ca_log_growing_size(struct ca_log_growing *g)
{
    pthread_mutex_lock(&g->lock);
    uint64_t size = g->edge.size;
    pthread_mutex_unlock(&g->lock);
    return size;
}

uint64_t ca_log_growing_settled(struct ca_log_growing *g)
{
    pthread_mutex_lock(&g->lock);
    uint64_t settled = g->settled;
    pthread_mutex_unlock(&g->lock);
    return settled;
}

/* ---- growing; the lock is held ---- */

static int push_pending(struct ca_log_growing *g, unsigned levels)
{
    struct ca_log_pending *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return -1;
    p->hash = calloc(levels, sizeof(*p->hash));
    if (p->hash == NULL) {
        free(p);
        return -1;
    }
    p->levels = levels;
    memcpy(p->hash, g->edge.tile, levels * sizeof(*p->hash));
    p->n = g->edge.size / TILE_WIDTH - 1;
    p->data = g->partial;
    g->partial = (struct tm_buf){0};
    if (g->pending_last != NULL)
        g->pending_last->next = p;
    else
        g->pending = p;
    g->pending_last = p;
    g->pending_count++;
    g->pending_bytes += p->data.len;
    return 0;
}

static int add(struct ca_log_growing *g, const void *entry, size_t len,
               const struct tm_merkle_hash *hash, uint64_t timestamp_ms)
{
    tm_buf_append(&g->partial, entry, len);
    if (buf_failed(&g->partial))
        return -1;
    if (timestamp_ms > g->newest_ms)
        g->newest_ms = timestamp_ms;
    unsigned levels = ca_log_edge_add(&g->edge, hash);
    return levels == 0 ? 0 : push_pending(g, levels);
}

/* ---- opening ---- */

int ca_log_growing_load(struct ca_log_growing *g, const struct ca_log_tiles *t, uint64_t size,
                        struct tm_err *e)
{
    g->settled = size;
    return ca_log_edge_load(&g->edge, t, size, e);
}

int ca_log_growing_add(struct ca_log_growing *g, const void *entry, size_t len,
                       const struct ca_log_leaf *leaf)
{
    return add(g, entry, len, &leaf->hash, leaf->timestamp_ms);
}

const struct ca_log_edge *ca_log_growing_edge(const struct ca_log_growing *g)
{
    return &g->edge;
}

/* ---- the sequencer ---- */

static int check_state(const struct ca_log_growing *g, int64_t merge_delay_ms, struct tm_err *e)
{
    int64_t waits = g->uncovered_since != 0 ? tm_clock_mono_ms() - g->uncovered_since : 0;
    if (waits > merge_delay_ms)
        return tm_err_set(e,
                          "no checkpoint could be published for %lld s, longer than an SCT "
                          "promises: see the log's messages",
                          (long long)waits / 1000);
    if (g->lost)
        return tm_err_set(e, "out of memory after a sync: restart the server");
    if (g->edge.size + LOG_GROUP_ENTRIES > LOG_SIZE_MAX)
        return tm_err_set(e, "the log is full");
    return 0;
}

int ca_log_growing_await_room(struct ca_log_growing *g, const struct ca_log_verdict *v,
                              int64_t merge_delay_ms, struct tm_err *e)
{
    int rc = 0;
    pthread_mutex_lock(&g->lock);
    uint64_t rounds = g->rounds;
    while ((rc = ca_log_verdict_check(v, e)) == 0 &&
           (g->pending_count >= PENDING_MAX || g->pending_bytes >= PENDING_BYTES)) {
        if (g->rounds > rounds + 1) {
            rc = tm_err_set(e, "full tiles cannot be written: see the log's messages");
            break;
        }
        pthread_cond_wait(&g->round, &g->lock);
    }
    if (rc == 0)
        rc = check_state(g, merge_delay_ms, e);
    pthread_mutex_unlock(&g->lock);
    return rc;
}

void ca_log_growing_take(struct ca_log_growing *g, const struct ca_log_ticket *list)
{
    pthread_mutex_lock(&g->lock);
    for (; list != NULL && !g->lost; list = list->next)
        g->lost = add(g, list->draft.bytes.data, list->draft.bytes.len, &list->hash,
                      list->timestamp_ms) != 0;
    if (g->uncovered_since == 0)
        g->uncovered_since = tm_clock_mono_ms();
    if (g->dirty_since == 0) {
        g->dirty_since = tm_clock_mono_ms();
        pthread_cond_signal(&g->wake);
    } else if (g->pending_count >= PENDING_SETTLE) {
        pthread_cond_signal(&g->wake);
    }
    pthread_mutex_unlock(&g->lock);
}

static int rewrite(const struct ca_log_growing *g, struct ca_journal *j, const char *dir,
                   struct tm_err *e)
{
    size_t count = g->pending_count + (g->partial.len > 0 ? 1 : 0);
    struct ca_journal_group *groups = calloc(count + 1, sizeof(*groups));
    size_t n = 0;
    if (groups == NULL)
        return tm_err_set(e, "out of memory");
    for (const struct ca_log_pending *p = g->pending; p != NULL; p = p->next)
        groups[n++] = (struct ca_journal_group){TILE_WIDTH, &p->data};
    if (g->partial.len > 0)
        groups[n++] = (struct ca_journal_group){(uint32_t)(g->edge.size % TILE_WIDTH), &g->partial};
    int rc = ca_journal_create(j, dir, g->settled, groups, n, e);
    free(groups);
    return rc;
}

int ca_log_growing_rewrite(struct ca_log_growing *g, struct ca_journal *j, const char *dir,
                           struct tm_err *e)
{
    pthread_mutex_lock(&g->lock);
    int rc = rewrite(g, j, dir, e);
    pthread_mutex_unlock(&g->lock);
    return rc;
}

/* ---- the publisher ---- */

/* When the next checkpoint is due: a little early, so that it is there when the interval ends. */
static int64_t due_at(const struct ca_log_growing *g, int64_t interval, int64_t refresh_at)
{
    int64_t at = g->dirty_since + interval - interval / 8;
    return g->dirty_since != 0 && at < refresh_at ? at : refresh_at;
}

bool ca_log_growing_await_work(struct ca_log_growing *g, int64_t interval_ms, int64_t refresh_at,
                               bool *stop)
{
    bool due = false;
    pthread_mutex_lock(&g->lock);
    for (;;) {
        int64_t at = due_at(g, interval_ms, refresh_at);
        *stop = g->stop;
        due = *stop || g->publish_now || at <= tm_clock_mono_ms();
        if (due || g->pending_count >= PENDING_SETTLE)
            break;
        (void)tm_cond_wait(&g->wake, &g->lock, at);
    }
    g->publish_now = false;
    pthread_mutex_unlock(&g->lock);
    return due;
}

void ca_log_growing_snapshot(struct ca_log_growing *g, bool checkpoint, struct ca_log_snapshot *s)
{
    pthread_mutex_lock(&g->lock);
    s->list = g->pending;
    s->count = g->pending_count;
    s->newest_ms = g->newest_ms;
    s->taken = tm_clock_mono_ms();
    s->dirty_since = g->dirty_since;
    s->lost = g->lost;
    if (checkpoint) {
        s->edge = g->edge;
        tm_buf_reset(&s->partial);
        tm_buf_append(&s->partial, g->partial.data, g->partial.len);
        g->dirty_since = 0;
    }
    pthread_mutex_unlock(&g->lock);
}

struct ca_log_pending *ca_log_growing_pop(struct ca_log_growing *g)
{
    pthread_mutex_lock(&g->lock);
    struct ca_log_pending *p = g->pending;
    g->pending = p->next;
    if (p->next == NULL)
        g->pending_last = NULL;
    g->pending_count--;
    g->pending_bytes -= p->data.len;
    g->settled += TILE_WIDTH;
    pthread_mutex_unlock(&g->lock);
    return p;
}

void ca_log_growing_round_ended(struct ca_log_growing *g, const struct ca_log_snapshot *s,
                                bool checkpoint, bool done)
{
    pthread_mutex_lock(&g->lock);
    if (checkpoint && !done && s->dirty_since != 0)
        g->dirty_since = s->dirty_since;
    if (checkpoint && done)
        g->uncovered_since = g->edge.size > s->edge.size ? s->taken : 0;
    g->rounds++;
    pthread_cond_broadcast(&g->round);
    pthread_mutex_unlock(&g->lock);
}

void ca_log_growing_rest(struct ca_log_growing *g, int64_t ms)
{
    int64_t until = tm_clock_mono_ms() + ms;
    pthread_mutex_lock(&g->lock);
    while (!g->stop && tm_clock_mono_ms() < until)
        (void)tm_cond_wait(&g->wake, &g->lock, until);
    pthread_mutex_unlock(&g->lock);
}

void ca_log_growing_await_stop(struct ca_log_growing *g)
{
    pthread_mutex_lock(&g->lock);
    while (!g->stop)
        pthread_cond_wait(&g->wake, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

/* ---- anybody ---- */

uint64_t ca_log_growing_rounds(struct ca_log_growing *g)
{
    pthread_mutex_lock(&g->lock);
    uint64_t rounds = g->rounds;
    pthread_mutex_unlock(&g->lock);
    return rounds;
}

uint64_t ca_log_growing_await_round(struct ca_log_growing *g, uint64_t rounds)
{
    pthread_mutex_lock(&g->lock);
    while (g->rounds <= rounds) {
        g->publish_now = true;
        pthread_cond_signal(&g->wake);
        pthread_cond_wait(&g->round, &g->lock);
    }
    rounds = g->rounds;
    pthread_mutex_unlock(&g->lock);
    return rounds;
}

void ca_log_growing_stop(struct ca_log_growing *g)
{
    pthread_mutex_lock(&g->lock);
    g->stop = true;
    pthread_cond_signal(&g->wake);
    pthread_mutex_unlock(&g->lock);
}

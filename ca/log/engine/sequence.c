/* Submissions, and the thread that gives them their place: one journal sync per group. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/log/engine/internal.h"
#include "common/clock.h"

#define CLOCK_SLACK_MS 10000 /* a clock that steps back less is waited out */

const double ca_log_group_bounds[LOG_BUCKETS - 1] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
const double ca_log_fsync_bounds[LOG_BUCKETS - 1] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                     0.01,   0.025,   0.05,   0.1,   0.5};

static void observe(struct ca_log_histogram *h, const double *bounds, double v)
{
    size_t i = 0;
    while (i < LOG_BUCKETS - 1 && v > bounds[i])
        i++;
    h->bucket[i]++;
    h->count++;
    h->sum += v;
}

/* ---- submitters ---- */

static void ticket_unref(struct ca_log_ticket *t)
{
    if (atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    tm_buf_free(&t->draft.bytes);
    free(t);
}

void ca_log_ticket_free(struct ca_log_ticket *t)
{
    atomic_store(&t->cancelled, true);
    ticket_unref(t);
}

static int enqueue(struct ca_log *l, struct ca_log_ticket *t, struct tm_err *e)
{
    pthread_mutex_lock(&l->queue_lock);
    bool stopping = l->stopping;
    if (!stopping) {
        if (l->queue_last != NULL)
            l->queue_last->next = t;
        else
            l->queue = t;
        l->queue_last = t;
        pthread_cond_signal(&l->queue_wake);
    }
    pthread_mutex_unlock(&l->queue_lock);
    return stopping ? tm_err_set(e, "the log is closing") : 0;
}

int ca_log_add(struct ca_log *l, const struct ca_log_entry *entry, void (*wake)(void *arg),
               void *arg, struct ca_log_ticket **ticket, struct tm_err *e)
{
    unsigned char fingerprints[LOG_ISSUERS_MAX * 32];
    struct ca_log_ticket *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return tm_err_set(e, "out of memory");
    t->log = l;
    t->wake = wake;
    t->arg = arg;
    atomic_init(&t->refs, 2);
    atomic_init(&t->cancelled, false);
    atomic_init(&t->outcome, LOG_WAIT);
    int rc = ca_log_check_contradiction(l, e);
    if (rc == 0)
        rc = ca_log_issuers(l, entry, fingerprints, e);
    if (rc == 0)
        rc = ca_leaf_draft_init(&t->draft, entry, fingerprints, e);
    if (rc == 0)
        rc = enqueue(l, t, e);
    if (rc != 0) {
        tm_buf_free(&t->draft.bytes);
        free(t);
        return -1;
    }
    *ticket = t;
    return 0;
}

/* The digitally-signed part of the SCT. */
static int sign(const struct ca_log *l, const struct ca_leaf_draft *d, struct tm_buf *out,
                struct tm_err *e)
{
    struct tm_buf data = {0};
    ca_leaf_draft_signed(d, &data);
    int rc = buf_failed(&data) ? tm_err_set(e, "out of memory")
                               : tm_digsig_signer_sign(l->signer, data.data, data.len, out, e);
    tm_buf_free(&data);
    return rc == 0 ? 0 : ca_log_key_failed(l, e);
}

enum ca_log_outcome ca_log_poll(const struct ca_log_ticket *t, struct tm_err *e)
{
    enum ca_log_outcome outcome = atomic_load_explicit(&t->outcome, memory_order_acquire);
    if (outcome == LOG_FAILED)
        *e = t->why;
    return outcome;
}

enum ca_log_outcome ca_log_collect(struct ca_log_ticket *t, struct tm_buf *sct, uint64_t *index,
                                   struct tm_err *e)
{
    enum ca_log_outcome outcome = ca_log_poll(t, e);
    if (outcome != LOG_DONE)
        return outcome;
    if (ca_log_check_contradiction(t->log, e) != 0)
        return LOG_FAILED;
    struct tm_buf signature = {0};
    struct tm_sct s = {.timestamp_ms = t->timestamp_ms};
    memcpy(s.log_id, t->log->id, sizeof(s.log_id));
    s.extensions = ca_leaf_draft_extensions(&t->draft, &s.extensions_len);
    if (sign(t->log, &t->draft, &signature, e) != 0) {
        outcome = LOG_FAILED;
    } else {
        s.signature = signature.data;
        s.signature_len = signature.len;
        tm_sct_put(&s, sct);
        *index = t->index;
    }
    tm_buf_free(&signature);
    return outcome;
}

/* ---- the tree in memory ---- */

static int push_pending(struct ca_log_tree *t, unsigned levels)
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
    memcpy(p->hash, t->edge.tile, levels * sizeof(*p->hash));
    p->n = t->edge.size / TILE_WIDTH - 1;
    p->data = t->partial;
    t->partial = (struct tm_buf){0};
    if (t->pending_last != NULL)
        t->pending_last->next = p;
    else
        t->pending = p;
    t->pending_last = p;
    t->pending_count++;
    t->pending_bytes += p->data.len;
    return 0;
}

int ca_log_tree_add(struct ca_log_tree *t, const void *leaf, size_t len,
                    const struct tm_merkle_hash *hash, uint64_t timestamp_ms)
{
    tm_buf_append(&t->partial, leaf, len);
    if (buf_failed(&t->partial))
        return -1;
    if (timestamp_ms > t->newest_ms)
        t->newest_ms = timestamp_ms;
    unsigned levels = ca_log_edge_add(&t->edge, hash);
    return levels == 0 ? 0 : push_pending(t, levels);
}

int ca_log_rotate(struct ca_log *l, struct tm_err *e)
{
    struct ca_log_tree *t = &l->tree;
    size_t count = t->pending_count + (t->partial.len > 0 ? 1 : 0);
    struct ca_journal_group *groups = calloc(count + 1, sizeof(*groups));
    size_t n = 0;
    if (groups == NULL)
        return tm_err_set(e, "out of memory");
    for (const struct ca_log_pending *p = t->pending; p != NULL; p = p->next)
        groups[n++] = (struct ca_journal_group){TILE_WIDTH, &p->data};
    if (t->partial.len > 0)
        groups[n++] = (struct ca_journal_group){(uint32_t)(t->edge.size % TILE_WIDTH), &t->partial};
    int rc = ca_journal_create(&l->journal, l->directory, t->settled, groups, n, e);
    free(groups);
    return rc;
}

/* ---- the sequencer ---- */

/*
 * When the last group had more than one entry, the next is not begun until a moment after it was:
 * a sync costs the same for many entries as for few, and so do the wakes around it. A lone
 * submitter never waits.
 */
static void await_company(struct ca_log *l)
{
    struct timespec until = l->last_began;
    if (l->last_count > 1) {
        until.tv_nsec += LOG_GROUP_SPACING_US * 1000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
}

/* Up to a group of tickets off the queue; those that nobody waits for any more are dropped. NULL:
 * the log closes. */
static struct ca_log_ticket *take_group(struct ca_log *l, size_t *count)
{
    struct ca_log_ticket *first = NULL;
    await_company(l);
    pthread_mutex_lock(&l->queue_lock);
    while (l->queue == NULL && !l->stopping)
        pthread_cond_wait(&l->queue_wake, &l->queue_lock);
    first = l->queue;
    size_t bytes = 0;
    struct ca_log_ticket *last = NULL;
    struct ca_log_ticket *t = first;
    for (*count = 0;
         t != NULL && *count < LOG_GROUP_ENTRIES && bytes + t->draft.bytes.len <= JOURNAL_GROUP_MAX;
         t = t->next, ++*count) {
        bytes += t->draft.bytes.len;
        last = t;
    }
    l->queue = t;
    if (t == NULL)
        l->queue_last = NULL;
    if (last != NULL)
        last->next = NULL;
    pthread_mutex_unlock(&l->queue_lock);
    return first;
}

static void finish(struct ca_log_ticket *t, enum ca_log_outcome outcome, const struct tm_err *why)
{
    void (*wake)(void *arg) = t->wake;
    void *arg = t->arg;
    if (outcome == LOG_FAILED)
        t->why = *why;
    atomic_store_explicit(&t->outcome, outcome, memory_order_release);
    ticket_unref(t);
    wake(arg);
}

/* Drops the tickets that were cancelled while they queued. */
static struct ca_log_ticket *drop_cancelled(struct ca_log_ticket *list, size_t *count)
{
    static const struct tm_err gone = {"the submitter is gone"};
    struct ca_log_ticket **at = &list;
    while (*at != NULL) {
        struct ca_log_ticket *t = *at;
        if (!atomic_load(&t->cancelled)) {
            at = &t->next;
            continue;
        }
        *at = t->next;
        --*count;
        finish(t, LOG_FAILED, &gone);
    }
    return list;
}

/* Not before the last entry's, unless the clock was set back by more than a slip. */
static uint64_t group_timestamp(struct ca_log *l)
{
    uint64_t now = (uint64_t)ca_log_now_ms(l);
    if (now < l->last_ms && l->last_ms - now <= CLOCK_SLACK_MS)
        return l->last_ms;
    if (now < l->last_ms && !l->clock_warned) {
        ca_log_say(l, JLOG_WARN, "the clock went back behind the log's entries", NULL);
        l->clock_warned = true;
    }
    l->last_ms = now;
    return now;
}

/* Room in the tree, and a journal to write to. */
static int make_ready(struct ca_log *l, struct tm_err *e)
{
    struct ca_log_tree *t = &l->tree;
    int rc = 0;
    pthread_mutex_lock(&l->tree_lock);
    uint64_t rounds = l->publish_rounds;
    while ((rc = ca_log_check_contradiction(l, e)) == 0 &&
           (t->pending_count >= LOG_PENDING_MAX || t->pending_bytes >= LOG_PENDING_BYTES)) {
        if (l->publish_rounds > rounds + 1) {
            rc = tm_err_set(e, "full tiles cannot be written: see the log's messages");
            break;
        }
        pthread_cond_wait(&l->tree_settled, &l->tree_lock);
    }
    int64_t waits = t->uncovered_since != 0 ? tm_clock_mono_ms() - t->uncovered_since : 0;
    if (rc == 0 && waits > l->o.merge_delay_ms)
        rc = tm_err_set(e,
                        "no checkpoint could be published for %lld s, longer than an SCT promises: "
                        "see the log's messages",
                        (long long)waits / 1000);
    if (rc == 0 && t->lost)
        rc = tm_err_set(e, "out of memory after a sync: restart the server");
    bool full =
        l->journal.end - l->journal.made > LOG_JOURNAL_ROTATE && t->settled > l->journal.base;
    if (rc == 0 && (l->journal.fd < 0 || full)) {
        rc = ca_log_rotate(l, e);
        if (rc != 0 && l->journal.fd >= 0) /* the old one still serves */
            rc = 0;
    }
    if (rc == 0 && t->edge.size + LOG_GROUP_ENTRIES > LOG_SIZE_MAX)
        rc = tm_err_set(e, "the log is full");
    pthread_mutex_unlock(&l->tree_lock);
    return rc;
}

static int write_group(struct ca_log *l, struct ca_log_ticket *list, size_t count, struct tm_err *e)
{
    uint64_t index = l->journal.next;
    uint64_t timestamp = group_timestamp(l);
    int64_t synced_us = 0;
    ca_journal_group_begin(&l->group);
    for (struct ca_log_ticket *t = list; t != NULL; t = t->next) {
        t->index = index++;
        t->timestamp_ms = timestamp;
        ca_leaf_draft_seal(&t->draft, timestamp, t->index);
        ca_leaf_draft_hash(&t->draft, &t->hash);
        tm_buf_append(&l->group, t->draft.bytes.data, t->draft.bytes.len);
    }
    if (buf_failed(&l->group))
        return tm_err_set(e, "out of memory");
    if (ca_journal_append(&l->journal, &l->group, (uint32_t)count, &synced_us, e) != 0) {
        ca_journal_close(&l->journal);
        return -1;
    }
    pthread_mutex_lock(&l->stats_lock);
    observe(&l->stats.group, ca_log_group_bounds, (double)count);
    observe(&l->stats.fsync, ca_log_fsync_bounds, (double)synced_us / 1e6);
    pthread_mutex_unlock(&l->stats_lock);
    return 0;
}

static void grow_tree(struct ca_log *l, const struct ca_log_ticket *list)
{
    struct ca_log_tree *t = &l->tree;
    pthread_mutex_lock(&l->tree_lock);
    for (; list != NULL && !t->lost; list = list->next)
        t->lost = ca_log_tree_add(t, list->draft.bytes.data, list->draft.bytes.len, &list->hash,
                                  list->timestamp_ms) != 0;
    if (t->uncovered_since == 0)
        t->uncovered_since = tm_clock_mono_ms();
    if (t->dirty_since == 0) {
        t->dirty_since = tm_clock_mono_ms();
        pthread_cond_signal(&l->tree_wake);
    } else if (t->pending_count >= LOG_PENDING_SETTLE) {
        pthread_cond_signal(&l->tree_wake);
    }
    pthread_mutex_unlock(&l->tree_lock);
}

static void count_outcome(struct ca_log *l, size_t count, bool failed)
{
    pthread_mutex_lock(&l->stats_lock);
    if (failed)
        l->stats.failures += count;
    else
        l->stats.entries += count;
    pthread_mutex_unlock(&l->stats_lock);
}

void *ca_log_sequencer(void *arg)
{
    struct ca_log *l = arg;
    size_t count = 0;
    for (struct ca_log_ticket *list; (list = take_group(l, &count)) != NULL;) {
        struct tm_err e = {0};
        list = drop_cancelled(list, &count);
        l->last_count = count;
        (void)clock_gettime(CLOCK_MONOTONIC, &l->last_began);
        if (count == 0)
            continue;
        int rc = make_ready(l, &e);
        if (rc == 0)
            rc = write_group(l, list, count, &e);
        if (rc == 0)
            grow_tree(l, list);
        else
            ca_log_say(l, JLOG_ERROR, "entries could not be logged", &e);
        count_outcome(l, count, rc != 0);
        while (list != NULL) {
            struct ca_log_ticket *t = list;
            list = t->next;
            finish(t, rc == 0 ? LOG_DONE : LOG_FAILED, &e);
        }
    }
    return NULL;
}

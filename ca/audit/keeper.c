#include "ca/audit/keeper_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/audit/spool.h"
#include "ca/audit/wire.h"
#include "common/clock.h"
#include "common/thread.h"

#define BYTES_DEFAULT ((size_t)8 << 20)
#define PATIENCE_DEFAULT_MS 2000
#define RETRY_MS 250     /* after a failure */
#define TICK_MS 250      /* between looks whether somebody waits too long */
#define GROUP_MAX 1024   /* records of a commit */
#define CLOSE_MS 5000    /* for what waits at the end */
#define HEADS_MS 3600000 /* where nothing is said */

/* ---- answers ---- */

static void tell_state(struct ca_audit_keeper *k, bool works, const char *why)
{
    const struct ca_audit_wire_state m = {works, works ? NULL : why};
    for (size_t i = 0; i < k->senders; i++) {
        (void)tm_ipc_put(k->sender[i].channel, AUDIT_WIRE_STATE, &m, NULL);
        tm_ipc_loop_flush(k->loop, k->sender[i].channel);
    }
}

/* Every event of each sender up to `upto` has its end. */
static void answer(struct ca_audit_keeper *k, const uint64_t upto[AUDIT_SENDERS_MAX], bool ok,
                   const char *why)
{
    for (size_t i = 0; i < k->senders; i++) {
        const struct ca_audit_wire_kept m = {upto[i], ok, ok ? NULL : why};
        if (upto[i] == 0)
            continue;
        (void)tm_ipc_put(k->sender[i].channel, AUDIT_WIRE_KEPT, &m, NULL);
        tm_ipc_loop_flush(k->loop, k->sender[i].channel);
    }
}

/* What waits is told that it waits in vain; it stays queued. */
static void break_promises(struct ca_audit_keeper *k, const char *why)
{
    uint64_t upto[AUDIT_SENDERS_MAX];
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < AUDIT_SENDERS_MAX; i++) {
        upto[i] = k->sender[i].asked;
        k->sender[i].asked = 0;
    }
    pthread_mutex_unlock(&k->lock);
    answer(k, upto, false, why);
}

/* Says it once, in the log and to who asks before he signs. */
static void set_works(struct ca_audit_keeper *k, bool works, const struct tm_err *why)
{
    pthread_mutex_lock(&k->lock);
    bool news = works != k->works;
    k->works = works;
    if (!works)
        k->why = *why;
    pthread_mutex_unlock(&k->lock);
    if (!news)
        return;
    if (works)
        jlog(k->o.jlog, JLOG_INFO, "the audit database takes records again", JLOG_END);
    else
        jlog(k->o.jlog, JLOG_ERROR, "the audit database takes no records",
             JLOG_STR("detail", why->text), JLOG_END);
    tell_state(k, works, why != NULL ? why->text : NULL);
}

/* ---- the writer ---- */

static bool same_tip(const struct ca_audit_tip *a, const struct ca_audit_tip *b)
{
    return a->seq == b->seq && memcmp(&a->hash, &b->hash, sizeof(a->hash)) == 0;
}

/* Opens the database again. *there: the group that was being written when it failed is in it. */
static int reopen(struct ca_audit_keeper *k, bool *there, struct tm_err *e)
{
    struct ca_audit_tip now;
    k->store = ca_audit_store_open(&k->o.place, k->o.node, e);
    if (k->store == NULL || ca_audit_store_tip(k->store, NULL, &now, e) != 0)
        return -1;
    if (k->maybe.seq > k->tip.seq && same_tip(&now, &k->maybe))
        k->tip = k->maybe;
    *there = k->hoped.seq > 0 && same_tip(&now, &k->hoped);
    if (*there || same_tip(&now, &k->tip))
        return 0;
    return tm_err_set(e,
                      "the audit database ends at record %" PRIu64
                      " where this server wrote up to %" PRIu64 ": another server writes as '%s', "
                      "or the database was restored; see `tenmint-ca audit verify`, then restart",
                      now.seq, k->tip.seq, k->o.node);
}

static int add_group(struct ca_audit_keeper *k, struct tm_err *e)
{
    k->hoped = k->tip;
    if (ca_audit_store_begin(k->store, e) != 0)
        return -1;
    for (const struct ca_audit_queued *q = k->group; q != NULL; q = q->next) {
        struct ca_audit_record r = ca_audit_queued_record(q);
        if (ca_audit_store_add(k->store, &r, &k->hoped, e) != 0)
            return -1;
    }
    return ca_audit_store_commit(k->store, e);
}

static int write_group(struct ca_audit_keeper *k, struct tm_err *e)
{
    bool there = false;
    int rc = k->store != NULL ? 0 : reopen(k, &there, e);
    if (rc == 0 && !there)
        rc = add_group(k, e);
    if (rc != 0) {
        ca_audit_store_close(k->store);
        k->store = NULL;
        return -1;
    }
    k->tip = k->hoped;
    return 0;
}

/* The group is durable. */
static void finish_group(struct ca_audit_keeper *k)
{
    uint64_t upto[AUDIT_SENDERS_MAX] = {0};
    size_t count = 0;
    for (const struct ca_audit_queued *q = k->group; q != NULL; q = q->next, count++) {
        if (q->id > 0)
            upto[q->sender] = q->id;
        if (q->spooled != NULL) {
            struct tm_err e = {0};
            k->spooled--;
            if (ca_audit_spool_remove(k->o.spool, q->spooled, &e) != 0)
                jlog(k->o.jlog, JLOG_ERROR, "an event that is recorded stays in the spool",
                     JLOG_STR("detail", e.text), JLOG_END);
        }
    }
    ca_audit_queued_free(k->group);
    k->group = NULL;
    pthread_mutex_lock(&k->lock);
    k->group_bytes = 0;
    k->progress_ms = tm_clock_mono_ms();
    k->written += count;
    k->groups++;
    for (size_t i = 0; i < AUDIT_SENDERS_MAX; i++) {
        if (k->sender[i].asked <= upto[i])
            k->sender[i].asked = 0;
    }
    pthread_mutex_unlock(&k->lock);
    set_works(k, true, NULL);
    answer(k, upto, true, NULL);
}

static int write_waiting(struct ca_audit_keeper *k)
{
    struct tm_err e = {0};
    if (write_group(k, &e) == 0) {
        finish_group(k);
        return 0;
    }
    pthread_mutex_lock(&k->lock);
    k->failures++;
    pthread_mutex_unlock(&k->lock);
    set_works(k, false, &e);
    break_promises(k, e.text);
    return -1;
}

/* ---- events ---- */

static void on_event(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    (void)c;
    (void)type; /* one is heard */
    struct ca_audit_sender *s = ctx;
    struct ca_audit_keeper *k = s->keeper;
    struct ca_audit_wire_event *m = msg;
    uint64_t refused[AUDIT_SENDERS_MAX] = {0};
    size_t self = (size_t)(s - k->sender);
    bool known = m->kind < AUDIT_KIND_COUNT && (s->kinds & AUDIT_MAY(m->kind)) != 0;
    m->event.kind = known ? (enum ca_audit_kind)m->kind : AUDIT_COMMAND;
    struct ca_audit_queued *q = known ? ca_audit_queued_new(&m->event) : NULL;
    if (q != NULL) {
        q->process = s->process;
        q->sender = self;
        q->id = m->id;
        q->time_ms = tm_clock_wall_ms();
    }
    pthread_mutex_lock(&k->lock);
    bool done = ca_audit_keeper_put(k, q, m->id > 0);
    if (done && m->id > 0)
        s->asked = m->id;
    pthread_mutex_unlock(&k->lock);
    if (done || m->id == 0)
        return;
    refused[self] = m->id;
    answer(k, refused, false, known ? "too many records wait" : "not this process's to say");
}

/* Who waits is told when it takes too long, also while the writer hangs. */
static void on_tick(void *ctx)
{
    struct ca_audit_keeper *k = ctx;
    struct tm_err late = {0};
    pthread_mutex_lock(&k->lock);
    bool waits = k->queue.count > 0 || k->group_bytes > 0;
    bool stuck = waits && tm_clock_mono_ms() - k->progress_ms > k->o.patience_ms;
    pthread_mutex_unlock(&k->lock);
    if (!stuck)
        return;
    tm_err_set(&late, "the audit database has taken nothing for %" PRId64 " ms", k->o.patience_ms);
    set_works(k, false, &late);
    break_promises(k, late.text);
}

/* ---- the chain's head ---- */

static void enter_head(struct ca_audit_keeper *k)
{
    struct tm_err e = {0};
    struct ca_audit_head head = {
        .seq = k->tip.seq, .hash = k->tip.hash, .time_ms = tm_clock_wall_ms()};
    if (k->o.heads == NULL || k->tip.seq == k->headed)
        return;
    snprintf(head.node, sizeof(head.node), "%s", k->o.node);
    int rc = ca_audit_heads_add(k->o.heads, &head, &e);
    if (rc != 0)
        jlog(k->o.jlog, JLOG_ERROR, "the head of the audit trail is not in its log",
             JLOG_STR("detail", e.text), JLOG_END);
    else
        k->headed = head.seq;
    pthread_mutex_lock(&k->lock);
    k->headed_ms = rc == 0 ? head.time_ms : k->headed_ms;
    pthread_mutex_unlock(&k->lock);
}

static void look_at_head(struct ca_audit_keeper *k)
{
    if (tm_clock_mono_ms() - k->head_ms < k->o.head_interval_ms)
        return;
    k->head_ms = tm_clock_mono_ms();
    enter_head(k);
    ca_audit_keeper_retention(k);
}

/* ---- the writer's thread ---- */

/* Waits for a group, for at most `ms`. With `failed`, for that time. True: there is one. */
static bool await_group(struct ca_audit_keeper *k, int64_t ms, bool failed)
{
    int64_t until = tm_clock_mono_ms() + ms;
    pthread_mutex_lock(&k->lock);
    while (!k->stop && (failed || (k->queue.count == 0 && k->group == NULL)) &&
           tm_cond_wait(&k->changed, &k->lock, until))
        ;
    if (k->group == NULL && k->queue.count > 0) {
        size_t before = k->queue.bytes;
        k->group = ca_audit_queue_take(&k->queue, GROUP_MAX);
        k->group_bytes = before - k->queue.bytes;
        k->hoped.seq = 0;
    }
    pthread_mutex_unlock(&k->lock);
    return k->group != NULL;
}

static bool is_stopped(struct ca_audit_keeper *k)
{
    pthread_mutex_lock(&k->lock);
    bool stop = k->stop;
    pthread_mutex_unlock(&k->lock);
    return stop;
}

static void *write_all(void *arg)
{
    struct ca_audit_keeper *k = arg;
    bool failed = false;
    while (!is_stopped(k)) {
        if (await_group(k, failed ? RETRY_MS : AUDIT_SPOOL_MS, failed))
            failed = write_waiting(k) != 0;
        ca_audit_keeper_spool(k);
        look_at_head(k);
    }
    return NULL;
}

/* ---- opening and closing ---- */

static struct ca_audit_queued *own_event(const struct ca_audit_event *ev)
{
    struct ca_audit_queued *q = ca_audit_queued_new(ev);
    if (q != NULL) {
        q->process = "audit";
        q->time_ms = tm_clock_wall_ms();
    }
    return q;
}

struct ca_audit_keeper *ca_audit_keeper_open(const struct ca_audit_keeper_options *o,
                                             const struct ca_audit_event *start, struct tm_err *e)
{
    struct ca_audit_keeper *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return tm_err_null(e, "out of memory");
    k->o = *o;
    k->o.max_bytes = o->max_bytes > 0 ? o->max_bytes : BYTES_DEFAULT;
    k->o.patience_ms = o->patience_ms > 0 ? o->patience_ms : PATIENCE_DEFAULT_MS;
    k->o.head_interval_ms = o->head_interval_ms > 0 ? o->head_interval_ms : HEADS_MS;
    k->works = true;
    k->head_ms = tm_clock_mono_ms();
    tm_checked_clock_init(&k->clock, o->clock, o->jlog);
    pthread_mutex_init(&k->lock, NULL);
    tm_cond_init(&k->changed);
    ca_audit_queue_init(&k->queue);
    k->group = own_event(start);
    k->store = ca_audit_store_open(&o->place, o->node, e);
    k->loop = tm_ipc_loop_new(on_tick, k, TICK_MS, e);
    if (k->group != NULL && k->store != NULL && k->loop != NULL &&
        ca_audit_store_tip(k->store, NULL, &k->tip, e) == 0 && write_group(k, e) == 0) {
        finish_group(k);
        return k;
    }
    ca_audit_keeper_close(k, NULL);
    return NULL;
}

int ca_audit_keeper_serve(struct ca_audit_keeper *k, int fd, const char *process, unsigned kinds,
                          struct tm_err *e)
{
    struct tm_ipc_channel *c = tm_ipc_channel_new(fd, &ca_audit_wire, e);
    if (c == NULL)
        return -1;
    struct ca_audit_sender *s = &k->sender[k->senders++];
    *s = (struct ca_audit_sender){.keeper = k, .channel = c, .process = process, .kinds = kinds};
    const struct tm_ipc_port port = {.channel = c, .message = on_event, .ctx = s};
    tm_ipc_channel_hear(c, IPC_HEAR(AUDIT_WIRE_EVENT));
    return tm_ipc_loop_add(k->loop, &port, e);
}

int ca_audit_keeper_start(struct ca_audit_keeper *k, struct tm_err *e)
{
    if (tm_ipc_loop_start(k->loop, e) != 0)
        return -1;
    int rc = tm_thread_start(&k->thread, write_all, k);
    k->running = rc == 0;
    return rc == 0 ? 0 : tm_err_set(e, "start a thread: %s", strerrordesc_np(rc));
}

/* What still waits, then the stop; nobody sends any more. */
static void write_rest(struct ca_audit_keeper *k, const struct ca_audit_event *stop)
{
    int64_t until = tm_clock_mono_ms() + CLOSE_MS;
    struct ca_audit_queued *last = own_event(stop);
    ca_audit_keeper_spool(k);
    pthread_mutex_lock(&k->lock);
    if (last != NULL)
        ca_audit_queue_put(&k->queue, last);
    pthread_mutex_unlock(&k->lock);
    while (await_group(k, 0, false) && tm_clock_mono_ms() < until) {
        if (write_waiting(k) != 0)
            (void)nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
    }
    if (k->group != NULL)
        jlog(k->o.jlog, JLOG_ERROR, "records of the audit trail are lost: the database takes none",
             JLOG_INT("records", k->queue.count + 1), JLOG_STR("detail", k->why.text), JLOG_END);
    enter_head(k);
}

void ca_audit_keeper_close(struct ca_audit_keeper *k, const struct ca_audit_event *stop)
{
    if (k == NULL)
        return;
    tm_ipc_loop_join(k->loop); /* reads what has come, no more */
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->changed);
    pthread_mutex_unlock(&k->lock);
    if (k->running) {
        pthread_join(k->thread, NULL);
        write_rest(k, stop);
    }
    tm_ipc_loop_free(k->loop);
    for (size_t i = 0; i < k->senders; i++)
        tm_ipc_channel_free(k->sender[i].channel);
    ca_audit_store_close(k->store);
    ca_audit_queued_free(k->group);
    ca_audit_queued_free(k->queue.first);
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
    tm_checked_clock_free(&k->clock);
    free(k);
}

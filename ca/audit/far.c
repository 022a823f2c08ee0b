#include "ca/audit/far.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ca/audit/wire.h"
#include "common/ipc/loop.h"

struct ca_audit_promise {
    struct ca_audit_promise *next;
    uint64_t id;
    atomic_uint refs;   /* the caller's and the trail's */
    atomic_int outcome; /* enum tm_sink_status */
    void (*wake)(void *arg);
    void *arg;
    struct tm_err why; /* SINK_BROKEN */
};

struct ca_audit_far {
    struct tm_ipc_loop *loop;
    struct tm_ipc_channel *channel;
    bool batch;         /* set before there are events */
    atomic_bool unsent; /* with `batch`: an event waits for the end of the round */

    pthread_mutex_t lock;                   /* guards what follows */
    struct ca_audit_promise *first, **last; /* in the order of their ids */
    uint64_t next_id;
    bool works, broken;
    struct tm_err why; /* when it does not work */
};

/* ---- promises ---- */

static void promise_unref(struct ca_audit_promise *p)
{
    if (p != NULL && atomic_fetch_sub(&p->refs, 1) == 1)
        free(p);
}

void ca_audit_promise_free(struct ca_audit_promise *p)
{
    promise_unref(p);
}

enum tm_sink_status ca_audit_kept(const struct ca_audit_promise *p, struct tm_err *e)
{
    enum tm_sink_status st = (enum tm_sink_status)atomic_load(&p->outcome);
    if (st == SINK_BROKEN)
        tm_err_set(e, "%s", p->why.text);
    return st;
}

/* Takes the promises up to `upto` off the list. */
static struct ca_audit_promise *take_upto(struct ca_audit_far *f, uint64_t upto)
{
    struct ca_audit_promise *taken = NULL;
    struct ca_audit_promise **end = &taken;
    pthread_mutex_lock(&f->lock);
    while (f->first != NULL && f->first->id <= upto) {
        *end = f->first;
        end = &f->first->next;
        f->first = f->first->next;
    }
    *end = NULL;
    if (f->first == NULL)
        f->last = &f->first;
    pthread_mutex_unlock(&f->lock);
    return taken;
}

static void finish(struct ca_audit_far *f, uint64_t upto, bool ok, const char *why)
{
    struct ca_audit_promise *p = take_upto(f, upto);
    while (p != NULL) {
        struct ca_audit_promise *next = p->next;
        if (!ok)
            tm_err_set(&p->why, "%s", why);
        atomic_store(&p->outcome, ok ? SINK_KEPT : SINK_BROKEN);
        p->wake(p->arg);
        promise_unref(p);
        p = next;
    }
}

static void set_state(struct ca_audit_far *f, bool works, bool broken, const char *why)
{
    pthread_mutex_lock(&f->lock);
    f->works = works && !f->broken;
    if (!f->broken && !works)
        tm_err_set(&f->why, "%s", why);
    f->broken = f->broken || broken;
    pthread_mutex_unlock(&f->lock);
}

static const char *or_unknown(const char *why)
{
    return why != NULL ? why : "the audit database takes nothing";
}

static void on_message(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    (void)c;
    struct ca_audit_far *f = ctx;
    const struct ca_audit_wire_kept *kept = msg;
    const struct ca_audit_wire_state *state = msg;
    if (type == AUDIT_WIRE_KEPT)
        finish(f, kept->upto, kept->ok != 0, or_unknown(kept->why));
    else if (type == AUDIT_WIRE_STATE)
        set_state(f, state->works != 0, false, or_unknown(state->why));
}

static void on_over(void *ctx, struct tm_ipc_channel *c, const struct tm_err *why)
{
    (void)c;
    struct ca_audit_far *f = ctx;
    set_state(f, false, true, why->text);
    finish(f, UINT64_MAX, false, why->text);
}

void ca_audit_break(struct ca_audit_far *f)
{
    static const char why[] = "the server is shutting down";
    if (f == NULL)
        return;
    set_state(f, false, true, why);
    finish(f, UINT64_MAX, false, why);
}

/* ---- sending ---- */

/* What is too long is cut; `room` is what was copied for that, to be freed. */
static int cut_texts(struct ca_audit_event *ev, char *room[AUDIT_FIELD_COUNT])
{
    int rc = 0;
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++) {
        room[i] = NULL;
        if (strnlen(ca_audit_text(ev, i), AUDIT_TEXT_MAX + 1) <= AUDIT_TEXT_MAX)
            continue;
        room[i] = strndup(ca_audit_text(ev, i), AUDIT_TEXT_MAX);
        ca_audit_set_text(ev, i, room[i]);
        rc = room[i] != NULL ? rc : -1;
    }
    return rc;
}

/* With the lock, so that ids go out in their order. */
static int send_event(struct ca_audit_far *f, const struct ca_audit_event *ev, uint64_t id,
                      struct tm_err *e)
{
    char *room[AUDIT_FIELD_COUNT];
    struct ca_audit_wire_event m = {.id = id, .kind = (uint64_t)ev->kind, .event = *ev};
    int rc = cut_texts(&m.event, room) == 0 ? tm_ipc_put(f->channel, AUDIT_WIRE_EVENT, &m, e)
                                            : tm_err_set(e, "out of memory");
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++)
        free(room[i]);
    return rc;
}

bool ca_audit_event(struct ca_audit_far *f, const struct ca_audit_event *ev)
{
    if (f == NULL)
        return true;
    pthread_mutex_lock(&f->lock);
    int rc = send_event(f, ev, 0, NULL);
    pthread_mutex_unlock(&f->lock);
    tm_ipc_loop_flush(f->loop, f->channel);
    return rc == 0;
}

static struct ca_audit_promise *promise_new(void (*wake)(void *arg), void *arg)
{
    struct ca_audit_promise *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    atomic_init(&p->refs, 2);
    atomic_init(&p->outcome, SINK_WAIT);
    p->wake = wake;
    p->arg = arg;
    return p;
}

/* With the lock. */
static int queue_promise(struct ca_audit_far *f, struct ca_audit_promise *p,
                         const struct ca_audit_event *ev, struct tm_err *e)
{
    if (f->broken)
        return tm_err_set(e, "%s", f->why.text);
    p->id = f->next_id;
    if (send_event(f, ev, p->id, e) != 0)
        return -1;
    f->next_id++;
    *f->last = p;
    f->last = &p->next;
    return 0;
}

enum tm_sink_status ca_audit_promise(struct ca_audit_far *f, const struct ca_audit_event *ev,
                                     void (*wake)(void *arg), void *arg,
                                     struct ca_audit_promise **promise, struct tm_err *e)
{
    struct ca_audit_promise *p = promise_new(wake, arg);
    *promise = NULL;
    if (p == NULL) {
        tm_err_set(e, "out of memory");
        return SINK_BROKEN;
    }
    pthread_mutex_lock(&f->lock);
    int rc = queue_promise(f, p, ev, e);
    pthread_mutex_unlock(&f->lock);
    if (rc != 0) {
        free(p);
        return SINK_BROKEN;
    }
    *promise = p;
    if (f->batch)
        atomic_store(&f->unsent, true);
    else
        tm_ipc_loop_flush(f->loop, f->channel);
    return SINK_WAIT;
}

void ca_audit_batch(struct ca_audit_far *f)
{
    f->batch = true;
}

void ca_audit_round(struct ca_audit_far *f)
{
    if (f != NULL && atomic_load_explicit(&f->unsent, memory_order_relaxed) &&
        atomic_exchange(&f->unsent, false))
        tm_ipc_loop_flush(f->loop, f->channel);
}

bool ca_audit_works(struct ca_audit_far *f, struct tm_err *e)
{
    pthread_mutex_lock(&f->lock);
    bool works = f->works;
    if (!works)
        tm_err_set(e, "%s", f->why.text);
    pthread_mutex_unlock(&f->lock);
    return works;
}

/* ---- opening ---- */

static int open_far(struct ca_audit_far *f, int fd, struct tm_err *e)
{
    f->channel = tm_ipc_channel_new(fd, &ca_audit_wire, e);
    f->loop = f->channel != NULL ? tm_ipc_loop_new(NULL, NULL, 0, e) : NULL;
    const struct tm_ipc_port port = {
        .channel = f->channel, .message = on_message, .over = on_over, .ctx = f};
    if (f->loop == NULL || tm_ipc_loop_add(f->loop, &port, e) != 0)
        return -1;
    tm_ipc_channel_hear(f->channel, IPC_HEAR(AUDIT_WIRE_KEPT) | IPC_HEAR(AUDIT_WIRE_STATE));
    return tm_ipc_loop_start(f->loop, e);
}

struct ca_audit_far *ca_audit_far_new(int fd, struct tm_err *e)
{
    struct ca_audit_far *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return tm_err_null(e, "out of memory");
    pthread_mutex_init(&f->lock, NULL);
    f->last = &f->first;
    f->next_id = 1;
    f->works = true; /* it has just opened its database; what it says now comes in a moment */
    if (open_far(f, fd, e) == 0)
        return f;
    ca_audit_far_free(f);
    return NULL;
}

void ca_audit_far_free(struct ca_audit_far *f)
{
    if (f == NULL)
        return;
    ca_audit_break(f);
    if (f->channel != NULL)
        (void)tm_ipc_flush(f->channel);
    tm_ipc_loop_join(f->loop);
    tm_ipc_loop_free(f->loop);
    tm_ipc_channel_free(f->channel);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

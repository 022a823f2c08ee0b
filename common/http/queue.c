/*
 * Whole requests that wait for their turn, and handlers that wait for something else. Under more
 * load than there is power, a request that could not be answered in good time is refused at once,
 * which costs a hundredth of serving it; so the rest is served as fast as ever.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/http/internal.h"

#define WAIT_ENDED 1  /* a deadline that has passed */
#define SLICE_US 2000 /* of requests, before the sockets are looked at again */

static void list_add(struct tm_http_list *l, struct tm_http_conn *c)
{
    c->list_prev = l->last;
    c->in_list = NULL;
    if (l->last != NULL)
        l->last->in_list = c;
    else
        l->first = c;
    l->last = c;
    l->count++;
}

static void list_remove(struct tm_http_list *l, struct tm_http_conn *c)
{
    if (c->list_prev != NULL)
        c->list_prev->in_list = c->in_list;
    else
        l->first = c->in_list;
    if (c->in_list != NULL)
        c->in_list->list_prev = c->list_prev;
    else
        l->last = c->list_prev;
    c->list_prev = c->in_list = NULL;
    l->count--;
}

static void busy(struct tm_http_conn *c, enum tm_http_shed why)
{
    tm_http_shed(c->worker->server, why);
    tm_http_conn_admit(c, HTTP_FAULT_BUSY);
}

void tm_http_queue_add(struct tm_http_conn *c)
{
    struct tm_http_worker *w = c->worker;
    const struct tm_http_options *o = &w->server->o;
    if (atomic_load(&w->server->inflight) + w->queue.count > o->connection_limit) {
        busy(c, HTTP_SHED_FULL);
    } else if ((int64_t)w->queue.count * w->service_us > o->queue_limit_ms * 1000) {
        busy(c, HTTP_SHED_QUEUE);
    } else {
        c->queued_us = tm_http_now_us();
        list_add(&w->queue, c);
    }
}

void tm_http_queue_run(struct tm_http_worker *w)
{
    int64_t limit_us = w->server->o.queue_limit_ms * 1000;
    int64_t begun = w->queue.count > 0 ? tm_http_now_us() : 0;
    int64_t now = begun;
    while (w->queue.count > 0 && now - begun < SLICE_US) {
        struct tm_http_conn *c = w->queue.first;
        list_remove(&w->queue, c);
        bool late = now - c->queued_us > limit_us;
        if (late)
            busy(c, HTTP_SHED_QUEUE);
        else
            tm_http_conn_admit(c, HTTP_FAULT_NONE);
        tm_http_conn_run(c);
        int64_t then = now;
        now = tm_http_now_us();
        if (!late)
            w->service_us += (now - then - w->service_us) / 16;
    }
}

/* So that waits alone never take all connections. The next sweep ends it, which is due at once. */
static void end_longest_wait(struct tm_http_worker *w)
{
    struct tm_http_conn *c = w->parked.first;
    while (c != NULL && c->x->wait_deadline_ms == WAIT_ENDED)
        c = c->in_list;
    if (c == NULL)
        return;
    c->x->wait_deadline_ms = WAIT_ENDED;
    w->swept_ms = 0;
    tm_http_shed(w->server, HTTP_SHED_WAITS);
}

/* Its handler has returned HTTP_WAIT. */
void tm_http_park(struct tm_http_exchange *x)
{
    struct tm_http_worker *w = x->worker;
    size_t limit = x->server->o.connection_limit / 4 * 3 / x->server->o.workers;
    if (x->wait_deadline_ms == 0) /* one deadline, however often the request waits */
        x->wait_deadline_ms = tm_clock_mono_ms() + x->server->o.wait_timeout_ms;
    x->conn->phase = CONN_PARKED;
    x->conn->deadline_ms = 0;
    list_add(&w->parked, x->conn);
    MHD_suspend_connection(x->mhd);
    pthread_mutex_lock(&w->lock);
    if (x->wait == WAIT_WOKEN) {
        x->woken = w->woken;
        w->woken = x;
    } else {
        x->wait = WAIT_PARKED;
    }
    bool mine = x->wait == WAIT_WOKEN;
    pthread_mutex_unlock(&w->lock);
    if (mine)
        tm_http_worker_wake(w);
    if (w->parked.count > limit && limit > 0)
        end_longest_wait(w);
}

/* Its handler runs again. */
static void go_on(struct tm_http_conn *c)
{
    struct tm_http_worker *w = c->worker;
    list_remove(&w->parked, c);
    c->phase = CONN_REPLY;
    MHD_resume_connection(c->x->mhd);
    tm_http_engine_run(w);
    tm_http_conn_run(c);
}

void tm_http_parked_expire(struct tm_http_worker *w, int64_t now_ms)
{
    for (struct tm_http_conn *c = w->parked.first, *next = NULL; c != NULL; c = next) {
        struct tm_http_exchange *x = c->x;
        next = c->in_list;
        if (x->wait_deadline_ms > now_ms)
            continue;
        pthread_mutex_lock(&w->lock);
        bool mine = x->wait == WAIT_PARKED; /* else it is woken already */
        if (mine)
            x->wait = WAIT_EXPIRED;
        pthread_mutex_unlock(&w->lock);
        if (mine)
            go_on(c);
    }
}

void tm_http_woken_run(struct tm_http_worker *w)
{
    pthread_mutex_lock(&w->lock);
    struct tm_http_exchange *list = w->woken;
    w->woken = NULL;
    pthread_mutex_unlock(&w->lock);
    while (list != NULL) {
        struct tm_http_exchange *x = list;
        list = x->woken;
        x->woken = NULL;
        go_on(x->conn);
    }
}

void *tm_http_wait_begin(struct tm_http_exchange *x)
{
    pthread_mutex_lock(&x->worker->lock);
    x->wait = WAIT_BEGUN;
    pthread_mutex_unlock(&x->worker->lock);
    atomic_fetch_add(&x->refs, 1);
    return x;
}

void tm_http_wait_cancel(struct tm_http_exchange *x)
{
    pthread_mutex_lock(&x->worker->lock);
    x->wait = WAIT_NONE;
    pthread_mutex_unlock(&x->worker->lock);
    tm_http_exchange_unref(x);
}

void tm_http_wake(void *waiter)
{
    struct tm_http_exchange *x = waiter;
    struct tm_http_worker *w = x->worker;
    pthread_mutex_lock(&w->lock);
    bool parked = x->wait == WAIT_PARKED;
    if (parked) {
        x->woken = w->woken;
        w->woken = x;
    }
    if (parked || x->wait == WAIT_BEGUN)
        x->wait = WAIT_WOKEN;
    if (parked)
        tm_http_worker_wake(w);
    pthread_mutex_unlock(&w->lock);
    tm_http_exchange_unref(x);
}

bool tm_http_wait_expired(const struct tm_http_exchange *x)
{
    if (x->state == NULL) /* never waited: spares the lock */
        return false;
    pthread_mutex_lock(&x->worker->lock);
    bool expired = x->wait == WAIT_EXPIRED;
    pthread_mutex_unlock(&x->worker->lock);
    return expired;
}

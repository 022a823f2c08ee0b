/*
 * Whole requests that wait for their turn, and handlers that wait for something else. Under more
 * load than there is power, a request that could not be answered in good time is refused at once,
 * which costs a hundredth of serving it; so the rest is served as fast as ever.
 */
#include <stdlib.h>
#include <sys/eventfd.h>

#include "common/clock.h"
#include "common/http/internal.h"

#define LONG_WAIT_MS 1000 /* for somebody slow, an issuer of tokens say */
#define WAIT_ENDED 1      /* a deadline that has passed */

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

void tm_http_list_remove(struct tm_http_list *l, struct tm_http_conn *c)
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

static size_t parked_limit(const struct tm_http_server *s)
{
    return s->o.connection_limit / 4 * 3 / s->o.workers;
}

/* As many wait as may, with `more` that will, and none for long: whom they wait for is busy, not
 * slow. One more would end the wait of one that is about to be served. */
static bool is_full(const struct tm_http_worker *w, size_t more)
{
    const struct tm_http_conn *c = w->parked.first;
    while (c != NULL && c->x->wait_deadline_ms == WAIT_ENDED)
        c = c->in_list;
    if (c == NULL || w->parked.count + more < parked_limit(w->server))
        return false;
    int64_t since_ms = c->x->wait_deadline_ms - w->server->o.wait_timeout_ms;
    return tm_clock_mono_ms() - since_ms < LONG_WAIT_MS;
}

/* What only reads is held while others have their replies; so it waits as long as they may. */
static int64_t limit_us(const struct tm_http_conn *c)
{
    return (c->is_post ? c->worker->server->o.queue_limit_ms : LONG_WAIT_MS) * 1000;
}

bool tm_http_queue_late(const struct tm_http_conn *c, int64_t now_us)
{
    return now_us - c->queued_us > limit_us(c);
}

/* False: the server is busy, which was counted. */
static bool add(struct tm_http_conn *c)
{
    struct tm_http_worker *w = c->worker;
    const struct tm_http_options *o = &w->server->o;
    if (atomic_load(&w->server->inflight) + w->queue.count > o->connection_limit) {
        tm_http_shed(w->server, HTTP_SHED_FULL);
        return false;
    }
    if ((int64_t)w->queue.count * w->service_us > limit_us(c) ||
        (c->is_post && is_full(w, w->queue.count))) {
        tm_http_shed(w->server, HTTP_SHED_QUEUE);
        return false;
    }
    c->queued_us = tm_clock_mono_us();
    list_add(&w->queue, c);
    return true;
}

bool tm_http_queue_whole(struct tm_http_conn *c, enum tm_http_fault *fault)
{
    c->phase = CONN_QUEUED;
    c->deadline_ms = 0;
    if (*fault != HTTP_FAULT_NONE || (!c->is_post && !is_full(c->worker, 0)))
        return false;
    if (add(c))
        return true;
    *fault = HTTP_FAULT_BUSY;
    return false;
}

bool tm_http_queue_moves(const struct tm_http_worker *w)
{
    const struct tm_http_conn *c = w->queue.first;
    return c != NULL && (c->is_post || !is_full(w, 0));
}

/* A worker that is at work looks before it sleeps. The write fails only when the counter is full,
 * and then the worker wakes all the same. */
void tm_http_worker_wake(struct tm_http_worker *w)
{
    atomic_store(&w->told, true);
    if (atomic_exchange(&w->asleep, false))
        (void)eventfd_write(w->wake_fd, 1);
}

void tm_http_workers_wake(struct tm_http_server *s)
{
    for (unsigned i = 0; i < s->o.workers; i++)
        tm_http_worker_wake(&s->workers[i]);
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
    size_t limit = parked_limit(x->server);
    if (x->wait_deadline_ms == 0) /* one deadline, however often the request waits */
        x->wait_deadline_ms = tm_clock_mono_ms() + x->server->o.wait_timeout_ms;
    x->conn->phase = CONN_PARKED;
    x->conn->deadline_ms = 0;
    list_add(&w->parked, x->conn);
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

void tm_http_exchange_unref(struct tm_http_exchange *x)
{
    if (atomic_fetch_sub(&x->refs, 1) == 1)
        free(x);
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

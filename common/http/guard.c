/*
 * Deadlines. libmicrohttpd's own timeout counts inactivity, so a client that sends
 * a byte now and then could hold a connection for ever, and a suspended connection
 * has no timeout at all. One thread looks at both four times a second.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/http/internal.h"
#include "common/clock.h"

void tm_http_guard_add(struct tm_http_guard *g, struct tm_http_conn *c)
{
    pthread_mutex_lock(&g->lock);
    c->prev = NULL;
    c->next = g->conns;
    if (g->conns != NULL)
        g->conns->prev = c;
    g->conns = c;
    g->count++;
    pthread_mutex_unlock(&g->lock);
}

void tm_http_guard_remove(struct tm_http_guard *g, struct tm_http_conn *c)
{
    pthread_mutex_lock(&g->lock);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        g->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    g->count--;
    pthread_mutex_unlock(&g->lock);
}

bool tm_http_guard_admits(struct tm_http_guard *g, const struct sockaddr *peer, unsigned limit)
{
    unsigned count = 0;
    if (limit == 0)
        return true;
    uint64_t network = tm_http_address_network(peer);
    pthread_mutex_lock(&g->lock);
    for (const struct tm_http_conn *c = g->conns; c != NULL; c = c->next)
        count += c->network == network;
    pthread_mutex_unlock(&g->lock);
    return count < limit;
}

static void unpark(struct tm_http_guard *g, struct tm_http_exchange *x, enum tm_wait_state why)
{
    if (x->prev != NULL)
        x->prev->next = x->next;
    else
        g->parked = x->next;
    if (x->next != NULL)
        x->next->prev = x->prev;
    x->prev = x->next = NULL;
    x->wait = why;
    tm_http_worker_resume(x);
}

void tm_http_guard_park(struct tm_http_guard *g, struct tm_http_exchange *x)
{
    /* Suspended before the lock is taken: whoever sees WAIT_PARKED may resume. */
    atomic_store_explicit(&x->conn->deadline_ms, 0, memory_order_relaxed);
    MHD_suspend_connection(x->mhd);
    pthread_mutex_lock(&g->lock);
    if (x->wait == WAIT_WOKEN) {
        tm_http_worker_resume(x);
    } else {
        x->wait = WAIT_PARKED;
        if (x->wait_deadline_ms == 0) /* one deadline, however often the request waits */
            x->wait_deadline_ms = tm_clock_mono_ms() + x->server->o.wait_timeout_ms;
        x->prev = NULL;
        x->next = g->parked;
        if (g->parked != NULL)
            g->parked->prev = x;
        g->parked = x;
    }
    pthread_mutex_unlock(&g->lock);
}

void tm_http_guard_expire(struct tm_http_guard *g, int64_t now_ms)
{
    pthread_mutex_lock(&g->lock);
    for (struct tm_http_exchange *x = g->parked, *next = NULL; x != NULL; x = next) {
        next = x->next;
        if (x->wait_deadline_ms <= now_ms)
            unpark(g, x, WAIT_EXPIRED);
    }
    pthread_mutex_unlock(&g->lock);
}

void tm_http_exchange_unref(struct tm_http_exchange *x)
{
    if (atomic_fetch_sub(&x->refs, 1) == 1)
        free(x);
}

void *tm_http_wait_begin(struct tm_http_exchange *x)
{
    x->wait = WAIT_BEGUN; /* nobody else has x yet */
    atomic_fetch_add(&x->refs, 1);
    return x;
}

void tm_http_wait_cancel(struct tm_http_exchange *x)
{
    x->wait = WAIT_NONE;
    tm_http_exchange_unref(x);
}

void tm_http_wake(void *waiter)
{
    struct tm_http_exchange *x = waiter;
    struct tm_http_guard *g = &x->server->guard;
    pthread_mutex_lock(&g->lock);
    if (x->wait == WAIT_PARKED)
        unpark(g, x, WAIT_WOKEN);
    else if (x->wait == WAIT_BEGUN)
        x->wait = WAIT_WOKEN;
    pthread_mutex_unlock(&g->lock);
    tm_http_exchange_unref(x);
}

bool tm_http_wait_expired(const struct tm_http_exchange *x)
{
    struct tm_http_guard *g = &x->server->guard;
    if (x->state == NULL) /* never waited: spares the lock */
        return false;
    pthread_mutex_lock(&g->lock);
    bool expired = x->wait == WAIT_EXPIRED;
    pthread_mutex_unlock(&g->lock);
    return expired;
}

/* Shuts late connections down; the worker then sees the end and cleans up. The descriptor is
 * still open: tm_http_on_connection removes it from the list before libmicrohttpd closes it. */
static void sweep_late(struct tm_http_guard *g, int64_t now_ms)
{
    for (struct tm_http_conn *c = g->conns; c != NULL; c = c->next) {
        int64_t deadline = atomic_load_explicit(&c->deadline_ms, memory_order_relaxed);
        if (deadline != 0 && deadline <= now_ms)
            (void)shutdown(c->fd, SHUT_RDWR);
    }
}

/*
 * Ends connections whose peer stopped in the middle of a request. libmicrohttpd 0.9.75 reads
 * once for an edge-triggered event, so when data and the end come together it misses the end,
 * and the connection would stay until its deadline. A peer that only closed its sending side
 * after a whole request still gets its reply.
 */
static void sweep_gone(struct tm_http_guard *g)
{
    if (g->count > g->polls_cap) {
        struct pollfd *grown = realloc(g->polls, (g->count + 64) * sizeof(*grown));
        if (grown == NULL)
            return;
        g->polls = grown;
        g->polls_cap = g->count + 64;
    }
    nfds_t n = 0;
    for (struct tm_http_conn *c = g->conns; c != NULL; c = c->next)
        g->polls[n++] = (struct pollfd){.fd = c->fd, .events = POLLRDHUP};
    if (n == 0 || poll(g->polls, n, 0) < 0)
        return;
    n = 0;
    for (struct tm_http_conn *c = g->conns; c != NULL; c = c->next, n++) {
        bool gone = (g->polls[n].revents & POLLRDHUP) != 0 &&
                    atomic_load_explicit(&c->receiving, memory_order_relaxed);
        c->hangups = gone ? c->hangups + 1 : 0;
        if (c->hangups >= 2) /* not just about to be seen by the worker */
            (void)shutdown(c->fd, SHUT_RDWR);
    }
}

static void *run(void *arg)
{
    struct tm_http_guard *g = arg;
    pthread_mutex_lock(&g->lock);
    while (!g->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += HTTP_SWEEP_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        (void)pthread_cond_timedwait(&g->stop, &g->lock, &until);
        int64_t now = tm_clock_mono_ms();
        sweep_late(g, now);
        sweep_gone(g);
        pthread_mutex_unlock(&g->lock);
        tm_http_guard_expire(g, now);
        pthread_mutex_lock(&g->lock);
    }
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

int tm_http_guard_start(struct tm_http_guard *g, struct tm_err *e)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->stop, &attr);
    pthread_condattr_destroy(&attr);
    errno = pthread_create(&g->thread, NULL, run, g);
    if (errno != 0)
        return tm_err_errno(e, "start the deadline thread");
    g->running = true;
    return 0;
}

void tm_http_guard_stop(struct tm_http_guard *g)
{
    if (!g->running)
        return;
    pthread_mutex_lock(&g->lock);
    g->stopping = true;
    pthread_cond_signal(&g->stop);
    pthread_mutex_unlock(&g->lock);
    pthread_join(g->thread, NULL);
    g->running = false;
    free(g->polls);
    g->polls = NULL;
    g->polls_cap = 0;
}

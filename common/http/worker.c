/*
 * The threads that serve. Each waits for its own connections and shares the listening socket; which
 * of them accepts is the kernel's choice.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http/internal.h"

#define EVENTS_AT_ONCE 16 /* then the queue has its turn */
#define SLICE_US 2000     /* of requests, before the sockets are looked at again */
#define CROWD 64          /* connections, of which the memory is worth giving back */

/* NULL: the tag is not one of the sides. */
static const struct tm_http_side *side_of(const struct tm_http_server *s, const void *tag)
{
    uintptr_t at = (uintptr_t)tag - (uintptr_t)s->o.sides;
    return at < s->o.side_count * sizeof(*s->o.sides) ? tag : NULL;
}

static void on_event(struct tm_http_worker *w, const struct epoll_event *ev)
{
    eventfd_t count;
    if (ev->data.ptr == &w->server->listen_fd) {
        tm_http_accept(w);
        return;
    }
    if (ev->data.ptr == w) {
        (void)eventfd_read(w->wake_fd, &count);
        return;
    }
    const struct tm_http_side *side = side_of(w->server, ev->data.ptr);
    if (side != NULL) {
        side->ready(side->ctx);
        return;
    }
    struct tm_http_conn *c = ev->data.ptr;
    if (c->phase == CONN_GONE) /* another event of this round has closed it */
        return;
    c->hangup = c->hangup || (ev->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    c->readable = c->readable || c->hangup || (ev->events & EPOLLIN) != 0;
    c->writable = c->writable || (ev->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    tm_http_conn_run(c);
}

/* Whole requests have their turn, for a slice of time. */
static void run_queue(struct tm_http_worker *w)
{
    int64_t begun = w->queue.count > 0 ? tm_clock_mono_us() : 0;
    int64_t now = begun;
    while (tm_http_queue_moves(w) && now - begun < SLICE_US) {
        struct tm_http_conn *c = w->queue.first;
        tm_http_list_remove(&w->queue, c);
        bool late = tm_http_queue_late(c, now);
        if (late)
            tm_http_shed(w->server, HTTP_SHED_QUEUE);
        tm_http_conn_admit(c, late ? HTTP_FAULT_BUSY : HTTP_FAULT_NONE);
        tm_http_conn_run(c);
        int64_t then = now;
        now = tm_clock_mono_us();
        if (!late)
            w->service_us += (now - then - w->service_us) / 16;
    }
}

/* Its handler runs again. */
static void go_on(struct tm_http_conn *c)
{
    tm_http_list_remove(&c->worker->parked, c);
    if (c->stream != NULL) {
        struct tm_http_conn *parent = tm_http_h2_parent(c);
        tm_http_h2_go_on(c);
        if (parent != NULL)
            tm_http_conn_run(parent);
        return;
    }
    c->phase = CONN_REPLY;
    tm_http_engine_run(c);
    tm_http_conn_run(c);
}

static void expire_parked(struct tm_http_worker *w, int64_t now_ms)
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

static void run_woken(struct tm_http_worker *w)
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

/* Those that had more to do than one turn. */
static void run_again(struct tm_http_worker *w)
{
    struct tm_http_conn *list = w->again;
    w->again = NULL;
    while (list != NULL) {
        struct tm_http_conn *c = list;
        list = c->again;
        c->listed = false;
        tm_http_conn_run(c);
    }
}

static bool late(const struct tm_http_conn *c, int64_t now_ms, int64_t idle_ms)
{
    bool moves = c->phase == CONN_HEAD || c->phase == CONN_BODY || c->phase == CONN_REPLY;
    return (c->deadline_ms != 0 && c->deadline_ms <= now_ms) ||
           (moves && c->active_ms + idle_ms <= now_ms);
}

/* Most of a crowd's connections are gone. */
static bool crowd_left(const struct tm_http_worker *w)
{
    return w->crowd >= CROWD && w->count <= w->crowd / 4;
}

/* Their memory goes back to the kernel: by itself the C library keeps all that lies below anything
 * that is still in use. */
static void give_back(struct tm_http_worker *w)
{
    if (crowd_left(w)) {
        (void)malloc_trim(0);
        w->crowd = 0;
    }
    if (w->count > w->crowd)
        w->crowd = w->count;
}

static void sweep(struct tm_http_worker *w, int64_t now_ms)
{
    if (now_ms - w->swept_ms < HTTP_SWEEP_MS)
        return;
    w->swept_ms = now_ms;
    for (struct tm_http_conn *c = w->conns, *next = NULL; c != NULL; c = next) {
        next = c->next;
        bool end = c->phase == CONN_H2 ? tm_http_h2_sweep(c, now_ms)
                                       : late(c, now_ms, w->server->o.idle_timeout_ms);
        if (end)
            tm_http_conn_close(c);
        else if (c->phase == CONN_H2)
            tm_http_conn_run(c);
    }
    expire_parked(w, atomic_load(&w->server->expiring) ? INT64_MAX : now_ms);
    tm_http_accept_resume(w, now_ms);
    tm_http_conn_free_gone(w);
    give_back(w);
}

/* Without connections there is nothing to look after. */
static int wait_ms(const struct tm_http_worker *w)
{
    if (tm_http_queue_moves(w) || w->again != NULL)
        return 0;
    return w->count > 0 || w->accept_after_ms != 0 || crowd_left(w) ? HTTP_SWEEP_MS : -1;
}

static void *run(void *arg)
{
    struct tm_http_worker *w = arg;
    struct epoll_event ev[EVENTS_AT_ONCE];
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE); /* OpenSSL writes to sockets that may be closed */
    (void)pthread_sigmask(SIG_BLOCK, &pipe_only, NULL);
    while (!atomic_load(&w->server->stopping)) {
        atomic_store(&w->asleep, true);
        int n = epoll_wait(w->events, ev, EVENTS_AT_ONCE, atomic_load(&w->told) ? 0 : wait_ms(w));
        atomic_store(&w->asleep, false);
        for (int i = 0; i < n; i++)
            on_event(w, &ev[i]);
        atomic_store(&w->told, false); /* before what it tells of is looked at */
        run_woken(w);
        run_queue(w);
        run_again(w);
        tm_http_accept_settle(w);
        if (w->server->o.round != NULL)
            w->server->o.round(w->server->o.round_ctx);
        if (atomic_load(&w->server->expiring))
            w->swept_ms = 0;
        sweep(w, tm_clock_mono_ms());
        tm_http_conn_free_gone(w);
    }
    return NULL;
}

static int watch(struct tm_http_worker *w, int fd, uint32_t events, void *tag)
{
    struct epoll_event ev = {.events = events, .data.ptr = tag};
    return epoll_ctl(w->events, EPOLL_CTL_ADD, fd, &ev);
}

static int watch_sides(struct tm_http_worker *w)
{
    const struct tm_http_options *o = &w->server->o;
    for (size_t i = 0; i < o->side_count; i++) {
        if (&w->server->workers[o->sides[i].worker % o->workers] == w &&
            watch(w, o->sides[i].fd, EPOLLIN, (void *)(uintptr_t)&o->sides[i]) != 0)
            return -1;
    }
    return 0;
}

static int start_worker(struct tm_http_worker *w)
{
    w->events = epoll_create1(EPOLL_CLOEXEC);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->events < 0 || w->wake_fd < 0 || watch(w, w->wake_fd, EPOLLIN, w) != 0 ||
        watch_sides(w) != 0 ||
        watch(w, w->server->listen_fd, EPOLLIN | EPOLLEXCLUSIVE, &w->server->listen_fd) != 0)
        return -1;
    errno = pthread_create(&w->thread, NULL, run, w);
    w->running = errno == 0;
    return w->running ? 0 : -1;
}

int tm_http_workers_start(struct tm_http_server *s)
{
    s->workers = calloc(s->o.workers, sizeof(*s->workers));
    if (s->workers == NULL)
        return -1;
    for (unsigned i = 0; i < s->o.workers; i++) {
        struct tm_http_worker *w = &s->workers[i];
        w->server = s;
        w->calls = &tm_http_exchange_calls;
        w->events = w->wake_fd = -1;
        pthread_mutex_init(&w->lock, NULL);
    }
    for (unsigned i = 0; i < s->o.workers; i++) {
        if (start_worker(&s->workers[i]) != 0)
            return -1;
    }
    return 0;
}

/* What is left ends without a reply; whoever still holds a waiter wakes nobody. */
static void close_all(struct tm_http_worker *w)
{
    pthread_mutex_lock(&w->lock);
    for (struct tm_http_conn *c = w->parked.first; c != NULL; c = c->in_list)
        c->x->wait = WAIT_NONE;
    w->woken = NULL;
    pthread_mutex_unlock(&w->lock);
    for (struct tm_http_conn *c = w->parked.first, *next = NULL; c != NULL; c = next) {
        next = c->in_list;
        if (c->stream != NULL) {
            tm_http_h2_abandon(c);
            continue;
        }
        c->x->conn = NULL;
        c->x = NULL;
    }
    w->parked = w->queue = (struct tm_http_list){0};
    while (w->conns != NULL)
        tm_http_conn_close(w->conns);
    tm_http_conn_free_gone(w);
    tm_http_engines_free(w);
}

void tm_http_workers_stop(struct tm_http_server *s)
{
    int saved = errno;
    atomic_store(&s->stopping, true);
    for (unsigned i = 0; s->workers != NULL && i < s->o.workers; i++) {
        struct tm_http_worker *w = &s->workers[i];
        if (w->running) {
            tm_http_worker_wake(w);
            pthread_join(w->thread, NULL);
            w->running = false;
        }
        close_all(w);
    }
    errno = saved;
}

void tm_http_workers_free(struct tm_http_server *s)
{
    for (unsigned i = 0; s->workers != NULL && i < s->o.workers; i++) {
        struct tm_http_worker *w = &s->workers[i];
        if (w->wake_fd >= 0)
            close(w->wake_fd);
        if (w->events >= 0)
            close(w->events);
        pthread_mutex_destroy(&w->lock);
    }
    free(s->workers);
    s->workers = NULL;
}

/*
 * Who may come in. When all places are taken, whoever has sent no whole request gives way, first of
 * the client that has most connections: many slow connections from a few addresses do not keep
 * others out.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http/internal.h"

#define ACCEPT_TURN 16          /* connections, before those there are have their turn */
#define NO_DESCRIPTOR_PAUSE 100 /* milliseconds */

/* A few words to somebody who is not let in; over TLS they would be noise. */
static void turn_away(struct tm_http_server *s, int fd, enum tm_http_shed why)
{
    static const char too_many[] = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\n"
                                   "Content-Length: 0\r\nConnection: close\r\n\r\n";
    static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                               "Content-Length: 0\r\nConnection: close\r\n\r\n";
    char dropped[4096];
    const char *text = why == HTTP_SHED_ADDRESS ? too_many : full;
    tm_http_shed(s, why);
    if (atomic_load(&s->tls) == NULL) {
        while (recv(fd, dropped, sizeof(dropped), MSG_DONTWAIT) == (ssize_t)sizeof(dropped))
            ;
        (void)send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)shutdown(fd, SHUT_WR);
    }
    close(fd);
}

/* Before `b` when places are short. */
static bool gives_way_first(const struct tm_http_conn *a, const struct tm_http_conn *b)
{
    bool done = a->phase == CONN_LINGER;
    if (done != (b->phase == CONN_LINGER))
        return done;
    unsigned many = atomic_load(&a->client->connections);
    unsigned fewer = atomic_load(&b->client->connections);
    return many != fewer ? many > fewer : a->active_ms < b->active_ms;
}

/* A request may be there that the worker has not come to read. */
static bool has_sent_more(const struct tm_http_conn *c)
{
    char one;
    return recv(c->fd, &one, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Ends a connection that has sent no whole request; false: there is none here. */
static bool make_room(struct tm_http_worker *w)
{
    for (int i = 0; i < 4; i++) {
        struct tm_http_conn *last = NULL;
        for (struct tm_http_conn *c = w->conns; c != NULL; c = c->next) {
            if (tm_http_conn_incomplete(c) && (last == NULL || gives_way_first(c, last)))
                last = c;
        }
        if (last == NULL)
            return false;
        if (last->phase == CONN_LINGER || !has_sent_more(last)) {
            if (last->phase != CONN_LINGER)
                tm_http_shed(w->server, HTTP_SHED_IDLE);
            tm_http_conn_close(last);
            return true;
        }
        last->active_ms = tm_clock_mono_ms();
    }
    return false;
}

static void admit(struct tm_http_worker *w, int fd, const struct sockaddr *peer, socklen_t len)
{
    struct tm_http_server *s = w->server;
    unsigned limit = s->o.connection_limit;
    struct tm_http_client *client =
        tm_http_clients_add(&s->clients, tm_http_address_network(peer),
                            tm_http_is_proxy(s, peer) ? 0 : s->o.per_address_limit);
    if (client == NULL) {
        turn_away(s, fd, HTTP_SHED_ADDRESS);
        return;
    }
    /* A few more than the limit may come in to hear from the queue that there is no room, or
     * because it is another worker that has connections to give up. */
    if (atomic_load(&s->open) >= limit && !make_room(w)) {
        if (atomic_load(&s->open) >= limit + limit / 4 + 1) {
            tm_http_clients_drop(&s->clients, client);
            turn_away(s, fd, HTTP_SHED_FULL);
            return;
        }
        tm_http_workers_wake(s);
    }
    tm_http_conn_open(w, fd, peer, len, client);
}

static int watch_listener(struct tm_http_worker *w, int how)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = &w->server->listen_fd};
    return epoll_ctl(w->events, how, w->server->listen_fd, &ev);
}

void tm_http_accept(struct tm_http_worker *w)
{
    if (atomic_load(&w->server->draining)) { /* what waits there is for who listens next */
        (void)watch_listener(w, EPOLL_CTL_DEL);
        return;
    }
    for (int i = 0; i < ACCEPT_TURN; i++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof(peer);
        int fd = accept4(w->server->listen_fd, (struct sockaddr *)&peer, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(w, fd, (struct sockaddr *)&peer, len);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            /* Without this the waiting connection would spin the loop. */
            (void)make_room(w);
            (void)watch_listener(w, EPOLL_CTL_DEL);
            w->accept_after_ms = tm_clock_mono_ms() + NO_DESCRIPTOR_PAUSE;
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

void tm_http_accept_resume(struct tm_http_worker *w, int64_t now_ms)
{
    if (w->accept_after_ms == 0 || now_ms < w->accept_after_ms || atomic_load(&w->server->draining))
        return;
    if (watch_listener(w, EPOLL_CTL_ADD) == 0)
        w->accept_after_ms = 0;
}

/* Places that are taken beyond the limit, where this worker has some to give up. */
void tm_http_accept_settle(struct tm_http_worker *w)
{
    while (atomic_load(&w->server->open) > w->server->o.connection_limit && make_room(w))
        ;
}

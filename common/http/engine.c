/*
 * The way to libmicrohttpd and back: a pair of sockets for each connection, both ends driven by the
 * worker's own thread. So the worker knows when there is something to do inside: after it has put
 * bytes in, taken bytes out, or resumed a request.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http/internal.h"

/* Per connection: a request's head, a record for each header and argument of it, and a reply's
 * head must fit. The memory is wiped at each request, and what was in the processor's cache goes
 * with it, so more would cost time as well. */
#define CONNECTION_MEMORY ((size_t)20 * 1024)
/* What of a reply may lie between the two while a client reads slowly. */
#define PAIR_BYTES 16384
#define ROUNDS_MAX 64

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct tm_http_worker *w = cls;
    struct tm_http_tie *tie = *socket_context;
    (void)mhd;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = w->attaching;
        return;
    }
    *socket_context = NULL;
    if (tie->conn != NULL)
        tie->conn->tie = NULL;
    free(tie);
}

int tm_http_engine_start(struct tm_http_worker *w, const struct tm_http_calls *calls)
{
    struct tm_http_server *s = w->server;
    /* Our own limit comes first. */
    unsigned connections = s->o.connection_limit + s->o.connection_limit / 4 + 64;
    w->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO, 0,
        NULL, NULL, calls->request, s, MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
        MHD_OPTION_UNESCAPE_CALLBACK, calls->unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        calls->completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, w, MHD_OPTION_END);
    return w->daemon != NULL ? 0 : -1;
}

void tm_http_engine_stop(struct tm_http_worker *w)
{
    if (w->daemon != NULL)
        MHD_stop_daemon(w->daemon);
    w->daemon = NULL;
}

void tm_http_engine_run(struct tm_http_worker *w)
{
    for (int i = 0; i < ROUNDS_MAX; i++) {
        MHD_UNSIGNED_LONG_LONG ms = 0;
        (void)MHD_run(w->daemon);
        if (MHD_get_timeout(w->daemon, &ms) != MHD_YES || ms > 0)
            return;
    }
}

static int attach(struct tm_http_conn *c)
{
    struct tm_http_worker *w = c->worker;
    int pair[2];
    int bytes = PAIR_BYTES;
    struct tm_http_tie *tie = malloc(sizeof(*tie));
    if (tie == NULL)
        return -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        free(tie);
        return -1;
    }
    (void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    tie->conn = c;
    c->tie = w->attaching = tie;
    /* On failure it closes what it was given, and has told of it or not. */
    enum MHD_Result rc = MHD_add_connection(
        w->daemon, pair[1], (const struct sockaddr *)&c->peer,
        c->peer.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    w->attaching = NULL;
    c->pair = pair[0];
    return rc == MHD_YES ? 0 : -1;
}

int tm_http_engine_feed(struct tm_http_conn *c, const void *data, size_t len)
{
    const char *p = data;
    if (c->pair < 0 && attach(c) != 0)
        return -1;
    for (int stuck = 0; len > 0;) {
        ssize_t n = send(c->pair, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return -1;
        stuck = n > 0 ? 0 : stuck + 1;
        if (stuck > 2 || c->tie == NULL)
            return -1;
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
        tm_http_engine_run(c->worker);
    }
    return 0;
}

ssize_t tm_http_engine_read(struct tm_http_conn *c, void *to, size_t cap)
{
    ssize_t n = recv(c->pair, to, cap, 0);
    if (n >= 0 || errno != EAGAIN || c->x == NULL)
        return n;
    tm_http_engine_run(c->worker); /* there is room again for the rest of the reply */
    return recv(c->pair, to, cap, 0);
}

void tm_http_engine_detach(struct tm_http_conn *c)
{
    if (c->pair < 0)
        return;
    close(c->pair);
    c->pair = -1;
    if (c->tie == NULL)
        return;
    c->tie->conn = NULL;
    c->tie = NULL;
    tm_http_engine_run(c->worker); /* it sees the end */
}

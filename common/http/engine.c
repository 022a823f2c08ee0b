/*
 * The way to libmicrohttpd and back. Each connection has a daemon of its own there, without a
 * listening socket and a thread, and a pair of sockets to it; the worker's thread drives both ends.
 * So it knows when there is something to do inside: after it has put bytes in, taken bytes out, or
 * a request that waited is to go on. One daemon for all would look at every connection that has
 * something left to do whenever one of them is driven. A daemon is told what is ready, as by
 * select(2), instead of asking the kernel, unless its descriptor is too large for an fd_set.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http/internal.h"

/* Per connection: a request's head, a record for each header and argument of it, and a reply's
 * head must fit. The memory is wiped at each request, and what was in the processor's cache goes
 * with it, so more would cost time as well. Nearly all requests are short and have few headers:
 * a thousand readers that wait for their replies must not hold what a token in a header needs. */
#define SMALL_MEMORY ((size_t)8 * 1024)
#define LARGE_MEMORY ((size_t)20 * 1024)
#define SMALL_REQUEST \
    ((size_t)3 * 1024) /* bytes that go in at once, of a connection that is light */
/* What of a reply may lie between the two while a client reads slowly. */
#define PAIR_BYTES 16384
#define ROUNDS_MAX 64
#define UNASKED 2    /* rounds before the kernel is asked */
#define SPARE_MAX 64 /* small daemons without a connection that a worker keeps */

struct tm_http_engine {
    struct tm_http_engine *next; /* in worker.engines */
    struct MHD_Daemon *daemon;
    struct tm_http_conn *conn; /* NULL: it is gone */
    int fd;                    /* libmicrohttpd's end */
    bool inside;               /* it has not closed it */
    bool large;
    bool polls; /* it asks the kernel itself */
};

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct tm_http_engine *e = cls;
    (void)mhd;
    (void)socket_context;
    e->inside = what == MHD_CONNECTION_NOTIFY_STARTED;
}

static void engine_free(struct tm_http_engine *e)
{
    MHD_stop_daemon(e->daemon);
    free(e);
}

static struct tm_http_engine *engine_new(const struct tm_http_calls *calls, bool large, bool polls)
{
    unsigned flags = MHD_USE_NO_LISTEN_SOCKET | MHD_USE_TURBO | (polls ? MHD_USE_EPOLL : 0);
    struct tm_http_engine *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->large = large;
    e->polls = polls;
    e->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, calls->request, &e->conn, MHD_OPTION_CONNECTION_LIMIT, 1U,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        large ? LARGE_MEMORY : SMALL_MEMORY, MHD_OPTION_UNESCAPE_CALLBACK, calls->unescape, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, calls->completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, e, MHD_OPTION_END);
    if (e->daemon != NULL)
        return e;
    free(e);
    return NULL;
}

/* A spare one, or a new one. */
static struct tm_http_engine *take(struct tm_http_worker *w, bool large, bool polls)
{
    struct tm_http_engine *e = large || polls ? NULL : w->engines;
    if (e == NULL)
        return engine_new(w->calls, large, polls);
    w->engines = e->next;
    w->engine_count--;
    return e;
}

static void give_back(struct tm_http_worker *w, struct tm_http_engine *e)
{
    if (e->inside || e->large || e->polls || w->engine_count >= SPARE_MAX) {
        engine_free(e);
        return;
    }
    e->next = w->engines;
    w->engines = e;
    w->engine_count++;
}

void tm_http_engines_free(struct tm_http_worker *w)
{
    while (w->engines != NULL) {
        struct tm_http_engine *e = w->engines;
        w->engines = e->next;
        engine_free(e);
    }
    w->engine_count = 0;
}

bool tm_http_engine_alive(const struct tm_http_conn *c)
{
    return c->engine != NULL && c->engine->inside;
}

/* A handler that waits would be called again and again; and who has made the whole reply only looks
 * for the next request, which is not there. */
static bool is_done(const struct tm_http_conn *c)
{
    return c->phase == CONN_PARKED || (c->replied && (c->x == NULL || c->x->head_said));
}

/* POLLIN and POLLOUT: those of `events` that it waits for, POLLHUP: its connection is to end. */
static void tell(struct tm_http_engine *e, short events)
{
    fd_set set[3];
    static const short bits[] = {POLLIN, POLLOUT, POLLHUP};
    for (size_t i = 0; i < 3; i++) {
        FD_ZERO(&set[i]);
        if ((events & bits[i]) != 0)
            FD_SET(e->fd, &set[i]);
    }
    (void)MHD_run_from_select(e->daemon, &set[0], &set[1], &set[2]);
}

/* What it waits for and is there. */
static short ready(struct tm_http_engine *e)
{
    fd_set in;
    fd_set out;
    fd_set gone;
    MHD_socket most = MHD_INVALID_SOCKET;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&gone);
    if (MHD_get_fdset(e->daemon, &in, &out, &gone, &most) != MHD_YES)
        return 0;
    struct pollfd p = {.fd = e->fd};
    p.events = (short)((FD_ISSET(e->fd, &in) ? POLLIN : 0) | (FD_ISSET(e->fd, &out) ? POLLOUT : 0));
    return p.events != 0 && poll(&p, 1, 0) == 1 ? p.revents : 0;
}

/* It has more to do at once. */
static bool goes_on(struct tm_http_engine *e)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    return MHD_get_timeout(e->daemon, &ms) == MHD_YES && ms == 0;
}

/* As long as there is something to do. First all is taken to be ready: why else is it called? And
 * it takes a few turns to end a reply of which all is written. */
static void run(struct tm_http_engine *e)
{
    short events = e->conn != NULL ? POLLIN | POLLOUT : POLLHUP;
    for (int i = 0; i < ROUNDS_MAX && events != 0; i++) {
        if (e->polls)
            (void)MHD_run(e->daemon);
        else
            tell(e, events);
        if (!e->inside || (e->conn != NULL && is_done(e->conn)))
            return;
        if (!goes_on(e))
            events = e->polls ? 0 : i < UNASKED ? POLLOUT : ready(e);
    }
}

void tm_http_engine_run(struct tm_http_conn *c)
{
    run(c->engine);
}

static int attach(struct tm_http_conn *c, bool large)
{
    int pair[2];
    int bytes = PAIR_BYTES;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    struct tm_http_engine *e = take(c->worker, large, pair[1] >= FD_SETSIZE);
    if (e == NULL) {
        close(pair[0]);
        close(pair[1]);
        return -1;
    }
    (void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    e->conn = c;
    e->fd = pair[1];
    c->engine = e;
    c->pair = pair[0];
    /* On failure it closes what it was given, and has told of it or not. */
    return MHD_add_connection(e->daemon, pair[1], (const struct sockaddr *)&c->peer,
                              c->peer.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                            : sizeof(struct sockaddr_in)) == MHD_YES
               ? 0
               : -1;
}

int tm_http_engine_feed(struct tm_http_conn *c, const void *data, size_t len)
{
    const char *p = data;
    bool large = !c->light || c->head_inside || len > SMALL_REQUEST;
    if (c->pair >= 0 && large && !c->engine->large && c->x == NULL)
        tm_http_engine_detach(c);
    if (c->pair < 0 && attach(c, large) != 0)
        return -1;
    for (int stuck = 0; len > 0;) {
        ssize_t n = send(c->pair, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return -1;
        stuck = n > 0 ? 0 : stuck + 1;
        if (stuck > 2 || !c->engine->inside)
            return -1;
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
        run(c->engine);
    }
    return 0;
}

ssize_t tm_http_engine_read(struct tm_http_conn *c, void *to, size_t cap)
{
    ssize_t n = recv(c->pair, to, cap, 0);
    if (n >= 0 || errno != EAGAIN || c->x == NULL || c->x->head_said)
        return n;
    run(c->engine); /* there is room again for the rest of the reply */
    return recv(c->pair, to, cap, 0);
}

void tm_http_engine_detach(struct tm_http_conn *c)
{
    struct tm_http_engine *e = c->engine;
    if (c->pair < 0)
        return;
    close(c->pair);
    c->pair = -1;
    c->engine = NULL;
    e->conn = NULL;
    if (e->inside)
        run(e); /* it sees the end */
    give_back(c->worker, e);
}

/*
 * What the files of common/http share. Threads: workers run exchanges; one
 * sweeper thread enforces deadlines; http_wake runs anywhere.
 */
#ifndef TENMINT_CA_HTTP_INTERNAL_H
#define TENMINT_CA_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/http/http.h"
#include "common/gate.h"

#define HTTP_DISCARD_MAX ((uint64_t)16 << 20) /* bytes of a refused body read before the reply */
#define HTTP_SWEEP_MS 250

/* One TCP connection. */
struct http_conn {
    struct http_conn *prev, *next; /* guard.lock */
    struct http_worker *worker;
    int fd;
    _Atomic int64_t deadline_ms; /* monotonic; 0: none */
    atomic_bool receiving;       /* the request is not complete, or there is none yet */
    unsigned hangups;            /* sweeps in a row that found the peer gone; the sweeper's */
    char remote[INET6_ADDRSTRLEN];
    uint64_t network;     /* http_address_network of it */
    struct http_tls *tls; /* NULL: plain HTTP */
};

enum wait_state { WAIT_NONE, WAIT_BEGUN, WAIT_PARKED, WAIT_WOKEN, WAIT_EXPIRED };

struct http_exchange {
    struct http_server *server;
    struct http_conn *conn;
    struct MHD_Connection *mhd;
    const struct http_route *route; /* NULL when fault is set or the method is OPTIONS */
    const struct http_mount *mount; /* instead of a route */
    const char *path;               /* libmicrohttpd's, while the request lasts */
    const char *path_of;            /* path of the matched route table row, for Allow */
    enum http_method method;
    enum http_fault fault;
    struct buf body;
    uint64_t received;
    int64_t started_us;
    void *state;
    void (*release)(void *state);
    struct MHD_Response *response; /* to be queued; owned unless canned */
    bool canned;
    unsigned status;

    atomic_int refs; /* MHD's and the waiter's */
    /* guard.lock: */
    enum wait_state wait;
    int64_t wait_deadline_ms;
    struct http_exchange *prev, *next;
};

/* Deadlines: open connections and parked exchanges, and the thread that ends the late ones. */
struct pollfd;

struct http_guard {
    pthread_mutex_t lock;
    pthread_cond_t stop;
    pthread_t thread;
    bool running;
    bool stopping;
    struct http_conn *conns;
    size_t count; /* of conns */
    struct http_exchange *parked;
    struct pollfd *polls; /* the sweeper's */
    size_t polls_cap;
};

struct http_worker {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    int events;        /* the daemon's epoll descriptor */
    int wake_fd;       /* an eventfd: connections to resume, or the server's flags to look at */
    atomic_bool woken; /* the eventfd was written to and has not been read */
    pthread_t thread;
    bool running;
};

struct http_server {
    struct http_options o;
    struct http_worker *workers; /* o.workers of them; NULL once stopped */
    int listen_fd;
    char address[INET6_ADDRSTRLEN + 16];
    struct http_guard guard;
    struct gate tls_gate;
    struct http_tls *_Atomic tls; /* in force; NULL: plain HTTP */
    atomic_uint inflight;
    atomic_bool draining; /* accept no more connections */
    atomic_bool stopping; /* the workers end */
};

int64_t http_now_us(void);

/* reply.c */
struct MHD_Response *http_decorate(struct MHD_Response *r, const char *content_type);
void http_set_response(struct http_exchange *x, unsigned status, struct MHD_Response *r,
                       bool canned);

/* listen.c */
int http_listen(const char *address, int *fd, char *bound, size_t bound_len, struct err *e);
void http_address_text(const struct sockaddr *sa, char *out, size_t len);
/* What counts as one client: an IPv4 address, or an IPv6 /64, which is what one customer has. */
uint64_t http_address_network(const struct sockaddr *sa);

/* tls.c */
/* Gives a connection whose handshake has not begun the certificate in force. A reference, to be
 * dropped when the connection closes; NULL: plain HTTP. */
struct http_tls *http_tls_use(struct http_server *s, struct MHD_Connection *mhd);
void http_tls_unref(struct http_tls *t); /* NULL is fine */

/* worker.c */
int http_workers_start(struct http_server *s); /* -1 with errno; http_workers_stop then too */
void http_workers_wake(struct http_server *s); /* they look at the flags above */
void http_workers_stop(struct http_server *s);
/* Any thread. libmicrohttpd's own wake-up can get lost between its look at what to resume and
 * its wait for events. */
void http_worker_resume(struct http_exchange *x);

/* guard.c */
int http_guard_start(struct http_guard *g, struct err *e);
void http_guard_stop(struct http_guard *g);
void http_guard_add(struct http_guard *g, struct http_conn *c);
void http_guard_remove(struct http_guard *g, struct http_conn *c);
/* Whether one more connection of this client is within `limit` (0: none). Workers that accept
 * in the same instant may exceed it by their number less one. */
bool http_guard_admits(struct http_guard *g, const struct sockaddr *peer, unsigned limit);
void http_guard_park(struct http_guard *g, struct http_exchange *x);
void http_guard_expire(struct http_guard *g, int64_t now_ms); /* waits with a deadline before now */
void http_exchange_unref(struct http_exchange *x);

/* exchange.c: MHD's callbacks */
enum MHD_Result http_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_len, void **con_cls);
size_t http_unescape(void *cls, struct MHD_Connection *mhd, char *text);
void http_on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                       enum MHD_RequestTerminationCode why);
void http_on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                        enum MHD_ConnectionNotificationCode what);

#endif

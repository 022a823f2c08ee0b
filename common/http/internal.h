/*
 * What the files of common/http share. Threads: workers run exchanges; one
 * sweeper thread enforces deadlines; tm_http_wake runs anywhere.
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
struct tm_http_conn {
    struct tm_http_conn *prev, *next; /* guard.lock */
    struct tm_http_worker *worker;
    int fd;
    _Atomic int64_t deadline_ms; /* monotonic; 0: none */
    atomic_bool receiving;       /* the request is not complete, or there is none yet */
    unsigned hangups;            /* sweeps in a row that found the peer gone; the sweeper's */
    char remote[INET6_ADDRSTRLEN];
    uint64_t network;     /* tm_http_address_network of it */
    struct http_tls *tls; /* NULL: plain HTTP */
};

enum tm_wait_state { WAIT_NONE, WAIT_BEGUN, WAIT_PARKED, WAIT_WOKEN, WAIT_EXPIRED };

struct tm_http_exchange {
    struct tm_http_server *server;
    struct tm_http_conn *conn;
    struct MHD_Connection *mhd;
    const struct tm_http_route *route; /* NULL when fault is set or the method is OPTIONS */
    const struct tm_http_mount *mount; /* instead of a route */
    const char *path;                  /* libmicrohttpd's, while the request lasts */
    const char *path_of;               /* path of the matched route table row, for Allow */
    enum tm_http_method method;
    enum tm_http_fault fault;
    struct tm_buf body;
    uint64_t received;
    int64_t started_us;
    void *state;
    void (*release)(void *state);
    struct MHD_Response *response; /* to be queued; owned unless canned */
    bool canned;
    unsigned status;

    atomic_int refs; /* MHD's and the waiter's */
    /* guard.lock: */
    enum tm_wait_state wait;
    int64_t wait_deadline_ms;
    struct tm_http_exchange *prev, *next;
};

/* Deadlines: open connections and parked exchanges, and the thread that ends the late ones. */
struct pollfd;

struct tm_http_guard {
    pthread_mutex_t lock;
    pthread_cond_t stop;
    pthread_t thread;
    bool running;
    bool stopping;
    struct tm_http_conn *conns;
    size_t count; /* of conns */
    struct tm_http_exchange *parked;
    struct pollfd *polls; /* the sweeper's */
    size_t polls_cap;
};

struct tm_http_worker {
    struct tm_http_server *server;
    struct MHD_Daemon *daemon;
    int events;        /* the daemon's epoll descriptor */
    int wake_fd;       /* an eventfd: connections to resume, or the server's flags to look at */
    atomic_bool woken; /* the eventfd was written to and has not been read */
    pthread_t thread;
    bool running;
};

struct tm_http_server {
    struct tm_http_options o;
    struct tm_http_worker *workers; /* o.workers of them; NULL once stopped */
    int listen_fd;
    char address[INET6_ADDRSTRLEN + 16];
    struct tm_http_guard guard;
    struct tm_gate tls_gate;
    struct http_tls *_Atomic tls; /* in force; NULL: plain HTTP */
    atomic_uint inflight;
    atomic_bool draining; /* accept no more connections */
    atomic_bool stopping; /* the workers end */
};

int64_t tm_http_now_us(void);

/* reply.c */
struct MHD_Response *tm_http_decorate(struct MHD_Response *r, const char *content_type);
void tm_http_set_response(struct tm_http_exchange *x, unsigned status, struct MHD_Response *r,
                          bool canned);

/* listen.c */
int tm_http_listen(const char *address, int *fd, char *bound, size_t bound_len, struct tm_err *e);
void tm_http_address_text(const struct sockaddr *sa, char *out, size_t len);
/* What counts as one client: an IPv4 address, or an IPv6 /64, which is what one customer has. */
uint64_t tm_http_address_network(const struct sockaddr *sa);

/* tls.c */
/* Gives a connection whose handshake has not begun the certificate in force. A reference, to be
 * dropped when the connection closes; NULL: plain HTTP. */
struct http_tls *tm_http_tls_use(struct tm_http_server *s, struct MHD_Connection *mhd);
void tm_http_tls_unref(struct http_tls *t); /* NULL is fine */

/* worker.c */
int tm_http_workers_start(
    struct tm_http_server *s); /* -1 with errno; tm_http_workers_stop then too */
void tm_http_workers_wake(struct tm_http_server *s); /* they look at the flags above */
void tm_http_workers_stop(struct tm_http_server *s);
/* Any thread. libmicrohttpd's own wake-up can get lost between its look at what to resume and
 * its wait for events. */
void tm_http_worker_resume(struct tm_http_exchange *x);

/* guard.c */
int tm_http_guard_start(struct tm_http_guard *g, struct tm_err *e);
void tm_http_guard_stop(struct tm_http_guard *g);
void tm_http_guard_add(struct tm_http_guard *g, struct tm_http_conn *c);
void tm_http_guard_remove(struct tm_http_guard *g, struct tm_http_conn *c);
/* Whether one more connection of this client is within `limit` (0: none). Workers that accept
 * in the same instant may exceed it by their number less one. */
bool tm_http_guard_admits(struct tm_http_guard *g, const struct sockaddr *peer, unsigned limit);
void tm_http_guard_park(struct tm_http_guard *g, struct tm_http_exchange *x);
void tm_http_guard_expire(struct tm_http_guard *g,
                          int64_t now_ms); /* waits with a deadline before now */
void tm_http_exchange_unref(struct tm_http_exchange *x);

/* exchange.c: MHD's callbacks */
enum MHD_Result tm_http_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_len, void **con_cls);
size_t tm_http_unescape(void *cls, struct MHD_Connection *mhd, char *text);
void tm_http_on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                          enum MHD_RequestTerminationCode why);
void tm_http_on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                           enum MHD_ConnectionNotificationCode what);

#endif

/*
 * What the files of common/http share. Each worker is a thread with an epoll descriptor of its own;
 * a connection stays with the worker that accepted it, and so do its exchanges. Other threads only
 * call tm_http_wake, which takes the worker's lock.
 */
#ifndef TENMINT_CA_HTTP_INTERNAL_H
#define TENMINT_CA_HTTP_INTERNAL_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/gate.h"
#include "common/http/chunk.h"
#include "common/http/head.h"
#include "common/http/http.h"

#define HTTP_DISCARD_MAX ((uint64_t)16 << 20) /* bytes of a refused body read before the reply */
#define HTTP_SWEEP_MS 250
#define HTTP_LINGER_MS 2000 /* for a client that still sends after its refusal */
#define HTTP_READ_BYTES ((size_t)8 * 1024)
#define HTTP_SCRATCH_BYTES ((size_t)32 * 1024)
#define HTTP_CLIENT_BUCKETS 1024

enum tm_http_phase {
    CONN_TLS,    /* the handshake */
    CONN_HEAD,   /* waits for a request, or reads its head */
    CONN_BODY,   /* reads its body */
    CONN_QUEUED, /* the request is whole and waits for its turn */
    CONN_PARKED, /* its handler waits */
    CONN_REPLY,  /* the reply is being written */
    CONN_LINGER, /* the reply is out; what the client still sends is dropped */
    CONN_PHASES,
};

/* One client: an address, or an IPv6 /64. */
struct tm_http_client {
    struct tm_http_client *next; /* in its bucket */
    uint64_t network;
    atomic_uint connections;
};

struct tm_http_clients {
    pthread_mutex_t lock;
    struct tm_http_client *bucket[HTTP_CLIENT_BUCKETS];
};

/* One TCP connection; its worker's thread has it to itself. */
struct tm_http_conn {
    struct tm_http_conn *prev, *next; /* in worker.conns */
    struct tm_http_conn *again;       /* in worker.again: has more to do than its turn allows */
    struct tm_http_worker *worker;
    struct tm_http_exchange *x; /* the request at hand */
    struct tm_http_client *client;
    SSL *ssl; /* NULL: plain HTTP */
    int fd;
    enum tm_http_phase phase;
    bool readable, writable; /* as far as is known: epoll tells each change once */
    bool hangup;             /* the peer has closed its side */
    bool listed;             /* in worker.again */
    bool idle;               /* a request was answered, and no byte of another came since */
    struct tm_buf in;        /* read and not yet consumed */
    size_t at;               /* of `in`: consumed */
    size_t scanned;          /* after `at`: looked through for the head's end */
    struct tm_http_chunk chunk;
    int64_t deadline_ms; /* monotonic; 0: none */
    int64_t active_ms;   /* of the last byte in or out */
    char remote[INET6_ADDRSTRLEN];
};

enum tm_wait_state { WAIT_NONE, WAIT_BEGUN, WAIT_PARKED, WAIT_WOKEN, WAIT_EXPIRED };

enum tm_http_body_kind { BODY_BYTES, BODY_BORROWED, BODY_FILE, BODY_STREAM };

/* A reply being made, then written. */
struct tm_http_message {
    bool made;
    unsigned status;
    const char *content_type; /* NULL: none; static */
    struct tm_buf fields;     /* further header lines */
    enum tm_http_body_kind kind;
    struct tm_buf bytes;           /* BODY_BYTES, and BODY_STREAM's piece at hand */
    const struct tm_buf *borrowed; /* BODY_BORROWED */
    int fd;                        /* BODY_FILE: owned */
    uint64_t size;                 /* of the body; not of BODY_STREAM */
    struct tm_http_source source;  /* BODY_STREAM */
    bool ended;                    /* BODY_STREAM has no more pieces */
    struct tm_buf head;            /* status line and all header lines */
    uint64_t sent;                 /* bytes of head and body; of a stream: of head, then of piece */
    bool close;                    /* the connection after it */
};

struct tm_http_exchange {
    struct tm_http_server *server;
    struct tm_http_worker *worker;
    struct tm_http_conn *conn;
    const struct tm_http_route *route; /* NULL when fault is set or the method is OPTIONS */
    const struct tm_http_mount *mount; /* instead of a route */
    const char *path_of;               /* path of the matched route table row, for Allow */
    enum tm_http_method method;
    enum tm_http_fault fault;
    struct tm_buf body;
    uint64_t received;
    int64_t started_us, queued_us;
    void *state;
    void (*release)(void *state);
    struct tm_http_message reply;
    struct tm_buf arguments; /* of the query, once somebody asked: "name\0value\0name\0…" */

    atomic_int refs;         /* the connection's and the waiters' */
    enum tm_wait_state wait; /* worker.lock */
    int64_t wait_deadline_ms;
    struct tm_http_exchange *prev, *next; /* in worker.parked or worker.queue */
    struct tm_http_exchange *woken;       /* in worker.woken, under worker.lock */

    struct tm_http_head head; /* points into text */
    char text[];
};

struct tm_http_list { /* first in, first out */
    struct tm_http_exchange *first, *last;
    size_t count;
};

struct tm_http_worker {
    struct tm_http_server *server;
    pthread_t thread;
    bool running;
    int events;  /* epoll */
    int wake_fd; /* an eventfd: woken exchanges, or the server's flags to look at */
    pthread_mutex_t lock;
    struct tm_http_exchange *woken; /* lock */
    atomic_bool called;             /* the eventfd was written to and has not been read */
    struct tm_http_conn *conns, *again;
    size_t count;               /* of conns */
    struct tm_http_list parked; /* handlers that wait, the longest first */
    struct tm_http_list queue;  /* whole requests, in the order they came */
    int64_t service_us;         /* what a queued request takes, a moving average */
    int64_t accept_after_ms;    /* no descriptors were left: not before this; 0: accepts */
    int64_t swept_ms;
    unsigned char scratch[HTTP_SCRATCH_BYTES];
};

struct tm_http_tickets; /* keys of TLS sessions to resume */

struct tm_http_server {
    struct tm_http_options o;
    struct tm_http_worker *workers; /* o.workers of them */
    int listen_fd;
    char address[INET6_ADDRSTRLEN + 16];
    struct tm_http_clients clients;
    struct tm_gate tls_gate;
    SSL_CTX *_Atomic tls; /* in force; NULL: plain HTTP */
    struct tm_http_tickets *tickets;
    atomic_uint open; /* connections */
    atomic_uint inflight;
    atomic_bool draining; /* accept no more connections */
    atomic_bool expiring; /* every wait ends now */
    atomic_bool stopping; /* the workers end */
    bool stopped;
};

int64_t tm_http_now_us(void);

/* reply.c */
void tm_http_message_free(struct tm_http_message *m);
/* Makes the head of a reply that is made. -1: out of memory. */
int tm_http_message_finish(struct tm_http_exchange *x);
/* The next bytes to write, in `scratch` or elsewhere; *len 0: the end. -1: the body broke off. */
int tm_http_message_next(struct tm_http_exchange *x, unsigned char *scratch, size_t cap,
                         const unsigned char **data, size_t *len);
void tm_http_message_sent(struct tm_http_message *m, size_t len);

/* listen.c */
int tm_http_listen(const char *address, int *fd, char *bound, size_t bound_len, struct tm_err *e);
void tm_http_address_text(const struct sockaddr *sa, char *out, size_t len);
/* What counts as one client: an IPv4 address, or an IPv6 /64, which is what one customer has. */
uint64_t tm_http_address_network(const struct sockaddr *sa);

/* clients.c */
void tm_http_clients_init(struct tm_http_clients *c);
void tm_http_clients_free(struct tm_http_clients *c);
/* One more connection of this client, unless it has `limit` (0: none); then NULL, as for memory. */
struct tm_http_client *tm_http_clients_add(struct tm_http_clients *c, uint64_t network,
                                           unsigned limit);
void tm_http_clients_drop(struct tm_http_clients *c, struct tm_http_client *client);

/* tls.c */
struct tm_http_tickets *tm_http_tickets_new(void); /* NULL: no memory or no randomness */
void tm_http_tickets_free(struct tm_http_tickets *t);
SSL *tm_http_tls_new(struct tm_http_server *s, int fd); /* NULL: out of memory */

/* stream.c: bytes of a connection, with or without TLS */
enum { STREAM_WAIT = -1, STREAM_BROKEN = -2 };
/* Bytes read, 0 at the end, or one of the above. */
ssize_t tm_http_stream_read(struct tm_http_conn *c, void *to, size_t len);
ssize_t tm_http_stream_write(struct tm_http_conn *c, const void *data, size_t len);
/* 1: done; STREAM_WAIT, STREAM_BROKEN */
int tm_http_stream_handshake(struct tm_http_conn *c);
void tm_http_stream_finish(struct tm_http_conn *c); /* no more will be written */

/* conn.c */
void tm_http_conn_open(struct tm_http_worker *w, int fd, const struct sockaddr *peer,
                       struct tm_http_client *client); /* takes both */
void tm_http_conn_close(struct tm_http_conn *c);
void tm_http_conn_run(struct tm_http_conn *c);              /* as far as it goes; may close it */
void tm_http_conn_reply(struct tm_http_conn *c);            /* its exchange has its reply */
bool tm_http_conn_incomplete(const struct tm_http_conn *c); /* has sent no whole request */

/* queue.c */
void tm_http_list_add(struct tm_http_list *l, struct tm_http_exchange *x);
void tm_http_list_remove(struct tm_http_list *l, struct tm_http_exchange *x);
void tm_http_queue_add(struct tm_http_exchange *x); /* or replies that the server is busy */
void tm_http_queue_run(struct tm_http_worker *w);   /* for a slice of time */
void tm_http_park(struct tm_http_exchange *x);
void tm_http_parked_expire(struct tm_http_worker *w, int64_t now_ms);
void tm_http_woken_run(struct tm_http_worker *w);

/* worker.c */
int tm_http_workers_start(struct tm_http_server *s); /* -1 with errno; then stop them too */
void tm_http_workers_wake(struct tm_http_server *s); /* they look at the flags above */
void tm_http_worker_wake(struct tm_http_worker *w);
void tm_http_workers_stop(struct tm_http_server *s);
void tm_http_workers_free(struct tm_http_server *s);

/* accept.c */
void tm_http_accept(struct tm_http_worker *w);
void tm_http_accept_resume(struct tm_http_worker *w, int64_t now_ms);
void tm_http_accept_settle(struct tm_http_worker *w);
void tm_http_shed(struct tm_http_server *s, enum tm_http_shed why);

/* exchange.c */
/* Of the head's text, which is copied. NULL: out of memory. A head that cannot be parsed has its
 * fault set. */
struct tm_http_exchange *tm_http_exchange_new(struct tm_http_conn *c, const void *text, size_t len);
bool tm_http_exchange_take(struct tm_http_exchange *x, const void *data, size_t len);
/* Calls the handler, or words the fault; then it waits or has its reply. */
void tm_http_exchange_run(struct tm_http_exchange *x);
void tm_http_exchange_fault(struct tm_http_exchange *x, enum tm_http_fault f);
/* Percent escapes, in place; see there what stays. */
void tm_http_unescape(char *text);
void tm_http_exchange_end(struct tm_http_exchange *x, bool sent);
void tm_http_exchange_unref(struct tm_http_exchange *x);

#endif

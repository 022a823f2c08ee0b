/*
 * What the files of common/http share.
 *
 * Two layers. The outer one has the sockets: who may come in, TLS, time, and a check of every
 * byte of a request (head.h, chunk.h). What passed goes over a pair of sockets to the inner one,
 * libmicrohttpd, which reads HTTP, finds headers and arguments, and writes replies. One request of
 * a connection is inside at a time, and only when it is whole.
 *
 * Each worker is a thread with an epoll descriptor, each connection has a libmicrohttpd daemon; a
 * connection stays with the worker that accepted it. Other threads only call tm_http_wake, which
 * takes the worker's lock.
 *
 * HTTP/2 has nghttp2 in libmicrohttpd's place (h2.h). Each of its streams is a connection without a
 * socket: it waits in the same queue, under the same limits and time-outs, and its exchange is the
 * same to handlers.
 *
 * Each file uses those before it in this order: listen, clients, tls, stream, large, queue, fields,
 * forward and reply, response, exchange, engine and calm, body, h2_reply, h2_stream, h2, conn,
 * life, accept, worker, server.
 */
#pragma once

#include "common/http/near.h" /* first: it renames */

#include <microhttpd.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/gate.h"
#include "common/http/chunk.h"
#include "common/http/fields.h"
#include "common/http/head.h"
#include "common/http/http.h"

#define HTTP_DISCARD_MAX ((uint64_t)16 << 20) /* bytes of a refused body read before the reply */
#define HTTP_SWEEP_MS 250
#define HTTP_LINGER_MS 2000 /* for a client that still sends after its refusal */
#define HTTP_READ_BYTES ((size_t)8 * 1024)
#define HTTP_SCRATCH_BYTES ((size_t)16 * 1024)
#define HTTP_CLIENT_BUCKETS 1024

enum tm_http_phase {
    CONN_PROXY,  /* a proxy is to say who the client is */
    CONN_TLS,    /* the handshake */
    CONN_HEAD,   /* waits for a request, or reads its head */
    CONN_BODY,   /* reads its body */
    CONN_QUEUED, /* the request is whole and waits for its turn */
    CONN_PARKED, /* its handler waits */
    CONN_REPLY,  /* the reply is passed on as the client reads */
    CONN_LINGER, /* the reply is out; what the client still sends is dropped */
    CONN_H2,     /* speaks HTTP/2; its streams have the phases above */
    CONN_GONE,   /* closed; an event of this round may still name it */
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

/* One TCP connection, or one stream of an HTTP/2 connection, which has no socket and is not in
 * worker.conns; its worker's thread has it to itself. */
struct tm_http_conn {
    struct tm_http_conn *prev, *next;         /* in worker.conns */
    struct tm_http_conn *list_prev, *in_list; /* in worker.queue or worker.parked: before, after */
    struct tm_http_conn *again;               /* in worker.again: has more to do than its turn */
    struct tm_http_worker *worker;
    struct tm_http_client *client;
    SSL *ssl; /* NULL: plain HTTP */
    int fd;
    struct tm_http_h2 *h2;         /* of one that speaks HTTP/2 */
    struct tm_http_stream *stream; /* what this is the connection of; NULL: it has a socket */
    enum tm_http_phase phase;
    bool readable, writable; /* as far as is known: epoll tells each change once */
    bool hangup;             /* the peer has closed its side */
    bool listed;             /* in worker.again */
    bool idle;               /* a request was answered, and no byte of another came since */
    bool replied;            /* the handler has made its reply, */
    bool said;               /* and some of it went out */
    bool instead;            /* it did not: what goes in is a stand-in, for a refusal of ours */
    bool close;              /* after the reply */
    bool proxied;            /* the peer is a named proxy */

    struct tm_buf in; /* the request at hand, and what came after it */
    size_t scanned;   /* of `in`: looked through for the head's end */
    size_t checked;   /* of `in`: belongs to the request and may go in */
    bool is_post, is_head, chunked, expects;
    bool old;                      /* HTTP/1.0 */
    bool last;                     /* no request follows, as far as the client says */
    bool light;                    /* its head is short and has few headers and arguments */
    uint64_t body_left, body_seen; /* bytes; the former not of a chunked body */
    size_t body_most;              /* bytes that it may have */
    size_t reserved;               /* of the server's room for large bodies */
    struct tm_http_chunk chunk;
    enum tm_http_fault fault; /* of the bytes: what goes in is a stand-in for them */
    int64_t queued_us;

    int pair;                      /* our end towards libmicrohttpd; -1: it does not know us yet */
    struct tm_http_engine *engine; /* libmicrohttpd's, with `pair` */
    bool head_inside;              /* the head went in before the body, for 100 Continue */
    struct tm_buf out;             /* of the reply: read from inside, not yet taken by the client */
    struct tm_http_exchange *x;    /* what libmicrohttpd makes of the request, until it is answered;
                                      in CONN_REPLY without `engine`: only its body is left */

    int64_t deadline_ms; /* monotonic; 0: none */
    int64_t active_ms;   /* of the last byte in or out */
    int64_t stuck_ms;    /* of HTTP/2: since then nothing went out; 0: the client takes it all */
    struct sockaddr_storage peer;
    char remote[INET6_ADDRSTRLEN];
};

struct tm_http_calls;
struct tm_http_engine; /* a daemon of libmicrohttpd, for one connection at a time */

enum tm_http_reply_kind { REPLY_NONE, REPLY_BYTES, REPLY_FILE, REPLY_SOURCE, REPLY_CANNED };

/* A handler's reply, until the engine has it. */
struct tm_http_made {
    enum tm_http_reply_kind kind;
    unsigned status;
    const char *type;   /* borrowed for ever; NULL: none */
    struct tm_buf body; /* REPLY_BYTES */
    int fd;             /* REPLY_FILE: its first `size` bytes */
    uint64_t size;
    struct tm_http_source source; /* REPLY_SOURCE */
    struct tm_http_canned *canned;
    struct tm_buf headers, trailers; /* name, NUL, value, NUL … */
};

enum tm_wait_state { WAIT_NONE, WAIT_BEGUN, WAIT_PARKED, WAIT_WOKEN, WAIT_EXPIRED };

struct tm_http_exchange {
    struct tm_http_server *server;
    struct tm_http_worker *worker;
    struct tm_http_conn *conn;  /* NULL: it is gone, and so is this as soon as all wakers called */
    struct MHD_Connection *mhd; /* NULL: a stream of HTTP/2, */
    struct tm_http_fields *fields;     /* whose header fields these are */
    const struct tm_http_route *route; /* NULL when fault is set or the method is OPTIONS */
    const struct tm_http_mount *mount; /* instead of a route */
    const char *mount_name;            /* what of the path is below it */
    const char *path;                  /* the engine's, while the request lasts */
    const char *path_of;               /* path of the matched route table row, for Allow */
    enum tm_http_method method;
    enum tm_http_fault fault;
    struct tm_buf body;
    int64_t started_us;
    struct tm_http_client
        *client; /* whom a proxy's header names; counted while the request lasts */
    char remote[INET6_ADDRSTRLEN]; /* of it, or "" */
    void *state;
    void (*release)(void *state);
    struct tm_http_made reply;
    bool head_said; /* of a file or a source: the rest goes past libmicrohttpd, */
    bool over;      /* and is in the connection's `out`, if the client has not taken it; */
    bool slow;      /* it does not keep up */
    uint64_t sent;  /* of a file */

    atomic_int refs;         /* the engine's and the waiters' */
    enum tm_wait_state wait; /* worker.lock */
    int64_t wait_deadline_ms;
    struct tm_http_exchange *woken; /* in worker.woken, under worker.lock */
};

struct tm_http_list { /* first in, first out */
    struct tm_http_conn *first, *last;
    size_t count;
};

struct tm_http_worker {
    struct tm_http_server *server;
    pthread_t thread;
    bool running;
    int events;  /* epoll */
    int wake_fd; /* an eventfd: woken exchanges, or the server's flags to look at */
    const struct tm_http_calls *calls;
    struct tm_http_engine *engines; /* without a connection, for the next ones */
    size_t engine_count;
    size_t crowd; /* the most connections since memory was given back */
    pthread_mutex_t lock;
    struct tm_http_exchange *woken; /* lock */
    atomic_bool told;               /* there is something to look at that no descriptor shows */
    atomic_bool asleep;             /* to be woken by the eventfd, once */
    struct tm_http_conn *conns, *again;
    struct tm_http_conn *gone;  /* closed in this round: freed at its end */
    size_t count;               /* of conns */
    struct tm_http_list parked; /* handlers that wait, the longest first */
    struct tm_http_list queue;  /* whole requests, in the order they came */
    int64_t service_us;         /* what a queued request takes, a moving average */
    int64_t accept_after_ms;    /* no descriptors were left: not before this; 0: accepts */
    int64_t swept_ms;
    int64_t date_s; /* what `date` says, Unix seconds */
    char date[32];
    char head[HTTP_HEAD_MAX];
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
    atomic_uint open;    /* connections */
    atomic_uint open_h2; /* of them: speak HTTP/2, and want a goodbye */
    atomic_uint inflight;
    atomic_size_t large;  /* bytes of large bodies */
    atomic_bool draining; /* accept no more connections */
    atomic_bool expiring; /* every wait ends now */
    atomic_bool stopping; /* the workers end */
    bool stopped;
};

struct tm_http_canned {
    const char *type;
    struct tm_buf body;
    struct MHD_Response *response; /* the same for libmicrohttpd */
};

/* reply.c: what handlers call */
const char *tm_http_canned_type(const struct tm_http_canned *c);
const struct tm_buf *tm_http_canned_body(const struct tm_http_canned *c);
void tm_http_made_drop(struct tm_http_made *r); /* frees what no engine has taken */
/* The next name and value of a list of the reply's; `*at` is 0 at first. False: no more. */
bool tm_http_made_next(const struct tm_buf *list, size_t *at, const char **name,
                       const char **value);

/* response.c: the reply as libmicrohttpd wants it, and taken: of a file or a source only the head.
 * NULL: none, or out of memory */
struct MHD_Response *tm_http_response_make(struct tm_http_exchange *x);

/* listen.c */
int tm_http_listen(const char *address, int *fd, char *bound, size_t bound_len, struct tm_err *e);
/* The same text for a socket that listens already. */
int tm_http_listen_name(int fd, char *bound, size_t bound_len, struct tm_err *e);
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
void tm_http_shed(struct tm_http_server *s, enum tm_http_shed why);

/* tls.c */
/* Takes `fd` (0: none). NULL: no memory or no randomness. */
struct tm_http_tickets *tm_http_tickets_new(int fd, int64_t period_ms);
void tm_http_tickets_free(struct tm_http_tickets *t);
SSL *tm_http_tls_new(struct tm_http_server *s, int fd); /* NULL: out of memory */
bool tm_http_tls_is_h2(const SSL *ssl);                 /* the client has chosen HTTP/2 */

/* stream.c: bytes of a client, with or without TLS */
enum { STREAM_WAIT = -1, STREAM_BROKEN = -2 };
/* Bytes read, 0 at the end, or one of the above. */
ssize_t tm_http_stream_read(struct tm_http_conn *c, void *to, size_t len);
ssize_t tm_http_stream_write(struct tm_http_conn *c, const void *data, size_t len);
/* 1: done; STREAM_WAIT, STREAM_BROKEN */
int tm_http_stream_handshake(struct tm_http_conn *c);
/* Of an open file: up to `len` bytes, more than 0, that begin at `at`. */
ssize_t tm_http_stream_send_file(struct tm_http_conn *c, int fd, uint64_t at, size_t len);
void tm_http_stream_finish(struct tm_http_conn *c); /* no more will be written */

/* engine.c: the way to libmicrohttpd and back */
struct tm_http_calls { /* what libmicrohttpd calls */
    /* `cls` points to where the connection stands, a struct tm_http_conn *; NULL there: it is gone
     */
    enum MHD_Result (*request)(void *cls, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_len, void **con_cls);
    size_t (*unescape)(void *cls, struct MHD_Connection *mhd, char *text);
    void (*completed)(void *cls, struct MHD_Connection *mhd, void **con_cls,
                      enum MHD_RequestTerminationCode why);
};
void tm_http_engines_free(struct tm_http_worker *w);     /* when it has no connections any more */
bool tm_http_engine_alive(const struct tm_http_conn *c); /* libmicrohttpd has not closed its end */
void tm_http_engine_run(struct tm_http_conn *c);         /* its handler is to go on */
/* Puts bytes in; handlers run. -1: it does not take them. */
int tm_http_engine_feed(struct tm_http_conn *c, const void *data, size_t len);
/* Bytes of the reply: as recv(2), -1 with EAGAIN when there are none now. */
ssize_t tm_http_engine_read(struct tm_http_conn *c, void *to, size_t cap);
void tm_http_engine_detach(struct tm_http_conn *c);

/* body.c: 0, STREAM_WAIT or STREAM_BROKEN, all three */
/* Sends these bytes; what the client does not take now is held in `out`, which is empty before. */
int tm_http_send(struct tm_http_conn *c, const unsigned char *data, size_t len);
int tm_http_send_held(struct tm_http_conn *c);
/* A step of the body of a reply whose head is said. All of it is sent: the exchange has ended. */
int tm_http_body_send(struct tm_http_conn *c);
void tm_http_body_begin(struct tm_http_conn *c); /* the head was said and passed on */

/* forward.c: what named proxies say */
bool tm_http_is_proxy(const struct tm_http_server *s, const struct sockaddr *peer);
/* Reads the PROXY head. 1: done, 0: there is more to come, -1: close. */
int tm_http_forward_read(struct tm_http_conn *c);
/* Takes the client from the request's headers. False: it has too many connections. */
bool tm_http_forward_look(struct tm_http_exchange *x);

/* h2_stream.c: as tm_http_conn_admit, of a stream whose turn it is */
void tm_http_h2_admit(struct tm_http_conn *c, enum tm_http_fault fault);
void tm_http_h2_go_on(struct tm_http_conn *c);   /* its handler runs again; it was parked */
void tm_http_h2_abandon(struct tm_http_conn *c); /* it will not be woken; it was parked */

/* h2.c: a connection that speaks HTTP/2 */
enum tm_http_preface { PREFACE_MORE, PREFACE_IS, PREFACE_IS_NOT };
enum tm_http_preface tm_http_h2_preface(const void *data, size_t len); /* RFC 9113 §3.4 */
int tm_http_h2_open(struct tm_http_conn *c);                           /* -1: out of memory */
/* Bytes of the client in. -1: it breaks the protocol, and that is said with what goes out. */
int tm_http_h2_take(struct tm_http_conn *c, const void *data, size_t len);
/* Up to `cap` bytes for the client; 0: none now. */
size_t tm_http_h2_give(struct tm_http_conn *c, void *to, size_t cap);
bool tm_http_h2_over(const struct tm_http_conn *c);   /* all was said, and it is to be closed */
bool tm_http_h2_serves(const struct tm_http_conn *c); /* a whole request, or its reply, is there */
/* Ends streams that are late; says goodbye when nothing comes, or when the server stops. True: the
 * client does not read, and the connection is to be closed. */
bool tm_http_h2_sweep(struct tm_http_conn *c, int64_t now_ms);
void tm_http_h2_close(struct tm_http_conn *c);
struct tm_http_conn *tm_http_h2_parent(const struct tm_http_conn *c); /* of a stream, or NULL */

/* life.c */
void tm_http_conn_open(struct tm_http_worker *w, int fd, const struct sockaddr *peer,
                       socklen_t peer_len, struct tm_http_client *client); /* takes both */
void tm_http_conn_close(struct tm_http_conn *c); /* the memory stays until _free_gone */
void tm_http_conn_free_gone(struct tm_http_worker *w);
void tm_http_conn_end_inside(struct tm_http_conn *c); /* without the reply, if that was not sent */
/* `timeout_ms` 0: the phase has no deadline. */
void tm_http_conn_phase(struct tm_http_conn *c, enum tm_http_phase phase, int64_t timeout_ms);

/* conn.c */
void tm_http_conn_run(struct tm_http_conn *c); /* as far as it goes; may close it */
/* Gives libmicrohttpd its request, or a stand-in for it, whose answer is `fault`. */
void tm_http_conn_admit(struct tm_http_conn *c, enum tm_http_fault fault);
bool tm_http_conn_incomplete(const struct tm_http_conn *c); /* has sent no whole request */

/* large.c */
size_t tm_http_large_limit(const struct tm_http_server *s, const char *target); /* bytes */
/* Makes room for a body of `len` bytes. -1: there is none now. */
int tm_http_large_reserve(struct tm_http_conn *c, size_t len);
void tm_http_large_release(struct tm_http_conn *c);

/* queue.c: whole requests that wait for their turn, and handlers that wait for something else */
/* True: a whole request waits in the queue. False: it is to be admitted now, with `*fault`, which
 * is set when there is no room. What only reads is admitted at once, unless as many wait as may: a
 * burst of readers is served one after the other. */
bool tm_http_queue_whole(struct tm_http_conn *c, enum tm_http_fault *fault);
bool tm_http_queue_late(const struct tm_http_conn *c, int64_t now_us); /* it waited too long */
bool tm_http_queue_moves(const struct tm_http_worker *w); /* its first may be admitted now */
void tm_http_park(struct tm_http_exchange *x);
void tm_http_list_remove(struct tm_http_list *l, struct tm_http_conn *c);
void tm_http_exchange_unref(struct tm_http_exchange *x);
void tm_http_worker_wake(struct tm_http_worker *w);
void tm_http_workers_wake(struct tm_http_server *s); /* they look at the flags above */

/* worker.c */
int tm_http_workers_start(struct tm_http_server *s); /* -1 with errno; then stop them too */
void tm_http_workers_stop(struct tm_http_server *s);
void tm_http_workers_free(struct tm_http_server *s);

/* accept.c */
void tm_http_accept(struct tm_http_worker *w);
void tm_http_accept_resume(struct tm_http_worker *w, int64_t now_ms);
void tm_http_accept_settle(struct tm_http_worker *w);

/* exchange.c: one request; as libmicrohttpd calls, */
extern const struct tm_http_calls tm_http_exchange_calls;
/* and for HTTP/2. NULL: out of memory. */
struct tm_http_exchange *tm_http_exchange_new(struct tm_http_conn *c, const char *method);
/* Looks at the head, when x->mhd or x->fields is set: route, mount or fault. */
void tm_http_exchange_begin(struct tm_http_exchange *x, const char *path);
bool tm_http_exchange_takes_body(const struct tm_http_exchange *x);
/* Runs its handler, or words its fault: true when there is a reply, false when it waits. */
bool tm_http_exchange_run(struct tm_http_exchange *x);
void tm_http_exchange_end(struct tm_http_exchange *x, bool sent);

/*
 * A small server of HTTP/1.1, over libmicrohttpd, and HTTP/2, over nghttp2: a route table, bounded
 * bodies, bounded time, bounded queues, and handlers that may wait without holding a thread.
 *
 * A handler is called when the whole body is there. It either makes a reply
 * (HTTP_DONE) or says that it waits (HTTP_WAIT) after handing a waiter to whoever
 * will call tm_http_wake(); it is then called again, also when the wait timed out. A request may
 * wait several times, for one thing after the other; they share one deadline.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/http/proxy.h"

struct tm_http_server;
struct tm_http_exchange; /* one request and its reply; used by one thread at a time */
struct tm_http_canned;   /* a reply made once and sent many times */

enum tm_http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_OPTIONS,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_PATCH,
    HTTP_GRPC, /* a call of gRPC: POST over HTTP/2 with its content type; has rows of its own */
    HTTP_OTHER,
    HTTP_METHOD_COUNT
};
const char *tm_http_method_name(enum tm_http_method m); /* "get" …, as Prometheus labels have it */

enum tm_http_result { HTTP_DONE, HTTP_WAIT };

struct tm_http_route {
    const char *path;           /* exact */
    enum tm_http_method method; /* HTTP_GET also answers HEAD */
    enum tm_http_result (*handle)(void *ctx, struct tm_http_exchange *x);
};

/* Every path below `prefix` that no route has, for GET, HEAD and POST. The body of a POST is
 * dropped, but for one path's. */
struct tm_http_mount {
    const char *prefix; /* "/log", as tm_http_prefix_check() has it; borrowed */
    enum tm_http_result (*handle)(void *ctx, struct tm_http_exchange *x);
    void *ctx;             /* its own */
    const char *body_name; /* what takes a body, "x/y" of "/log/x/y"; NULL: nothing */
    size_t max_body;       /* of it, bytes; 0: the server's */
    /* An end of the prefix ("/v2") that may be left out before a name whose first part is one of
     * `short_names`, which NULL ends. NULL: nothing may. */
    const char *short_end;
    const char *const *short_names;
};

/* Bodies over HTTP_SMALL_BODY may have so many bytes together, counted as soon as more than that
 * has come of one; beyond it they are answered with HTTP_FAULT_BUSY. So clients that begin bodies
 * and pause hold no more. While one is read and handled, up to three times its size is in memory.
 */
#define HTTP_LARGE_TOTAL ((size_t)64 << 20)
#define HTTP_SMALL_BODY ((size_t)16 * 1024)

/* -1: a mount may not have this path. `what` begins the message. */
int tm_http_prefix_check(const char *what, const char *prefix, struct tm_err *e);

/* What the server refuses before a handler sees it; the application words the reply. */
enum tm_http_fault {
    HTTP_FAULT_NONE,
    HTTP_FAULT_NOT_FOUND,  /* no route has this path */
    HTTP_FAULT_METHOD,     /* a route has the path with another method; Allow is added */
    HTTP_FAULT_TOO_LARGE,  /* body over max_body; the connection is closed after the reply */
    HTTP_FAULT_MEDIA_TYPE, /* an HTML form's content type */
    HTTP_FAULT_MALFORMED,  /* headers that others may read otherwise; the connection is closed */
    HTTP_FAULT_MEMORY,
    HTTP_FAULT_BUSY, /* more work than can be done in time */
};

/* Why a connection or a request was turned away. */
enum tm_http_shed {
    HTTP_SHED_ADDRESS, /* its client has per_address_limit connections; answered 429 */
    HTTP_SHED_FULL,    /* connection_limit, and all are at work; answered 503 */
    HTTP_SHED_IDLE,    /* a newer one took its place: it had sent no whole request */
    HTTP_SHED_QUEUE,   /* it would have waited longer than queue_limit_ms; answered 503 */
    HTTP_SHED_FLOOD,   /* HTTP/2 frames that bring nothing forward; the connection ends */
    HTTP_SHED_WAITS,   /* too many handlers wait: the one that waited longest was ended */
    HTTP_SHED_COUNT,
};
const char *tm_http_shed_name(enum tm_http_shed why); /* "address" …, for labels */

struct tm_http_event {
    enum tm_http_method method;
    const struct tm_http_route *route; /* NULL: no route matched */
    unsigned status;                   /* 0: the client went away before a reply */
    int64_t duration_us;               /* from the end of the headers to the end of the reply */
    bool http2;
};

struct tm_http_side { /* a descriptor that a worker watches beside its connections */
    int fd;
    unsigned worker;          /* which, modulo their number */
    void (*ready)(void *ctx); /* on the worker's thread, as long as there is something to read */
    void *ctx;
};

struct tm_http_options {
    const char *listen;         /* "127.0.0.1:5555", "[::1]:5555", ":5555"; port 0: any free one */
    int listen_fd;              /* in its place: a socket of tm_http_listen_open, taken; 0: none */
    unsigned workers;           /* threads that serve requests, at least 1 */
    unsigned connection_limit;  /* open connections; at most three quarters of it wait */
    unsigned per_address_limit; /* of one client (an IPv6 /64 is one); 0: no limit */
    /* Who may say for whom a connection is: borrowed. Their own number is not limited. */
    const struct tm_http_network *proxies;
    size_t proxy_count;
    enum tm_http_proxy_way proxy_way;
    size_t max_body;           /* bytes */
    int64_t header_timeout_ms; /* first byte to end of headers */
    int64_t
        request_timeout_ms;  /* end of headers to end of body, and again to the end of the reply */
    int64_t idle_timeout_ms; /* between requests, and between any two reads; rounded up to 1 s */
    int64_t queue_limit_ms;  /* a whole request waits for its turn; longer is answered at once */
    int64_t wait_timeout_ms; /* all HTTP_WAITs of one request together */
    const char *tls_certificate; /* PEM text, leaf first; NULL: plain HTTP. Not kept, */
    const char *tls_key;         /* nor is this, PEM text */
    /* Memory for the keys of tickets, of tm_http_tickets_memory, taken: with the last server's,
     * clients resume its sessions here; 0: keys of its own. */
    int tickets_fd;
    int64_t tickets_ms; /* such a key seals for so long, and opens for as long again; 0: an hour */
    const struct tm_http_route *routes; /* borrowed, as is ctx */
    size_t route_count;
    const struct tm_http_mount *mounts; /* borrowed; the longest that fits serves */
    size_t mount_count;
    void (*round)(
        void *ctx);  /* or NULL; after handlers have run, once for several: it sends what */
    void *round_ctx; /* they have put on channels. On each thread that runs them */
    const struct tm_http_side *sides; /* borrowed */
    size_t side_count;
    void *ctx;
    void (*fault)(void *ctx, struct tm_http_exchange *x, enum tm_http_fault f); /* must reply */
    void (*observe)(void *ctx, const struct tm_http_event *ev);                 /* or NULL */
    void (*shed)(void *ctx, enum tm_http_shed why);                             /* or NULL */
};

/* Fills the limits with the defaults that the example configuration documents. */
void tm_http_options_default(struct tm_http_options *o);

/* Whether a listen address is well formed; names are not looked up. */
int tm_http_listen_check(const char *address, struct tm_err *e);

/* A socket that listens there, for a server of another process or a later time. */
int tm_http_listen_open(const char *address, int *fd, struct tm_err *e);

/* Whether `fd` listens there; names are looked up, port 0 is any. */
bool tm_http_listen_is(int fd, const char *address);

/* For `tickets_fd` of one server after the other, never of two at once. -1 with errno. */
int tm_http_tickets_memory(void);

/* Listens and serves. NULL with `e` set. */
struct tm_http_server *tm_http_server_start(const struct tm_http_options *o, struct tm_err *e);

/* Replaces the certificate and key of a server that has them, PEM text: connections from now on get
 * the new pair. -1: they are no pair, and the old ones stay. Any thread. */
int tm_http_server_set_tls(struct tm_http_server *s, const char *certificate, const char *key,
                           struct tm_err *e);

/* "127.0.0.1:43567": where it listens. */
const char *tm_http_server_address(const struct tm_http_server *s);

/* Stops accepting, lets requests under way finish for up to `timeout_ms`, ends the waits
 * that are left, stops. Once. */
void tm_http_server_stop(struct tm_http_server *s, int64_t timeout_ms);

/* After tm_http_server_stop, and after whoever still holds a waiter has called it. NULL is fine. */
void tm_http_server_free(struct tm_http_server *s);

/* Requests being served. */
unsigned tm_http_server_inflight(const struct tm_http_server *s);

/* ---- inside a handler ---- */

const char *tm_http_header(struct tm_http_exchange *x, const char *name); /* borrowed, or NULL */
enum tm_http_method tm_http_method_of(const struct tm_http_exchange *x);
const char *tm_http_path(const struct tm_http_exchange *x); /* percent-decoded, without the query */
const char *
tm_http_mount_name(const struct tm_http_exchange *x); /* of a mount: "x/y" of "/log/x/y" */
const char *tm_http_query(struct tm_http_exchange *x, const char *name); /* decoded, or NULL */
/* Which of the server's workers serves it, from 0; of a near exchange. */
unsigned tm_http_worker_of(const struct tm_http_exchange *x);
const struct tm_buf *tm_http_body(const struct tm_http_exchange *x);
/* The client's address, no port: the peer's, or what a named proxy says. */
const char *tm_http_remote(const struct tm_http_exchange *x);
int64_t tm_http_elapsed_us(const struct tm_http_exchange *x); /* since the end of the headers */

bool tm_http_is_http2(const struct tm_http_exchange *x);

/* State that lives until the reply is sent; `release` runs then. */
void tm_http_set_state(struct tm_http_exchange *x, void *state, void (*release)(void *state));
void *tm_http_state(const struct tm_http_exchange *x);

/*
 * A body that is made as it is sent, a piece at a time, so that a slow reader costs one piece.
 * `produce` appends the next one (some ten KiB): 1, 0 at the end (then nothing was appended), -1:
 * the connection is cut, HTTP_NOTHING_YET: over HTTP/2 alone, ask again soon; the server's end is
 * the body's end then. `release` runs once, also when the client goes away.
 */
#define HTTP_NOTHING_YET 2
struct tm_http_source {
    int (*produce)(void *ctx, struct tm_buf *out);
    /* In place of `produce` where the connection is another process's: what that makes the pieces
     * of, by tm_http_relay_options.open. An open file, which is taken, and some bytes. -1: the
     * connection is cut. NULL: the whole body goes there at once. */
    int (*pass)(void *ctx, int *fd, struct tm_buf *with);
    void (*release)(void *ctx);
    void *ctx;
};
void tm_http_reply_stream(struct tm_http_exchange *x, unsigned status, const char *content_type,
                          const struct tm_http_source *source);
/* The first `size` bytes of an open file, which is taken. */
void tm_http_reply_fd(struct tm_http_exchange *x, unsigned status, const char *content_type, int fd,
                      uint64_t size);

/* Replies with `body`, whose memory is taken (it is empty afterwards). */
void tm_http_reply(struct tm_http_exchange *x, unsigned status, const char *content_type,
                   struct tm_buf *body);
/* Adds a header to the reply made by tm_http_reply. */
void tm_http_reply_header(struct tm_http_exchange *x, const char *name, const char *value);
/* A field after the body, of any reply; HTTP/1 sends none. */
void tm_http_reply_trailer(struct tm_http_exchange *x, const char *name, const char *value);

/*
 * Replies with the file DIR/name: 200, or 304 when If-None-Match names it. `name` may come from
 * the client: parts of letters, digits, '.', '_', '-' that do not begin with a dot, with single
 * slashes between. False, and no reply, when it is another kind of name or no such file.
 */
bool tm_http_reply_file(struct tm_http_exchange *x, const char *dir, const char *name,
                        const char *content_type, const char *cache_control);
/* By the name's end: "application/json" for .json …; "application/octet-stream" if unknown. */
const char *tm_http_file_type(const char *name);

/* `content_type` is borrowed for ever, in all of these.
 *
 * A reply to keep: `body` is copied. NULL: out of memory. The caller keeps it alive until the
 * exchange's state is released (make what owns it the state). */
struct tm_http_canned *tm_http_canned_new(const char *content_type, const struct tm_buf *body);
void tm_http_canned_free(struct tm_http_canned *c);
void tm_http_reply_canned(struct tm_http_exchange *x, unsigned status, struct tm_http_canned *c);

/*
 * Waiting. tm_http_wait_begin returns the argument for tm_http_wake, which is to be called
 * exactly once, on any thread, unless tm_http_wait_cancel is. Then return HTTP_WAIT.
 */
void *tm_http_wait_begin(struct tm_http_exchange *x);
void tm_http_wait_cancel(struct tm_http_exchange *x);
void tm_http_wake(void *waiter);
/* All waits of the request end so long after its start, if that is sooner than they would. */
void tm_http_limit_wait(struct tm_http_exchange *x, int64_t ms);
bool tm_http_wait_expired(const struct tm_http_exchange *x); /* the wait timed out: reply now */

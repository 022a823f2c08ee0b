/*
 * Handlers in another process than their connections. The front serves connections; for each
 * request that is another process's to answer its handler calls tm_http_relay, which sends the
 * request over a channel and replies with what comes back. The other process runs the same routes
 * and mounts on far exchanges: the functions of http.h "inside a handler" work on them as on near
 * ones.
 *
 * What the handlers of this service read of a request travels, and nothing else: method, path, the
 * query arguments and headers of two tables in far.c, the client's address, the body.
 */
#pragma once

#include "common/http/http.h"

#define HTTP_FAR_CHANNELS_MAX 16

/* ---- where handlers run ---- */

struct tm_http_far_server;

/* A thread for each of the sockets `fd`, which are taken. Of `o` counts what is matched and called
 * (routes, mounts, ctx), wait_timeout_ms and queue_limit_ms. NULL with `e` set. */
struct tm_http_far_server *tm_http_far_server_new(const int *fd, size_t count,
                                                  const struct tm_http_options *o,
                                                  struct tm_err *e);
int tm_http_far_server_start(struct tm_http_far_server *s, struct tm_err *e);
/* Ends all requests. */
void tm_http_far_server_stop(struct tm_http_far_server *s);
/* After who still holds a waiter has called it. NULL is fine. */
void tm_http_far_server_free(struct tm_http_far_server *s);

/* ---- where connections are ---- */

struct tm_http_relay;

struct tm_http_relay_options {
    void (*late)(void *ctx,
                 struct tm_http_exchange *x); /* words the reply when none came in time */
    void *ctx;                                /* its own */
    /* Makes a source of what the other process's passed, taking the file, also on -1. NULL: that
     * process has no such source. */
    int (*open)(int fd, const struct tm_buf *with, struct tm_http_source *out);
};

/* Takes the sockets. */
struct tm_http_relay *tm_http_relay_new(const int *fd, size_t count,
                                        const struct tm_http_relay_options *o, struct tm_err *e);
/* What a server's workers are to look after: they read the replies. One for each socket, appended
 * at `out`; how many. The relay's memory, as long as the server runs. */
size_t tm_http_relay_sides(struct tm_http_relay *r, struct tm_http_side *out);
/* For tm_http_options.round, of the server whose handlers call tm_http_relay: sends what those of a
 * round have asked. `relay` is a struct tm_http_relay. */
void tm_http_relay_round(void *relay);
void tm_http_relay_free(struct tm_http_relay *r); /* after the server was stopped; NULL is fine */

/* A handler's whole work: return what it returns. `body` goes in place of the request's own; NULL:
 * none does, which is enough for a GET. */
enum tm_http_result tm_http_relay(struct tm_http_relay *r, struct tm_http_exchange *x,
                                  const struct tm_buf *body);

/* The same for one page of several processes: asks one after the other, and replies with the first
 * one's status and headers and the bodies of all. The list is copied. */
#define HTTP_RELAY_ALL_MAX 8
enum tm_http_result tm_http_relay_all(struct tm_http_relay *const *r, size_t count,
                                      struct tm_http_exchange *x);

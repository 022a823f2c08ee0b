/*
 * HTTP/2 (RFC 9113) by nghttp2: what the files h2*.c share.
 *
 * A session is memory in, memory out; it has no socket. Each of its streams is a struct
 * tm_http_conn of its own, which waits in the worker's queue and has the worker's limits. A request
 * becomes an exchange when it has its turn. A client may reset a stream while its handler waits:
 * the stream then stays, with its place, until the handler is woken, so that resets buy nothing.
 */
#pragma once

#include "common/http/internal.h" /* first: it renames */

#include <nghttp2/nghttp2.h>

#include "common/http/calm.h"

#define HTTP_H2_STREAMS 100   /* of a connection at once */
#define HTTP_H2_TURNED_AWAY 4 /* of them beyond its client's limit: answered; more are reset */
/* Bytes of bodies up to HTTP_SMALL_BODY that a connection's streams hold at once; more are counted
 * with the larger ones. */
#define HTTP_H2_HELD ((size_t)64 * 1024)

struct tm_http_h2 {
    struct tm_http_conn *conn;
    nghttp2_session *session;
    struct tm_http_stream *first;
    size_t count;       /* of streams that the client knows */
    size_t turned_away; /* of them: have no place */
    int32_t heading;    /* the stream for whose head conn->deadline_ms is */
    size_t held;        /* bytes of their bodies */
    struct tm_http_calm calm;
    int64_t untold;      /* bytes that came in and are in no frame that we heard of */
    const uint8_t *rest; /* of the frame at hand: not yet written */
    size_t rest_len;
    int64_t noticed_ms; /* the client was told that the server stops; 0: not */
    bool broken;        /* by the client: nothing more is read */
    bool leaving;       /* it knows which streams are served: no others will be */
};

struct tm_http_stream {
    struct tm_http_conn self;
    struct tm_http_h2 *h2; /* NULL: the client has left it */
    struct tm_http_stream *prev, *next;
    int32_t id;
    struct tm_http_fields fields;
    size_t excess;    /* bytes of header fields beyond their bounds */
    uint64_t dropped; /* bytes of a body that nobody wants */
    uint64_t at;      /* of the reply's body: sent */
    struct tm_buf piece;
    size_t piece_at;   /* of it: sent */
    bool resting;      /* its body has nothing yet */
    bool ended, reset; /* by us: the reply is out, or the stream was cut */
};

/* h2_reply.c: hands the exchange's reply to nghttp2, or cuts the stream when there is none. */
void tm_http_stream_reply(struct tm_http_stream *s);
void tm_http_stream_cut(struct tm_http_stream *s, uint32_t error);

/* h2_stream.c: a request as it comes in */
struct tm_http_stream *tm_http_stream_new(struct tm_http_h2 *h2, int32_t id); /* NULL: no memory */
void tm_http_stream_head(struct tm_http_stream *s, bool ended); /* its fields are there */
void tm_http_stream_body(struct tm_http_stream *s, const uint8_t *data, size_t len);
void tm_http_stream_whole(struct tm_http_stream *s);
void tm_http_stream_leave(struct tm_http_stream *s); /* the client has; frees it, now or later */

/*
 * A connection: handshake, then request after request. Each phase has a step that goes as far as
 * it can without waiting; epoll calls again when there is more.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http/internal.h"

#define TURN_STEPS 24 /* of one connection, before the others have theirs */

enum step { STEP_ON, STEP_WAIT, STEP_CLOSE };

static void set_phase(struct tm_http_conn *c, enum tm_http_phase phase, int64_t timeout_ms)
{
    c->phase = phase;
    c->deadline_ms = timeout_ms > 0 ? tm_clock_mono_ms() + timeout_ms : 0;
}

bool tm_http_conn_incomplete(const struct tm_http_conn *c)
{
    return c->phase != CONN_QUEUED && c->phase != CONN_PARKED && c->phase != CONN_REPLY;
}

/* Reads what there is into c->in. STEP_ON: something is new. */
static enum step fill(struct tm_http_conn *c)
{
    if (!c->readable)
        return STEP_WAIT;
    if (c->at > 0) {
        memmove(c->in.data, c->in.data + c->at, c->in.len - c->at);
        c->in.len -= c->at;
        c->at = 0;
    }
    unsigned char *to = tm_buf_reserve(&c->in, HTTP_READ_BYTES);
    if (to == NULL)
        return STEP_CLOSE;
    ssize_t n = tm_http_stream_read(c, to, HTTP_READ_BYTES);
    if (n == STREAM_WAIT) {
        if (c->in.len == 0)
            tm_buf_free(&c->in); /* who waits for a client holds no memory */
        return STEP_WAIT;
    }
    if (n <= 0)
        return STEP_CLOSE;
    c->in.len += (size_t)n;
    c->active_ms = tm_clock_mono_ms();
    return STEP_ON;
}

static enum step step_tls(struct tm_http_conn *c)
{
    if (!c->readable && !c->writable)
        return STEP_WAIT;
    int rc = tm_http_stream_handshake(c);
    if (rc == STREAM_WAIT)
        return STEP_WAIT;
    if (rc != 1)
        return STEP_CLOSE;
    c->phase = CONN_HEAD; /* under the same deadline */
    c->readable = true;   /* the first request may have come with the handshake's end */
    return STEP_ON;
}

/* The request is whole. What only reads is answered at once; the rest waits for its turn. */
static enum step whole(struct tm_http_conn *c)
{
    struct tm_http_exchange *x = c->x;
    set_phase(c, CONN_QUEUED, 0);
    if (x->fault == HTTP_FAULT_NONE && x->method == HTTP_POST && x->route != NULL)
        tm_http_queue_add(x);
    else
        tm_http_exchange_run(x);
    return STEP_ON;
}

static enum step refuse(struct tm_http_conn *c, enum tm_http_fault fault)
{
    set_phase(c, CONN_QUEUED, 0);
    tm_http_exchange_fault(c->x, fault);
    return STEP_ON;
}

static enum step begin_body(struct tm_http_conn *c)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct tm_http_exchange *x = c->x;
    if (x->fault == HTTP_FAULT_MALFORMED) /* where its body ends is anybody's guess */
        return refuse(c, HTTP_FAULT_MALFORMED);
    if (!x->head.chunked && x->head.length == 0)
        return whole(c);
    /* A client that asks before it sends hears the answer before it sends. */
    if (x->head.expects && c->at == c->in.len) {
        if (x->fault != HTTP_FAULT_NONE)
            return refuse(c, x->fault);
        if (tm_http_stream_write(c, go_on, sizeof(go_on) - 1) != (ssize_t)sizeof(go_on) - 1)
            return STEP_CLOSE; /* a socket without room for 25 bytes at a request's start */
    }
    c->chunk = (struct tm_http_chunk){0};
    set_phase(c, CONN_BODY, c->worker->server->o.request_timeout_ms);
    return STEP_ON;
}

/* An empty line before a request is overlooked, as RFC 9112 §2.2 wants it; one. */
static void skip_blank(struct tm_http_conn *c)
{
    if (c->scanned == 0 && c->in.len - c->at >= 2 && memcmp(c->in.data + c->at, "\r\n", 2) == 0)
        c->at += 2;
}

static enum step step_head(struct tm_http_conn *c)
{
    size_t end = 0;
    if (c->scanned == c->in.len - c->at || c->in.len - c->at == 1) {
        enum step got = fill(c);
        if (got != STEP_ON)
            return got;
    }
    if (c->idle) { /* the first byte of another request */
        c->idle = false;
        set_phase(c, CONN_HEAD, c->worker->server->o.header_timeout_ms);
    }
    skip_blank(c);
    const char *data = (const char *)c->in.data + c->at;
    size_t len = c->in.len - c->at;
    if (len == 0 || (len == 1 && data[0] == '\r'))
        return STEP_ON;
    enum tm_http_head_end found = tm_http_head_find(data, len, &c->scanned, &end);
    if (found == HEAD_MORE)
        return STEP_ON;
    c->x = tm_http_exchange_new(c, data, found == HEAD_WHOLE ? end : 0);
    if (c->x == NULL)
        return STEP_CLOSE;
    c->at += found == HEAD_WHOLE ? end : len;
    c->scanned = 0;
    return begin_body(c);
}

/* One piece of the body. -1: what comes next is no chunk; 1: the body has ended. */
static int take_piece(struct tm_http_conn *c)
{
    struct tm_http_exchange *x = c->x;
    const char *data = (const char *)c->in.data + c->at;
    size_t len = c->in.len - c->at;
    const char *piece = data;
    size_t piece_len = len;
    if (x->head.chunked) {
        c->at += tm_http_chunk_read(&c->chunk, data, len, &piece, &piece_len);
    } else {
        if (piece_len > x->head.length - x->received)
            piece_len = (size_t)(x->head.length - x->received);
        c->at += piece_len;
    }
    if (piece_len > 0 && !tm_http_exchange_take(x, piece, piece_len))
        return -1;
    if (!x->head.chunked)
        return x->received == x->head.length;
    return c->chunk.part == CHUNK_BAD ? -1 : c->chunk.part == CHUNK_END;
}

static enum step step_body(struct tm_http_conn *c)
{
    if (c->at == c->in.len) {
        enum step got = fill(c);
        if (got != STEP_ON)
            return got;
    }
    int rc = take_piece(c);
    if (rc < 0 && c->x->received > HTTP_DISCARD_MAX)
        return STEP_CLOSE;
    if (rc < 0)
        return refuse(c, HTTP_FAULT_MALFORMED);
    return rc == 0 ? STEP_ON : whole(c);
}

void tm_http_conn_reply(struct tm_http_conn *c)
{
    set_phase(c, CONN_REPLY, c->worker->server->o.request_timeout_ms);
    c->active_ms = tm_clock_mono_ms();
    c->writable = true;
}

/* The reply is out. */
static enum step after_reply(struct tm_http_conn *c)
{
    struct tm_http_server *s = c->worker->server;
    bool close = c->x->reply.close;
    tm_http_exchange_end(c->x, true);
    c->x = NULL;
    if (!close) {
        c->idle = true;
        set_phase(c, CONN_HEAD, s->o.idle_timeout_ms);
        if (c->at == c->in.len) {
            tm_buf_free(&c->in);
            c->at = 0;
        }
        return c->at < c->in.len || c->readable ? STEP_ON : STEP_WAIT;
    }
    tm_http_stream_finish(c);
    if (c->hangup)
        return STEP_CLOSE;
    /* Closing while a client still sends would reset the connection under the reply. */
    set_phase(c, CONN_LINGER, HTTP_LINGER_MS);
    return STEP_ON;
}

static enum step step_reply(struct tm_http_conn *c)
{
    const unsigned char *data = NULL;
    size_t len = 0;
    if (!c->writable)
        return STEP_WAIT;
    if (tm_http_message_next(c->x, c->worker->scratch, sizeof(c->worker->scratch), &data, &len) !=
        0)
        return STEP_CLOSE;
    if (len == 0)
        return after_reply(c);
    ssize_t n = tm_http_stream_write(c, data, len);
    if (n == STREAM_WAIT)
        return c->writable && c->ssl == NULL ? STEP_ON : STEP_WAIT;
    if (n < 0)
        return STEP_CLOSE;
    tm_http_message_sent(&c->x->reply, (size_t)n);
    c->active_ms = tm_clock_mono_ms();
    return STEP_ON;
}

static enum step step_linger(struct tm_http_conn *c)
{
    if (!c->readable)
        return c->hangup ? STEP_CLOSE : STEP_WAIT;
    ssize_t n = recv(c->fd, c->worker->scratch, sizeof(c->worker->scratch), 0);
    if (n == 0)
        return STEP_CLOSE;
    if (n < 0) {
        c->readable = false;
        return STEP_WAIT;
    }
    return STEP_ON;
}

static enum step step_none(struct tm_http_conn *c)
{
    (void)c;
    return STEP_WAIT;
}

static void later(struct tm_http_conn *c)
{
    if (c->listed)
        return;
    c->listed = true;
    c->again = c->worker->again;
    c->worker->again = c;
}

void tm_http_conn_run(struct tm_http_conn *c)
{
    static enum step (*const steps[CONN_PHASES])(struct tm_http_conn *) = {
        [CONN_TLS] = step_tls,       [CONN_HEAD] = step_head,   [CONN_BODY] = step_body,
        [CONN_QUEUED] = step_none,   [CONN_PARKED] = step_none, [CONN_REPLY] = step_reply,
        [CONN_LINGER] = step_linger,
    };
    for (int i = 0; i < TURN_STEPS; i++) {
        enum step rc = steps[c->phase](c);
        if (rc == STEP_CLOSE)
            tm_http_conn_close(c);
        if (rc != STEP_ON)
            return;
    }
    later(c);
}

static void link_conn(struct tm_http_conn *c)
{
    struct tm_http_worker *w = c->worker;
    c->next = w->conns;
    if (w->conns != NULL)
        w->conns->prev = c;
    w->conns = c;
    w->count++;
    atomic_fetch_add(&w->server->open, 1);
}

static void unlink_conn(struct tm_http_conn *c)
{
    struct tm_http_worker *w = c->worker;
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        w->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    for (struct tm_http_conn **at = &w->again; c->listed && *at != NULL; at = &(*at)->again) {
        if (*at == c) {
            *at = c->again;
            break;
        }
    }
    w->count--;
    atomic_fetch_sub(&w->server->open, 1);
}

void tm_http_conn_open(struct tm_http_worker *w, int fd, const struct sockaddr *peer,
                       struct tm_http_client *client)
{
    struct tm_http_server *s = w->server;
    bool tls = atomic_load(&s->tls) != NULL;
    struct tm_http_conn *c = calloc(1, sizeof(*c));
    if (c != NULL && tls)
        c->ssl = tm_http_tls_new(s, fd);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (c == NULL || (tls && c->ssl == NULL) || epoll_ctl(w->events, EPOLL_CTL_ADD, fd, &ev) != 0) {
        if (c != NULL)
            SSL_free(c->ssl);
        free(c);
        close(fd);
        tm_http_clients_drop(&s->clients, client);
        return;
    }
    c->worker = w;
    c->fd = fd;
    c->client = client;
    c->active_ms = tm_clock_mono_ms();
    tm_http_address_text(peer, c->remote, sizeof(c->remote));
    set_phase(c, tls ? CONN_TLS : CONN_HEAD, s->o.header_timeout_ms);
    link_conn(c);
}

void tm_http_conn_close(struct tm_http_conn *c)
{
    struct tm_http_server *s = c->worker->server;
    unlink_conn(c);
    if (c->x != NULL)
        tm_http_exchange_end(c->x, false);
    SSL_free(c->ssl);
    close(c->fd);
    tm_buf_free(&c->in);
    tm_http_clients_drop(&s->clients, c->client);
    free(c);
}

/*
 * A connection: handshake, then request after request, each checked byte by byte before it goes in.
 * Each phase has a step that goes as far as it can without waiting; epoll calls again when there is
 * more.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http/internal.h"

#define TURN_STEPS 24 /* of one connection, before the others have theirs */
#define LIGHT_HEAD 1024
#define LIGHT_RECORDS 32

enum step { STEP_ON, STEP_WAIT, STEP_CLOSE };

bool tm_http_conn_incomplete(const struct tm_http_conn *c)
{
    if (c->phase == CONN_H2)
        return !tm_http_h2_serves(c);
    return c->phase != CONN_QUEUED && c->phase != CONN_PARKED && c->phase != CONN_REPLY;
}

static void later(struct tm_http_conn *c)
{
    if (c->listed)
        return;
    c->listed = true;
    c->again = c->worker->again;
    c->worker->again = c;
}

/* Reads what there is into c->in. STEP_ON: something is new. */
static enum step fill(struct tm_http_conn *c)
{
    if (!c->readable)
        return STEP_WAIT;
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

/* The first `n` bytes that were read are done with. */
static void drop(struct tm_http_conn *c, size_t n)
{
    tm_buf_drop(&c->in, n);
}

static enum step step_proxy(struct tm_http_conn *c)
{
    int rc = tm_http_forward_read(c);
    if (rc <= 0)
        return rc == 0 ? STEP_WAIT : STEP_CLOSE;
    c->phase = c->ssl != NULL ? CONN_TLS : CONN_HEAD; /* under the same deadline */
    return STEP_ON;
}

static enum step step_tls(struct tm_http_conn *c)
{
    int rc = tm_http_stream_handshake(c);
    if (rc == STREAM_WAIT)
        return STEP_WAIT;
    if (rc != 1)
        return STEP_CLOSE;
    c->readable = true; /* the first request may have come with the handshake's end */
    if (tm_http_tls_is_h2(c->ssl))
        return tm_http_h2_open(c) == 0 ? STEP_ON : STEP_CLOSE;
    c->phase = CONN_HEAD; /* under the same deadline */
    return STEP_ON;
}

/* Instead of a request that is refused for its bytes. */
static int feed_stand_in(struct tm_http_conn *c)
{
    const char *text = c->is_post   ? "POST / HTTP/1.0\r\n\r\n"
                       : c->is_head ? "HEAD / HTTP/1.0\r\n\r\n" /* whose reply has no body */
                                    : "REFUSED / HTTP/1.0\r\n\r\n";
    tm_http_conn_end_inside(c); /* its head may have gone in alone */
    c->head_inside = false;
    c->light = true;
    c->checked = 0;
    drop(c, c->in.len);
    return tm_http_engine_feed(c, text, strlen(text));
}

static int feed_checked(struct tm_http_conn *c)
{
    int rc = tm_http_engine_feed(c, c->in.data, c->checked);
    drop(c, c->checked);
    c->checked = 0;
    return rc;
}

void tm_http_conn_admit(struct tm_http_conn *c, enum tm_http_fault fault)
{
    if (c->stream != NULL) {
        tm_http_h2_admit(c, fault);
        return;
    }
    bool refused = c->fault != HTTP_FAULT_NONE;
    if (!refused)
        c->fault = fault;
    c->deadline_ms = 0;
    c->phase = CONN_REPLY;
    int rc = refused ? feed_stand_in(c) : feed_checked(c);
    if (rc != 0 && c->phase == CONN_REPLY && c->x == NULL)
        c->close = true; /* it has not taken all of the request */
}

static enum step whole(struct tm_http_conn *c)
{
    enum tm_http_fault fault = c->fault;
    if (!tm_http_queue_whole(c, &fault))
        tm_http_conn_admit(c, fault);
    return STEP_ON;
}

static enum step refuse(struct tm_http_conn *c, enum tm_http_fault fault)
{
    c->fault = fault;
    return whole(c);
}

/* What libmicrohttpd has to say for us, as far as the client takes it; what it says of itself
 * reaches nobody. -1: broken; 1: the client is to read first; 0: no more for now. */
static int pass_on(struct tm_http_conn *c)
{
    for (int i = 0; i < TURN_STEPS; i++) {
        unsigned char *scratch = c->worker->scratch;
        bool held = c->out.len > 0;
        if (!c->writable)
            return 1;
        ssize_t got = held ? 0 : tm_http_engine_read(c, scratch, HTTP_SCRATCH_BYTES);
        if (!held && (got <= 0 || !c->replied))
            return 0;
        c->said = c->replied;
        int rc = held ? tm_http_send_held(c) : tm_http_send(c, scratch, (size_t)got);
        if (rc != 0)
            return rc == STREAM_WAIT ? 1 : -1;
        /* spares a look at what is empty */
        if (!held && got < (ssize_t)HTTP_SCRATCH_BYTES && c->x == NULL && c->out.len == 0)
            return 0;
    }
    later(c);
    return 1;
}

/* The client wants to hear first whether its body is welcome. */
static enum step ask_first(struct tm_http_conn *c)
{
    static const unsigned char welcome[] = "HTTP/1.1 100 Continue\r\n\r\n";
    c->head_inside = true;
    int rc = feed_checked(c);
    if (c->phase == CONN_REPLY) /* it is not */
        return STEP_ON;
    if (rc != 0 || c->x == NULL)
        return refuse(c, HTTP_FAULT_MALFORMED);
    return tm_http_send(c, welcome, sizeof(welcome) - 1) == STREAM_BROKEN ? STEP_CLOSE : STEP_ON;
}

static enum step begin_body(struct tm_http_conn *c)
{
    const struct tm_http_server *s = c->worker->server;
    bool too_long = c->body_left > c->body_most;
    if (!c->chunked && c->body_left == 0)
        return whole(c);
    if (c->expects && c->checked == c->in.len && too_long)
        return refuse(c, HTTP_FAULT_TOO_LARGE);
    c->chunk = (struct tm_http_chunk){0};
    c->body_seen = 0;
    c->fault = too_long ? HTTP_FAULT_TOO_LARGE : HTTP_FAULT_NONE;
    tm_http_conn_phase(c, CONN_BODY, s->o.request_timeout_ms);
    return c->expects && c->checked == c->in.len ? ask_first(c) : STEP_ON;
}

/* Every reader from here on sees one form of the head. */
static void make_plain(struct tm_http_conn *c, const struct tm_http_head *h)
{
    size_t came = c->checked;
    c->checked = tm_http_head_plain((char *)c->in.data, came, h);
    memmove(c->in.data + c->checked, c->in.data + came, c->in.len - came);
    c->in.len -= came - c->checked;
}

/* It needs little memory of libmicrohttpd, which makes a record of each header and argument. */
static bool is_light(const unsigned char *head, size_t len)
{
    size_t records = 0;
    for (size_t i = 0; i < len && len <= LIGHT_HEAD; i++)
        records += head[i] == '\n' || head[i] == '&';
    return len <= LIGHT_HEAD && records <= LIGHT_RECORDS;
}

static enum step check_head(struct tm_http_conn *c, size_t end)
{
    struct tm_http_head h;
    memcpy(c->worker->head, c->in.data, end);
    if (tm_http_head_check(c->worker->head, end, &h) != 0)
        return refuse(c, HTTP_FAULT_MALFORMED); /* where its body ends is anybody's guess */
    c->checked = end;
    c->is_post = strcmp(h.method, "POST") == 0;
    c->is_head = strcmp(h.method, "HEAD") == 0;
    c->chunked = h.chunked;
    c->expects = h.expects;
    c->old = h.minor == 0;
    c->last = h.last;
    c->body_left = h.length;
    c->body_most =
        tm_http_large_limit(c->worker->server, c->worker->head + h.origin + h.origin_len);
    make_plain(c, &h);
    c->light = is_light(c->in.data, c->checked);
    return begin_body(c);
}

/* An empty line before a request is overlooked, as RFC 9112 §2.2 wants it. */
static void skip_blank(struct tm_http_conn *c)
{
    if (c->scanned == 0 && c->in.len >= 2 && memcmp(c->in.data, "\r\n", 2) == 0)
        drop(c, 2);
}

static enum step finish(struct tm_http_conn *c)
{
    tm_http_stream_finish(c);
    if (c->hangup)
        return STEP_CLOSE;
    /* Closing while a client still sends would reset the connection under the reply. */
    tm_http_conn_phase(c, CONN_LINGER, HTTP_LINGER_MS);
    c->readable = true;
    return STEP_ON;
}

/* ---- HTTP/2 ---- */

static enum step take_h2(struct tm_http_conn *c)
{
    if (!c->readable)
        return STEP_WAIT;
    ssize_t n = tm_http_stream_read(c, c->worker->scratch, sizeof(c->worker->scratch));
    if (n == STREAM_WAIT)
        return STEP_WAIT;
    if (n <= 0)
        return STEP_CLOSE;
    c->active_ms = tm_clock_mono_ms();
    if (tm_http_h2_take(c, c->worker->scratch, (size_t)n) != 0)
        c->readable = false; /* it hears why, and no more is read */
    return STEP_ON;
}

/* STEP_ON: there may be more to say. */
static enum step give_h2(struct tm_http_conn *c)
{
    unsigned char *data = c->out.data;
    size_t len = c->out.len;
    if (!c->writable)
        return STEP_WAIT;
    if (len == 0) {
        data = c->worker->scratch;
        len = tm_http_h2_give(c, data, sizeof(c->worker->scratch));
    }
    if (len == 0)
        return STEP_WAIT;
    ssize_t n = tm_http_stream_write(c, data, len);
    if (n == STREAM_BROKEN)
        return STEP_CLOSE;
    size_t sent = n > 0 ? (size_t)n : 0;
    if (data != c->out.data)
        tm_buf_append(&c->out, data + sent, len - sent);
    else
        tm_buf_drop(&c->out, sent);
    if (sent > 0 || c->stuck_ms == 0)
        c->stuck_ms = c->out.len > 0 ? tm_clock_mono_ms() : 0;
    return buf_failed(&c->out) ? STEP_CLOSE : STEP_ON;
}

static enum step step_h2(struct tm_http_conn *c)
{
    enum step in = take_h2(c);
    enum step out = in != STEP_CLOSE ? give_h2(c) : STEP_CLOSE;
    if (in == STEP_CLOSE || out == STEP_CLOSE)
        return STEP_CLOSE;
    if (in == STEP_ON || out == STEP_ON)
        return STEP_ON;
    if (c->out.len > 0 || !tm_http_h2_over(c))
        return STEP_WAIT;
    return finish(c);
}

static enum step begin_h2(struct tm_http_conn *c)
{
    if (tm_http_h2_open(c) != 0)
        return STEP_CLOSE;
    (void)tm_http_h2_take(c, c->in.data, c->in.len);
    tm_buf_free(&c->in);
    c->scanned = 0;
    return STEP_ON;
}

static enum step step_head(struct tm_http_conn *c)
{
    size_t end = 0;
    if (c->scanned == c->in.len || c->in.len == 1) {
        enum step got = fill(c);
        if (got != STEP_ON)
            return got;
    }
    if (c->idle) { /* the first byte of another request */
        c->idle = false;
        tm_http_conn_phase(c, CONN_HEAD, c->worker->server->o.header_timeout_ms);
    }
    if (c->pair < 0 && !c->replied && c->ssl == NULL && c->in.len > 0) { /* the first of all */
        enum tm_http_preface p = tm_http_h2_preface(c->in.data, c->in.len);
        if (p == PREFACE_IS)
            return begin_h2(c);
        c->scanned = p == PREFACE_MORE ? c->in.len : 0;
        if (p == PREFACE_MORE)
            return STEP_ON;
    }
    skip_blank(c);
    if (c->in.len == 0 || (c->in.len == 1 && c->in.data[0] == '\r'))
        return STEP_ON;
    enum tm_http_head_end found =
        tm_http_head_find((const char *)c->in.data, c->in.len, &c->scanned, &end);
    if (found == HEAD_MORE)
        return STEP_ON;
    c->scanned = 0;
    c->is_post = c->is_head = c->head_inside = c->close = false;
    c->replied = c->said = c->instead = false;
    c->fault = HTTP_FAULT_NONE;
    return found == HEAD_WHOLE ? check_head(c, end) : refuse(c, HTTP_FAULT_MALFORMED);
}

/* Checks one more piece of the body. -1: it is no chunk; 1: the body has ended. */
static int check_piece(struct tm_http_conn *c)
{
    const char *data = (const char *)c->in.data + c->checked;
    size_t len = c->in.len - c->checked;
    const char *piece = NULL;
    size_t n = 0;
    if (c->chunked) {
        c->checked += tm_http_chunk_read(&c->chunk, data, len, &piece, &n);
        c->body_seen += n;
        return c->chunk.part == CHUNK_BAD ? -1 : c->chunk.part == CHUNK_END;
    }
    n = len < c->body_left ? len : (size_t)c->body_left;
    c->checked += n;
    c->body_seen += n;
    c->body_left -= n;
    return c->body_left == 0;
}

/* A chunked body is bounded in its framing as well: nobody needs chunks of a byte each. */
static bool too_long(const struct tm_http_conn *c)
{
    size_t most = c->body_most;
    return c->body_seen > most || (c->chunked && c->checked > 2 * most + HTTP_HEAD_MAX);
}

/* A body that is larger than most, and may be: is there room for it? */
static bool has_room(struct tm_http_conn *c)
{
    size_t whole = c->chunked ? c->body_most : (size_t)(c->body_seen + c->body_left);
    return c->body_seen <= HTTP_SMALL_BODY || tm_http_large_reserve(c, whole) == 0;
}

static enum step step_body(struct tm_http_conn *c)
{
    if (c->checked == c->in.len) {
        enum step got = fill(c);
        if (got != STEP_ON)
            return got;
    }
    int rc = check_piece(c);
    if (rc < 0)
        return refuse(c, HTTP_FAULT_MALFORMED);
    if (too_long(c))
        c->fault = HTTP_FAULT_TOO_LARGE;
    else if (c->fault == HTTP_FAULT_NONE && !has_room(c))
        c->fault = HTTP_FAULT_BUSY;
    /* A reply before the body's end would reset the connection under a client that is still
     * writing, so refused bodies are read and dropped, within reason. */
    if (c->fault != HTTP_FAULT_NONE) {
        drop(c, c->checked);
        c->checked = 0;
        if (c->body_seen > HTTP_DISCARD_MAX)
            return STEP_CLOSE;
    }
    return rc == 0 ? STEP_ON : whole(c);
}

/* The whole reply is out. */
static enum step after_reply(struct tm_http_conn *c, bool goes_on)
{
    if (goes_on && !c->close) {
        c->idle = true;
        tm_http_conn_phase(c, CONN_HEAD, c->worker->server->o.idle_timeout_ms);
        return c->in.len > 0 || c->readable ? STEP_ON : STEP_WAIT;
    }
    tm_http_engine_detach(c);
    return finish(c);
}

/* libmicrohttpd has said the head. */
static enum step send_body(struct tm_http_conn *c)
{
    /* what ends with the connection (HTTP/1.0 has no chunks) */
    bool unframed = c->old && c->x->reply.kind == REPLY_SOURCE;
    int rc = tm_http_body_send(c);
    if (rc != 0)
        return rc == STREAM_WAIT ? STEP_WAIT : STEP_CLOSE;
    return c->x != NULL ? STEP_ON : after_reply(c, !c->last && !unframed);
}

/* libmicrohttpd has made its own reply, has no memory for ours, or takes the end of the request to
 * be elsewhere. The client hears a refusal of ours, once. */
static enum step answer_instead(struct tm_http_conn *c)
{
    if (c->instead)
        return STEP_CLOSE;
    if (c->fault == HTTP_FAULT_NONE)
        c->fault = c->replied ? HTTP_FAULT_MEMORY : HTTP_FAULT_MALFORMED;
    c->instead = true;
    c->replied = false;
    tm_http_conn_admit(c, c->fault);
    return STEP_ON;
}

static enum step step_reply(struct tm_http_conn *c)
{
    if (c->x != NULL && c->engine == NULL)
        return send_body(c);
    int rc = pass_on(c);
    if (rc != 0)
        return rc < 0 ? STEP_CLOSE : STEP_WAIT;
    if (c->x != NULL && c->x->head_said) {
        tm_http_body_begin(c);
        return STEP_ON;
    }
    bool alive = tm_http_engine_alive(c);
    if (c->x != NULL && alive && c->replied) { /* it has more, and will say so at its next turn */
        later(c);
        return STEP_WAIT;
    }
    return c->said ? after_reply(c, alive) : answer_instead(c);
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

void tm_http_conn_run(struct tm_http_conn *c)
{
    static enum step (*const steps[CONN_PHASES])(struct tm_http_conn *) = {
        [CONN_PROXY] = step_proxy, [CONN_TLS] = step_tls,       [CONN_HEAD] = step_head,
        [CONN_BODY] = step_body,   [CONN_QUEUED] = step_none,   [CONN_PARKED] = step_none,
        [CONN_REPLY] = step_reply, [CONN_LINGER] = step_linger, [CONN_H2] = step_h2,
        [CONN_GONE] = step_none,
    };
    if (c->stream != NULL)
        c = tm_http_h2_parent(c);
    for (int i = 0; i < TURN_STEPS && c != NULL; i++) {
        enum step rc = steps[c->phase](c);
        if (rc == STEP_CLOSE)
            tm_http_conn_close(c);
        if (rc != STEP_ON)
            return;
    }
    if (c != NULL)
        later(c);
}

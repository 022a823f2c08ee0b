/* A request of HTTP/2 as it comes in: its fields, its body, its turn. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/http/h2.h"

/* A stream counts as one of its client's connections. */
static struct tm_http_client *place(struct tm_http_conn *c)
{
    struct tm_http_server *s = c->worker->server;
    struct tm_http_client *client = tm_http_clients_add(&s->clients, c->client->network,
                                                        c->proxied ? 0 : s->o.per_address_limit);
    if (client == NULL)
        tm_http_shed(s, HTTP_SHED_ADDRESS);
    return client;
}

struct tm_http_stream *tm_http_stream_new(struct tm_http_h2 *h2, int32_t id)
{
    struct tm_http_conn *parent = h2->conn;
    struct tm_http_stream *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->h2 = h2;
    s->id = id;
    s->self.stream = s;
    s->self.worker = parent->worker;
    s->self.fd = s->self.pair = -1;
    s->self.phase = CONN_HEAD;
    s->self.peer = parent->peer;
    s->self.proxied = parent->proxied;
    s->self.active_ms = tm_clock_mono_ms();
    memcpy(s->self.remote, parent->remote, sizeof(parent->remote));
    s->self.client = place(parent);
    if (s->self.client == NULL && h2->turned_away == HTTP_H2_TURNED_AWAY) {
        free(s);
        return NULL;
    }
    h2->turned_away += s->self.client == NULL;
    s->next = h2->first;
    if (s->next != NULL)
        s->next->prev = s;
    h2->first = s;
    h2->count++;
    return s;
}

static void detach(struct tm_http_stream *s)
{
    struct tm_http_h2 *h2 = s->h2;
    if (h2 == NULL)
        return;
    if (s->prev != NULL)
        s->prev->next = s->next;
    else
        h2->first = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    h2->count--;
    h2->turned_away -= s->self.client == NULL;
    if (s->self.reserved == 0)
        h2->held -= s->self.in.len;
    s->h2 = NULL;
}

static void stream_free(struct tm_http_stream *s)
{
    struct tm_http_conn *c = &s->self;
    detach(s);
    if (c->x != NULL)
        tm_http_exchange_end(c->x, false);
    tm_http_large_release(c);
    if (c->client != NULL)
        tm_http_clients_drop(&c->worker->server->clients, c->client);
    tm_buf_free_secret(&c->in);
    tm_buf_free(&s->piece);
    tm_http_fields_free(&s->fields);
    free(s);
}

void tm_http_stream_leave(struct tm_http_stream *s)
{
    if (s->self.phase == CONN_QUEUED)
        tm_http_list_remove(&s->self.worker->queue, &s->self);
    if (s->self.phase == CONN_PARKED)
        detach(s);
    else
        stream_free(s);
}

void tm_http_h2_admit(struct tm_http_conn *c, enum tm_http_fault fault)
{
    struct tm_http_stream *s = c->stream;
    struct tm_http_fields *f = &s->fields;
    if (c->fault == HTTP_FAULT_NONE)
        c->fault = fault;
    c->deadline_ms = 0;
    c->phase = CONN_REPLY;
    if (c->reserved == 0)
        s->h2->held -= c->in.len;
    struct tm_buf body = c->in;
    c->in = (struct tm_buf){0};
    struct tm_http_exchange *x = tm_http_exchange_new(c, f->method != NULL ? f->method : "");
    if (x == NULL) {
        tm_buf_free_secret(&body);
        tm_http_stream_cut(s, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    x->fields = f;
    x->path = f->path != NULL ? f->path : "/";
    tm_http_exchange_begin(x, x->path);
    if (x->fault == HTTP_FAULT_NONE && tm_http_exchange_takes_body(x))
        x->body = body;
    else
        tm_buf_free_secret(&body);
    if (tm_http_exchange_run(x))
        tm_http_stream_reply(s);
}

void tm_http_h2_go_on(struct tm_http_conn *c)
{
    struct tm_http_stream *s = c->stream;
    c->phase = CONN_REPLY;
    if (s->h2 == NULL)
        stream_free(s);
    else if (tm_http_exchange_run(c->x))
        tm_http_stream_reply(s);
}

void tm_http_h2_abandon(struct tm_http_conn *c)
{
    c->phase = CONN_REPLY;
    if (c->stream->h2 == NULL)
        stream_free(c->stream);
}

/* A refusal does not wait for the body's end. */
static void refuse(struct tm_http_stream *s, enum tm_http_fault fault)
{
    if (s->self.reserved == 0)
        s->h2->held -= s->self.in.len;
    tm_buf_free_secret(&s->self.in);
    tm_http_h2_admit(&s->self, fault);
}

static uint64_t length_of(const struct tm_http_fields *f)
{
    const char *text = tm_http_fields_get(f, "content-length"); /* nghttp2 has checked it */
    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

static void say_continue(const struct tm_http_stream *s)
{
    char name[] = ":status";
    char value[] = "100";
    const nghttp2_nv nv = {(uint8_t *)name, (uint8_t *)value, sizeof(name) - 1, sizeof(value) - 1,
                           NGHTTP2_NV_FLAG_NONE};
    (void)nghttp2_submit_headers(s->h2->session, NGHTTP2_FLAG_NONE, s->id, NULL, &nv, 1, NULL);
}

void tm_http_stream_head(struct tm_http_stream *s, bool ended)
{
    struct tm_http_conn *c = &s->self;
    const struct tm_http_server *server = c->worker->server;
    enum tm_http_fault fault = HTTP_FAULT_NONE;
    int64_t timeout_ms = server->o.request_timeout_ms;
    c->phase = CONN_BODY;
    c->active_ms = tm_clock_mono_ms();
    c->deadline_ms = timeout_ms > 0 ? c->active_ms + timeout_ms : 0;
    if (tm_http_fields_check(&s->fields, ended) != 0) {
        refuse(s, HTTP_FAULT_MALFORMED);
        return;
    }
    c->is_post = strcmp(s->fields.method, "POST") == 0;
    c->body_most = tm_http_large_limit(server, s->fields.path);
    c->body_left = length_of(&s->fields);
    if (c->client == NULL)
        fault = HTTP_FAULT_BUSY;
    else if (c->body_left > c->body_most)
        fault = HTTP_FAULT_TOO_LARGE;
    if (fault != HTTP_FAULT_NONE)
        refuse(s, fault);
    else if (s->fields.expects)
        say_continue(s);
}

/* Room of the server's for a body of `len` bytes, in place of the connection's. */
static bool reserve(struct tm_http_stream *s, size_t len)
{
    struct tm_http_conn *c = &s->self;
    if (c->reserved >= len)
        return true;
    if (c->reserved == 0)
        s->h2->held -= c->in.len;
    tm_http_large_release(c);
    if (tm_http_large_reserve(c, len) == 0)
        return true;
    s->h2->held += c->in.len;
    return false;
}

/* As HTTP/1 bounds bodies; and many small ones of one connection are as good as a large one. */
static bool has_room(struct tm_http_stream *s, size_t len)
{
    const struct tm_http_conn *c = &s->self;
    size_t whole = c->body_left > 0 ? (size_t)c->body_left : c->body_most;
    if (c->body_seen > HTTP_SMALL_BODY)
        return reserve(s, whole);
    bool held = c->reserved == 0 && s->h2->held + len <= HTTP_H2_HELD;
    return held || reserve(s, HTTP_SMALL_BODY);
}

void tm_http_stream_body(struct tm_http_stream *s, const uint8_t *data, size_t len)
{
    struct tm_http_conn *c = &s->self;
    c->active_ms = tm_clock_mono_ms();
    /* It was answered. To cut it now is allowed (RFC 9113 §8.1), but there are clients that then do
     * not look at the answer. */
    if (c->phase != CONN_BODY) {
        s->dropped += len;
        if (s->dropped > HTTP_DISCARD_MAX)
            tm_http_stream_cut(s, NGHTTP2_NO_ERROR);
        return;
    }
    c->body_seen += len;
    if (c->body_seen > c->body_most) {
        refuse(s, HTTP_FAULT_TOO_LARGE);
    } else if (!has_room(s, len)) {
        refuse(s, HTTP_FAULT_BUSY);
    } else {
        size_t before = c->in.len;
        tm_buf_append(&c->in, data, len);
        if (c->reserved == 0)
            s->h2->held += c->in.len - before;
        if (buf_failed(&c->in))
            refuse(s, HTTP_FAULT_MEMORY);
    }
}

void tm_http_stream_whole(struct tm_http_stream *s)
{
    enum tm_http_fault fault = HTTP_FAULT_NONE;
    if (s->self.phase == CONN_BODY && !tm_http_queue_whole(&s->self, &fault))
        tm_http_h2_admit(&s->self, fault);
}

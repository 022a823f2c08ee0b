/* A reply by HTTP/2: its header fields, its body a frame at a time, its trailers. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http/h2.h"

#define FIELDS_MAX 24
#define NAME_MAX_LEN 64

struct block { /* header fields; nghttp2 copies them when they are submitted */
    nghttp2_nv nv[FIELDS_MAX];
    size_t count;
    char name[FIELDS_MAX][NAME_MAX_LEN];
};

/* Names are in lower case (RFC 9113 §8.2.1). */
static void put(struct block *b, const char *name, const char *value)
{
    size_t len = strlen(name);
    if (b->count == FIELDS_MAX || len >= NAME_MAX_LEN)
        return;
    for (size_t i = 0; i < len; i++)
        b->name[b->count][i] = (char)tolower((unsigned char)name[i]);
    b->nv[b->count] = (nghttp2_nv){.name = (uint8_t *)b->name[b->count],
                                   .value = (uint8_t *)(uintptr_t)value,
                                   .namelen = len,
                                   .valuelen = strlen(value)};
    b->count++;
}

static void put_list(struct block *b, const struct tm_buf *list)
{
    const char *name = NULL;
    const char *value = NULL;
    for (size_t at = 0; tm_http_made_next(list, &at, &name, &value);)
        put(b, name, value);
}

/* RFC 9110 §5.6.7; made once a second. */
static const char *date(struct tm_http_worker *w)
{
    time_t now = (time_t)(tm_clock_wall_ms() / 1000);
    struct tm t;
    if (now != w->date_s && gmtime_r(&now, &t) != NULL) {
        (void)strftime(w->date, sizeof(w->date), "%a, %d %b %Y %H:%M:%S GMT", &t);
        w->date_s = now;
    }
    return w->date;
}

static const struct tm_buf *bytes_of(const struct tm_http_made *r)
{
    return r->kind == REPLY_CANNED ? &r->canned->body : &r->body;
}

static ssize_t from_bytes(struct tm_http_stream *s, const struct tm_http_made *r, uint8_t *to,
                          size_t max, bool *end)
{
    const struct tm_buf *b = bytes_of(r);
    size_t n = b->len - (size_t)s->at < max ? b->len - (size_t)s->at : max;
    memcpy(to, b->data + s->at, n);
    *end = s->at + n == b->len;
    return (ssize_t)n;
}

static ssize_t from_file(struct tm_http_stream *s, const struct tm_http_made *r, uint8_t *to,
                         size_t max, bool *end)
{
    size_t want = r->size - s->at < max ? (size_t)(r->size - s->at) : max;
    ssize_t n = want > 0 ? pread(r->fd, to, want, (off_t)s->at) : 0;
    if (n < 0 || (n == 0 && want > 0)) /* it is shorter than it was */
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    *end = s->at + (size_t)n == r->size;
    return n;
}

static ssize_t from_source(struct tm_http_stream *s, const struct tm_http_made *r, uint8_t *to,
                           size_t max, bool *end)
{
    if (s->piece_at == s->piece.len) {
        tm_buf_reset(&s->piece);
        s->piece_at = 0;
        int rc = r->source.produce(r->source.ctx, &s->piece);
        if (rc < 0 || buf_failed(&s->piece))
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        *end =
            rc == 0 || (rc == HTTP_NOTHING_YET && atomic_load(&s->self.worker->server->draining));
        if (*end)
            return 0;
        s->resting = rc == HTTP_NOTHING_YET;
        if (s->resting)
            return NGHTTP2_ERR_DEFERRED;
    }
    size_t n = s->piece.len - s->piece_at < max ? s->piece.len - s->piece_at : max;
    memcpy(to, s->piece.data + s->piece_at, n);
    s->piece_at += n;
    return (ssize_t)n;
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *to, size_t max,
                         uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    (void)ctx;
    struct tm_http_stream *s = source->ptr;
    const struct tm_http_made *r = &s->self.x->reply;
    bool end = false;
    ssize_t n = r->kind == REPLY_FILE     ? from_file(s, r, to, max, &end)
                : r->kind == REPLY_SOURCE ? from_source(s, r, to, max, &end)
                                          : from_bytes(s, r, to, max, &end);
    if (n < 0)
        return n;
    s->at += (uint64_t)n;
    s->self.active_ms = tm_clock_mono_ms();
    if (!end)
        return n;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    struct block b = {.count = 0};
    put_list(&b, &r->trailers);
    if (b.count > 0 && nghttp2_submit_trailer(session, id, b.nv, b.count) == 0)
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    return n;
}

void tm_http_stream_cut(struct tm_http_stream *s, uint32_t error)
{
    if (!s->reset)
        (void)nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE, s->id, error);
    s->reset = true;
}

/* Bytes of the body; -1: they are not known before they are made. */
static int64_t length_of(const struct tm_http_made *r)
{
    if (r->kind == REPLY_SOURCE)
        return -1;
    return r->kind == REPLY_FILE ? (int64_t)r->size : (int64_t)bytes_of(r)->len;
}

static void begin_reply(struct tm_http_conn *c)
{
    int64_t timeout_ms = c->worker->server->o.request_timeout_ms;
    c->phase = CONN_REPLY;
    c->active_ms = tm_clock_mono_ms();
    c->deadline_ms = timeout_ms > 0 ? c->active_ms + timeout_ms : 0;
}

void tm_http_stream_reply(struct tm_http_stream *s)
{
    struct tm_http_exchange *x = s->self.x;
    const struct tm_http_made *r = &x->reply;
    struct block b = {.count = 0};
    char status[16];
    char length[24];
    begin_reply(&s->self);
    if (r->kind == REPLY_NONE) {
        tm_http_stream_cut(s, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    int64_t len = length_of(r);
    bool bodiless = len == 0 || x->method == HTTP_HEAD || r->status == 204 || r->status == 304;
    snprintf(status, sizeof(status), "%u", r->status);
    snprintf(length, sizeof(length), "%" PRId64, len);
    put(&b, ":status", status);
    put(&b, "date", date(s->self.worker));
    if (r->type != NULL)
        put(&b, "content-type", r->type);
    if (x->method != HTTP_GRPC) {
        put(&b, "access-control-allow-origin", "*"); /* as response.c has it */
        if (len >= 0 && r->status != 204 && r->status != 304)
            put(&b, "content-length", length);
    }
    if (r->kind != REPLY_CANNED)
        put_list(&b, &r->headers);
    if (bodiless)
        put_list(&b, &r->trailers);
    const nghttp2_data_provider body = {.source.ptr = s, .read_callback = read_body};
    if (nghttp2_submit_response(s->h2->session, s->id, b.nv, b.count, bodiless ? NULL : &body) != 0)
        tm_http_stream_cut(s, NGHTTP2_INTERNAL_ERROR);
}

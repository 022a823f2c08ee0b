/* A handler's reply as libmicrohttpd wants it. */
#include <stdlib.h>
#include <string.h>

#include "common/http/internal.h"

#define STREAM_BLOCK ((size_t)4 * 1024) /* bytes of one chunk */

/* Any web page may read what is public here: nothing depends on cookies. */
static struct MHD_Response *decorate(struct MHD_Response *r, const char *content_type)
{
    if (r == NULL)
        return NULL;
    if (content_type != NULL)
        (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    (void)MHD_add_response_header(r, "Access-Control-Allow-Origin", "*");
    return r;
}

struct tm_http_canned *tm_http_canned_new(const char *content_type, const struct tm_buf *body)
{
    struct tm_http_canned *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->type = content_type;
    tm_buf_append(&c->body, body->data, body->len);
    c->body.failed |= body->failed;
    c->response = buf_failed(&c->body)
                      ? NULL
                      : decorate(MHD_create_response_from_buffer(c->body.len, c->body.data,
                                                                 MHD_RESPMEM_MUST_COPY),
                                 content_type);
    if (c->response != NULL)
        return c;
    tm_http_canned_free(c);
    return NULL;
}

void tm_http_canned_free(struct tm_http_canned *c)
{
    if (c == NULL)
        return;
    if (c->response != NULL)
        MHD_destroy_response(c->response);
    tm_buf_free(&c->body);
    free(c);
}

/* A body that is made as it is sent. */
struct stream {
    struct tm_http_source source;
    struct tm_buf piece;
    size_t at; /* of it: sent */
};

static ssize_t stream_read(void *cls, uint64_t pos, char *to, size_t max)
{
    struct stream *s = cls;
    (void)pos;
    if (s->at == s->piece.len) {
        tm_buf_reset(&s->piece);
        s->at = 0;
        int rc = s->source.produce(s->source.ctx, &s->piece);
        if (rc < 0 || buf_failed(&s->piece))
            return MHD_CONTENT_READER_END_WITH_ERROR;
        if (rc == 0)
            return MHD_CONTENT_READER_END_OF_STREAM;
    }
    size_t n = s->piece.len - s->at < max ? s->piece.len - s->at : max;
    memcpy(to, s->piece.data + s->at, n);
    s->at += n;
    return (ssize_t)n;
}

static void stream_free(void *cls)
{
    struct stream *s = cls;
    if (s->source.release != NULL)
        s->source.release(s->source.ctx);
    tm_buf_free(&s->piece);
    free(s);
}

static struct MHD_Response *from_source(struct tm_http_made *r)
{
    struct stream *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    struct MHD_Response *out = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
                                                                 stream_read, s, stream_free);
    if (out == NULL) {
        free(s);
        return NULL;
    }
    s->source = r->source;
    return out;
}

static struct MHD_Response *from_bytes(struct tm_http_made *r)
{
    struct MHD_Response *out =
        MHD_create_response_from_buffer(r->body.len, r->body.data, MHD_RESPMEM_MUST_FREE);
    if (out != NULL)
        r->body = (struct tm_buf){0};
    return out;
}

struct MHD_Response *tm_http_response_make(struct tm_http_made *r)
{
    const char *name = NULL;
    const char *value = NULL;
    struct MHD_Response *out = NULL;
    if (r->kind == REPLY_BYTES)
        out = from_bytes(r);
    else if (r->kind == REPLY_SOURCE)
        out = from_source(r);
    else if (r->kind == REPLY_FILE)
        out = MHD_create_response_from_fd64(r->size, r->fd);
    if (decorate(out, r->type) != NULL) {
        for (size_t at = 0; tm_http_made_next(&r->headers, &at, &name, &value);)
            (void)MHD_add_response_header(out, name, value);
        r->kind = REPLY_NONE; /* what it had is libmicrohttpd's */
    }
    tm_http_made_drop(r);
    return out;
}

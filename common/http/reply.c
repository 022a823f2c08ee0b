/* What handlers see of an exchange: its request and the making of its reply. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http/internal.h"

#define STREAM_BLOCK ((size_t)8 * 1024) /* bytes of one chunk */

struct tm_http_canned {
    struct MHD_Response *response;
};

const char *tm_http_header(struct tm_http_exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, name);
}

enum tm_http_method tm_http_method_of(const struct tm_http_exchange *x)
{
    return x->method;
}

const char *tm_http_path(const struct tm_http_exchange *x)
{
    return x->path;
}

const char *tm_http_mount_name(const struct tm_http_exchange *x)
{
    return x->path + strlen(x->mount->prefix) + 1;
}

const char *tm_http_query(struct tm_http_exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->mhd, MHD_GET_ARGUMENT_KIND, name);
}

const struct tm_buf *tm_http_body(const struct tm_http_exchange *x)
{
    return &x->body;
}

const char *tm_http_remote(const struct tm_http_exchange *x)
{
    return x->remote[0] != '\0' || x->conn == NULL ? x->remote : x->conn->remote;
}

int64_t tm_http_elapsed_us(const struct tm_http_exchange *x)
{
    return tm_clock_mono_us() - x->started_us;
}

void tm_http_set_state(struct tm_http_exchange *x, void *state, void (*release)(void *state))
{
    x->state = state;
    x->release = release;
}

void *tm_http_state(const struct tm_http_exchange *x)
{
    return x->state;
}

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

void tm_http_set_response(struct tm_http_exchange *x, unsigned status, struct MHD_Response *r,
                          bool canned)
{
    if (x->response != NULL && !x->canned)
        MHD_destroy_response(x->response);
    x->response = r;
    x->canned = canned;
    x->status = status;
}

void tm_http_reply(struct tm_http_exchange *x, unsigned status, const char *content_type,
                   struct tm_buf *body)
{
    struct MHD_Response *r = NULL;
    if (!buf_failed(body)) {
        r = MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);
        if (r != NULL)
            *body = (struct tm_buf){0};
    }
    tm_buf_free(body);
    tm_http_set_response(x, status, decorate(r, content_type), false);
}

void tm_http_reply_header(struct tm_http_exchange *x, const char *name, const char *value)
{
    if (x->response != NULL && !x->canned)
        (void)MHD_add_response_header(x->response, name, value);
}

void tm_http_reply_fd(struct tm_http_exchange *x, unsigned status, const char *content_type, int fd,
                      uint64_t size)
{
    struct MHD_Response *r = MHD_create_response_from_fd64(size, fd);
    if (r == NULL)
        close(fd);
    tm_http_set_response(x, status, decorate(r, content_type), false);
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

void tm_http_reply_stream(struct tm_http_exchange *x, unsigned status, const char *content_type,
                          const struct tm_http_source *source)
{
    struct stream *s = calloc(1, sizeof(*s));
    struct MHD_Response *r = NULL;
    if (s != NULL) {
        s->source = *source;
        r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, s,
                                              stream_free);
    }
    if (r == NULL && s != NULL)
        stream_free(s);
    else if (r == NULL && source->release != NULL)
        source->release(source->ctx);
    tm_http_set_response(x, status, decorate(r, content_type), false);
}

struct tm_http_canned *tm_http_canned_new(const char *content_type, const struct tm_buf *body)
{
    struct tm_http_canned *c = malloc(sizeof(*c));
    if (c == NULL || buf_failed(body)) {
        free(c);
        return NULL;
    }
    c->response =
        decorate(MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_COPY),
                 content_type);
    if (c->response == NULL) {
        free(c);
        return NULL;
    }
    return c;
}

void tm_http_canned_free(struct tm_http_canned *c)
{
    if (c == NULL)
        return;
    MHD_destroy_response(c->response);
    free(c);
}

void tm_http_reply_canned(struct tm_http_exchange *x, unsigned status, struct tm_http_canned *c)
{
    tm_http_set_response(x, status, c->response, true);
}

/* A handler's reply as libmicrohttpd wants it. */
#include <stdlib.h>

#include "common/http/internal.h"

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

static struct MHD_Response *from_bytes(struct tm_http_made *r)
{
    struct MHD_Response *out =
        MHD_create_response_from_buffer(r->body.len, r->body.data, MHD_RESPMEM_MUST_FREE);
    if (out != NULL)
        r->body = (struct tm_buf){0};
    return out;
}

/* A content reader that gives nothing, and is called when the head is said. */
static ssize_t hold(void *exchange, uint64_t pos, char *to, size_t max)
{
    struct tm_http_exchange *x = exchange;
    (void)pos;
    (void)to;
    (void)max;
    if (x->head_said)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    x->head_said = true;
    return 0;
}

/* Of which the body goes another way (body.c). */
static struct MHD_Response *head_alone(struct tm_http_exchange *x)
{
    const struct tm_http_made *r = &x->reply;
    uint64_t size = r->kind == REPLY_FILE ? r->size : MHD_SIZE_UNKNOWN;
    struct MHD_Response *out = MHD_create_response_from_callback(size, 1, hold, x, NULL);
    /* To HEAD it would send the last chunk of a body that it does not send. */
    if (out != NULL && r->kind == REPLY_SOURCE && x->method == HTTP_HEAD)
        (void)MHD_set_response_options(out, MHD_RF_HTTP_VERSION_1_0_ONLY, MHD_RO_END);
    return out;
}

struct MHD_Response *tm_http_response_make(struct tm_http_exchange *x)
{
    struct tm_http_made *r = &x->reply;
    const char *name = NULL;
    const char *value = NULL;
    struct MHD_Response *out = NULL;
    if (r->kind == REPLY_BYTES)
        out = from_bytes(r);
    else if (r->kind == REPLY_SOURCE || r->kind == REPLY_FILE)
        out = head_alone(x);
    if (decorate(out, r->type) == NULL) {
        tm_http_made_drop(r);
        return NULL;
    }
    for (size_t at = 0; tm_http_made_next(&r->headers, &at, &name, &value);)
        (void)MHD_add_response_header(out, name, value);
    if (r->kind == REPLY_BYTES)
        tm_http_made_drop(r); /* what it had is libmicrohttpd's */
    return out;
}

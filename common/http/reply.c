/* What handlers see of an exchange: its request and the making of its reply. */
#include <stdlib.h>
#include <string.h>

#include "common/http/internal.h"

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
    return x->conn->remote;
}

int64_t tm_http_elapsed_us(const struct tm_http_exchange *x)
{
    return tm_http_now_us() - x->started_us;
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
struct MHD_Response *tm_http_decorate(struct MHD_Response *r, const char *content_type)
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
    tm_http_set_response(x, status, tm_http_decorate(r, content_type), false);
}

void tm_http_reply_header(struct tm_http_exchange *x, const char *name, const char *value)
{
    if (x->response != NULL && !x->canned)
        (void)MHD_add_response_header(x->response, name, value);
}

struct tm_http_canned *tm_http_canned_new(const char *content_type, const struct tm_buf *body)
{
    struct tm_http_canned *c = malloc(sizeof(*c));
    if (c == NULL || buf_failed(body)) {
        free(c);
        return NULL;
    }
    c->response = tm_http_decorate(
        MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_COPY),
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

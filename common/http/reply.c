/* What handlers see of an exchange: its request and the making of its reply. */
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http/internal.h"

const char *tm_http_header(struct tm_http_exchange *x, const char *name)
{
    return x->mhd != NULL ? MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, name)
                          : tm_http_fields_get(x->fields, name);
}

enum tm_http_method tm_http_method_of(const struct tm_http_exchange *x)
{
    return x->method;
}

const char *tm_http_path(const struct tm_http_exchange *x)
{
    return x->path;
}

unsigned tm_http_worker_of(const struct tm_http_exchange *x)
{
    return (unsigned)(x->worker - x->server->workers);
}

const char *tm_http_mount_name(const struct tm_http_exchange *x)
{
    return x->mount_name;
}

const char *tm_http_query(struct tm_http_exchange *x, const char *name)
{
    return x->mhd != NULL ? MHD_lookup_connection_value(x->mhd, MHD_GET_ARGUMENT_KIND, name)
                          : tm_http_fields_argument(x->fields, name);
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

bool tm_http_is_http2(const struct tm_http_exchange *x)
{
    return x->mhd == NULL;
}

void tm_http_limit_wait(struct tm_http_exchange *x, int64_t ms)
{
    int64_t whole = x->server->o.wait_timeout_ms;
    x->wait_deadline_ms = x->started_us / 1000 + (ms < whole ? ms : whole);
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

void tm_http_made_drop(struct tm_http_made *r)
{
    if (r->kind == REPLY_FILE)
        close(r->fd);
    if (r->kind == REPLY_SOURCE && r->source.release != NULL)
        r->source.release(r->source.ctx);
    tm_buf_free(&r->body);
    tm_buf_free(&r->headers);
    tm_buf_free(&r->trailers);
    r->kind = REPLY_NONE;
}

static struct tm_http_made *begin(struct tm_http_exchange *x, enum tm_http_reply_kind kind,
                                  unsigned status, const char *content_type)
{
    tm_http_made_drop(&x->reply);
    x->reply = (struct tm_http_made){.kind = kind, .status = status, .type = content_type};
    return &x->reply;
}

void tm_http_reply(struct tm_http_exchange *x, unsigned status, const char *content_type,
                   struct tm_buf *body)
{
    struct tm_http_made *r = begin(x, REPLY_BYTES, status, content_type);
    r->body = *body;
    *body = (struct tm_buf){0};
    if (buf_failed(&r->body))
        tm_http_made_drop(r);
}

static void put_field(struct tm_buf *list, const char *name, const char *value)
{
    tm_buf_append(list, name, strlen(name) + 1);
    tm_buf_append(list, value, strlen(value) + 1);
}

void tm_http_reply_header(struct tm_http_exchange *x, const char *name, const char *value)
{
    if (x->reply.kind != REPLY_NONE)
        put_field(&x->reply.headers, name, value);
}

void tm_http_reply_trailer(struct tm_http_exchange *x, const char *name, const char *value)
{
    if (x->reply.kind != REPLY_NONE && x->mhd == NULL)
        put_field(&x->reply.trailers, name, value);
}

bool tm_http_made_next(const struct tm_buf *list, size_t *at, const char **name, const char **value)
{
    if (buf_failed(list) || *at >= list->len)
        return false;
    *name = (const char *)list->data + *at;
    *value = *name + strlen(*name) + 1;
    *at += (size_t)(*value - *name) + strlen(*value) + 1;
    return true;
}

void tm_http_reply_fd(struct tm_http_exchange *x, unsigned status, const char *content_type, int fd,
                      uint64_t size)
{
    struct tm_http_made *r = begin(x, REPLY_FILE, status, content_type);
    r->fd = fd;
    r->size = size;
}

void tm_http_reply_stream(struct tm_http_exchange *x, unsigned status, const char *content_type,
                          const struct tm_http_source *source)
{
    begin(x, REPLY_SOURCE, status, content_type)->source = *source;
}

const char *tm_http_canned_type(const struct tm_http_canned *c)
{
    return c->type;
}

const struct tm_buf *tm_http_canned_body(const struct tm_http_canned *c)
{
    return &c->body;
}

void tm_http_reply_canned(struct tm_http_exchange *x, unsigned status, struct tm_http_canned *c)
{
    begin(x, REPLY_CANNED, status, c->type)->canned = c;
}

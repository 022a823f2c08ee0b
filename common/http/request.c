/* What handlers see of a request. */
#include <string.h>

#include "common/http/internal.h"

const char *tm_http_header(struct tm_http_exchange *x, const char *name)
{
    return tm_http_head_value(&x->head, name);
}

enum tm_http_method tm_http_method_of(const struct tm_http_exchange *x)
{
    return x->method;
}

const char *tm_http_path(const struct tm_http_exchange *x)
{
    return x->head.path;
}

const char *tm_http_mount_name(const struct tm_http_exchange *x)
{
    return x->head.path + strlen(x->mount->prefix) + 1;
}

/* One name or value of a query, where '+' is a blank. */
static void put_argument(struct tm_buf *out, const char *text, size_t len)
{
    char *to = (char *)tm_buf_reserve(out, len + 1);
    if (to == NULL)
        return;
    for (size_t i = 0; i < len; i++)
        to[i] = text[i] == '+' ? ' ' : text[i];
    to[len] = '\0';
    tm_http_unescape(to);
    out->len += strlen(to) + 1;
}

static void split_query(const char *query, struct tm_buf *out)
{
    for (const char *at = query; *at != '\0';) {
        size_t len = strcspn(at, "&");
        size_t name = strcspn(at, "=&");
        put_argument(out, at, name);
        put_argument(out, at + name + (name < len), len - name - (name < len));
        at += len + (at[len] == '&');
    }
}

const char *tm_http_query(struct tm_http_exchange *x, const char *name)
{
    if (x->arguments.data == NULL && x->head.query != NULL)
        split_query(x->head.query, &x->arguments);
    if (buf_failed(&x->arguments) || x->arguments.len == 0)
        return NULL;
    const char *at = (const char *)x->arguments.data;
    const char *end = at + x->arguments.len;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (strcmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
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

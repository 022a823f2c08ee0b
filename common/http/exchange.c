/* One request: route, take the body, run the handler. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/clock.h"
#include "common/http/internal.h"

static const struct {
    const char *name, *label;
} methods[HTTP_METHOD_COUNT] = {
    [HTTP_GET] = {"GET", "get"},       [HTTP_HEAD] = {"HEAD", "head"},
    [HTTP_POST] = {"POST", "post"},    [HTTP_OPTIONS] = {"OPTIONS", "options"},
    [HTTP_PUT] = {"PUT", "put"},       [HTTP_DELETE] = {"DELETE", "delete"},
    [HTTP_PATCH] = {"PATCH", "patch"}, [HTTP_OTHER] = {"", "unknown"},
};

const char *tm_http_method_name(enum tm_http_method m)
{
    return methods[m].label;
}

int64_t tm_http_now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static enum tm_http_method method_of(const char *name)
{
    for (int m = 0; m < HTTP_OTHER; m++) {
        if (strcmp(methods[m].name, name) == 0)
            return (enum tm_http_method)m;
    }
    return HTTP_OTHER;
}

static bool match_mount(struct tm_http_exchange *x, const char *path)
{
    const struct tm_http_options *o = &x->server->o;
    size_t longest = 0;
    for (size_t i = 0; i < o->mount_count; i++) {
        size_t len = strlen(o->mounts[i].prefix);
        if (len > longest && strncmp(path, o->mounts[i].prefix, len) == 0 && path[len] == '/') {
            x->mount = &o->mounts[i];
            longest = len;
        }
    }
    return longest > 0;
}

/* Sets route, mount or fault. OPTIONS of a known path has no route. */
static void match(struct tm_http_exchange *x, const char *path)
{
    const struct tm_http_options *o = &x->server->o;
    enum tm_http_method want = x->method == HTTP_HEAD ? HTTP_GET : x->method;
    for (size_t i = 0; i < o->route_count; i++) {
        if (strcmp(o->routes[i].path, path) != 0)
            continue;
        x->path_of = o->routes[i].path;
        if (o->routes[i].method == want) {
            x->route = &o->routes[i];
            return;
        }
    }
    bool mounted = x->path_of == NULL && match_mount(x, path);
    if (x->path_of == NULL && !mounted)
        x->fault = HTTP_FAULT_NOT_FOUND;
    else if (x->method != HTTP_OPTIONS && !(mounted && (want == HTTP_GET || want == HTTP_POST)))
        x->fault = HTTP_FAULT_METHOD;
}

/* The types a browser form sends; everything else is taken for JSON, as Fulcio does. */
static bool is_form(const char *type)
{
    return type != NULL && (strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0 ||
                            strncasecmp(type, "multipart/", 10) == 0);
}

static void check_body_headers(struct tm_http_exchange *x)
{
    if (x->fault != HTTP_FAULT_NONE || x->method != HTTP_POST || x->mount != NULL)
        return;
    if (x->head.length > x->server->o.max_body)
        x->fault = HTTP_FAULT_TOO_LARGE;
    else if (is_form(tm_http_header(x, "Content-Type")))
        x->fault = HTTP_FAULT_MEDIA_TYPE;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent escapes, in place. What is no escape stays as it is, and so does a text that would hold
 * a NUL, which would end it early: neither names anything. */
void tm_http_unescape(char *text)
{
    char *to = text;
    if (strstr(text, "%00") != NULL)
        return;
    for (const char *p = text; *p != '\0'; p++) {
        int hi = *p == '%' ? hex_value(p[1]) : -1;
        int lo = hi >= 0 ? hex_value(p[2]) : -1;
        if (lo >= 0)
            p += 2;
        *to++ = lo >= 0 ? (char)(hi << 4 | lo) : *p;
    }
    *to = '\0';
}

struct tm_http_exchange *tm_http_exchange_new(struct tm_http_conn *c, const void *text, size_t len)
{
    struct tm_http_exchange *x = malloc(sizeof(*x) + len + 1);
    if (x == NULL)
        return NULL;
    memset(x, 0, offsetof(struct tm_http_exchange, head));
    x->head.count = 0;
    memcpy(x->text, text, len);
    x->text[len] = '\0';
    x->worker = c->worker;
    x->server = c->worker->server;
    x->conn = c;
    x->method = HTTP_OTHER;
    x->started_us = tm_http_now_us();
    atomic_init(&x->refs, 1);
    atomic_fetch_add_explicit(&x->server->inflight, 1, memory_order_relaxed);
    x->reply.fd = -1;
    if (len == 0 || tm_http_head_parse(x->text, len, &x->head) != 0) {
        x->head.count = 0;
        x->head.path = x->text + len; /* "" */
        x->head.query = NULL;
        x->head.keep_alive = false;
        x->fault = HTTP_FAULT_MALFORMED;
        return x;
    }
    tm_http_unescape(x->head.path);
    x->method = method_of(x->head.method);
    match(x, x->head.path);
    check_body_headers(x);
    return x;
}

bool tm_http_exchange_take(struct tm_http_exchange *x, const void *data, size_t len)
{
    x->received += len;
    if (x->fault == HTTP_FAULT_NONE && x->received > x->server->o.max_body) {
        x->fault = HTTP_FAULT_TOO_LARGE;
        tm_buf_free(&x->body);
    }
    /* A reply before the body's end would reset the connection under a client that is
     * still writing, so refused bodies are read and dropped, within reason. */
    if (x->fault != HTTP_FAULT_NONE && x->received > HTTP_DISCARD_MAX)
        return false;
    if (x->fault == HTTP_FAULT_NONE && x->route != NULL)
        tm_buf_append(&x->body, data, len);
    return true;
}

/* The methods of this path, "GET, HEAD, OPTIONS". */
static void add_allow(struct tm_http_exchange *x, const char *header)
{
    const struct tm_http_options *o = &x->server->o;
    struct tm_buf b = {0};
    for (size_t i = 0; i < o->route_count; i++) {
        if (x->path_of != NULL && strcmp(o->routes[i].path, x->path_of) == 0) {
            tm_buf_printf(&b, "%s, ", methods[o->routes[i].method].name);
            if (o->routes[i].method == HTTP_GET)
                tm_buf_puts(&b, "HEAD, ");
        }
    }
    tm_buf_puts(&b, x->mount != NULL ? "GET, HEAD, OPTIONS" : "OPTIONS");
    if (tm_buf_str(&b) != NULL)
        tm_http_reply_header(x, header, tm_buf_str(&b));
    tm_buf_free(&b);
}

static void reply_options(struct tm_http_exchange *x)
{
    struct tm_buf none = {0};
    tm_http_reply(x, 204, NULL, &none);
    add_allow(x, "Allow");
    if (tm_http_header(x, "Origin") != NULL) {
        add_allow(x, "Access-Control-Allow-Methods");
        tm_http_reply_header(x, "Access-Control-Allow-Headers",
                             "accept, authorization, content-type, x-requested-with");
        tm_http_reply_header(x, "Access-Control-Max-Age", "86400");
    }
}

/* From here on the worker writes what was made. Without memory for it the client gets nothing. */
static void send_reply(struct tm_http_exchange *x)
{
    static const bool ends[] = {
        [HTTP_FAULT_TOO_LARGE] = true, [HTTP_FAULT_MALFORMED] = true, [HTTP_FAULT_BUSY] = false};
    struct tm_http_server *s = x->server;
    x->reply.close = ends[x->fault] || !x->head.keep_alive || atomic_load(&s->draining) ||
                     atomic_load(&s->open) > s->o.connection_limit;
    if (tm_http_message_finish(x) != 0)
        x->reply.made = false;
    tm_http_conn_reply(x->conn);
}

static void reply_fault(struct tm_http_exchange *x)
{
    x->server->o.fault(x->server->o.ctx, x, x->fault);
    if (x->fault == HTTP_FAULT_METHOD)
        add_allow(x, "Allow");
    send_reply(x);
}

void tm_http_exchange_fault(struct tm_http_exchange *x, enum tm_http_fault f)
{
    x->fault = f;
    reply_fault(x);
}

void tm_http_exchange_run(struct tm_http_exchange *x)
{
    bool mounted = x->mount != NULL && x->method != HTTP_OPTIONS;
    enum tm_http_result rc = HTTP_DONE;
    if (buf_failed(&x->body))
        x->fault = HTTP_FAULT_MEMORY;
    if (x->fault != HTTP_FAULT_NONE) {
        reply_fault(x);
        return;
    }
    if (mounted)
        rc = x->mount->handle(x->mount->ctx, x);
    else if (x->route != NULL)
        rc = x->route->handle(x->server->o.ctx, x);
    else
        reply_options(x);
    if (rc == HTTP_WAIT)
        tm_http_park(x);
    else
        send_reply(x);
}

void tm_http_exchange_end(struct tm_http_exchange *x, bool sent)
{
    struct tm_http_server *s = x->server;
    if (s->o.observe != NULL) {
        struct tm_http_event ev = {.method = x->method,
                                   .route = x->route,
                                   .status = sent ? x->reply.status : 0,
                                   .duration_us = tm_http_now_us() - x->started_us};
        s->o.observe(s->o.ctx, &ev);
    }
    if (x->release != NULL)
        x->release(x->state);
    x->state = NULL;
    x->release = NULL;
    tm_buf_free(&x->body);
    tm_buf_free(&x->arguments);
    tm_http_message_free(&x->reply);
    x->conn = NULL;
    atomic_fetch_sub(&s->inflight, 1);
    tm_http_exchange_unref(x);
}

void tm_http_exchange_unref(struct tm_http_exchange *x)
{
    if (atomic_fetch_sub(&x->refs, 1) == 1)
        free(x);
}

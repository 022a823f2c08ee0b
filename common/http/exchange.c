/* One request, as libmicrohttpd calls: route, take the body, run the handler, send the reply. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/http/internal.h"
#include "common/http/mount.h"

static const struct {
    const char *name, *label;
} methods[HTTP_METHOD_COUNT] = {
    [HTTP_GET] = {"GET", "get"},       [HTTP_HEAD] = {"HEAD", "head"},
    [HTTP_POST] = {"POST", "post"},    [HTTP_OPTIONS] = {"OPTIONS", "options"},
    [HTTP_PUT] = {"PUT", "put"},       [HTTP_DELETE] = {"DELETE", "delete"},
    [HTTP_PATCH] = {"PATCH", "patch"}, [HTTP_GRPC] = {"", "grpc"},
    [HTTP_OTHER] = {"", "unknown"},
};

const char *tm_http_method_name(enum tm_http_method m)
{
    return methods[m].label;
}

static enum tm_http_method method_of(const char *name)
{
    for (int m = 0; m < HTTP_GRPC; m++) {
        if (strcmp(methods[m].name, name) == 0)
            return (enum tm_http_method)m;
    }
    return HTTP_OTHER;
}

/* Sets route, mount or fault. OPTIONS of a known path has no route. */
static void match(struct tm_http_exchange *x, const char *path)
{
    const struct tm_http_options *o = &x->server->o;
    enum tm_http_method want = x->method == HTTP_HEAD ? HTTP_GET : x->method;
    for (size_t i = 0; i < o->route_count; i++) {
        if (strcmp(o->routes[i].path, path) != 0 ||
            (o->routes[i].method == HTTP_GRPC) != (want == HTTP_GRPC))
            continue;
        x->path_of = o->routes[i].path;
        if (o->routes[i].method == want) {
            x->route = &o->routes[i];
            return;
        }
    }
    if (x->path_of == NULL)
        x->mount = tm_http_mount_find(o, path, &x->mount_name);
    bool mounted = x->mount != NULL;
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
    const char *length = tm_http_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (length != NULL && x->mhd != NULL) /* checked before it came here */
        (void)tm_buf_reserve(&x->body, (size_t)strtoull(length, NULL, 10) + 1);
    if (is_form(tm_http_header(x, MHD_HTTP_HEADER_CONTENT_TYPE)))
        x->fault = HTTP_FAULT_MEDIA_TYPE;
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
    tm_http_reply(x, MHD_HTTP_NO_CONTENT, NULL, &none);
    add_allow(x, MHD_HTTP_HEADER_ALLOW);
    if (tm_http_header(x, "Origin") != NULL) {
        add_allow(x, "Access-Control-Allow-Methods");
        tm_http_reply_header(x, "Access-Control-Allow-Headers",
                             "accept, authorization, content-type, x-requested-with");
        tm_http_reply_header(x, "Access-Control-Max-Age", "86400");
    }
}

static void begin_reply(struct tm_http_conn *c)
{
    int64_t timeout_ms = c->worker->server->o.request_timeout_ms;
    c->phase = CONN_REPLY;
    c->active_ms = tm_clock_mono_ms();
    c->deadline_ms = timeout_ms > 0 ? c->active_ms + timeout_ms : 0;
    c->replied = true;
}

static enum MHD_Result send_reply(struct tm_http_exchange *x)
{
    const struct tm_http_server *s = x->server;
    unsigned status = x->reply.status;
    bool canned = x->reply.kind == REPLY_CANNED;
    bool last = x->fault == HTTP_FAULT_TOO_LARGE || x->fault == HTTP_FAULT_MALFORMED ||
                atomic_load(&s->draining) || atomic_load(&s->open) > s->o.connection_limit;
    if (!canned && last)
        tm_http_reply_header(x, MHD_HTTP_HEADER_CONNECTION, "close");
    struct MHD_Response *r = canned ? x->reply.canned->response : tm_http_response_make(x);
    if (r == NULL) {
        x->conn->fault = HTTP_FAULT_MEMORY;
        return MHD_NO;
    }
    x->conn->close = last;
    begin_reply(x->conn);
    enum MHD_Result rc = MHD_queue_response(x->mhd, status, r);
    if (!canned)
        MHD_destroy_response(r);
    return rc;
}

/* gRPC is HTTP/2's, and has routes of its own. */
static bool is_grpc(struct tm_http_exchange *x)
{
    static const char grpc[] = "application/grpc";
    const char *type = x->mhd == NULL && x->method == HTTP_POST
                           ? tm_http_header(x, MHD_HTTP_HEADER_CONTENT_TYPE)
                           : NULL;
    return type != NULL && strncasecmp(type, grpc, sizeof(grpc) - 1) == 0 &&
           (type[sizeof(grpc) - 1] == '\0' || strchr("+; ", type[sizeof(grpc) - 1]) != NULL);
}

struct tm_http_exchange *tm_http_exchange_new(struct tm_http_conn *c, const char *method)
{
    struct tm_http_exchange *x = calloc(1, sizeof(*x));
    if (x == NULL)
        return NULL;
    x->server = c->worker->server;
    x->conn = c;
    c->x = x;
    x->worker = c->worker;
    x->method = method_of(method);
    x->fault = c->fault;
    x->started_us = tm_clock_mono_us();
    atomic_init(&x->refs, 1);
    atomic_fetch_add_explicit(&x->server->inflight, 1, memory_order_relaxed);
    return x;
}

void tm_http_exchange_begin(struct tm_http_exchange *x, const char *path)
{
    if (is_grpc(x))
        x->method = HTTP_GRPC;
    if (!tm_http_forward_look(x) && x->fault == HTTP_FAULT_NONE)
        x->fault = HTTP_FAULT_BUSY;
    if (x->fault == HTTP_FAULT_NONE)
        match(x, path);
    check_body_headers(x);
}

bool tm_http_exchange_takes_body(const struct tm_http_exchange *x)
{
    const char *name = x->mount != NULL ? x->mount->body_name : NULL;
    return x->route != NULL || (name != NULL && strcmp(tm_http_mount_name(x), name) == 0);
}

static void word_fault(struct tm_http_exchange *x)
{
    x->server->o.fault(x->server->o.ctx, x, x->fault);
    if (x->fault == HTTP_FAULT_METHOD)
        add_allow(x, MHD_HTTP_HEADER_ALLOW);
}

bool tm_http_exchange_run(struct tm_http_exchange *x)
{
    bool mounted = x->mount != NULL && x->method != HTTP_OPTIONS;
    enum tm_http_result rc = HTTP_DONE;
    if (x->fault == HTTP_FAULT_NONE && buf_failed(&x->body))
        x->fault = HTTP_FAULT_MEMORY;
    if (x->fault != HTTP_FAULT_NONE)
        word_fault(x);
    else if (mounted)
        rc = x->mount->handle(x->mount->ctx, x);
    else if (x->route != NULL)
        rc = x->route->handle(x->server->o.ctx, x);
    else
        reply_options(x);
    if (rc == HTTP_WAIT)
        tm_http_park(x);
    return rc == HTTP_DONE;
}

static void observe(const struct tm_http_exchange *x, bool sent)
{
    const struct tm_http_options *o = &x->server->o;
    struct tm_http_event ev = {.method = x->method,
                               .http2 = x->mhd == NULL,
                               .route = x->route,
                               .status = sent ? x->reply.status : 0,
                               .duration_us = tm_clock_mono_us() - x->started_us};
    if (o->observe != NULL)
        o->observe(o->ctx, &ev);
}

void tm_http_exchange_end(struct tm_http_exchange *x, bool sent)
{
    struct tm_http_server *s = x->server;
    observe(x, sent && x->conn != NULL);
    tm_http_made_drop(&x->reply);
    if (x->release != NULL)
        x->release(x->state);
    x->state = NULL;
    x->release = NULL;
    tm_buf_free(&x->body);
    if (x->client != NULL)
        tm_http_clients_drop(&s->clients, x->client);
    x->client = NULL;
    if (x->conn != NULL) {
        tm_http_large_release(x->conn);
        x->conn->x = NULL;
    }
    x->conn = NULL;
    atomic_fetch_sub(&s->inflight, 1);
    tm_http_exchange_unref(x);
}

static enum MHD_Result begin(struct tm_http_conn *c, struct MHD_Connection *mhd, const char *url,
                             const char *method, void **con_cls)
{
    struct tm_http_exchange *x = c != NULL ? tm_http_exchange_new(c, method) : NULL;
    if (x == NULL)
        return MHD_NO;
    x->mhd = mhd;
    x->path = url;
    *con_cls = x;
    tm_http_exchange_begin(x, url);
    /* A client that asks before it sends hears the answer before it sends. */
    if (x->fault == HTTP_FAULT_NONE || x->conn->phase != CONN_BODY)
        return MHD_YES;
    (void)tm_http_exchange_run(x);
    return send_reply(x);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **con_cls)
{
    struct tm_http_exchange *x = *con_cls;
    (void)version;
    if (x == NULL)
        return begin(*(struct tm_http_conn *const *)cls, mhd, url, method, con_cls);
    if (x->conn == NULL)
        return MHD_NO;
    if (x->conn->phase == CONN_PARKED) /* libmicrohttpd asks more than once at a time */
        return MHD_YES;
    if (*upload_len > 0) {
        if (x->fault == HTTP_FAULT_NONE && tm_http_exchange_takes_body(x))
            tm_buf_append(&x->body, upload, *upload_len);
        *upload_len = 0;
        return MHD_YES;
    }
    if (x->conn->fault != HTTP_FAULT_NONE)
        x->fault = x->conn->fault;
    return tm_http_exchange_run(x) ? send_reply(x) : MHD_YES;
}

/* A NUL in a path would end it: such an escape stays as it is, and names nothing. */
static size_t unescape(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strstr(text, "%00") == NULL ? MHD_http_unescape(text) : strlen(text);
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                         enum MHD_RequestTerminationCode why)
{
    struct tm_http_exchange *x = *con_cls;
    (void)cls;
    (void)mhd;
    *con_cls = NULL;
    if (x != NULL && !x->head_said) /* else it ends when its body is sent */
        tm_http_exchange_end(x, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

const struct tm_http_calls tm_http_exchange_calls = {on_request, unescape, on_completed};

/* One request: route, collect the body, run the handler, send the reply. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/http/internal.h"
#include "common/clock.h"

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

static void set_deadline(struct tm_http_exchange *x, int64_t now_us, int64_t after_ms)
{
    atomic_store_explicit(&x->conn->deadline_ms, now_us / 1000 + after_ms, memory_order_relaxed);
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
    const char *length = tm_http_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (length != NULL) {
        unsigned long long n = strtoull(length, NULL, 10);
        if (n > x->server->o.max_body)
            x->fault = HTTP_FAULT_TOO_LARGE;
        else
            (void)tm_buf_reserve(&x->body, (size_t)n + 1);
    }
    if (x->fault == HTTP_FAULT_NONE && is_form(tm_http_header(x, MHD_HTTP_HEADER_CONTENT_TYPE)))
        x->fault = HTTP_FAULT_MEDIA_TYPE;
}

/* What a proxy in front might understand in another way, so that a body becomes a request of its
 * own (RFC 9112 §3.2, §5.1, §6.1, §6.3). libmicrohttpd takes the first length, and overlooks what
 * it does not know. */
struct framing {
    unsigned lengths, encodings, hosts;
    bool bad;
};

static bool is_header(const char *key, size_t len, const char *name)
{
    return len == strlen(name) && strncasecmp(key, name, len) == 0;
}

static enum MHD_Result look_at_header(void *arg, enum MHD_ValueKind kind, const char *key,
                                      size_t key_len, const char *value, size_t value_len)
{
    (void)kind;
    struct framing *f = arg;
    for (size_t i = 0; i < key_len; i++)
        f->bad = f->bad || key[i] <= ' ' || key[i] > '~';
    for (size_t i = 0; i < value_len; i++) {
        unsigned char c = (unsigned char)value[i];
        f->bad = f->bad || (c < ' ' && c != '\t') || c == 0x7f;
    }
    f->lengths += is_header(key, key_len, MHD_HTTP_HEADER_CONTENT_LENGTH);
    f->hosts += is_header(key, key_len, MHD_HTTP_HEADER_HOST);
    if (is_header(key, key_len, MHD_HTTP_HEADER_TRANSFER_ENCODING)) {
        f->encodings++;
        f->bad = f->bad || value == NULL || !is_header(value, value_len, "chunked");
    }
    return MHD_YES;
}

static void check_framing(struct tm_http_exchange *x, const char *version)
{
    struct framing f = {0};
    (void)MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, look_at_header, &f);
    bool no_host = f.hosts == 0 && strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
    if (f.bad || f.lengths + f.encodings > 1 || f.hosts > 1 || no_host)
        x->fault = HTTP_FAULT_MALFORMED;
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

static enum MHD_Result send_reply(struct tm_http_exchange *x)
{
    if (x->response == NULL)
        return MHD_NO;
    bool last = x->fault == HTTP_FAULT_TOO_LARGE || x->fault == HTTP_FAULT_MALFORMED ||
                atomic_load(&x->server->draining);
    if (!x->canned && last)
        tm_http_reply_header(x, MHD_HTTP_HEADER_CONNECTION, "close");
    set_deadline(x, tm_http_now_us(), x->server->o.request_timeout_ms);
    enum MHD_Result rc = MHD_queue_response(x->mhd, x->status, x->response);
    if (!x->canned)
        MHD_destroy_response(x->response);
    x->response = NULL;
    return rc;
}

static enum MHD_Result reply_fault(struct tm_http_exchange *x)
{
    x->server->o.fault(x->server->o.ctx, x, x->fault);
    if (x->fault == HTTP_FAULT_METHOD && x->response != NULL)
        add_allow(x, MHD_HTTP_HEADER_ALLOW);
    return send_reply(x);
}

static enum MHD_Result begin(struct tm_http_server *s, struct MHD_Connection *mhd, const char *url,
                             const char *method, const char *version, void **con_cls)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (info == NULL || info->socket_context == NULL)
        return MHD_NO;
    struct tm_http_exchange *x = calloc(1, sizeof(*x));
    if (x == NULL)
        return MHD_NO;
    x->server = s;
    x->conn = info->socket_context;
    x->mhd = mhd;
    x->method = method_of(method);
    x->started_us = tm_http_now_us();
    atomic_init(&x->refs, 1);
    *con_cls = x;
    atomic_fetch_add_explicit(&s->inflight, 1, memory_order_relaxed);
    set_deadline(x, x->started_us, s->o.request_timeout_ms);
    match(x, url);
    check_framing(x, version);
    if (x->fault == HTTP_FAULT_MALFORMED) /* where its body ends is anybody's guess */
        return reply_fault(x);
    check_body_headers(x);
    /* A client that asks before it sends hears the answer before it sends. */
    if (x->fault != HTTP_FAULT_NONE && tm_http_header(x, MHD_HTTP_HEADER_EXPECT) != NULL)
        return reply_fault(x);
    return MHD_YES;
}

static enum MHD_Result take_body(struct tm_http_exchange *x, const char *data, size_t *len)
{
    x->received += *len;
    if (x->fault == HTTP_FAULT_NONE && x->received > x->server->o.max_body) {
        x->fault = HTTP_FAULT_TOO_LARGE;
        tm_buf_free(&x->body);
    }
    /* A reply before the body's end would reset the connection under a client that is
     * still writing, so refused bodies are read and dropped, within reason. */
    if (x->fault != HTTP_FAULT_NONE && x->received > HTTP_DISCARD_MAX)
        return MHD_NO;
    if (x->fault == HTTP_FAULT_NONE && x->route != NULL)
        tm_buf_append(&x->body, data, *len);
    *len = 0;
    return MHD_YES;
}

enum MHD_Result tm_http_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_len, void **con_cls)
{
    struct tm_http_exchange *x = *con_cls;
    if (x == NULL)
        return begin(cls, mhd, url, method, version, con_cls);
    x->path = url;
    if (*upload_len > 0)
        return take_body(x, upload, upload_len);
    atomic_store_explicit(&x->conn->receiving, false, memory_order_relaxed);
    if (buf_failed(&x->body))
        x->fault = HTTP_FAULT_MEMORY;
    if (x->fault != HTTP_FAULT_NONE)
        return reply_fault(x);
    bool mounted = x->mount != NULL && x->method != HTTP_OPTIONS;
    if (x->route == NULL && !mounted) {
        reply_options(x);
        return send_reply(x);
    }
    enum tm_http_result rc =
        mounted ? x->mount->handle(x->mount->ctx, x) : x->route->handle(x->server->o.ctx, x);
    if (rc == HTTP_WAIT) {
        tm_http_guard_park(&x->server->guard, x);
        return MHD_YES;
    }
    return send_reply(x);
}

/* A NUL in a path would end it: such an escape stays as it is, and names nothing. */
size_t tm_http_unescape(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strstr(text, "%00") == NULL ? MHD_http_unescape(text) : strlen(text);
}

void tm_http_on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                          enum MHD_RequestTerminationCode why)
{
    (void)mhd;
    struct tm_http_server *s = cls;
    struct tm_http_exchange *x = *con_cls;
    if (x == NULL)
        return;
    *con_cls = NULL;
    int64_t now = tm_http_now_us();
    set_deadline(x, now, s->o.idle_timeout_ms + s->o.header_timeout_ms);
    atomic_store_explicit(&x->conn->receiving, true, memory_order_relaxed);
    if (x->response != NULL && !x->canned)
        MHD_destroy_response(x->response);
    x->response = NULL;
    if (s->o.observe != NULL) {
        struct tm_http_event ev = {.method = x->method,
                                   .route = x->route,
                                   .status =
                                       why == MHD_REQUEST_TERMINATED_COMPLETED_OK ? x->status : 0,
                                   .duration_us = now - x->started_us};
        s->o.observe(s->o.ctx, &ev);
    }
    if (x->release != NULL)
        x->release(x->state);
    x->state = NULL;
    x->release = NULL;
    tm_buf_free(&x->body);
    atomic_fetch_sub(&s->inflight, 1);
    tm_http_exchange_unref(x);
}

void tm_http_on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                           enum MHD_ConnectionNotificationCode what)
{
    struct tm_http_worker *w = cls;
    struct tm_http_server *s = w->server;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        struct tm_http_conn *c = *socket_context;
        *socket_context = NULL;
        if (c != NULL) {
            tm_http_guard_remove(&s->guard, c);
            tm_http_tls_unref(c->tls);
            free(c);
        }
        return;
    }
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *peer =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct tm_http_conn *c = fd != NULL ? calloc(1, sizeof(*c)) : NULL;
    if (c == NULL)
        return; /* begin() then closes the connection */
    c->worker = w;
    c->fd = fd->connect_fd;
    c->tls = tm_http_tls_use(s, mhd);
    if (peer != NULL && peer->client_addr != NULL) {
        tm_http_address_text(peer->client_addr, c->remote, sizeof(c->remote));
        c->network = tm_http_address_network(peer->client_addr);
    }
    atomic_init(&c->receiving, true);
    atomic_init(&c->deadline_ms, tm_clock_mono_ms() + s->o.header_timeout_ms);
    tm_http_guard_add(&s->guard, c);
    *socket_context = c;
}

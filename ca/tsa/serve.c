#include "ca/tsa/serve.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/http/trace.h"
#include "common/json/jsonstr.h"

struct ca_tsa *ca_tsa_server_hold(struct ca_tsa_server *s)
{
    pthread_rwlock_rdlock(&s->lock);
    return s->tsa;
}

void ca_tsa_server_release(struct ca_tsa_server *s)
{
    pthread_rwlock_unlock(&s->lock);
}

struct ca_tsa *ca_tsa_server_replace(struct ca_tsa_server *s, struct ca_tsa *next)
{
    pthread_rwlock_wrlock(&s->lock);
    struct ca_tsa *before = s->tsa;
    s->tsa = next;
    pthread_rwlock_unlock(&s->lock);
    return before;
}

/* {"code":N,"message":"..."}: the form that sigstore's authority answers with. */
static void reply_error(struct tm_http_exchange *x, unsigned status, const char *message)
{
    struct tm_buf b = {0};
    tm_buf_printf(&b, "{\"code\":%u,\"message\":", status);
    tm_jsonstr_put(&b, message, strlen(message));
    tm_buf_puts(&b, "}\n");
    tm_http_reply(x, status, "application/json", &b);
    if (status == 503)
        tm_http_reply_header(x, "Retry-After", "10");
}

/* What is no path of the authority's is answered as the API beside it does (gRPC's codes). */
static void reply_unknown(struct tm_http_exchange *x)
{
    struct tm_buf b = {0};
    tm_buf_puts(&b, "{\"code\":5,\"message\":\"Not Found\",\"details\":[]}");
    tm_http_reply(x, 404, "application/json", &b);
}

/* "type/subtype" without parameters (RFC 9110 §8.3.1), in any case of letters. */
static bool media_type_is(const char *header, const char *type)
{
    size_t len = strlen(type);
    if (header == NULL || strncasecmp(header, type, len) != 0)
        return false;
    header += len + strspn(header + len, " \t");
    return *header == '\0' || *header == ';';
}

static const struct {
    enum ca_tsa_status status;
    unsigned http;
    const char *message; /* NULL: what was found */
} answers[] = {
    {TSA_BAD_REQUEST, 400, NULL},
    {TSA_NOT_NOW, 503, "no time can be vouched for at the moment"},
    {TSA_INTERNAL, 500, "internal error"},
};

static void refuse(struct ca_tsa_server *s, struct tm_http_exchange *x, enum ca_tsa_status status,
                   const struct tm_err *e)
{
    char id[REQUEST_ID_SIZE];
    tm_request_id(id);
    atomic_fetch_add_explicit(status == TSA_NOT_NOW ? &s->not_now : &s->refused, 1,
                              memory_order_relaxed);
    jlog(s->jlog, status == TSA_BAD_REQUEST ? JLOG_INFO : JLOG_ERROR, "no timestamp",
         JLOG_STR("reason", e->text), JLOG_REQUEST_END(x, id));
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        if (answers[i].status == status)
            reply_error(x, answers[i].http,
                        answers[i].message != NULL ? answers[i].message : e->text);
    }
    tm_http_reply_header(x, "X-Request-Id", id);
}

static int read_request(struct tm_http_exchange *x, struct ca_tsa_request *r, struct tm_err *e)
{
    const struct tm_buf *body = tm_http_body(x);
    const char *type = tm_http_header(x, "Content-Type");
    if (body->len > TSA_QUERY_MAX)
        return tm_err_set(e, "a timestamp request of more than %zu bytes", TSA_QUERY_MAX);
    if (media_type_is(type, "application/timestamp-query"))
        return ca_tsa_request_read(body->data, body->len, r, e);
    if (media_type_is(type, "application/json"))
        return ca_tsa_request_read_json((const char *)body->data, body->len, r, e);
    return tm_err_set(e, "Content-Type is neither application/timestamp-query nor "
                         "application/json");
}

static enum ca_tsa_status answer(struct ca_tsa_server *s, const struct ca_tsa_request *r,
                                 struct tm_buf *out, struct tm_err *e)
{
    enum ca_tsa_status status = ca_tsa_answer(ca_tsa_server_hold(s), r, out, e);
    ca_tsa_server_release(s);
    return status;
}

static enum tm_http_result reply(struct ca_tsa_server *s, struct tm_http_exchange *x,
                                 enum ca_tsa_status status, struct tm_buf *out,
                                 const struct tm_err *e)
{
    if (status == TSA_GRANTED) {
        atomic_fetch_add_explicit(&s->granted, 1, memory_order_relaxed);
        tm_http_reply(x, 200, "application/timestamp-reply", out);
    } else {
        refuse(s, x, status, e);
    }
    return HTTP_DONE;
}

/* A timestamp that is signed on another thread, whether or not its exchange still lives. */
struct stamping {
    struct tm_offload_task task; /* first */
    atomic_uint holders;         /* the exchange, and the thread */
    struct ca_tsa_server *server;
    struct ca_tsa_request request;
    void *waiter;
    enum ca_tsa_status status;
    struct tm_buf out;
    struct tm_err e;
};

static void stamping_drop(void *arg)
{
    struct stamping *t = arg;
    if (atomic_fetch_sub_explicit(&t->holders, 1, memory_order_acq_rel) != 1)
        return;
    tm_buf_free(&t->out);
    free(t);
}

static void run(struct tm_offload_task *task)
{
    struct stamping *t = (struct stamping *)(void *)task;
    void *waiter = t->waiter;
    t->status = answer(t->server, &t->request, &t->out, &t->e);
    if (t->status == TSA_INTERNAL)
        t->status = TSA_NOT_NOW; /* it made no signature: it may in a moment */
    stamping_drop(t);
    tm_http_wake(waiter);
}

static enum tm_http_result stamp_later(struct ca_tsa_server *s, struct tm_http_exchange *x,
                                       const struct ca_tsa_request *r)
{
    struct stamping *t = calloc(1, sizeof(*t));
    struct tm_err e = {0};
    if (t == NULL) {
        tm_err_set(&e, "out of memory");
        return reply(s, x, TSA_INTERNAL, NULL, &e);
    }
    *t = (struct stamping){.task.run = run, .server = s, .request = *r};
    atomic_init(&t->holders, 2);
    tm_http_set_state(x, t, stamping_drop);
    t->waiter = tm_http_wait_begin(x);
    tm_offload_put(s->threads, &t->task);
    return HTTP_WAIT;
}

static enum tm_http_result stamp(void *ctx, struct tm_http_exchange *x)
{
    struct ca_tsa_server *s = ctx;
    struct stamping *t = tm_http_state(x);
    struct ca_tsa_request r;
    struct tm_err e = {0};
    struct tm_buf out = {0};
    if (t != NULL && tm_http_wait_expired(x)) {
        tm_err_set(&e, "waited too long for the timestamp key");
        return reply(s, x, TSA_NOT_NOW, NULL, &e);
    }
    if (t != NULL)
        return reply(s, x, t->status, &t->out, &t->e);
    enum ca_tsa_status status = TSA_BAD_REQUEST;
    if (read_request(x, &r, &e) == 0) {
        if (s->threads != NULL)
            return stamp_later(s, x, &r);
        status = answer(s, &r, &out, &e);
    }
    (void)reply(s, x, status, &out, &e);
    tm_buf_free(&out);
    return HTTP_DONE;
}

static enum tm_http_result chain(void *ctx, struct tm_http_exchange *x)
{
    struct ca_tsa_server *s = ctx;
    const struct tm_buf *pem = ca_tsa_chain(ca_tsa_server_hold(s));
    struct tm_buf b = {0};
    tm_buf_append(&b, pem->data, pem->len);
    ca_tsa_server_release(s);
    tm_http_reply(x, 200, "application/pem-certificate-chain", &b);
    return HTTP_DONE;
}

const struct tm_http_route ca_tsa_routes[] = {
    {"/api/v1/timestamp", HTTP_POST, stamp},
    {"/api/v1/timestamp/certchain", HTTP_GET, chain},
};
const size_t ca_tsa_route_count = sizeof(ca_tsa_routes) / sizeof(ca_tsa_routes[0]);

static enum tm_http_result mounted(void *ctx, struct tm_http_exchange *x)
{
    bool post = tm_http_method_of(x) == HTTP_POST;
    for (size_t i = 0; i < ca_tsa_route_count; i++) {
        if (strcmp(ca_tsa_routes[i].path, tm_http_path(x)) != 0)
            continue;
        if ((ca_tsa_routes[i].method == HTTP_POST) == post)
            return ca_tsa_routes[i].handle(ctx, x);
        reply_error(x, 405, "Method Not Allowed");
        tm_http_reply_header(x, "Allow", post ? "GET, HEAD, OPTIONS" : "POST, OPTIONS");
        return HTTP_DONE;
    }
    reply_unknown(x);
    return HTTP_DONE;
}

struct tm_http_mount ca_tsa_mount(struct ca_tsa_server *s)
{
    return (struct tm_http_mount){
        .prefix = "/api/v1", .handle = mounted, .ctx = s, .body_name = "timestamp"};
}

#include "ca/log/signatures/serve.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/engine/reader.h"
#include "common/http/trace.h"
#include "common/json/jsonstr.h"

#define IMMUTABLE "public, max-age=31536000, immutable"
#define BRIEF "no-cache"
#define FROZEN "This log has been frozen, please switch to the latest log."

struct ca_sig_server {
    struct ca_sig_serve_options o;
    struct ca_log_view view;
};

const char *const ca_sig_short_names[] = {"checkpoint", "tile", NULL};

/* gRPC's code and words, as its gateway writes them; the statuses beside them. */
struct refusal {
    unsigned http;
    int code;
};

static void reply_error(struct tm_http_exchange *x, struct refusal r, const char *message)
{
    struct tm_buf b = {0};
    tm_buf_printf(&b, "{\"code\":%d,\"message\":", r.code);
    tm_jsonstr_put(&b, message, strlen(message));
    tm_buf_puts(&b, ",\"details\":[]}");
    tm_http_reply(x, r.http, "application/json", &b);
    tm_http_reply_header(x, "Cache-Control", BRIEF);
    if (r.http == 503)
        tm_http_reply_header(x, "Retry-After", "5");
}

/* ---- writing ---- */

struct call {
    const struct ca_sig_server *server;
    struct ca_siglog_job *job;
};

static void release(void *state)
{
    struct call *c = state;
    if (c->job != NULL)
        (void)ca_siglog_job_free(c->job);
    free(c);
}

/* Says why there is no entry, and answers; both with the request's id. */
static void refuse(const struct ca_sig_server *s, struct tm_http_exchange *x, struct refusal r,
                   const char *message, const struct tm_err *e)
{
    char id[REQUEST_ID_SIZE];
    tm_request_id(id);
    jlog(s->o.jlog, JLOG_INFO, "no log entry", JLOG_STR("reason", e->text),
         JLOG_REQUEST_END(x, id));
    reply_error(x, r, message);
    tm_http_reply_header(x, "X-Request-Id", id);
}

static void reply_duplicate(struct tm_http_exchange *x, uint64_t index)
{
    char number[24];
    snprintf(number, sizeof(number), "%" PRIu64, index);
    reply_error(x, (struct refusal){409, 6}, "an equivalent entry already exists in the log");
    tm_http_reply_header(x, "x-log-index", number);
}

/* What follows from a status, but for SIGLOG_WAIT. `out` is the answer when it was logged. */
static void reply(const struct ca_sig_server *s, struct tm_http_exchange *x,
                  enum ca_siglog_status status, uint64_t index, struct tm_buf *out,
                  const struct tm_err *e)
{
    struct tm_err shown = {0};
    switch (status) {
    case SIGLOG_LOGGED:
        tm_http_reply(x, 201, "application/json", out);
        return;
    case SIGLOG_DUPLICATE:
        reply_duplicate(x, index);
        return;
    case SIGLOG_BAD:
        tm_err_set(&shown, "invalid request: %s", e->text);
        refuse(s, x, (struct refusal){400, 3}, shown.text, e);
        return;
    default:
        refuse(s, x, (struct refusal){503, 14},
               "the log takes no entry at the moment, please try again", e);
    }
}

static enum tm_http_result begin(struct ca_sig_server *s, struct tm_http_exchange *x)
{
    struct tm_err e = {0};
    uint64_t index = 0;
    struct call *c = calloc(1, sizeof(*c));
    const struct tm_buf *body = tm_http_body(x);
    if (c == NULL) {
        tm_err_set(&e, "out of memory");
        reply(s, x, SIGLOG_NOT_NOW, 0, NULL, &e);
        return HTTP_DONE;
    }
    c->server = s;
    tm_http_set_state(x, c, release);
    enum ca_siglog_status status =
        ca_siglog_begin(s->o.log, (const char *)body->data, body->len, tm_http_wake,
                        tm_http_wait_begin(x), &c->job, &index, &e);
    if (status == SIGLOG_WAIT)
        return HTTP_WAIT;
    tm_http_wait_cancel(x);
    reply(s, x, status, index, NULL, &e);
    return HTTP_DONE;
}

static enum tm_http_result go_on(struct call *c, struct tm_http_exchange *x)
{
    struct tm_err e = {0};
    struct tm_buf out = {0};
    enum ca_siglog_status status = SIGLOG_NOT_NOW;
    if (tm_http_wait_expired(x)) {
        tm_err_set(&e, "no checkpoint came in time");
    } else {
        void *waiter = tm_http_wait_begin(x);
        status = ca_siglog_step(c->job, tm_http_wake, waiter, &out, &e);
        if (status == SIGLOG_WAIT)
            return HTTP_WAIT;
        tm_http_wait_cancel(x);
    }
    reply(c->server, x, status, 0, &out, &e);
    tm_buf_free(&out);
    return HTTP_DONE;
}

static enum tm_http_result add(struct ca_sig_server *s, struct tm_http_exchange *x)
{
    struct call *c = tm_http_state(x);
    if (c != NULL)
        return go_on(c, x);
    if (tm_http_method_of(x) != HTTP_POST) {
        reply_error(x, (struct refusal){405, 12}, "POST an entry here");
        tm_http_reply_header(x, "Allow", "POST");
        return HTTP_DONE;
    }
    if (s->o.retired != NULL) {
        reply_error(x, (struct refusal){405, 12}, FROZEN);
        return HTTP_DONE;
    }
    return begin(s, x);
}

/* ---- reading ---- */

static void serve_checkpoint(const struct ca_sig_server *s, struct tm_http_exchange *x)
{
    struct tm_buf b = {0};
    s->view.checkpoint(s->view.ctx, &b);
    tm_http_reply(x, 200, "text/plain; charset=utf-8", &b);
    tm_http_reply_header(x, "Cache-Control", BRIEF);
}

static bool serve_tile(const struct ca_sig_server *s, const char *name, struct tm_http_exchange *x)
{
    int level = 0;
    uint64_t n = 0;
    unsigned width = 0;
    return ca_log_tile_path_parse(name, &level, &n, &width) == 0 &&
           (level >= 0 || level == TILE_LEVEL_ENTRIES) &&
           tm_http_reply_file(x, s->view.directory, name, "application/octet-stream", IMMUTABLE);
}

static enum tm_http_result handle(void *ctx, struct tm_http_exchange *x)
{
    struct ca_sig_server *s = ctx;
    const char *name = tm_http_mount_name(x);
    if (strcmp(name, "log/entries") == 0)
        return add(s, x);
    if (tm_http_method_of(x) == HTTP_POST) {
        reply_error(x, (struct refusal){405, 12}, "only GET and HEAD here");
        tm_http_reply_header(x, "Allow", "GET, HEAD, OPTIONS");
    } else if (strcmp(name, "checkpoint") == 0) {
        serve_checkpoint(s, x);
    } else if (!serve_tile(s, name, x)) {
        reply_error(x, (struct refusal){404, 5}, "no such file in this log");
    }
    return HTTP_DONE;
}

struct ca_sig_server *ca_sig_server_new(const struct ca_sig_serve_options *o, struct tm_err *e)
{
    if (tm_http_prefix_check("the signature log's prefix", o->prefix, e) != 0)
        return NULL;
    struct ca_sig_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return tm_err_null(e, "out of memory");
    s->o = *o;
    s->view = o->retired != NULL ? ca_log_retired_view(o->retired)
                                 : ca_log_view_of(ca_siglog_log(o->log));
    return s;
}

void ca_sig_server_free(struct ca_sig_server *s)
{
    free(s);
}

struct tm_http_mount ca_sig_server_mount(struct ca_sig_server *s)
{
    return (struct tm_http_mount){.prefix = s->o.prefix,
                                  .handle = handle,
                                  .ctx = s,
                                  .body_name = "log/entries",
                                  .short_end = SIG_SHORT_END,
                                  .short_names = ca_sig_short_names,
                                  .max_body = s->o.retired == NULL ? SIG_REQUEST_MAX : 0};
}

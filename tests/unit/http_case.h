/* The server under test and its client, for the tests of common/http. */
#pragma once

#include "tests/support/cmocka_all.h"

#include <stdatomic.h>
#include <time.h>

#include "common/http/http.h"
#include "tests/support/rawhttp.h"

static _Atomic(void *) held; /* the waiter of /hold */
static int mark;

static inline void nap(long ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    (void)nanosleep(&ts, NULL);
}

static void say(struct tm_http_exchange *x, unsigned status, const char *text)
{
    struct tm_buf b = {0};
    tm_buf_puts(&b, text);
    tm_http_reply(x, status, "text/plain", &b);
}

static inline enum tm_http_result echo(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    struct tm_buf b = {0};
    tm_buf_printf(&b, "%zu:", tm_http_body(x)->len);
    tm_buf_append(&b, tm_http_body(x)->data, tm_http_body(x)->len < 64 ? tm_http_body(x)->len : 64);
    tm_http_reply(x, 200, "text/plain", &b);
    return HTTP_DONE;
}

static enum tm_http_result hello(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    struct tm_buf b = {0};
    tm_buf_printf(&b, "hello %s", tm_http_remote(x));
    tm_http_reply(x, 200, "text/plain", &b);
    return HTTP_DONE;
}

static void no_release(void *state)
{
    (void)state;
}

static inline enum tm_http_result hold(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    if (tm_http_state(x) != NULL) {
        say(x, tm_http_wait_expired(x) ? 503 : 200, "held");
        return HTTP_DONE;
    }
    tm_http_set_state(x, &mark, no_release);
    atomic_store(&held, tm_http_wait_begin(x));
    return HTTP_WAIT;
}

static void on_fault(void *ctx, struct tm_http_exchange *x, enum tm_http_fault f)
{
    static const unsigned status[] = {
        [HTTP_FAULT_NONE] = 500,      [HTTP_FAULT_NOT_FOUND] = 404,  [HTTP_FAULT_METHOD] = 501,
        [HTTP_FAULT_TOO_LARGE] = 413, [HTTP_FAULT_MEDIA_TYPE] = 415, [HTTP_FAULT_MALFORMED] = 400,
        [HTTP_FAULT_MEMORY] = 500,    [HTTP_FAULT_BUSY] = 503,
    };
    (void)ctx;
    say(x, status[f], "fault");
}

/* The server's, with these routes; `fault` is on_fault. */
static struct tm_http_options options_for(const struct tm_http_route *routes, size_t count)
{
    struct tm_http_options o;
    tm_http_options_default(&o);
    o.listen = "127.0.0.1:0";
    o.workers = 2;
    o.max_body = 65536;
    o.routes = routes;
    o.route_count = count;
    o.fault = on_fault;
    return o;
}

static struct tm_http_server *start(const struct tm_http_options *o)
{
    struct tm_err e = {0};
    struct tm_http_server *s = tm_http_server_start(o, &e);
    if (s == NULL)
        fail_msg("%s", e.text);
    return s;
}

static int dial(const struct tm_http_server *s)
{
    return raw_dial(tm_http_server_address(s));
}

static inline void puts_to(int fd, const char *text)
{
    assert_int_equal(raw_puts(fd, text), 0);
}

static inline int ask(const struct tm_http_server *s, const char *request, struct tm_buf *out)
{
    return raw_ask(tm_http_server_address(s), request, out);
}

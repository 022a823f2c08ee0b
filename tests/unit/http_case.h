/* The server under test and its client, for the tests of common/http. */
#ifndef TENMINT_TESTS_HTTP_CASE_H
#define TENMINT_TESTS_HTTP_CASE_H

#include "tests/support/cmocka_all.h"

#include <stdatomic.h>
#include <time.h>

#include "common/http/http.h"
#include "tests/support/rawhttp.h"

static _Atomic(void *) held; /* the waiter of /hold */
static int mark;

static void nap(long ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    (void)nanosleep(&ts, NULL);
}

static void say(struct http_exchange *x, unsigned status, const char *text)
{
    struct buf b = {0};
    buf_puts(&b, text);
    http_reply(x, status, "text/plain", &b);
}

static enum http_result echo(void *ctx, struct http_exchange *x)
{
    (void)ctx;
    struct buf b = {0};
    buf_printf(&b, "%zu:", http_body(x)->len);
    buf_append(&b, http_body(x)->data, http_body(x)->len < 64 ? http_body(x)->len : 64);
    http_reply(x, 200, "text/plain", &b);
    return HTTP_DONE;
}

static enum http_result hello(void *ctx, struct http_exchange *x)
{
    (void)ctx;
    struct buf b = {0};
    buf_printf(&b, "hello %s", http_remote(x));
    http_reply(x, 200, "text/plain", &b);
    return HTTP_DONE;
}

static void no_release(void *state)
{
    (void)state;
}

static enum http_result hold(void *ctx, struct http_exchange *x)
{
    (void)ctx;
    if (http_state(x) != NULL) {
        say(x, http_wait_expired(x) ? 503 : 200, "held");
        return HTTP_DONE;
    }
    http_set_state(x, &mark, no_release);
    atomic_store(&held, http_wait_begin(x));
    return HTTP_WAIT;
}

static struct http_options options_for(const struct http_route *routes, size_t count,
                                       void (*fault)(void *, struct http_exchange *,
                                                     enum http_fault))
{
    struct http_options o;
    http_options_default(&o);
    o.listen = "127.0.0.1:0";
    o.workers = 2;
    o.max_body = 65536;
    o.routes = routes;
    o.route_count = count;
    o.fault = fault;
    return o;
}

static struct http_server *start(const struct http_options *o)
{
    struct err e = {0};
    struct http_server *s = http_server_start(o, &e);
    if (s == NULL)
        fail_msg("%s", e.text);
    return s;
}

static int dial(const struct http_server *s)
{
    return raw_dial(http_server_address(s));
}

static void puts_to(int fd, const char *text)
{
    assert_int_equal(raw_puts(fd, text), 0);
}

static int ask(const struct http_server *s, const char *request, struct buf *out)
{
    return raw_ask(http_server_address(s), request, out);
}

#endif

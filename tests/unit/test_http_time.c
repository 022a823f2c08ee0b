/* The HTTP server and time: slow clients, connection limits, draining. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/http/http.h"
#include "common/clock.h"
#include "tests/support/rawhttp.h"

static _Atomic(void *) held; /* the waiter of /hold */
static pthread_t waker;
static int mark;

static void nap(long ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    (void)nanosleep(&ts, NULL);
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
        struct buf b = {0};
        buf_puts(&b, "held");
        http_reply(x, http_wait_expired(x) ? 503 : 200, "text/plain", &b);
        return HTTP_DONE;
    }
    http_set_state(x, &mark, no_release);
    atomic_store(&held, http_wait_begin(x));
    return HTTP_WAIT;
}

static const struct http_route routes[] = {
    {"/echo", HTTP_POST, echo},
    {"/hello", HTTP_GET, hello},
    {"/hold", HTTP_GET, hold},
};

static void on_fault(void *ctx, struct http_exchange *x, enum http_fault f)
{
    (void)ctx;
    (void)f;
    struct buf b = {0};
    buf_puts(&b, "{}");
    http_reply(x, 400, "application/json", &b);
}

static struct http_options options(void)
{
    struct http_options o;
    http_options_default(&o);
    o.listen = "127.0.0.1:0";
    o.workers = 2;
    o.max_body = 65536;
    o.routes = routes;
    o.route_count = sizeof(routes) / sizeof(routes[0]);
    o.fault = on_fault;
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

/* Writes one byte at a time until the server has enough; the time that took. */
static int64_t trickle(const struct http_server *s, const char *text)
{
    int fd = dial(s);
    int64_t t0 = clock_mono_ms();
    struct timeval tv = {.tv_usec = 1000};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    for (size_t i = 0; clock_mono_ms() - t0 < 8000; i++) {
        char c = text[i < strlen(text) ? i : strlen(text) - 1];
        char back;
        if (send(fd, &c, 1, MSG_NOSIGNAL) != 1 || recv(fd, &back, 1, 0) == 0 ||
            (errno != EAGAIN && errno != EWOULDBLOCK))
            break;
        nap(20);
    }
    close(fd);
    return clock_mono_ms() - t0;
}

static void test_slow_clients(void **state)
{
    (void)state;
    struct http_options o = options();
    o.header_timeout_ms = 500;
    o.request_timeout_ms = 700;
    struct http_server *s = start(&o);
    struct buf r = {0};
    assert_in_range(trickle(s, "GET /hello HTTP/1.1\r\nX: aaaaaaaaaaaa"), 300, 4000);
    assert_in_range(
        trickle(s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\naaa"), 500,
        6000);
    assert_int_equal(ask(s, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", &r), 200);
    buf_free(&r);
    http_server_stop(s, 1000);
    http_server_free(s);
}

static void test_limits(void **state)
{
    (void)state;
    struct http_options o = options();
    o.per_address_limit = 3;
    struct http_server *s = start(&o);
    struct buf r = {0};
    int fd[4];
    for (int i = 0; i < 3; i++) {
        fd[i] = dial(s);
        puts_to(fd[i], "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(raw_reply(fd[i], false, &r), 200);
    }
    fd[3] = dial(s);
    assert_true(raw_closed(fd[3]));
    for (int i = 0; i < 4; i++)
        close(fd[i]);
    int status = 0;
    for (int i = 0; i < 100 && status != 200; i++) {
        nap(10);
        int again = dial(s);
        (void)raw_put(again, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 33);
        status = raw_reply(again, false, &r);
        close(again);
    }
    assert_int_equal(status, 200);
    buf_free(&r);
    http_server_stop(s, 1000);
    http_server_free(s);
}

static void *release_held(void *arg)
{
    (void)arg;
    nap(150);
    http_wake(atomic_exchange(&held, NULL));
    return NULL;
}

static void *stop_server(void *arg)
{
    http_server_stop(arg, 1000);
    return NULL;
}

static void test_drain(void **state)
{
    (void)state;
    struct http_options o = options();
    for (int wakes = 0; wakes < 2; wakes++) {
        pthread_t stopper;
        struct buf r = {0};
        struct http_server *s = start(&o);
        int fd = dial(s);
        puts_to(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
        while (atomic_load(&held) == NULL)
            nap(1);
        int64_t t0 = clock_mono_ms();
        if (wakes == 1)
            assert_int_equal(pthread_create(&waker, NULL, release_held, NULL), 0);
        assert_int_equal(pthread_create(&stopper, NULL, stop_server, s), 0);
        assert_int_equal(raw_reply(fd, false, &r), wakes == 1 ? 200 : 503);
        assert_non_null(strstr(buf_str(&r), "Connection: close"));
        pthread_join(stopper, NULL);
        assert_true(clock_mono_ms() - t0 < (wakes == 1 ? 2500 : 6000));
        if (wakes == 1)
            pthread_join(waker, NULL);
        else
            http_wake(atomic_exchange(&held, NULL));
        http_server_free(s);
        close(fd);
        buf_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_clients),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

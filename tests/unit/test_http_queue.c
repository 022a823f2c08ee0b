/* Whole requests that come faster than they can be answered, and what each needs inside. */
#include "tests/unit/http_case.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

#include "common/clock.h"

#define CONNECTIONS 16
#define MAY_WAIT 12      /* three quarters of them */
#define BOUND_MS 10000   /* no wait in this file is longer */
#define LONG_HEADER 9000 /* bytes; with the rest within a head's limit */

static _Atomic(void *) waiting[CONNECTIONS];
static atomic_uint begun;

/* Waits until the test wakes it. */
static enum tm_http_result wait_for_test(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    if (tm_http_state(x) != NULL) {
        say(x, tm_http_wait_expired(x) ? 503 : 200, "served");
        return HTTP_DONE;
    }
    tm_http_set_state(x, &mark, no_release);
    atomic_store(&waiting[atomic_fetch_add(&begun, 1) % CONNECTIONS], tm_http_wait_begin(x));
    return HTTP_WAIT;
}

static enum tm_http_result head_of(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    struct tm_buf b = {0};
    const char *value = tm_http_header(x, "X-Long");
    tm_buf_printf(&b, "%zu bytes", value != NULL ? strlen(value) : 0);
    tm_http_reply(x, 200, "text/plain", &b);
    return HTTP_DONE;
}

static const struct tm_http_route routes[] = {{"/wait", HTTP_GET, wait_for_test},
                                              {"/head", HTTP_GET, head_of},
                                              {"/hello", HTTP_GET, hello},
                                              {"/echo", HTTP_POST, echo}};

static void wait_until_begun(unsigned count)
{
    for (int64_t end = tm_clock_mono_ms() + BOUND_MS; tm_clock_mono_ms() < end; nap(1)) {
        if (atomic_load(&begun) >= count)
            return;
    }
    fail_msg("%u requests have begun, not %u", atomic_load(&begun), count);
}

static void a_burst_of_readers_is_served_though_fewer_may_wait_at_once(void **state)
{
    (void)state;
    int fd[CONNECTIONS];
    struct tm_buf r = {0};
    struct tm_http_options o = options_for(routes, sizeof(routes) / sizeof(routes[0]));
    o.workers = 1;
    o.connection_limit = CONNECTIONS;
    o.per_address_limit = 0;
    o.wait_timeout_ms = BOUND_MS;
    struct tm_http_server *s = start(&o);
    atomic_store(&begun, 0);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        fd[i] = dial(s);
        puts_to(fd[i], "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    wait_until_begun(MAY_WAIT);
    nap(50); /* one more would begin now */
    assert_int_equal(atomic_load(&begun), MAY_WAIT);
    for (unsigned i = 0; i < CONNECTIONS; i++) { /* each that goes makes room for one */
        wait_until_begun(i + 1);
        tm_http_wake(atomic_exchange(&waiting[i], NULL));
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        assert_int_equal(raw_reply(fd[i], false, &r), 200);
        close(fd[i]);
    }
    tm_buf_free(&r);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

static void put_request(struct tm_buf *to, size_t long_header, size_t short_headers)
{
    tm_buf_puts(to, "GET /head HTTP/1.1\r\nHost: a\r\nX-Long: ");
    for (size_t i = 0; i < long_header; i++)
        buf_putc(to, 'x');
    for (size_t i = 0; i < short_headers; i++)
        tm_buf_printf(to, "\r\nh%zu: v", i);
    tm_buf_puts(to, "\r\n\r\n");
}

/* Inside, the memory for a request is chosen by its size. */
static void short_and_long_requests_take_turns_on_one_connection(void **state)
{
    (void)state;
    static const size_t turns[][2] = {{1, 0}, {LONG_HEADER, 0}, {900, 0}, {1, 60},
                                      {1, 0}, {300, 55},        {1, 25},  {LONG_HEADER, 50},
                                      {1, 0}};
    struct tm_buf r = {0};
    struct tm_http_options o = options_for(routes, sizeof(routes) / sizeof(routes[0]));
    struct tm_http_server *s = start(&o);
    int fd = dial(s);
    for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
        struct tm_buf text = {0};
        char want[32];
        put_request(&text, turns[i][0], turns[i][1]);
        puts_to(fd, tm_buf_str(&text));
        assert_int_equal(raw_reply(fd, false, &r), 200);
        snprintf(want, sizeof(want), "%zu bytes", turns[i][0]);
        if (strstr(tm_buf_str(&r), want) == NULL)
            fail_msg("turn %zu: no '%s' in %s", i, want, tm_buf_str(&r));
        tm_buf_free(&text);
    }
    for (size_t len = 1; len <= 65536; len = len * 2 + 1) { /* bodies about its size as well */
        struct tm_buf text = {0};
        tm_buf_printf(&text, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", len);
        for (size_t i = 0; i < len; i++)
            buf_putc(&text, 'b');
        puts_to(fd, tm_buf_str(&text));
        assert_int_equal(raw_reply(fd, false, &r), 200);
        tm_buf_free(&text);
    }
    close(fd);
    tm_buf_free(&r);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

/* The lowest descriptors are taken, so that those of a new connection are beyond them. */
static size_t take_low_descriptors(int *taken)
{
    size_t n = 0;
    struct rlimit r;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
    if (r.rlim_max < 2 * FD_SETSIZE)
        return 0;
    r.rlim_cur = r.rlim_cur < 2 * FD_SETSIZE ? 2 * FD_SETSIZE : r.rlim_cur;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
    do {
        taken[n] = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
        assert_true(taken[n] >= 0);
    } while (taken[n++] < FD_SETSIZE);
    return n;
}

static void descriptors_beyond_an_fd_set_are_served(void **state)
{
    (void)state;
    static int taken[FD_SETSIZE + 1];
    static char large[40000];
    struct tm_buf r = {0};
    struct tm_buf head = {0};
    struct tm_http_options o = options_for(routes, sizeof(routes) / sizeof(routes[0]));
    struct tm_http_server *s = start(&o);
    size_t n = take_low_descriptors(taken);
    if (n == 0)
        skip(); /* the hard limit does not allow so many */
    int fd = dial(s);
    assert_true(fd >= FD_SETSIZE);
    memset(large, 'x', sizeof(large) - 1);
    put_request(&head, LONG_HEADER, 0);
    for (int i = 0; i < 2; i++) {
        puts_to(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(raw_reply(fd, false, &r), 200);
        puts_to(fd, tm_buf_str(&head));
        assert_int_equal(raw_reply(fd, false, &r), 200);
        puts_to(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 39999\r\n\r\n");
        puts_to(fd, large);
        assert_int_equal(raw_reply(fd, false, &r), 200);
    }
    close(fd);
    while (n > 0)
        close(taken[--n]);
    tm_buf_free(&r);
    tm_buf_free(&head);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_of_readers_is_served_though_fewer_may_wait_at_once),
        cmocka_unit_test(short_and_long_requests_take_turns_on_one_connection),
        cmocka_unit_test(descriptors_beyond_an_fd_set_are_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

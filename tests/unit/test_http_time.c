/* The HTTP server and time: slow clients, connection limits, draining. */
#include "common/http/internal.h"

#include "tests/unit/http_case.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/clock.h"

static pthread_t waker;

/* Keeps the one worker busy while requests arrive. */
static enum tm_http_result busy(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    nap(100);
    say(x, 200, "done");
    return HTTP_DONE;
}

static const struct tm_http_route routes[] = {
    {"/echo", HTTP_POST, echo},
    {"/hello", HTTP_GET, hello},
    {"/hold", HTTP_GET, hold},
    {"/busy", HTTP_GET, busy},
};

static atomic_uint shed[HTTP_SHED_COUNT];

static void on_shed(void *ctx, enum tm_http_shed why)
{
    (void)ctx;
    atomic_fetch_add(&shed[why], 1);
}

static struct tm_http_options options(void)
{
    return options_for(routes, sizeof(routes) / sizeof(routes[0]));
}

/* Writes `head` at once, then one byte at a time until the server has enough; the time that took.
 */
static int64_t trickle(const struct tm_http_server *s, const char *head, const char *text)
{
    int fd = dial(s);
    int64_t t0 = tm_clock_mono_ms();
    assert_int_equal(send(fd, head, strlen(head), MSG_NOSIGNAL), strlen(head));
    struct timeval tv = {.tv_usec = 1000};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    for (size_t i = 0; tm_clock_mono_ms() - t0 < 8000; i++) {
        char c = text[i < strlen(text) ? i : strlen(text) - 1];
        char back;
        if (send(fd, &c, 1, MSG_NOSIGNAL) != 1 || recv(fd, &back, 1, 0) == 0 ||
            (errno != EAGAIN && errno != EWOULDBLOCK))
            break;
        nap(20);
    }
    close(fd);
    return tm_clock_mono_ms() - t0;
}

static void a_slow_client_is_cut_off(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    o.header_timeout_ms = 500;
    o.request_timeout_ms = 700;
    struct tm_http_server *s = start(&o);
    struct tm_buf r = {0};
    assert_in_range(trickle(s, "", "GET /hello HTTP/1.1\r\nX: aaaaaaaaaaaa"), 400, 4000);
    assert_in_range(
        trickle(s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", "aaa"), 600,
        6000);
    assert_int_equal(ask(s, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", &r), 200);
    tm_buf_free(&r);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

static void connections_over_a_limit_are_turned_away(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    o.per_address_limit = 3;
    o.header_timeout_ms = 60000; /* nothing but the limit may close a connection here */
    o.idle_timeout_ms = 60000;
    o.shed = on_shed;
    atomic_store(&shed[HTTP_SHED_ADDRESS], 0);
    struct tm_http_server *s = start(&o);
    struct tm_buf r = {0};
    int fd[4];
    for (int i = 0; i < 3; i++) {
        fd[i] = dial(s);
        puts_to(fd[i], "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(raw_reply(fd[i], false, &r), 200);
    }
    fd[3] = dial(s);
    assert_int_equal(raw_reply(fd[3], false, &r), 429);
    assert_true(raw_closed(fd[3]));
    assert_int_equal(atomic_load(&shed[HTTP_SHED_ADDRESS]), 1);
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
    tm_buf_free(&r);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

/* While the one worker is busy somebody comes, for whom a connection must give way, and then that
 * connection's client ends it: both are told in one round. */
static void a_connection_that_gave_way_is_not_looked_at_again(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    o.workers = 1;
    o.connection_limit = 2;
    o.header_timeout_ms = 60000;
    o.idle_timeout_ms = 60000;
    o.shed = on_shed;
    atomic_store(&shed[HTTP_SHED_IDLE], 0);
    struct tm_http_server *s = start(&o);
    struct tm_buf r = {0};
    for (int i = 0; i < 10; i++) {
        int idle = dial(s);
        puts_to(idle, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(raw_reply(idle, false, &r), 200);
        int asks = dial(s);
        puts_to(asks, "GET /busy HTTP/1.1\r\nHost: a\r\n\r\n");
        nap(20);
        int comes = dial(s);
        assert_int_equal(shutdown(idle, SHUT_WR), 0);
        assert_int_equal(raw_reply(asks, false, &r), 200);
        puts_to(comes, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(raw_reply(comes, false, &r), 200);
        assert_true(raw_closed(idle));
        close(idle);
        close(asks);
        close(comes);
        nap(20);
    }
    assert_true(atomic_load(&shed[HTTP_SHED_IDLE]) > 0);
    tm_buf_free(&r);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

static uint64_t network_of(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return tm_http_address_network((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return tm_http_address_network((struct sockaddr *)&v6);
}

/* Whoever has an IPv6 /64 has more addresses than there are connections. */
static void one_network_counts_as_one_client(void **state)
{
    (void)state;
    assert_true(network_of("2001:db8::1") == network_of("2001:db8::ffff:0:2"));
    assert_true(network_of("2001:db8::1") != network_of("2001:db8:0:1::1"));
    assert_true(network_of("192.0.2.1") == network_of("::ffff:192.0.2.1"));
    assert_true(network_of("192.0.2.1") != network_of("192.0.2.2"));
    assert_true(network_of("127.0.0.1") != network_of("::1"));
}

/* A worker takes 16 events at a time; none may be left lying when there are a multiple of that, or
 * about as many. */
static void a_burst_is_served_whole(void **state)
{
    (void)state;
    static const char get[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
    enum { MOST = 130 };
    int fd[MOST + 1];
    struct tm_http_options o = options();
    o.workers = 1;
    struct tm_http_server *s = start(&o);
    struct tm_buf r = {0};
    for (int i = 0; i <= MOST; i++) {
        fd[i] = dial(s);
        puts_to(fd[i], get);
        assert_int_equal(raw_reply(fd[i], false, &r), 200);
    }
    int64_t t0 = tm_clock_mono_ms();
    for (int n = 126; n <= MOST; n++) {
        puts_to(fd[0], "GET /busy HTTP/1.1\r\nHost: a\r\n\r\n");
        nap(20);
        for (int i = 1; i <= n; i++)
            puts_to(fd[i], get);
        for (int i = 0; i <= n; i++)
            assert_int_equal(raw_reply(fd[i], false, &r), 200);
    }
    assert_true(tm_clock_mono_ms() - t0 < 5000);
    for (int i = 0; i <= MOST; i++)
        close(fd[i]);
    tm_buf_free(&r);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

static void *release_held(void *arg)
{
    (void)arg;
    nap(150);
    tm_http_wake(atomic_exchange(&held, NULL));
    return NULL;
}

static void *stop_server(void *arg)
{
    tm_http_server_stop(arg, 1000);
    return NULL;
}

static void a_drain_finishes_what_is_under_way(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    for (int wakes = 0; wakes < 2; wakes++) {
        pthread_t stopper;
        struct tm_buf r = {0};
        struct tm_http_server *s = start(&o);
        int fd = dial(s);
        puts_to(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
        while (atomic_load(&held) == NULL)
            nap(1);
        int64_t t0 = tm_clock_mono_ms();
        if (wakes == 1)
            assert_int_equal(pthread_create(&waker, NULL, release_held, NULL), 0);
        assert_int_equal(pthread_create(&stopper, NULL, stop_server, s), 0);
        assert_int_equal(raw_reply(fd, false, &r), wakes == 1 ? 200 : 503);
        assert_non_null(strstr(tm_buf_str(&r), "Connection: close"));
        pthread_join(stopper, NULL);
        assert_true(tm_clock_mono_ms() - t0 < (wakes == 1 ? 2500 : 6000));
        if (wakes == 1)
            pthread_join(waker, NULL);
        else
            tm_http_wake(atomic_exchange(&held, NULL));
        tm_http_server_free(s);
        close(fd);
        tm_buf_free(&r);
    }
}

static void each_client_has_a_count_of_its_own(void **state)
{
    (void)state;
    enum { CLIENTS = 5000 }; /* more than there are buckets */
    static struct tm_http_clients clients;
    struct tm_http_client **them = calloc(CLIENTS, sizeof(struct tm_http_client *));
    assert_non_null(them);
    tm_http_clients_init(&clients);
    for (uint64_t i = 0; i < CLIENTS; i++) {
        them[i] = tm_http_clients_add(&clients, i, 1);
        assert_non_null(them[i]);
        assert_null(tm_http_clients_add(&clients, i, 1));
    }
    for (uint64_t i = 0; i < CLIENTS; i++)
        tm_http_clients_drop(&clients, them[i]);
    struct tm_http_client *again = tm_http_clients_add(&clients, 1, 1);
    assert_non_null(again);
    tm_http_clients_drop(&clients, again);
    tm_http_clients_free(&clients);
    free(them);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_client_has_a_count_of_its_own),
        cmocka_unit_test(a_slow_client_is_cut_off),
        cmocka_unit_test(connections_over_a_limit_are_turned_away),
        cmocka_unit_test(a_connection_that_gave_way_is_not_looked_at_again),
        cmocka_unit_test(one_network_counts_as_one_client),
        cmocka_unit_test(a_burst_is_served_whole),
        cmocka_unit_test(a_drain_finishes_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

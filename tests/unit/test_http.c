/* The HTTP server by raw sockets: routing, limits, waiting. */
#include "tests/unit/http_case.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fetch/fetch.h"
#include "tests/support/pki.h"

static atomic_uint observed[600];

/* ---- the server under test ---- */

static void *wake_soon(void *arg)
{
    nap(20);
    tm_http_wake(arg);
    return NULL;
}

static void *wake_now(void *arg)
{
    tm_http_wake(arg);
    return NULL;
}

static enum tm_http_result wait_with(struct tm_http_exchange *x, void *(*waker_fn)(void *))
{
    pthread_t t;
    if (tm_http_state(x) != NULL) {
        say(x, tm_http_wait_expired(x) ? 503 : 200, tm_http_wait_expired(x) ? "late" : "woken");
        return HTTP_DONE;
    }
    tm_http_set_state(x, &mark, no_release);
    assert_int_equal(pthread_create(&t, NULL, waker_fn, tm_http_wait_begin(x)), 0);
    pthread_detach(t);
    return HTTP_WAIT;
}

static enum tm_http_result later(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    return wait_with(x, wake_soon);
}

/* Waits anew each time it is woken, as a request does that waits for one thing after the other. */
static enum tm_http_result again(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    pthread_t t;
    if (tm_http_wait_expired(x)) {
        say(x, 503, "late");
        return HTTP_DONE;
    }
    tm_http_set_state(x, &mark, no_release);
    assert_int_equal(pthread_create(&t, NULL, wake_soon, tm_http_wait_begin(x)), 0);
    pthread_detach(t);
    return HTTP_WAIT;
}

static enum tm_http_result race(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    return wait_with(x, wake_now);
}

static enum tm_http_result inline_wake(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    if (tm_http_state(x) != NULL) {
        say(x, 200, "woken");
        return HTTP_DONE;
    }
    tm_http_set_state(x, &mark, no_release);
    tm_http_wake(tm_http_wait_begin(x));
    return HTTP_WAIT;
}

static enum tm_http_result cancelled(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    (void)tm_http_wait_begin(x);
    tm_http_wait_cancel(x);
    say(x, 200, "no wait");
    return HTTP_DONE;
}

#define STAY_MAX 16
static _Atomic(void *) stays[STAY_MAX];
static atomic_uint stay_count;

/* Waits until the test wakes it. */
static enum tm_http_result stay(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    if (tm_http_state(x) != NULL) {
        say(x, tm_http_wait_expired(x) ? 503 : 200, "stayed");
        return HTTP_DONE;
    }
    tm_http_set_state(x, &mark, no_release);
    unsigned i = atomic_fetch_add(&stay_count, 1);
    assert_true(i < STAY_MAX);
    atomic_store(&stays[i], tm_http_wait_begin(x));
    return HTTP_WAIT;
}

static const struct tm_http_route routes[] = {
    {"/echo", HTTP_POST, echo},         {"/hello", HTTP_GET, hello},
    {"/later", HTTP_POST, later},       {"/race", HTTP_POST, race},
    {"/inline", HTTP_GET, inline_wake}, {"/hold", HTTP_GET, hold},
    {"/cancel", HTTP_GET, cancelled},   {"/again", HTTP_POST, again},
    {"/stay", HTTP_POST, stay},
};

static void json_fault(void *ctx, struct tm_http_exchange *x, enum tm_http_fault f)
{
    (void)ctx;
    static const unsigned status[] = {
        [HTTP_FAULT_NONE] = 500,      [HTTP_FAULT_NOT_FOUND] = 404,  [HTTP_FAULT_METHOD] = 501,
        [HTTP_FAULT_TOO_LARGE] = 400, [HTTP_FAULT_MEDIA_TYPE] = 415, [HTTP_FAULT_MEMORY] = 500,
        [HTTP_FAULT_MALFORMED] = 400, [HTTP_FAULT_BUSY] = 503};
    struct tm_buf b = {0};
    tm_buf_printf(&b, "{\"fault\":%d} %zu", (int)f, strlen(tm_http_path(x)));
    tm_http_reply(x, status[f], "application/json", &b);
}

static void on_event(void *ctx, const struct tm_http_event *ev)
{
    (void)ctx;
    assert_true(ev->status < 600);
    atomic_fetch_add(&observed[ev->status], 1);
}

static struct tm_http_options options(void)
{
    struct tm_http_options o = options_for(routes, sizeof(routes) / sizeof(routes[0]));
    o.fault = json_fault;
    o.observe = on_event;
    return o;
}

/* ---- tests ---- */

static void a_path_and_method_lead_to_their_route(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    struct tm_buf r = {0};
    assert_int_equal(ask(s, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", &r), 200);
    assert_non_null(strstr(tm_buf_str(&r), "hello 127.0.0.1"));
    assert_non_null(strstr(tm_buf_str(&r), "Access-Control-Allow-Origin: *"));
    assert_int_equal(ask(s, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n", &r), 200);
    assert_null(strstr(tm_buf_str(&r), "hello 127"));
    assert_non_null(strstr(tm_buf_str(&r), "Content-Length: 15"));
    assert_int_equal(ask(s, "GET /hello?x=y HTTP/1.1\r\nHost: a\r\n\r\n", &r), 200);
    assert_int_equal(ask(s, "GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n", &r), 404);
    assert_non_null(strstr(tm_buf_str(&r), "application/json"));
    assert_int_equal(ask(s, "OPTIONS /nope HTTP/1.1\r\nHost: a\r\n\r\n", &r), 404);
    assert_int_equal(ask(s, "DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n", &r), 501);
    assert_non_null(strstr(tm_buf_str(&r), "Allow: GET, HEAD, OPTIONS"));
    assert_int_equal(ask(s, "HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n", &r), 501);
    assert_int_equal(ask(s, "BREW /echo HTTP/1.1\r\nHost: a\r\n\r\n", &r), 501);
    assert_non_null(strstr(tm_buf_str(&r), "Allow: POST, OPTIONS"));
    assert_int_equal(ask(s, "OPTIONS /echo HTTP/1.1\r\nHost: a\r\nOrigin: b\r\n\r\n", &r), 204);
    assert_non_null(strstr(tm_buf_str(&r), "Access-Control-Allow-Methods: POST, OPTIONS"));
    assert_non_null(strstr(tm_buf_str(&r), "authorization"));
    assert_int_equal(ask(s, "GET /cancel HTTP/1.1\r\nHost: a\r\n\r\n", &r), 200);
    tm_buf_free(&r);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

static void a_connection_serves_many_requests(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    struct tm_buf r = {0};
    int fd = dial(s);
    for (int i = 0; i < 50; i++) {
        puts_to(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
        assert_int_equal(raw_reply(fd, false, &r), 200);
        assert_non_null(strstr(tm_buf_str(&r), "3:abc"));
        puts_to(fd, "POST /nope HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
        assert_int_equal(raw_reply(fd, false, &r), 404); /* a refusal keeps the connection */
        puts_to(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n");
        assert_int_equal(raw_reply(fd, false, &r), 200);
        assert_non_null(strstr(tm_buf_str(&r), "5:abcde"));
    }
    close(fd);
    tm_buf_free(&r);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

static void a_body_that_is_too_large_is_refused(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    struct tm_buf r = {0};
    size_t big = (size_t)10 << 20;
    char *body = calloc(1, big + 1);
    assert_non_null(body);
    memset(body, 'x', big);
    int fd = dial(s);
    char head[128];
    snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
             big);
    puts_to(fd, head);
    assert_int_equal(raw_put(fd, body, big), 0); /* never reset while writing */
    assert_int_equal(raw_reply(fd, false, &r), 400);
    assert_non_null(strstr(tm_buf_str(&r), "{\"fault\":3}"));
    assert_true(raw_closed(fd));
    close(fd);
    fd = dial(s); /* chunked: the length is not announced */
    puts_to(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 160; i++) {
        puts_to(fd, "10000\r\n");
        assert_int_equal(raw_put(fd, body, 0x10000), 0);
        puts_to(fd, "\r\n");
    }
    puts_to(fd, "0\r\n\r\n");
    assert_int_equal(raw_reply(fd, false, &r), 400);
    assert_true(raw_closed(fd));
    close(fd);
    fd = dial(s); /* asks first: the answer comes before the body */
    snprintf(
        head, sizeof(head),
        "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %zu\r\n\r\n",
        big);
    puts_to(fd, head);
    assert_int_equal(raw_reply(fd, false, &r), 400);
    close(fd);
    /* The limit itself is fine, one byte more is not. */
    for (size_t n = o.max_body; n <= o.max_body + 1; n++) {
        fd = dial(s);
        snprintf(head, sizeof(head),
                 "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", n);
        puts_to(fd, head);
        assert_int_equal(raw_put(fd, body, n), 0);
        assert_int_equal(raw_reply(fd, false, &r), n == o.max_body ? 200 : 400);
        close(fd);
    }
    free(body);
    tm_buf_free(&r);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

static void who_asks_before_the_body_hears_that_nothing_is_there(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    struct tm_buf r = {0};
    static const struct {
        const char *path;
        int status;
        const char *says; /* the fault, and how long the path is that json_fault saw */
    } row[] = {{"/nope", 404, "{\"fault\":1} 5"}, {"/hello?a=b", 501, "{\"fault\":2} 6"}};
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        int fd = dial(s);
        puts_to(fd, "POST ");
        puts_to(fd, row[i].path);
        puts_to(fd, " HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
        assert_int_equal(raw_reply(fd, false, &r), row[i].status);
        assert_non_null(strstr(tm_buf_str(&r), row[i].says));
        close(fd);
    }
    tm_buf_free(&r);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

static void what_is_no_http_is_refused(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    struct tm_buf r = {0};
    assert_int_equal(ask(s,
                         "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                         "Content-Type: application/x-www-form-urlencoded\r\n\r\na=b",
                         &r),
                     415);
    assert_int_equal(ask(s,
                         "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
                         "Content-Type: multipart/form-data; boundary=x\r\n\r\n",
                         &r),
                     415);
    assert_int_equal(ask(s,
                         "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                         "Content-Type: text/plain\r\n\r\na=b",
                         &r),
                     200);
    assert_int_equal(ask(s, "POST /echo HTTP/1.1\r\nHost: a\r\n\r\n", &r), 200);
    int fd = dial(s); /* truncated body */
    puts_to(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nabc");
    shutdown(fd, SHUT_WR);
    assert_true(raw_closed(fd));
    close(fd);
    static const char *const junk[] = {
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET /hello\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
        fd = dial(s);
        puts_to(fd, junk[i]);
        shutdown(fd, SHUT_WR);
        char back[512]; /* an error page of libmicrohttpd's, or nothing */
        ssize_t n;
        while ((n = recv(fd, back, sizeof(back), 0)) > 0)
            ;
        assert_true(n == 0 || errno == ECONNRESET);
        close(fd);
    }
    assert_int_equal(ask(s, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", &r), 200);
    tm_buf_free(&r);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

/* Each would let a body become a request of its own behind a proxy that reads it otherwise. The
 * answer is a refusal and the connection's end: what follows is never taken for a request. */
static void a_length_that_proxies_read_otherwise_is_refused(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 50\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: \013chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        "Content-Length : 5\r\n",
        "Content-\304\266ength: 5\r\n",
        "Host: b\r\n",
        "X: a\rb\r\n",
        "X: a\x7f\r\n",
    };
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    struct tm_buf r = {0};
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        static const char *const starts[] = {"POST /echo", "GET /hello"};
        for (size_t k = 0; k < 2; k++) {
            int fd = dial(s);
            struct tm_buf text = {0};
            tm_buf_printf(&text,
                          "%s HTTP/1.1\r\nHost: a\r\n%s\r\n0\r\n\r\n"
                          "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
                          starts[k], headers[i]);
            puts_to(fd, tm_buf_str(&text));
            if (raw_reply(fd, false, &r) != 400 || !raw_closed(fd))
                fail_msg("%s with %s: %s", starts[k], headers[i], tm_buf_str(&r));
            close(fd);
            tm_buf_free(&text);
        }
    }
    assert_int_equal(ask(s, "GET /hello%00x HTTP/1.1\r\nHost: a\r\n\r\n", &r), 404);
    assert_int_equal(ask(s, "GET /hel%6Co HTTP/1.1\r\nHost: a\r\n\r\n", &r), 200);
    assert_int_equal(ask(s, "GET /hello HTTP/1.1\r\n\r\n", &r), 400); /* RFC 9112 §3.2 */
    assert_int_equal(ask(s, "GET /hello HTTP/1.0\r\n\r\n", &r), 200);
    assert_int_equal(
        ask(s, "POST /echo HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n0\r\n\r\n", &r),
        200);
    tm_buf_free(&r);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

static void a_parked_request_is_resumed(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    o.wait_timeout_ms = 300;
    struct tm_http_server *s = start(&o);
    struct tm_buf r = {0};
    static const char later_req[] = "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
    static const char race_req[] = "POST /race HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
    int fd = dial(s);
    for (int i = 0; i < 5; i++) {
        puts_to(fd, later_req);
        assert_int_equal(raw_reply(fd, false, &r), 200);
        assert_non_null(strstr(tm_buf_str(&r), "woken"));
    }
    for (int i = 0; i < 300; i++) { /* the wake comes before, while and after parking */
        puts_to(fd, race_req);
        assert_int_equal(raw_reply(fd, false, &r), 200);
    }
    for (int i = 0; i < 50; i++) {
        puts_to(fd, "GET /inline HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(raw_reply(fd, false, &r), 200);
    }
    puts_to(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"); /* nobody wakes it */
    assert_int_equal(raw_reply(fd, false, &r), 503);
    puts_to(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(raw_reply(fd, false, &r), 200);
    tm_http_wake(atomic_exchange(&held, NULL)); /* too late: no effect, no leak */
    close(fd);
    tm_buf_free(&r);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

static void all_waits_of_a_request_share_one_deadline(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    o.wait_timeout_ms = 300;
    struct tm_http_server *s = start(&o);
    struct tm_buf r = {0};
    int fd = dial(s);
    for (int i = 0; i < 2; i++) { /* and the next request has its own */
        int64_t t0 = tm_clock_mono_ms();
        puts_to(fd, "POST /again HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
        assert_int_equal(raw_reply(fd, false, &r), 503);
        assert_in_range(tm_clock_mono_ms() - t0, 280, 5000);
    }
    nap(200); /* the last waker is still on its way */
    close(fd);
    tm_buf_free(&r);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

static void *hammer(void *arg)
{
    const struct tm_http_server *s = arg;
    struct tm_buf r = {0};
    int fd = dial(s);
    for (int i = 0; i < 200; i++) {
        puts_to(fd, i % 4 == 0 ? "POST /race HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
                               : "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
        if (raw_reply(fd, false, &r) != 200)
            return arg;
    }
    close(fd);
    tm_buf_free(&r);
    return NULL;
}

static void many_requests_are_served_at_once(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    pthread_t t[8];
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&t[i], NULL, hammer, s), 0);
    for (int i = 0; i < 8; i++) {
        void *bad = NULL;
        pthread_join(t[i], &bad);
        assert_null(bad);
    }
    tm_http_server_stop(s, 1000);
    assert_int_equal(tm_http_server_inflight(s), 0);
    tm_http_server_free(s);
    assert_true(atomic_load(&observed[200]) >= 1600);
}

static void a_socket_is_known_by_its_address(void **state)
{
    static const struct {
        const char *at, *address;
        bool same;
    } rows[] = {{"127.0.0.1:0", "127.0.0.1:0", true},
                {"127.0.0.1:0", "localhost:0", true},
                {"127.0.0.1:0", "127.0.0.1:1", false},
                {"127.0.0.1:0", "127.0.0.2:0", false},
                {"127.0.0.1:0", ":0", false},
                {"0.0.0.0:0", ":0", true},
                {":0", ":0", true},
                {":0", "127.0.0.1:0", false},
                {"127.0.0.1:0", "127.0.0.1", false}};
    struct tm_err e = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int fd = -1;
        assert_int_equal(tm_http_listen_open(rows[i].at, &fd, &e), 0);
        if (tm_http_listen_is(fd, rows[i].address) != rows[i].same)
            fail_msg("%s and %s", rows[i].at, rows[i].address);
        close(fd);
    }
}

static void an_address_is_parsed_and_shown_alike(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",       "127.0.0.1",          "127.0.0.1:",   "127.0.0.1:x",
        "::1:80", "127.0.0.1:99999999", "127.0.0.1:-1", "127.0.0.1: 80"};
    static const char *const good[] = {"127.0.0.1:0", "localhost:0", ":0"};
    struct tm_http_options o = options();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tm_err e = {0};
        o.listen = bad[i];
        assert_null(tm_http_server_start(&o, &e));
        assert_string_not_equal(e.text, "");
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        o.listen = good[i];
        struct tm_http_server *s = start(&o);
        assert_null(strstr(tm_http_server_address(s), ":0\n"));
        tm_http_server_free(s);
    }
    o = options(); /* a port that is taken; a bad TLS key */
    struct tm_http_server *first = start(&o);
    struct tm_err e = {0};
    o.listen = tm_http_server_address(first);
    assert_null(tm_http_server_start(&o, &e));
    o.listen = "127.0.0.1:0";
    o.tls_certificate = "junk";
    o.tls_key = "junk";
    assert_null(tm_http_server_start(&o, &e));
    assert_non_null(strstr(e.text, "TLS"));
    tm_http_server_free(first);
}

/* ---- TLS ---- */

struct tls_clients {
    const char *url;
    const char *ca_pem;
    atomic_bool stop;
    atomic_uint served, failed;
};

static long get_over_tls(const char *url, const char *ca_pem)
{
    struct tm_fetch_response r = {0};
    struct tm_fetch_request q = {.url = url, .ca_pem = ca_pem, .ca_only = true};
    struct tm_err e = {0};
    long status = tm_fetch_run(&q, &r, &e) == 0 ? r.status : 0;
    tm_fetch_response_free(&r);
    return status;
}

static void *keep_connecting(void *arg)
{
    struct tls_clients *c = arg;
    while (!atomic_load(&c->stop)) {
        bool ok = get_over_tls(c->url, c->ca_pem) == 200;
        atomic_fetch_add(ok ? &c->served : &c->failed, 1);
    }
    return NULL;
}

/* A certificate is renewed while clients connect: each meets the old pair or the new one. */
static void a_renewed_tls_certificate_is_served_at_once(void **state)
{
    (void)state;
    struct tm_buf cert[2] = {{0}, {0}}, key[2] = {{0}, {0}}, both = {0};
    struct tm_err e = {0};
    char url[64];
    pthread_t client[3];
    for (int i = 0; i < 2; i++) {
        pki_tls(&cert[i], &key[i]);
        tm_buf_puts(&both, tm_buf_str(&cert[i]));
    }
    struct tm_http_options o = options();
    o.tls_certificate = tm_buf_str(&cert[0]);
    o.tls_key = tm_buf_str(&key[0]);
    struct tm_http_server *s = start(&o);
    snprintf(url, sizeof(url), "https://%s/hello", tm_http_server_address(s));
    assert_int_equal(get_over_tls(url, tm_buf_str(&cert[0])), 200);
    assert_int_equal(get_over_tls(url, tm_buf_str(&cert[1])), 0);
    struct tls_clients c = {.url = url, .ca_pem = tm_buf_str(&both)};
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&client[i], NULL, keep_connecting, &c), 0);
    for (int i = 1; atomic_load(&c.served) + atomic_load(&c.failed) < 60; i++) {
        assert_int_equal(
            tm_http_server_set_tls(s, tm_buf_str(&cert[i % 2]), tm_buf_str(&key[i % 2]), &e), 0);
        nap(1);
    }
    atomic_store(&c.stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(client[i], NULL);
    assert_int_equal(atomic_load(&c.failed), 0);
    assert_int_equal(tm_http_server_set_tls(s, tm_buf_str(&cert[1]), tm_buf_str(&key[1]), &e), 0);
    assert_int_equal(get_over_tls(url, tm_buf_str(&cert[0])), 0);
    assert_int_equal(tm_http_server_set_tls(s, tm_buf_str(&cert[0]), tm_buf_str(&key[1]), &e), -1);
    assert_non_null(strstr(e.text, "TLS certificate or key"));
    assert_int_equal(tm_http_server_set_tls(s, "junk", tm_buf_str(&key[1]), &e), -1);
    assert_int_equal(get_over_tls(url, tm_buf_str(&cert[1])),
                     200); /* what is bad changes nothing */
    tm_http_server_free(s);
    for (int i = 0; i < 2; i++) {
        tm_buf_free(&cert[i]);
        tm_buf_free(&key[i]);
    }
    tm_buf_free(&both);
}

/* A POST of `len` bytes on a connection of its own; the status. */
static int post_bytes(const struct tm_http_server *s, const char *path, size_t len,
                      struct tm_buf *out)
{
    struct tm_buf b = {0};
    tm_buf_printf(&b, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", path, len);
    for (size_t i = 0; i < len; i++)
        buf_putc(&b, 'a');
    int fd = dial(s);
    assert_int_equal(raw_put(fd, b.data, b.len), 0);
    int status = raw_reply(fd, false, out);
    tm_buf_free(&b);
    close(fd);
    return status;
}

static void one_path_of_a_mount_takes_a_large_body(void **state)
{
    (void)state;
    struct tm_buf reply = {0};
    struct tm_http_options o = options();
    const struct tm_http_mount mount = {
        .prefix = "/m", .handle = echo, .body_name = "add/one", .max_body = (size_t)1 << 20};
    o.mounts = &mount;
    o.mount_count = 1;
    struct tm_http_server *s = start(&o);
    assert_int_equal(post_bytes(s, "/m/add/one", (size_t)1 << 20, &reply), 200);
    assert_memory_equal(raw_body(&reply), "1048576:a", 9);
    assert_int_equal(post_bytes(s, "/m/add/one?x", 100000, &reply), 200);
    assert_int_equal(post_bytes(s, "/m/add/one", ((size_t)1 << 20) + 1, &reply), 400);
    assert_int_equal(post_bytes(s, "/m/add/other", 65537, &reply), 400);
    assert_int_equal(post_bytes(s, "/m/add/one/", 65537, &reply), 400);
    assert_int_equal(post_bytes(s, "/mm/add/one", 65537, &reply), 400);
    assert_int_equal(post_bytes(s, "/m/add/other", 100, &reply), 200);
    assert_string_equal(raw_body(&reply), "0:"); /* nobody there takes one */
    tm_http_server_free(s);
    tm_buf_free(&reply);
}

/* Begins `count` bodies of `each` bytes on connections of their own: `sent` of them come. */
static void begin_bodies(const struct tm_http_server *s, const char *path, size_t each, size_t sent,
                         int *fd, int count)
{
    struct tm_buf b = {0};
    tm_buf_printf(&b, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", path, each);
    for (size_t i = 0; i < sent; i++)
        buf_putc(&b, 'a');
    for (int i = 0; i < count; i++) {
        fd[i] = dial(s);
        assert_int_equal(raw_put(fd[i], b.data, b.len), 0);
    }
    tm_buf_free(&b);
}

/* Until a body of 20,000 bytes gets this answer: 10 s. */
static int probe_until(const struct tm_http_server *s, int want)
{
    struct tm_buf reply = {0};
    int status = 0;
    for (int i = 0; i < 1000 && status != want; i++, nap(10))
        status = post_bytes(s, "/echo", 20000, &reply);
    tm_buf_free(&reply);
    return status;
}

/* Begun and left so, they take all the room there is. A probe that comes while they are looked at
 * has some of it, and then some of them are refused: others are begun while no probe is there. */
static void check_room(const struct tm_http_server *s, const char *path, size_t each, int count)
{
    enum { AGAIN = 100 };
    struct tm_buf reply = {0};
    int *fd = calloc((size_t)count + AGAIN, sizeof(*fd));
    int status = 200;
    assert_non_null(fd);
    begin_bodies(s, path, each, HTTP_SMALL_BODY + 4000, fd, count);
    for (int i = 0; i < AGAIN && status != 503; i++) {
        begin_bodies(s, path, each, HTTP_SMALL_BODY + 4000, fd + count++, 1);
        nap(50);
        status = post_bytes(s, "/echo", 20000, &reply);
    }
    assert_int_equal(status, 503);
    assert_int_equal(post_bytes(s, "/echo", 16000, &reply), 200); /* small ones need no room */
    for (int i = 0; i < count; i++)
        close(fd[i]);
    assert_int_equal(probe_until(s, 200), 200);
    tm_buf_free(&reply);
    free(fd);
}

static void bodies_that_clients_begin_are_bounded_together(void **state)
{
    (void)state;
    enum { LARGE = 8 << 20 };
    struct tm_http_options o = options();
    const struct tm_http_mount mount = {
        .prefix = "/m", .handle = echo, .body_name = "add", .max_body = LARGE};
    o.mounts = &mount;
    o.mount_count = 1;
    o.max_body = 512 * 1024;
    struct tm_http_server *s = start(&o);
    check_room(s, "/m/add", LARGE, HTTP_LARGE_TOTAL / LARGE);
    check_room(s, "/echo", o.max_body, (int)(HTTP_LARGE_TOTAL / o.max_body));
    tm_http_server_free(s);
}

/* Three quarters of eight connections may wait. While none has waited for long, one more is
 * refused: it would end the wait of one that is about to be served. */
static void a_busy_server_serves_whom_it_has_begun_with(void **state)
{
    (void)state;
    enum { WAITING = 6 };
    static const char request[] = "POST /stay HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
    struct tm_http_options o = options();
    struct tm_buf r = {0};
    int fd[WAITING];
    o.workers = 1;
    o.connection_limit = 8;
    struct tm_http_server *s = start(&o);
    for (int i = 0; i < WAITING; i++) {
        fd[i] = dial(s);
        puts_to(fd[i], request);
    }
    for (int i = 0; i < 1000 && atomic_load(&stay_count) < WAITING; i++)
        nap(1);
    int status = ask(s, request, &r);
    for (int i = 0; i < WAITING; i++)
        tm_http_wake(atomic_load(&stays[i]));
    assert_int_equal(status, 503);
    for (int i = 0; i < WAITING; i++) {
        assert_int_equal(raw_reply(fd[i], false, &r), 200);
        close(fd[i]);
    }
    tm_buf_free(&r);
    tm_http_server_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_and_method_lead_to_their_route),
        cmocka_unit_test(a_connection_serves_many_requests),
        cmocka_unit_test(a_body_that_is_too_large_is_refused),
        cmocka_unit_test(who_asks_before_the_body_hears_that_nothing_is_there),
        cmocka_unit_test(what_is_no_http_is_refused),
        cmocka_unit_test(a_length_that_proxies_read_otherwise_is_refused),
        cmocka_unit_test(a_parked_request_is_resumed),
        cmocka_unit_test(all_waits_of_a_request_share_one_deadline),
        cmocka_unit_test(many_requests_are_served_at_once),
        cmocka_unit_test(an_address_is_parsed_and_shown_alike),
        cmocka_unit_test(a_socket_is_known_by_its_address),
        cmocka_unit_test(one_path_of_a_mount_takes_a_large_body),
        cmocka_unit_test(bodies_that_clients_begin_are_bounded_together),
        cmocka_unit_test(a_busy_server_serves_whom_it_has_begun_with),
        cmocka_unit_test(a_renewed_tls_certificate_is_served_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Bodies of files and of sources over HTTP/1: they arrive whole at whatever pace they are read,
 * leave the connection as others do, and cost nearly nothing while they wait for a client. */
#include "tests/unit/http_case.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fetch/fetch.h"
#include "tests/support/pki.h"

#define SIZE ((size_t)393216) /* more than the sockets hold */
#define LENGTH "Content-Length: 393216"
#define PIECE ((size_t)3000)
#define WITHIN_MS 20000
#define READERS 200
#define COST_MAX ((size_t)8 * 1024) /* bytes of a reader that waits, all in all */

/* Bytes that the allocator has given out; with AddressSanitizer it is another one. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));
static size_t allocated(void)
{
    if (__sanitizer_get_current_allocated_bytes != NULL)
        return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static char byte_at(size_t at)
{
    return (char)('a' + at % 23 + at / PIECE % 3);
}

/* ---- the server's ---- */

struct source {
    size_t at;
    bool breaks; /* half-way */
};

static atomic_int released;

static int produce(void *ctx, struct tm_buf *out)
{
    struct source *s = ctx;
    if (s->breaks && s->at > SIZE / 2)
        return -1;
    size_t end = s->at + PIECE < SIZE ? s->at + PIECE : SIZE;
    if (s->at == end)
        return 0;
    for (; s->at < end; s->at++)
        buf_putc(out, (unsigned char)byte_at(s->at));
    return 1;
}

static void source_free(void *ctx)
{
    atomic_fetch_add(&released, 1);
    free(ctx);
}

static void reply_source(struct tm_http_exchange *x, bool breaks)
{
    struct source *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->breaks = breaks;
    const struct tm_http_source source = {.produce = produce, .release = source_free, .ctx = s};
    tm_http_reply_stream(x, 200, "text/plain", &source);
}

static enum tm_http_result source(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    reply_source(x, false);
    return HTTP_DONE;
}

static enum tm_http_result broken(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    reply_source(x, true);
    return HTTP_DONE;
}

static int content = -1; /* a file */

static enum tm_http_result file(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    tm_http_reply_fd(x, 200, "text/plain", dup(content), SIZE);
    return HTTP_DONE;
}

/* It was cut after somebody had looked how long it is. */
static enum tm_http_result shorter(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    tm_http_reply_fd(x, 200, "text/plain", dup(content), SIZE + 1000);
    return HTTP_DONE;
}

static enum tm_http_result empty(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    tm_http_reply_fd(x, 200, "text/plain", dup(content), 0);
    return HTTP_DONE;
}

static atomic_int asked; /* for /tiny */

static enum tm_http_result tiny(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    atomic_fetch_add(&asked, 1);
    tm_http_reply_fd(x, 200, "text/plain", dup(content), 1);
    return HTTP_DONE;
}

static enum tm_http_result parked(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    if (tm_http_state(x) == NULL) {
        tm_http_set_state(x, &mark, no_release);
        atomic_store(&held, tm_http_wait_begin(x));
        return HTTP_WAIT;
    }
    reply_source(x, false);
    return HTTP_DONE;
}

static const struct tm_http_route routes[] = {
    {"/hello", HTTP_GET, hello},   {"/source", HTTP_GET, source},   {"/file", HTTP_GET, file},
    {"/broken", HTTP_GET, broken}, {"/shorter", HTTP_GET, shorter}, {"/empty", HTTP_GET, empty},
    {"/tiny", HTTP_GET, tiny},     {"/parked", HTTP_GET, parked}};

static struct tm_http_options options(void)
{
    struct tm_http_options o = options_for(routes, sizeof(routes) / sizeof(routes[0]));
    o.per_address_limit = 0;
    o.workers = 1;
    return o;
}

static int make_file(void **state)
{
    (void)state;
    struct source s = {0};
    struct tm_buf b = {0};
    while (produce(&s, &b) == 1)
        ;
    content = memfd_create("content", MFD_CLOEXEC);
    bool ok = content >= 0 && write(content, b.data, b.len) == (ssize_t)b.len;
    tm_buf_free(&b);
    return ok ? 0 : -1;
}

/* ---- the client's ---- */

static void check_content(const char *got, size_t len)
{
    assert_int_equal(len, SIZE);
    for (size_t i = 0; i < len; i++) {
        if (got[i] != byte_at(i))
            fail_msg("another byte at %zu", i);
    }
}

static void check_reply(int fd)
{
    struct tm_buf b = {0};
    assert_int_equal(raw_reply(fd, false, &b), 200);
    const char *body = raw_body(&b);
    check_content(body, b.len - (size_t)(body - (const char *)b.data));
    tm_buf_free(&b);
}

/* Takes little at a time, over a line of small packets, so that the server's socket holds little.
 */
static int slow_dial(const struct tm_http_server *s)
{
    int few = 4096;
    int mss = 1400;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((uint16_t)strtoul(strrchr(tm_http_server_address(s), ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &few, sizeof(few)), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof(mss)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* Until the peer closes; a reset is an end, too. */
static void read_all(int fd, struct tm_buf *out)
{
    char some[4096];
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, WITHIN_MS), 1);
        ssize_t n = read(fd, some, sizeof(some));
        if (n <= 0)
            return;
        tm_buf_append(out, some, (size_t)n);
    }
}

static void await_released(int want)
{
    for (int i = 0; i < WITHIN_MS / 10 && atomic_load(&released) < want; i++)
        nap(10);
    assert_int_equal(atomic_load(&released), want);
}

/* ---- tests ---- */

static void many_bodies_arrive_whole_on_one_connection(void **state)
{
    (void)state;
    struct tm_buf b = {0};
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    int fd = dial(s);
    for (int i = 0; i < 3; i++) {
        puts_to(fd, "GET /file HTTP/1.1\r\nHost: a\r\n\r\nGET /source HTTP/1.1\r\nHost: a\r\n\r\n"
                    "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        check_reply(fd);
        check_reply(fd);
        assert_int_equal(raw_reply(fd, false, &b), 200);
        assert_string_equal(raw_body(&b), "hello 127.0.0.1");
        puts_to(fd, "HEAD /file HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(raw_reply(fd, true, &b), 200);
        assert_non_null(strstr(tm_buf_str(&b), LENGTH));
        puts_to(fd, "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(raw_reply(fd, false, &b), 200);
        assert_string_equal(raw_body(&b), "");
    }
    puts_to(fd, "HEAD /source HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(raw_reply(fd, true, &b), 200);
    assert_null(strstr(tm_buf_str(&b), "chunked"));
    assert_true(raw_closed(fd)); /* and not a byte of a body */
    close(fd);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
    tm_buf_free(&b);
}

static void a_body_ends_with_the_connection_where_the_client_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        bool framed; /* by a length */
    } asks[] = {
        {"GET /source HTTP/1.0\r\n\r\n", false},
        {"GET /file HTTP/1.0\r\n\r\n", true},
        {"GET /file HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", true},
        {"GET /file HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true},
    };
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        struct tm_buf b = {0};
        int fd = dial(s);
        puts_to(fd, asks[i].request);
        read_all(fd, &b);
        assert_int_equal(strstr(tm_buf_str(&b), LENGTH) != NULL, asks[i].framed);
        assert_null(strstr(tm_buf_str(&b), "chunked"));
        const char *body = raw_body(&b);
        check_content(body, b.len - (size_t)(body - (const char *)b.data));
        close(fd);
        tm_buf_free(&b);
    }
    tm_http_server_free(s);
}

/* But for a body that only the connection's end can end. */
static void an_old_client_that_keeps_its_connection_has_it_kept(void **state)
{
    (void)state;
    static const char promise[] = "\r\nConnection: Keep-Alive\r\n";
    struct tm_buf b = {0};
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    int fd = dial(s);
    for (int i = 0; i < 2; i++) {
        puts_to(fd, "GET /file HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert_int_equal(raw_reply(fd, false, &b), 200);
        assert_non_null(strstr(tm_buf_str(&b), promise));
        const char *body = raw_body(&b);
        check_content(body, b.len - (size_t)(body - (const char *)b.data));
        puts_to(fd, "HEAD /file HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert_int_equal(raw_reply(fd, true, &b), 200);
        assert_non_null(strstr(tm_buf_str(&b), promise));
    }
    tm_buf_free(&b);
    puts_to(fd, "GET /source HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    read_all(fd, &b);
    assert_null(strstr(tm_buf_str(&b), promise));
    const char *body = raw_body(&b);
    check_content(body, b.len - (size_t)(body - (const char *)b.data));
    close(fd);
    tm_http_server_free(s);
    tm_buf_free(&b);
}

/* The connection is cut, so that nobody takes what came for all of it. */
static void what_cannot_be_made_is_not_taken_for_whole(void **state)
{
    (void)state;
    static const char *const paths[] = {"/broken", "/shorter"};
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    for (size_t i = 0; i < 2; i++) {
        struct tm_buf b = {0};
        int fd = dial(s);
        char request[64];
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", paths[i]);
        puts_to(fd, request);
        read_all(fd, &b);
        assert_true(b.len > SIZE / 4);
        assert_int_not_equal(memcmp(b.data + b.len - 5, "0\r\n\r\n", 5), 0);
        assert_true(b.len < SIZE + 1000);
        close(fd);
        tm_buf_free(&b);
    }
    tm_http_server_free(s);
}

static void bodies_arrive_over_tls(void **state)
{
    (void)state;
    struct tm_buf cert = {0}, key = {0};
    struct tm_http_options o = options();
    pki_tls(&cert, &key);
    o.tls_certificate = tm_buf_str(&cert);
    o.tls_key = tm_buf_str(&key);
    struct tm_http_server *s = start(&o);
    for (int i = 0; i < 4; i++) {
        char url[80];
        struct tm_err e = {0};
        struct tm_fetch_response r = {0};
        snprintf(url, sizeof(url), "https://%s/%s", tm_http_server_address(s),
                 i % 2 == 0 ? "file" : "source");
        const struct tm_fetch_request q = {
            .url = url, .ca_pem = tm_buf_str(&cert), .ca_only = true, .max_bytes = 2 * SIZE};
        assert_int_equal(tm_fetch_run(&q, &r, &e), 0);
        check_content((const char *)r.body.data, r.body.len);
        tm_fetch_response_free(&r);
    }
    tm_http_server_free(s);
    tm_buf_free(&cert);
    tm_buf_free(&key);
}

/* All wait with a body before them; then each gets it whole, and another reply. */
static void readers_that_wait_cost_little(void **state)
{
    (void)state;
    static const char *const paths[] = {"/file", "/source"};
    struct tm_http_options o = options();
    o.idle_timeout_ms = o.request_timeout_ms = (int64_t)120 * 1000;
    for (size_t p = 0; p < 2; p++) {
        static int fd[READERS];
        char request[64];
        struct tm_http_server *s = start(&o);
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", paths[p]);
        size_t before = allocated();
        for (size_t i = 0; i < READERS; i++) {
            fd[i] = slow_dial(s);
            puts_to(fd[i], request);
            char head[12];
            assert_int_equal(recv(fd[i], head, sizeof(head), MSG_PEEK | MSG_WAITALL), 12);
        }
        for (int i = 0; i < WITHIN_MS / 10 && tm_http_server_inflight(s) < READERS; i++)
            nap(10);
        nap(100); /* what their sockets take is sent */
        assert_int_equal(tm_http_server_inflight(s), READERS);
        size_t cost = (allocated() - before) / READERS;
        if (cost > COST_MAX)
            fail_msg("%zu bytes for each reader of %s that waits", cost, paths[p]);
        for (size_t i = 0; i < READERS; i++) {
            if (i == 0) { /* the others go away */
                int many = 1 << 20;
                (void)setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &many, sizeof(many));
                check_reply(fd[i]);
                struct tm_buf b = {0};
                puts_to(fd[i], "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
                assert_int_equal(raw_reply(fd[i], false, &b), 200);
                tm_buf_free(&b);
            }
            close(fd[i]);
        }
        for (int i = 0; i < WITHIN_MS / 10 && tm_http_server_inflight(s) > 0; i++)
            nap(10);
        assert_int_equal(tm_http_server_inflight(s), 0);
        tm_http_server_free(s);
    }
}

static void who_leaves_in_the_middle_leaves_nothing_behind(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    int before = atomic_load(&released);
    int fd[2] = {slow_dial(s), slow_dial(s)};
    for (int i = 0; i < 2; i++) {
        char head[12];
        puts_to(fd[i], "GET /source HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(recv(fd[i], head, sizeof(head), MSG_PEEK | MSG_WAITALL), 12);
    }
    close(fd[0]);
    await_released(before + 1);
    tm_http_server_stop(s, 10); /* the other is cut off */
    tm_http_server_free(s);
    assert_int_equal(atomic_load(&released), before + 2);
    close(fd[1]);
}

static void await_idle(const struct tm_http_server *s)
{
    for (int i = 0; i < WITHIN_MS / 10 && tm_http_server_inflight(s) > 0; i++)
        nap(10);
    assert_int_equal(tm_http_server_inflight(s), 0);
}

static void reset(int fd)
{
    struct linger now = {.l_onoff = 1};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(fd);
}

/* The request waits for something else meanwhile. */
static void who_resets_before_the_head_leaves_nothing_behind(void **state)
{
    (void)state;
    static const char *const asks[] = {
        "GET /parked HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /parked HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /parked HTTP/1.0\r\n\r\n",
    };
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        int before = atomic_load(&released);
        int fd = dial(s);
        puts_to(fd, asks[i]);
        for (int k = 0; k < WITHIN_MS / 10 && atomic_load(&held) == NULL; k++)
            nap(10);
        assert_non_null(atomic_load(&held));
        reset(fd);
        nap(50); /* the server may have heard of it, or not */
        tm_http_wake(atomic_exchange(&held, NULL));
        await_released(before + 1);
        await_idle(s);
    }
    tm_http_server_free(s);
}

#define PIPELINED 6000

/* Of so many requests on one connection that the replies to the last do not fit into any socket.
 * Nearly all of each reply is its head, so that is what waits for the client. */
static int leave_a_head_waiting(const struct tm_http_server *s)
{
    struct tm_buf all = {0};
    int fd = slow_dial(s);
    for (int i = 0; i < PIPELINED; i++)
        tm_buf_puts(&all, "GET /tiny HTTP/1.1\r\nHost: a\r\n\r\n");
    atomic_store(&asked, 0);
    puts_to(fd, tm_buf_str(&all));
    tm_buf_free(&all);
    for (int i = 0, last = -1; i < WITHIN_MS / 200 && atomic_load(&asked) != last; i++) {
        last = atomic_load(&asked);
        nap(200);
    }
    assert_in_range(atomic_load(&asked), 1, PIPELINED - 1);
    assert_int_equal(tm_http_server_inflight(s), 1);
    return fd;
}

static void whatever_ends_a_head_that_waits_leaves_nothing_behind(void **state)
{
    (void)state;
    enum { BY_RESET, BY_TIME, BY_STOP, WAYS };
    for (int way = 0; way < WAYS; way++) {
        struct tm_http_options o = options();
        o.idle_timeout_ms = way == BY_TIME ? 1500 : (int64_t)120 * 1000;
        o.request_timeout_ms = (int64_t)120 * 1000;
        struct tm_http_server *s = start(&o);
        int fd = leave_a_head_waiting(s);
        if (way == BY_RESET)
            reset(fd);
        if (way != BY_STOP)
            await_idle(s);
        tm_http_server_stop(s, 10);
        assert_int_equal(tm_http_server_inflight(s), 0);
        tm_http_server_free(s);
        if (way != BY_RESET)
            close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_bodies_arrive_whole_on_one_connection),
        cmocka_unit_test(a_body_ends_with_the_connection_where_the_client_says_so),
        cmocka_unit_test(an_old_client_that_keeps_its_connection_has_it_kept),
        cmocka_unit_test(what_cannot_be_made_is_not_taken_for_whole),
        cmocka_unit_test(bodies_arrive_over_tls),
        cmocka_unit_test(readers_that_wait_cost_little),
        cmocka_unit_test(who_leaves_in_the_middle_leaves_nothing_behind),
        cmocka_unit_test(who_resets_before_the_head_leaves_nothing_behind),
        cmocka_unit_test(whatever_ends_a_head_that_waits_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, make_file, NULL);
}

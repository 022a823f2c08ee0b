/* HTTP/2: the same answers as over HTTP/1, many streams at once, the same limits, and an end of the
 * connection that loses no request. */
#include "common/http/internal.h"

#include "tests/unit/http_case.h"

#include <nghttp2/nghttp2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http/calm.h"
#include "common/http/fields.h"
#include "common/http/h2.h"
#include "tests/support/h2flood.h"
#include "tests/support/rawh2.h"

#define NOTHING "", NULL, 0

static atomic_uint shed[HTTP_SHED_COUNT];

static void on_shed(void *ctx, enum tm_http_shed why)
{
    (void)ctx;
    atomic_fetch_add(&shed[why], 1);
}

static enum tm_http_result question(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    const char *a = tm_http_query(x, "a");
    const char *b = tm_http_query(x, "b");
    say(x, 200, a == NULL ? "none" : a);
    tm_http_reply_header(x, "X-B", b != NULL ? b : "none");
    return HTTP_DONE;
}

/* Waiters of /park, so many at once. */
#define PARK_MAX 128
static pthread_mutex_t park_lock = PTHREAD_MUTEX_INITIALIZER;
static void *parked[PARK_MAX];
static size_t parked_count;
static atomic_int park_states;

static void park_release(void *state)
{
    (void)state;
    atomic_fetch_sub(&park_states, 1);
}

static enum tm_http_result park(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    if (tm_http_state(x) != NULL) {
        say(x, tm_http_wait_expired(x) ? 504 : 200, "parked");
        return HTTP_DONE;
    }
    atomic_fetch_add(&park_states, 1);
    tm_http_set_state(x, &park_states, park_release);
    pthread_mutex_lock(&park_lock);
    if (parked_count == PARK_MAX)
        abort();
    parked[parked_count++] = tm_http_wait_begin(x);
    pthread_mutex_unlock(&park_lock);
    return HTTP_WAIT;
}

static size_t parked_now(void)
{
    pthread_mutex_lock(&park_lock);
    size_t n = parked_count;
    pthread_mutex_unlock(&park_lock);
    return n;
}

static void wake_all(void)
{
    pthread_mutex_lock(&park_lock);
    while (parked_count > 0)
        tm_http_wake(parked[--parked_count]);
    pthread_mutex_unlock(&park_lock);
}

static enum tm_http_result call(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    struct tm_buf b = {0};
    tm_buf_append(&b, tm_http_body(x)->data, tm_http_body(x)->len);
    tm_http_reply(x, 200, "application/grpc", &b);
    tm_http_reply_trailer(x, "Grpc-Status", "0");
    return HTTP_DONE;
}

static int produce(void *ctx, struct tm_buf *out)
{
    int *left = ctx;
    if (*left == 0)
        return 0;
    for (int i = 0; i < 10000; i++)
        buf_putc(out, (unsigned char)('a' + *left % 26));
    --*left;
    return 1;
}

static enum tm_http_result pieces(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    int *left = malloc(sizeof(*left));
    assert_non_null(left);
    *left = 30;
    const struct tm_http_source source = {.produce = produce, .release = free, .ctx = left};
    tm_http_reply_stream(x, 200, "text/plain", &source);
    return HTTP_DONE;
}

/* A source that never has anything. */
static int produce_nothing(void *ctx, struct tm_buf *out)
{
    (void)ctx;
    (void)out;
    return HTTP_NOTHING_YET;
}

static enum tm_http_result watch(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    const struct tm_http_source source = {.produce = produce_nothing};
    tm_http_reply_stream(x, 200, "application/grpc", &source);
    tm_http_reply_trailer(x, "grpc-status", "14");
    return HTTP_DONE;
}

static const struct tm_http_route routes[] = {
    {"/echo", HTTP_POST, echo},   {"/hello", HTTP_GET, hello}, {"/question", HTTP_GET, question},
    {"/park", HTTP_GET, park},    {"/call", HTTP_GRPC, call},  {"/pieces", HTTP_GET, pieces},
    {"/watch", HTTP_GRPC, watch},
};

static struct tm_http_options options(void)
{
    struct tm_http_options o = options_for(routes, sizeof(routes) / sizeof(routes[0]));
    o.shed = on_shed;
    return o;
}

static void open_on(struct rawh2 *h, const struct tm_http_server *s)
{
    rawh2_open(h, tm_http_server_address(s));
}

static unsigned status_of(struct rawh2 *h, const char *method, const char *path,
                          const char *headers, const char *body)
{
    struct rawh2_reply *r =
        rawh2_ask(h, method, path, headers, body, body != NULL ? strlen(body) : 0);
    assert_true(rawh2_wait(h, r));
    return r->status;
}

/* ---- what is answered ---- */

static void has_lines(const char *one, const char *name, struct tm_buf *other)
{
    char line[128];
    const char *at = strcasestr(one, name);
    const char *with = strcasestr(tm_buf_str(other), name);
    snprintf(line, sizeof(line), "%s", at != NULL ? at : "");
    line[strcspn(line, "\r\n")] = '\0';
    assert_int_equal(at != NULL, with != NULL);
    assert_true(at == NULL || strncasecmp(with, line, strlen(line)) == 0);
}

static void both_versions_answer_alike(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *header, *body;
    } cases[] = {
        {"GET", "/hello", "", NULL},
        {"HEAD", "/hello", "", NULL},
        {"POST", "/echo", "", "four"},
        {"POST", "/echo", "", ""},
        {"GET", "/question?a=1%202+3&b=%41", "", NULL},
        {"GET", "/question?a=%00&b", "", NULL},
        {"GET", "/qu%65stion?b=x", "", NULL},
        {"GET", "/nowhere", "", NULL},
        {"PUT", "/hello", "", "x"},
        {"POST", "/hello", "", "x"},
        {"OPTIONS", "/hello", "", NULL},
        {"OPTIONS", "/hello", "origin: https://example.com\n", NULL},
        {"POST", "/echo", "content-type: application/x-www-form-urlencoded\n", "a=b"},
        {"GET", "/pieces", "", NULL},
    };
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    struct rawh2 h;
    struct tm_buf old = {0};
    open_on(&h, s);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *body = cases[i].body;
        struct tm_buf text = {0};
        tm_buf_printf(&text, "%s %s HTTP/1.1\r\nHost: localhost\r\n", cases[i].method,
                      cases[i].path);
        if (cases[i].header[0] != '\0')
            tm_buf_printf(&text, "%.*s\r\n", (int)strlen(cases[i].header) - 1, cases[i].header);
        if (body != NULL)
            tm_buf_printf(&text, "Content-Length: %zu\r\n", strlen(body));
        tm_buf_printf(&text, "\r\n%s", body != NULL ? body : "");
        int fd = dial(s);
        puts_to(fd, tm_buf_str(&text));
        int status = raw_reply(fd, strcmp(cases[i].method, "HEAD") == 0, &old);
        struct rawh2_reply *r = rawh2_ask(&h, cases[i].method, cases[i].path, cases[i].header, body,
                                          body != NULL ? strlen(body) : 0);
        assert_true(rawh2_wait(&h, r));
        assert_int_equal(r->status, status);
        if (strcmp(cases[i].path, "/pieces") != 0) {
            assert_string_equal(tm_buf_str(&r->body), raw_body(&old));
            has_lines(tm_buf_str(&old), "content-length: ", &r->head);
        } else {
            assert_int_equal(r->body.len, 300000);
        }
        static const char *const names[] = {
            "content-type: ", "x-b: ", "allow: ", "access-control-allow-origin: ",
            "access-control-allow-methods: "};
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
            has_lines(tm_buf_str(&old), names[n], &r->head);
        assert_non_null(strstr(tm_buf_str(&r->head), "date: "));
        close(fd);
        tm_buf_free(&text);
    }
    assert_false(h.over);
    tm_buf_free(&old);
    rawh2_close(&h);
    tm_http_server_free(s);
}

static void rows_of_grpc_are_for_its_content_type_alone(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    struct rawh2 h;
    open_on(&h, s);
    struct rawh2_reply *r =
        rawh2_ask(&h, "POST", "/call", "content-type: application/grpc+proto\n", "abc", 3);
    assert_true(rawh2_wait(&h, r));
    assert_int_equal(r->status, 200);
    assert_string_equal(tm_buf_str(&r->body), "abc");
    assert_string_equal(tm_buf_str(&r->trailers), "grpc-status: 0\n");
    assert_null(strstr(tm_buf_str(&r->head), "grpc-status"));
    r = rawh2_ask(&h, "POST", "/call", "content-type: application/grpc\n", "", 0);
    assert_true(rawh2_wait(&h, r)); /* nothing in the body: one block of fields says all */
    assert_non_null(strstr(tm_buf_str(&r->head), "grpc-status: 0"));
    assert_int_equal(status_of(&h, "POST", "/call", "content-type: application/grpcx\n", "a"), 404);
    assert_int_equal(status_of(&h, "POST", "/call", "", "a"), 404);
    assert_int_equal(status_of(&h, "POST", "/echo", "content-type: application/grpc\n", "a"), 404);
    struct tm_buf old = {0};
    assert_int_equal(raw_post(tm_http_server_address(s), "/call",
                              "Content-Type: application/grpc\r\n", "abc", &old),
                     404);
    tm_buf_free(&old);
    rawh2_close(&h);
    tm_http_server_free(s);
}

static void malformed_requests_get_400_and_the_others_go_on(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    struct rawh2 h;
    struct tm_buf long_field = {0};
    tm_buf_puts(&long_field, "x-long: ");
    for (size_t i = 0; i < HTTP_HEAD_MAX; i++)
        buf_putc(&long_field, 'v');
    tm_buf_puts(&long_field, "\n");
    open_on(&h, s);
    assert_int_equal(status_of(&h, "GET", "/hello", "", "a body"), 400);
    assert_int_equal(status_of(&h, "GET", "/hello", "host: elsewhere\n", NULL), 400);
    assert_int_equal(status_of(&h, "GET", "hello", "", NULL), 0); /* nghttp2 resets it */
    assert_int_equal(status_of(&h, "GET", "/he\\llo", "", NULL), 400);
    assert_int_equal(status_of(&h, "GET", "/hello", tm_buf_str(&long_field), NULL), 400);
    assert_int_equal(status_of(&h, "GET", "/hello", "host: localhost\n", NULL), 200);
    tm_buf_free(&long_field);
    rawh2_close(&h);
    tm_http_server_free(s);
}

static void a_body_over_the_limit_is_refused_and_read_to_its_end(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    struct rawh2 h;
    char *big = calloc(1, 3000000);
    assert_non_null(big);
    open_on(&h, s);
    struct rawh2_reply *r = rawh2_ask(&h, "POST", "/echo", "", big, 3000000);
    assert_true(rawh2_wait(&h, r));
    assert_int_equal(r->status, 413);
    assert_int_equal(r->error, NGHTTP2_NO_ERROR);
    r = rawh2_ask(&h, "POST", "/echo", "content-length: 3000000\n", big, 3000000);
    assert_true(rawh2_wait(&h, r));
    assert_int_equal(r->status, 413);
    r = rawh2_ask(&h, "POST", "/echo", "", big, o.max_body);
    assert_true(rawh2_wait(&h, r));
    assert_int_equal(r->status, 200);
    free(big);
    rawh2_close(&h);
    tm_http_server_free(s);
}

/* ---- many at once ---- */

static void a_hundred_streams_wait_side_by_side(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    struct rawh2 h;
    open_on(&h, s);
    for (int i = 0; i < 100; i++)
        (void)rawh2_ask(&h, "GET", "/park", NOTHING);
    for (int i = 0; i < 200 && parked_now() < 99; i++)
        rawh2_run(&h, 50);
    assert_int_equal(parked_now(), 100);
    assert_int_equal(tm_http_server_inflight(s), 100);
    wake_all();
    for (size_t i = 0; i < 100; i++) {
        assert_true(rawh2_wait(&h, &h.reply[i]));
        assert_int_equal(h.reply[i].status, 200);
    }
    assert_int_equal(status_of(&h, "GET", "/hello", "", NULL), 200);
    rawh2_close(&h);
    tm_http_server_free(s);
    assert_int_equal(atomic_load(&park_states), 0);
}

static void a_stream_counts_as_a_connection_of_its_client(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    o.per_address_limit = 11; /* the connection, and ten streams */
    struct tm_http_server *s = start(&o);
    struct rawh2 h;
    unsigned before = atomic_load(&shed[HTTP_SHED_ADDRESS]);
    open_on(&h, s);
    for (int i = 0; i < 10; i++)
        (void)rawh2_ask(&h, "GET", "/park", NOTHING);
    for (int i = 0; i < 200 && parked_now() < 10; i++)
        rawh2_run(&h, 50);
    assert_int_equal(parked_now(), 10);
    assert_int_equal(status_of(&h, "GET", "/hello", "", NULL), 503);
    assert_int_equal(atomic_load(&shed[HTTP_SHED_ADDRESS]), before + 1);
    wake_all();
    for (size_t i = 0; i < 10; i++)
        assert_true(rawh2_wait(&h, &h.reply[i]));
    assert_int_equal(status_of(&h, "GET", "/hello", "", NULL), 200);
    rawh2_close(&h);
    tm_http_server_free(s);
}

static void a_reset_stream_keeps_its_place_until_its_handler_is_woken(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    struct rawh2 h;
    open_on(&h, s);
    struct rawh2_reply *r = rawh2_ask(&h, "GET", "/park", NOTHING);
    for (int i = 0; i < 200 && parked_now() < 1; i++)
        rawh2_run(&h, 50);
    assert_int_equal(nghttp2_submit_rst_stream(h.session, 0, r->id, NGHTTP2_CANCEL), 0);
    assert_int_equal(status_of(&h, "GET", "/hello", "", NULL), 200);
    assert_int_equal(tm_http_server_inflight(s), 1);
    assert_int_equal(atomic_load(&park_states), 1);
    rawh2_close(&h); /* nor does the connection's end set it free */
    wake_all();
    for (int i = 0; i < 400 && tm_http_server_inflight(s) > 0; i++)
        nap(25);
    assert_int_equal(tm_http_server_inflight(s), 0);
    assert_int_equal(atomic_load(&park_states), 0);
    tm_http_server_free(s);
}

static void handlers_that_nobody_wakes_end_with_their_time(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    o.wait_timeout_ms = 300;
    struct tm_http_server *s = start(&o);
    struct rawh2 h;
    open_on(&h, s);
    assert_int_equal(status_of(&h, "GET", "/park", "", NULL), 504);
    wake_all();
    rawh2_close(&h);
    tm_http_server_free(s);
}

/* ---- time ---- */

static void a_connection_without_streams_is_told_goodbye_whatever_it_pings(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    o.idle_timeout_ms = 1000;
    struct tm_http_server *s = start(&o);
    struct rawh2 h;
    open_on(&h, s);
    assert_int_equal(status_of(&h, "GET", "/hello", "", NULL), 200);
    for (int i = 0; i < 200 && !h.over; i++) {
        (void)nghttp2_submit_ping(h.session, NGHTTP2_FLAG_NONE, NULL);
        rawh2_run(&h, 100);
    }
    assert_true(h.over && h.goaway);
    assert_int_equal(h.why, NGHTTP2_NO_ERROR);
    assert_int_equal(h.last_id, 1);
    rawh2_close(&h);
    tm_http_server_free(s);
}

static void a_slow_body_is_cut_and_the_other_streams_live(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    o.request_timeout_ms = 500;
    struct tm_http_server *s = start(&o);
    struct tm_buf b = {0};
    int fd = dial(s);
    assert_int_equal(rawh2_preface(fd), 0);
    rawh2_block("POST", "/echo", &b);
    assert_int_equal(rawh2_frame(fd, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, b.data, b.len),
                     0);
    /* Its reset comes: 4 bytes for stream 1. */
    unsigned char seen[4096];
    size_t n = 0;
    bool cut = false;
    int64_t until = tm_clock_mono_ms() + 10000;
    while (!cut && tm_clock_mono_ms() < until) {
        (void)rawh2_frame(fd, NGHTTP2_DATA, 0, 1, "x", 1);
        ssize_t got = recv(fd, seen + n, sizeof(seen) - n, MSG_DONTWAIT);
        n += got > 0 ? (size_t)got : 0;
        cut = memmem(seen, n, "\0\0\4\3\0\0\0\0\1", 9) != NULL;
        nap(20);
    }
    assert_true(cut);
    tm_buf_reset(&b);
    rawh2_block("GET", "/hello", &b);
    assert_int_equal(rawh2_frame(fd, NGHTTP2_HEADERS,
                                 NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 3, b.data,
                                 b.len),
                     0);
    bool answered = false;
    for (until = tm_clock_mono_ms() + 10000; !answered && tm_clock_mono_ms() < until; nap(20)) {
        ssize_t got = recv(fd, seen + n, sizeof(seen) - n, MSG_DONTWAIT);
        n += got > 0 ? (size_t)got : 0;
        answered = memmem(seen, n, "hello 127", 9) != NULL;
    }
    assert_true(answered);
    tm_buf_free(&b);
    close(fd);
    tm_http_server_free(s);
}

static void a_head_that_does_not_end_is_cut(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    o.header_timeout_ms = 300;
    struct tm_http_server *s = start(&o);
    int fd = dial(s);
    assert_int_equal(rawh2_preface(fd), 0);
    int64_t t0 = tm_clock_mono_ms();
    assert_int_equal(rawh2_frame(fd, NGHTTP2_HEADERS, 0, 1, "\x82", 1), 0);
    char dropped[512];
    while (recv(fd, dropped, sizeof(dropped), 0) > 0 && tm_clock_mono_ms() - t0 < 10000)
        ;
    assert_true(tm_clock_mono_ms() - t0 < 10000);
    close(fd);
    tm_http_server_free(s);
}

/* ---- the server's end ---- */

static void *stop_it(void *s)
{
    tm_http_server_stop(s, 20000);
    return NULL;
}

static void nothing_is_lost_when_the_server_stops(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    struct rawh2 h;
    pthread_t stopper;
    open_on(&h, s);
    struct rawh2_reply *waits = rawh2_ask(&h, "GET", "/park", NOTHING);
    struct rawh2_reply *watches =
        rawh2_ask(&h, "POST", "/watch", "content-type: application/grpc\n", "", 0);
    for (int i = 0; i < 200 && (parked_now() < 1 || watches->status == 0); i++)
        rawh2_run(&h, 50);
    assert_int_equal(pthread_create(&stopper, NULL, stop_it, s), 0);
    /* One that was on its way when the notice came is served. */
    for (int i = 0; i < 200 && !h.goaway; i++)
        (void)rawh2_ask(&h, "GET", "/hello", NOTHING), rawh2_run(&h, 10);
    assert_true(h.goaway);
    assert_int_equal(h.why, NGHTTP2_NO_ERROR);
    rawh2_run(&h, 300);
    wake_all();
    assert_true(rawh2_wait(&h, waits));
    assert_int_equal(waits->status, 200);
    assert_true(rawh2_wait(&h, watches));
    assert_string_equal(tm_buf_str(&watches->trailers), "grpc-status: 14\n");
    for (int i = 0; i < 200 && !h.over; i++)
        rawh2_run(&h, 50);
    assert_true(h.over);
    for (size_t i = 2; i < h.count; i++) {
        const struct rawh2_reply *r = &h.reply[i];
        /* Each was answered, or is known not to have been begun. */
        assert_true(r->id < 0 || r->id > h.last_id || (r->closed && r->status == 200));
    }
    rawh2_close(&h);
    pthread_join(stopper, NULL);
    tm_http_server_free(s);
}

/* ---- floods ---- */

static void floods_end_the_connection_and_no_other(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    struct rawh2 h;
    open_on(&h, s);
    for (const struct h2flood_kind *k = h2flood_kinds; k->name != NULL; k++) {
        if (!k->answered)
            assert_true(h2flood(tm_http_server_address(s), k, "/echo", 100000, 20000) < 100000);
        assert_int_equal(status_of(&h, "GET", "/hello", "", NULL), 200);
    }
    assert_true(atomic_load(&shed[HTTP_SHED_FLOOD]) >= 7); /* continuations nghttp2 itself ends */
    rawh2_close(&h);
    tm_http_server_free(s);
}

static void a_client_that_opens_no_window_gets_nothing_and_is_cut(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    o.request_timeout_ms = 500;
    struct tm_http_server *s = start(&o);
    struct tm_buf b = {0};
    unsigned char seen[4096];
    size_t n = 0;
    int fd = dial(s);
    assert_int_equal(raw_put(fd, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN), 0);
    assert_int_equal(rawh2_frame(fd, NGHTTP2_SETTINGS, 0, 0, "\0\4\0\0\0\0", 6), 0);
    rawh2_block("GET", "/pieces", &b);
    assert_int_equal(rawh2_frame(fd, NGHTTP2_HEADERS,
                                 NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, b.data,
                                 b.len),
                     0);
    bool cut = false;
    for (int64_t until = tm_clock_mono_ms() + 10000; !cut && tm_clock_mono_ms() < until; nap(20)) {
        ssize_t got = recv(fd, seen + n, sizeof(seen) - n, MSG_DONTWAIT);
        n += got > 0 ? (size_t)got : 0;
        cut = memmem(seen, n, "\0\0\4\3\0\0\0\0\1", 9) != NULL;
    }
    assert_true(cut);
    tm_buf_free(&b);
    close(fd);
    tm_http_server_free(s);
}

/* ---- heads that are made to cost ---- */

#define LAST (NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM)

/* What a server said on one socket. */
struct heard {
    int fd;
    unsigned char seen[65536];
    size_t n;
};

/* Of frames of `type`, on one stream or (0) on any. */
static size_t count_frames(const struct heard *h, unsigned type, uint32_t stream)
{
    size_t count = 0;
    for (size_t at = 0; at + 9 <= h->n;) {
        const unsigned char *f = h->seen + at;
        uint32_t id = (uint32_t)f[5] << 24 | (uint32_t)f[6] << 16 | (uint32_t)f[7] << 8 | f[8];
        count += f[3] == type && (stream == 0 || id == stream);
        at += 9 + ((size_t)f[0] << 16 | (size_t)f[1] << 8 | f[2]);
    }
    return count;
}

/* Until so many of them came; false: not in 10 s. */
static bool hear(struct heard *h, unsigned type, uint32_t stream, size_t count)
{
    for (int64_t until = tm_clock_mono_ms() + 10000; tm_clock_mono_ms() < until; nap(10)) {
        ssize_t got = recv(h->fd, h->seen + h->n, sizeof(h->seen) - h->n, MSG_DONTWAIT);
        h->n += got > 0 ? (size_t)got : 0;
        if (count_frames(h, type, stream) >= count)
            return true;
    }
    return false;
}

static void request_on(const struct heard *h, uint32_t stream, const char *path, const void *more,
                       size_t len)
{
    struct tm_buf b = {0};
    rawh2_block("GET", path, &b);
    tm_buf_append(&b, more, len);
    assert_int_equal(rawh2_frame(h->fd, NGHTTP2_HEADERS, LAST, stream, b.data, b.len), 0);
    tm_buf_free(&b);
}

/* Their answers would be kept while the client reads nothing. */
static void few_streams_beyond_a_limit_are_kept_to_be_answered(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    o.per_address_limit = 1; /* the connection */
    struct tm_http_server *s = start(&o);
    struct heard h = {.fd = dial(s)};
    assert_int_equal(raw_put(h.fd, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN), 0);
    assert_int_equal(rawh2_frame(h.fd, NGHTTP2_SETTINGS, 0, 0, "\0\4\0\0\0\0", 6), 0);
    for (uint32_t i = 0; i < 20; i++)
        request_on(&h, 2 * i + 1, "/hello", "", 0);
    assert_true(hear(&h, NGHTTP2_RST_STREAM, 0, 20 - HTTP_H2_TURNED_AWAY));
    assert_true(hear(&h, NGHTTP2_HEADERS, 0, HTTP_H2_TURNED_AWAY));
    assert_int_equal(count_frames(&h, NGHTTP2_RST_STREAM, 0), 20 - HTTP_H2_TURNED_AWAY);
    close(h.fd);
    tm_http_server_free(s);
}

/* One byte of a block stands for a field of 4 KiB. */
static void a_head_of_many_references_is_reset(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    struct heard h = {.fd = dial(s)};
    struct tm_buf field = {0};
    unsigned char newest[16000];
    assert_int_equal(rawh2_preface(h.fd), 0);
    tm_buf_append(&field, "\x40\3x-a\x7f\xef\x1d", 8); /* to be indexed; 127 + 3,823 bytes */
    for (int i = 0; i < 3950; i++)
        tm_buf_append(&field, "v", 1);
    request_on(&h, 1, "/hello", field.data, field.len);
    assert_true(hear(&h, NGHTTP2_DATA, 1, 1));
    memset(newest, 0xbe, sizeof(newest));
    request_on(&h, 3, "/hello", newest, sizeof(newest));
    request_on(&h, 5, "/hello", "", 0);
    assert_true(hear(&h, NGHTTP2_RST_STREAM, 3, 1));
    assert_true(hear(&h, NGHTTP2_DATA, 5, 1));
    tm_buf_free(&field);
    close(h.fd);
    tm_http_server_free(s);
}

static void a_malformed_head_ends_its_stream_alone(void **state)
{
    (void)state;
    struct tm_http_options o = options();
    o.header_timeout_ms = 300;
    struct tm_http_server *s = start(&o);
    struct heard h = {.fd = dial(s)};
    assert_int_equal(rawh2_preface(h.fd), 0);
    request_on(&h, 1, "/park", "", 0);
    for (int i = 0; i < 400 && parked_now() < 1; i++)
        nap(25);
    request_on(&h, 3, "/hello", "\0\3X-A\1v", 7); /* names are in lower case */
    assert_true(hear(&h, NGHTTP2_RST_STREAM, 3, 1));
    nap(1500);
    wake_all();
    assert_true(hear(&h, NGHTTP2_DATA, 1, 1));
    close(h.fd);
    tm_http_server_free(s);
}

/* ---- the account ---- */

static void the_account_is_paid_back_by_time_answers_and_bytes(void **state)
{
    (void)state;
    struct tm_http_calm c = {0};
    for (int i = 0; i < HTTP_CALM_BURST; i++)
        assert_true(tm_http_calm_spend(&c, 1, 0));
    assert_false(tm_http_calm_spend(&c, 1, 0));
    assert_true(tm_http_calm_spend(&c, HTTP_CALM_PER_SECOND - 1, 1000));
    assert_false(tm_http_calm_spend(&c, 1, 1049)); /* not yet a frame's time */
    tm_http_calm_answered(&c);
    assert_true(tm_http_calm_spend(&c, HTTP_CALM_ANSWER - 1, 1049));
    assert_false(tm_http_calm_spend(&c, 1, 1049));
    tm_http_calm_sent(&c, HTTP_CALM_SENT - 1);
    assert_false(tm_http_calm_spend(&c, 0, 1049));
    tm_http_calm_sent(&c, 1);
    assert_true(tm_http_calm_spend(&c, 0, 1049));
    struct tm_http_calm fresh = {0};
    tm_http_calm_answered(&fresh); /* nothing is saved up */
    assert_false(tm_http_calm_spend(&fresh, HTTP_CALM_BURST + 1, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_versions_answer_alike),
        cmocka_unit_test(rows_of_grpc_are_for_its_content_type_alone),
        cmocka_unit_test(malformed_requests_get_400_and_the_others_go_on),
        cmocka_unit_test(a_body_over_the_limit_is_refused_and_read_to_its_end),
        cmocka_unit_test(a_hundred_streams_wait_side_by_side),
        cmocka_unit_test(a_stream_counts_as_a_connection_of_its_client),
        cmocka_unit_test(a_reset_stream_keeps_its_place_until_its_handler_is_woken),
        cmocka_unit_test(handlers_that_nobody_wakes_end_with_their_time),
        cmocka_unit_test(a_connection_without_streams_is_told_goodbye_whatever_it_pings),
        cmocka_unit_test(a_slow_body_is_cut_and_the_other_streams_live),
        cmocka_unit_test(a_head_that_does_not_end_is_cut),
        cmocka_unit_test(nothing_is_lost_when_the_server_stops),
        cmocka_unit_test(floods_end_the_connection_and_no_other),
        cmocka_unit_test(few_streams_beyond_a_limit_are_kept_to_be_answered),
        cmocka_unit_test(a_head_of_many_references_is_reset),
        cmocka_unit_test(a_malformed_head_ends_its_stream_alone),
        cmocka_unit_test(a_client_that_opens_no_window_gets_nothing_and_is_cut),
        cmocka_unit_test(the_account_is_paid_back_by_time_answers_and_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

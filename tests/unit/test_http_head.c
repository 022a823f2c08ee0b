/* Heads of requests and chunked bodies, as bytes: what is read, and what is refused. */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/http/chunk.h"
#include "common/http/head.h"

/* 0 and `h` set; -1: refused. `copy` is what h points into. */
static int read_head(const char *text, size_t len, char **copy, struct tm_http_head *h)
{
    size_t scanned = 0;
    size_t end = 0;
    *copy = malloc(len + 1);
    assert_non_null(*copy);
    memcpy(*copy, text, len);
    if (tm_http_head_find(*copy, len, &scanned, &end) != HEAD_WHOLE || end != len)
        return -1;
    return tm_http_head_check(*copy, len, h);
}

#define HEAD(text) text, sizeof(text) - 1

static void a_head_is_taken_apart(void **state)
{
    (void)state;
    struct tm_http_head h;
    char *copy = NULL;
    assert_int_equal(read_head(HEAD("POST /a/b?c=d&e HTTP/1.1\r\nHost: x:80\r\nA: \t b c \t\r\n"
                                    "content-LENGTH: 12\r\nExpect: 100-Continue\r\nB:\r\n\r\n"),
                               &copy, &h),
                     0);
    assert_string_equal(h.method, "POST");
    assert_int_equal(h.minor, 1);
    assert_int_equal(h.length, 12);
    assert_false(h.chunked);
    assert_true(h.expects);
    assert_int_equal(h.origin_len, 0);
    free(copy);
}

/* The origin of an absolute target is cut off before anybody else reads the head. */
static void an_origin_is_found_where_it_stands(void **state)
{
    (void)state;
    struct tm_http_head h;
    char *copy = NULL;
    assert_int_equal(read_head(HEAD("GET http://x:1/a?b HTTP/1.1\r\nHost: X:1\r\n\r\n"), &copy, &h),
                     0);
    assert_int_equal(h.origin, 4);
    assert_int_equal(h.origin_len, strlen("http://x:1"));
    free(copy);
}

static void every_plain_form_is_served(void **state)
{
    (void)state;
    static const char *const good[] = {
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 0\r\n\r\n",
        "GET http://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET https://X:443/healthz?a HTTP/1.1\r\nHost: x:443\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX: \xc3\xa4\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct tm_http_head h;
        char *copy = NULL;
        if (read_head(good[i], strlen(good[i]), &copy, &h) != 0)
            fail_msg("%s", good[i]);
        free(copy);
    }
}

static void whatever_two_readers_could_take_differently_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
    } bad[] = {
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\0 6\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\0\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5abc\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 010\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5 \r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\t\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked \r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551621\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: "
              "chunked\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n\r\n")},
        {HEAD("POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
              "Transfer-Encoding: chunked\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\n Content-Length: 5\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\n Host: x\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\nContent-Length: 5\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nA: b\rContent-Length: 5\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nA: b\x01\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nExpect: foo\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nExpect:\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nExpect: foo\r\nExpect: 100-continue\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nExpect: foo\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
              "Expect: 100-continue\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nConnection: close, Content-Length\r\n\r\n")},
        {HEAD("POST / HTTP/1.1\r\nHost: x\r\nConnection: transfer-encoding\r\n\r\n")},
        {HEAD("GET / HTTP/1.1\r\n\r\n")},
        {HEAD("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n")},
        {HEAD("GET / HTTP/1.1\r\nHost: x, y\r\n\r\n")},
        {HEAD("GET / HTTP/1.1\r\nHost: x/y\r\n\r\n")},
        {HEAD("GET / HTTP/1.1\r\nHost: a@x\r\n\r\n")},
        {HEAD("GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n")},
        {HEAD("GET http://x HTTP/1.1\r\nHost: x\r\n\r\n")},
        {HEAD("GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n")},
        {HEAD("GET healthz HTTP/1.1\r\nHost: x\r\n\r\n")},
        {HEAD("CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n")},
        {HEAD("GET /#a HTTP/1.1\r\nHost: x\r\n\r\n")},
        {HEAD("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n")},
        {HEAD("GET  / HTTP/1.1\r\nHost: x\r\n\r\n")},
        {HEAD("GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n")},
        {HEAD("GET / HTTP/1.1 \r\nHost: x\r\n\r\n")},
        {HEAD("GET / HTTP/1.2\r\nHost: x\r\n\r\n")},
        {HEAD("GET / HTTP/2.0\r\nHost: x\r\n\r\n")},
        {HEAD("GET / http/1.1\r\nHost: x\r\n\r\n")},
        {HEAD("GET /\r\n\r\n")},
        {HEAD("G@T / HTTP/1.1\r\nHost: x\r\n\r\n")},
        {HEAD("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")},
        {HEAD("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")},
        {HEAD("HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n")},
        {HEAD("\x16\x03\x01\x02\x00\r\n\r\n")},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tm_http_head h;
        char *copy = NULL;
        if (read_head(bad[i].text, bad[i].len, &copy, &h) == 0)
            fail_msg("served: %s", bad[i].text);
        free(copy);
    }
}

/* libmicrohttpd keeps each argument, and has a page of its own when it cannot. */
static void a_head_has_few_arguments(void **state)
{
    (void)state;
    for (int n = HTTP_ARGUMENTS_MAX; n <= HTTP_ARGUMENTS_MAX + 1; n++) {
        struct tm_http_head h;
        char *copy = NULL;
        struct tm_buf b = {0};
        tm_buf_puts(&b, "GET /?a=b");
        for (int i = 1; i < n; i++)
            tm_buf_puts(&b, "&a");
        tm_buf_puts(&b, " HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(read_head(tm_buf_str(&b), b.len, &copy, &h),
                         n == HTTP_ARGUMENTS_MAX ? 0 : -1);
        free(copy);
        tm_buf_free(&b);
    }
}

static void a_head_goes_on_without_origin_blanks_cookies_and_expect(void **state)
{
    (void)state;
    static const char came[] = "POST http://x/a?b HTTP/1.1\r\nCookie: a=\"\r\nHost: x \t\r\n"
                               "A:\t b  c\t \r\ncookie:\r\nEXPECT: 100-continue \r\n"
                               "Cookies: d\r\nB: \r\nCOOKIE: e\r\n\r\n";
    static const char goes[] = "POST /a?b HTTP/1.1\r\nHost: x\r\nA:\t b  c\r\n"
                               "Cookies: d\r\nB:\r\n\r\n";
    struct tm_http_head h;
    char *copy = NULL;
    char text[sizeof(came)];
    assert_int_equal(read_head(HEAD(came), &copy, &h), 0);
    memcpy(text, came, sizeof(came));
    assert_int_equal(tm_http_head_plain(text, sizeof(came) - 1, &h), sizeof(goes) - 1);
    assert_memory_equal(text, goes, sizeof(goes) - 1);
    free(copy);
}

static void a_head_is_bounded_in_bytes_and_fields(void **state)
{
    (void)state;
    for (int fields = HTTP_FIELDS_MAX; fields <= HTTP_FIELDS_MAX + 1; fields++) {
        struct tm_http_head h;
        char *copy = NULL;
        struct tm_buf b = {0};
        tm_buf_puts(&b, "GET / HTTP/1.1\r\nHost: x\r\n");
        for (int i = 1; i < fields; i++)
            tm_buf_puts(&b, "A: b\r\n");
        tm_buf_puts(&b, "\r\n");
        assert_int_equal(read_head(tm_buf_str(&b), b.len, &copy, &h),
                         fields == HTTP_FIELDS_MAX ? 0 : -1);
        free(copy);
        tm_buf_free(&b);
    }
    char *big = malloc(HTTP_HEAD_MAX + 1);
    assert_non_null(big);
    memset(big, 'A', HTTP_HEAD_MAX + 1);
    size_t scanned = 0;
    size_t end = 0;
    assert_int_equal(tm_http_head_find(big, HTTP_HEAD_MAX, &scanned, &end), HEAD_MORE);
    assert_int_equal(tm_http_head_find(big, HTTP_HEAD_MAX + 1, &scanned, &end), HEAD_BAD);
    free(big);
}

/* What the body is, read in pieces of `step` bytes; NULL: refused or not at its end. */
static const char *read_chunks(const char *text, size_t step, struct tm_buf *out)
{
    struct tm_http_chunk c = {0};
    size_t len = strlen(text);
    size_t at = 0;
    tm_buf_reset(out);
    while (at < len && c.part != CHUNK_END && c.part != CHUNK_BAD) {
        const char *piece = NULL;
        size_t n = 0;
        size_t give = len - at < step ? len - at : step;
        at += tm_http_chunk_read(&c, text + at, give, &piece, &n);
        tm_buf_append(out, piece, n);
    }
    return c.part == CHUNK_END && at == len ? tm_buf_str(out) : NULL;
}

static void chunks_are_read_in_pieces_of_any_size(void **state)
{
    (void)state;
    struct tm_buf b = {0};
    for (size_t step = 1; step < 40; step++) {
        assert_string_equal(read_chunks("5\r\nhello\r\n0A\r\n, world!!!\r\n0\r\n\r\n", step, &b),
                            "hello, world!!!");
        assert_string_equal(read_chunks("00000000\r\n\r\n", step, &b), "");
    }
    tm_buf_free(&b);
}

static void chunk_framing_has_one_form(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\r\n",
        "5\r\nhello\r\n0\r\n\n",
        "5;a=b\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloo\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\r\n0\r\nA: b\r\n\r\n",
        "000000005\r\nhello\r\n0\r\n\r\n",
        "fffffffff\r\n",
        "g\r\n",
        "5\rhello\r\n0\r\n\r\n",
    };
    struct tm_buf b = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (size_t step = 1; step < 40; step += 38) {
            if (read_chunks(bad[i], step, &b) != NULL)
                fail_msg("read: %s", bad[i]);
        }
    }
    tm_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_taken_apart),
        cmocka_unit_test(an_origin_is_found_where_it_stands),
        cmocka_unit_test(every_plain_form_is_served),
        cmocka_unit_test(whatever_two_readers_could_take_differently_is_refused),
        cmocka_unit_test(a_head_has_few_arguments),
        cmocka_unit_test(a_head_goes_on_without_origin_blanks_cookies_and_expect),
        cmocka_unit_test(a_head_is_bounded_in_bytes_and_fields),
        cmocka_unit_test(chunks_are_read_in_pieces_of_any_size),
        cmocka_unit_test(chunk_framing_has_one_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

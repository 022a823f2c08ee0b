/* Who the client is behind a proxy: PROXY heads, forwarding headers, and a server that believes
 * them from named proxies only. */
#include "tests/unit/http_case.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http/internal.h"

static atomic_uint shed[HTTP_SHED_COUNT];
static struct tm_http_network loopback;

static const struct tm_http_route routes[] = {
    {"/hello", HTTP_GET, hello}, {"/hold", HTTP_GET, hold}, {"/echo", HTTP_POST, echo}};

static void on_shed(void *ctx, enum tm_http_shed why)
{
    (void)ctx;
    atomic_fetch_add(&shed[why], 1);
}

static struct tm_http_options options(enum tm_http_proxy_way way)
{
    struct tm_err e = {0};
    struct tm_http_options o = options_for(routes, sizeof(routes) / sizeof(routes[0]));
    assert_int_equal(tm_http_network_parse("127.0.0.0/8", &loopback, &e), 0);
    o.proxies = &loopback;
    o.proxy_count = 1;
    o.proxy_way = way;
    o.shed = on_shed;
    for (int i = 0; i < HTTP_SHED_COUNT; i++)
        atomic_store(&shed[i], 0);
    return o;
}

#define V2(command, family, length) "\r\n\r\n\0\r\nQUIT\n" command family "\0" length
#define V4 "\xcb\x00\x71\x09\xc6\x33\x64\x01\xdc\x04\x01\xbb"

static void heads_of_both_versions_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        enum tm_http_proxy_head want;
        const char *client; /* NULL: the proxy's own */
    } row[] = {
#define T(text, want, client) {text, sizeof(text) - 1, want, client}
        T("PROXY TCP4 203.0.113.9 198.51.100.1 56324 443\r\nGET", PROXY_WHOLE, "203.0.113.9"),
        T("PROXY TCP6 2001:db8::9 2001:db8::1 1 2\r\n", PROXY_WHOLE, "2001:db8::9"),
        T("PROXY UNKNOWN\r\n", PROXY_WHOLE, NULL),
        T("PROXY UNKNOWN a b c d\r\n", PROXY_WHOLE, NULL),
        T("PROXY TCP4 203.0.113.9", PROXY_MORE, NULL),
        T("PRO", PROXY_MORE, NULL),
        T("PROXY TCP4 203.0.113.9 198.51.100.1 56324 443\n", PROXY_BAD, NULL),
        T("PROXY TCP4 2001:db8::9 2001:db8::1 1 2\r\n", PROXY_BAD, NULL),
        T("PROXY TCP4 203.0.113.9 198.51.100.1 1\r\n", PROXY_BAD, NULL),
        T("PROXY TCP4 203.0.113.9 198.51.100.1 1 2 3\r\n", PROXY_BAD, NULL),
        T("PROXY TCP4  203.0.113.9 198.51.100.1 1 2\r\n", PROXY_BAD, NULL),
        T("PROXY TCP4 203.0.113.9\0 198.51.100.1 1 2\r\n", PROXY_BAD, NULL),
        T("PROXY UDP4 203.0.113.9 198.51.100.1 1 2\r\n", PROXY_BAD, NULL),
        T("proxy UNKNOWN\r\n", PROXY_BAD, NULL),
        T("GET / HTTP/1.1\r\n", PROXY_BAD, NULL),
        T(V2("\x21", "\x11", "\x0c") V4, PROXY_WHOLE, "203.0.113.9"),
        T(V2("\x21", "\x11", "\x0f") V4 "\x04\0\0", PROXY_WHOLE, "203.0.113.9"),
        T(V2("\x20", "\x00", "\x00"), PROXY_WHOLE, NULL),
        T(V2("\x21", "\x11", "\x0c") "\xcb", PROXY_MORE, NULL),
        T(V2("\x21", "\x11", "\x0b") V4, PROXY_BAD, NULL),
        T(V2("\x31", "\x11", "\x0c") V4, PROXY_BAD, NULL),
        T(V2("\x22", "\x11", "\x0c") V4, PROXY_BAD, NULL),
        T(V2("\x21", "\x12", "\x0c") V4, PROXY_BAD, NULL),
        T(V2("\x21", "\x41", "\x0c") V4, PROXY_BAD, NULL),
#undef T
    };
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct sockaddr_storage ss;
        char text[INET6_ADDRSTRLEN] = "";
        size_t used = 0;
        bool known = false;
        enum tm_http_proxy_head got =
            tm_http_proxy_read((const unsigned char *)row[i].text, row[i].len, &used, &known, &ss);
        if (got == PROXY_WHOLE && known)
            tm_http_address_text((struct sockaddr *)&ss, text, sizeof(text));
        if (got != row[i].want ||
            (got == PROXY_WHOLE && strcmp(text, row[i].client != NULL ? row[i].client : "") != 0))
            fail_msg("row %zu: %d, '%s'", i, (int)got, text);
    }
}

static void the_last_address_that_is_no_proxy_is_the_client(void **state)
{
    (void)state;
    static const struct {
        enum tm_http_proxy_way way;
        const char *value, *client; /* NULL: none */
    } row[] = {
        {HTTP_PROXY_X_FORWARDED_FOR, "203.0.113.9", "203.0.113.9"},
        {HTTP_PROXY_X_FORWARDED_FOR, "198.51.100.1, 203.0.113.9", "203.0.113.9"},
        {HTTP_PROXY_X_FORWARDED_FOR, "203.0.113.9:80, 127.0.0.5", "203.0.113.9"},
        {HTTP_PROXY_X_FORWARDED_FOR, "2001:db8::9", "2001:db8::9"},
        {HTTP_PROXY_X_FORWARDED_FOR, "[2001:db8::9]:80", "2001:db8::9"},
        {HTTP_PROXY_X_FORWARDED_FOR, "127.0.0.1", NULL},
        {HTTP_PROXY_X_FORWARDED_FOR, "203.0.113.9, unknown", NULL},
        {HTTP_PROXY_X_FORWARDED_FOR, "203.0.113.9,", NULL},
        {HTTP_PROXY_FORWARDED, "for=198.51.100.1, by=_x;For=\"[2001:db8::9]:4711\";proto=https",
         "2001:db8::9"},
        {HTTP_PROXY_FORWARDED, "for=203.0.113.9;host=a", "203.0.113.9"},
        {HTTP_PROXY_FORWARDED, "for=203.0.113.9, for=127.0.0.1", "203.0.113.9"},
        {HTTP_PROXY_FORWARDED, "for=_hidden", NULL},
        {HTTP_PROXY_FORWARDED, "proto=https", NULL},
        /* What is quoted is a client's, as a proxy passes on its Host. */
        {HTTP_PROXY_FORWARDED, "host=\"a;for=1.2.3.4:1\";for=9.9.9.9", "9.9.9.9"},
        {HTTP_PROXY_FORWARDED, "host=\"a,for=1.2.3.4\";for=9.9.9.9", "9.9.9.9"},
        {HTTP_PROXY_FORWARDED, "for=9.9.9.9;host=\"a,for=1.2.3.4\"", "9.9.9.9"},
        {HTTP_PROXY_FORWARDED, "host=\"\\\";for=1.2.3.4;\\\\\";for=9.9.9.9", "9.9.9.9"},
        {HTTP_PROXY_FORWARDED, "x=\", for=9.9.9.9;host=\"a,for=1.2.3.4\"", "9.9.9.9"},
        {HTTP_PROXY_FORWARDED, "x=\"\\, for=9.9.9.9;host=\"a\"", "9.9.9.9"},
        {HTTP_PROXY_FORWARDED, "host=a;for=1.2.3.4:1;for=9.9.9.9", NULL},
        {HTTP_PROXY_FORWARDED, "for=1.2.3.4:x\"", NULL},
        {HTTP_PROXY_FORWARDED, "for=\"1.2.3.4:x\"", NULL},
        {HTTP_PROXY_FORWARDED, "for=\"1.2.3.4:_x\"", "1.2.3.4"},
        {HTTP_PROXY_FORWARDED, "for=\"[2001:db8::9]:\"", NULL},
        {HTTP_PROXY_FORWARDED, "for=\"[2001:db8::9]:80x\"", NULL},
        {HTTP_PROXY_X_FORWARDED_FOR, "9.9.9.9:123456", NULL},
        {HTTP_PROXY_X_FORWARDED_FOR, "\", 9.9.9.9", "9.9.9.9"},
    };
    (void)options(HTTP_PROXY_PROTOCOL);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct sockaddr_storage ss;
        char text[INET6_ADDRSTRLEN] = "";
        int rc = tm_http_proxy_forwarded(row[i].way, row[i].value, &loopback, 1, &ss);
        if (rc == 0)
            tm_http_address_text((struct sockaddr *)&ss, text, sizeof(text));
        if (strcmp(text, row[i].client != NULL ? row[i].client : "") != 0)
            fail_msg("%s: '%s'", row[i].value, text);
    }
}

static void a_named_proxy_says_who_connects(void **state)
{
    (void)state;
    struct tm_http_options o = options(HTTP_PROXY_PROTOCOL);
    o.per_address_limit = 1;
    struct tm_http_server *s = start(&o);
    struct tm_buf r = {0};
    int fd = dial(s);
    puts_to(fd, "PROXY TCP4 203.0.113.9 198.51.");
    nap(20);
    puts_to(fd, "100.1 1 2\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(raw_reply(fd, false, &r), 200);
    assert_non_null(strstr(tm_buf_str(&r), "hello 203.0.113.9"));
    int second = dial(s); /* the same client once more, and another one */
    puts_to(second, "PROXY TCP4 203.0.113.9 198.51.100.1 1 2\r\n");
    assert_true(raw_closed(second));
    assert_int_equal(atomic_load(&shed[HTTP_SHED_ADDRESS]), 1);
    int third = dial(s);
    puts_to(third,
            "PROXY TCP4 203.0.113.10 198.51.100.1 1 2\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(raw_reply(third, false, &r), 200);
    int bare = dial(s); /* without a head nobody comes in from there */
    puts_to(bare, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(raw_closed(bare));
    close(fd);
    close(second);
    close(third);
    close(bare);
    tm_buf_free(&r);
    tm_http_server_free(s);
}

static void headers_count_for_their_client_and_from_proxies_only(void **state)
{
    (void)state;
    struct tm_http_options o = options(HTTP_PROXY_X_FORWARDED_FOR);
    struct tm_buf r = {0};
    static const char get[] = "GET /hello HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.7\r\n"
                              "x-forwarded-for: 203.0.113.9\r\n\r\n";
    struct tm_http_server *s = start(&o);
    assert_int_equal(ask(s, get, &r), 200);
    assert_non_null(strstr(tm_buf_str(&r), "hello 203.0.113.9"));
    assert_int_equal(ask(s, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", &r), 200);
    assert_non_null(strstr(tm_buf_str(&r), "hello 127.0.0.1"));
    tm_http_server_free(s);
    o.proxy_count = 0;
    s = start(&o);
    assert_int_equal(ask(s, get, &r), 200);
    assert_non_null(strstr(tm_buf_str(&r), "hello 127.0.0.1"));
    tm_http_server_free(s);
    tm_buf_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_of_both_versions_are_read),
        cmocka_unit_test(the_last_address_that_is_no_proxy_is_the_client),
        cmocka_unit_test(a_named_proxy_says_who_connects),
        cmocka_unit_test(headers_count_for_their_client_and_from_proxies_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

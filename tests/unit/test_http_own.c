/* Every reply is the server's own: none that libmicrohttpd makes by itself reaches a client. */
#include <dlfcn.h> /* RTLD_NEXT */
#include <microhttpd.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/http_case.h"

#define LONG_COOKIE 11000 /* bytes */

static atomic_int pages; /* libmicrohttpd answers so many connections with this, and closes them */
static const char page[] =
    "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 6\r\n\r\n"
    "<html>";

/* In place of the library's, for the whole program. */
enum MHD_Result MHD_add_connection(struct MHD_Daemon *daemon, MHD_socket fd,
                                   const struct sockaddr *addr, socklen_t len)
{
    static enum MHD_Result (*real)(struct MHD_Daemon *, MHD_socket, const struct sockaddr *,
                                   socklen_t);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "MHD_add_connection");
    if (atomic_load(&pages) == 0)
        return real(daemon, fd, addr, len);
    atomic_fetch_sub(&pages, 1);
    assert_int_equal(raw_puts(fd, page), 0);
    close(fd);
    return MHD_YES;
}

/* Out of memory. */
static enum tm_http_result nothing(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    struct tm_buf b = {.failed = true};
    tm_http_reply(x, 200, "text/plain", &b);
    return HTTP_DONE;
}

static enum tm_http_result mirror(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    struct tm_buf b = {0};
    const char *value = tm_http_header(x, "A");
    tm_buf_printf(&b, "<%s>", value != NULL ? value : "none");
    tm_http_reply(x, 200, "text/plain", &b);
    return HTTP_DONE;
}

static const struct tm_http_route routes[] = {{"/hello", HTTP_GET, hello},
                                              {"/mirror", HTTP_GET, mirror},
                                              {"/nothing", HTTP_GET, nothing},
                                              {"/echo", HTTP_POST, echo}};

static struct tm_http_server *serve(void)
{
    struct tm_http_options o = options_for(routes, sizeof(routes) / sizeof(routes[0]));
    return start(&o);
}

static void end(struct tm_http_server *s)
{
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, word)) != NULL; p++)
        n++;
    return n;
}

/* Everything that comes until the server closes is one reply with this status and body. */
static void check_one(const struct tm_http_server *s, const char *request, const char *status,
                      const char *body)
{
    struct tm_buf r = {0};
    ssize_t n;
    int fd = dial(s);
    puts_to(fd, request);
    while ((n = recv(fd, tm_buf_reserve(&r, 4096), 4096, 0)) > 0)
        r.len += (size_t)n;
    close(fd);
    const char *text = r.len > 0 ? tm_buf_str(&r) : "";
    if (n != 0 || count(text, "HTTP/1.1 ") != 1 || strncmp(text + 9, status, 3) != 0 ||
        strcmp(raw_body(&r), body) != 0)
        fail_msg("to %.60s: %s", request, text);
    tm_buf_free(&r);
}

static void check_cookie(const struct tm_http_server *s, const char *cookie)
{
    struct tm_buf b = {0};
    tm_buf_printf(&b, "GET /hello HTTP/1.1\r\nHost: a\r\nCookie: %s\r\nConnection: close\r\n\r\n",
                  cookie);
    check_one(s, tm_buf_str(&b), "200", "hello 127.0.0.1");
    tm_buf_free(&b);
}

/* libmicrohttpd cannot read the first, and has no memory for what follows. */
static void no_cookie_makes_another_reply(void **state)
{
    (void)state;
    static const char *const odd[] = {"a=\"", "=\"", "=", "", ";;;=;=\"", "a=b; c=\"d"};
    struct tm_http_server *s = serve();
    struct tm_buf b = {0};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        check_cookie(s, odd[i]);
    for (size_t i = 0; i < LONG_COOKIE; i++)
        buf_putc(&b, 'x');
    check_cookie(s, tm_buf_str(&b));
    tm_buf_reset(&b);
    for (int i = 0; i < 2000; i++)
        tm_buf_printf(&b, "c%d;", i);
    check_cookie(s, tm_buf_str(&b));
    tm_buf_free(&b);
    end(s);
}

/* 62 headers with 31 arguments and 20 cookies. */
static void as_many_fields_as_may_be_have_room(void **state)
{
    (void)state;
    struct tm_http_server *s = serve();
    struct tm_buf b = {0};
    tm_buf_puts(&b, "GET /hello?a=b");
    for (int i = 1; i < 31; i++)
        tm_buf_printf(&b, "&a%d=b", i);
    tm_buf_puts(&b, " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: c=d");
    for (int i = 1; i < 20; i++)
        tm_buf_printf(&b, ";c%d=d%0250d", i, 0);
    for (int i = 0; i < 59; i++)
        tm_buf_printf(&b, "\r\nh%d: %050d", i, 0);
    tm_buf_puts(&b, "\r\n\r\n");
    check_one(s, tm_buf_str(&b), "200", "hello 127.0.0.1");
    tm_buf_free(&b);
    end(s);
}

static void a_page_of_the_library_is_a_refusal_of_ours(void **state)
{
    (void)state;
    static const struct {
        const char *request, *body;
    } row[] = {
        {"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "fault"},
        {"HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n", ""},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "fault"},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
         "fault"},
    };
    struct tm_http_server *s = serve();
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        atomic_store(&pages, 1);
        check_one(s, row[i].request, "400", row[i].body);
    }
    atomic_store(&pages, 2); /* to the refusal as well: nothing is left to say */
    int fd = dial(s);
    puts_to(fd, row[0].request);
    assert_true(raw_closed(fd));
    close(fd);
    assert_int_equal(atomic_load(&pages), 0);
    end(s);
}

static void a_reply_that_memory_lacks_for_is_a_refusal(void **state)
{
    (void)state;
    struct tm_http_server *s = serve();
    check_one(s, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", "500", "fault");
    end(s);
}

static void blanks_around_a_value_are_no_part_of_it(void **state)
{
    (void)state;
    static const struct {
        const char *field, *body;
    } row[] = {{"A:b c", "<b c>"},        {"A: b c ", "<b c>"}, {"A: b c\t", "<b c>"},
               {"A:\t b c \t ", "<b c>"}, {"A: \t", "<>"},      {"B: c", "<none>"}};
    struct tm_http_server *s = serve();
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tm_buf b = {0};
        tm_buf_printf(&b, "GET /mirror HTTP/1.1\r\nHost: a\r\n%s\r\nConnection: close \r\n\r\n",
                      row[i].field);
        check_one(s, tm_buf_str(&b), "200", row[i].body);
        tm_buf_free(&b);
    }
    end(s);
}

static void who_expects_to_be_asked_is_asked_once_or_refused(void **state)
{
    (void)state;
    static const char *const good[] = {"100-continue", "100-Continue \t"};
    static const char *const bad[] = {"foo", "", "100-continue, foo", "foo\r\nExpect: 100-continue",
                                      "100-continue\r\nExpect: foo"};
    struct tm_http_server *s = serve();
    struct tm_buf r = {0};
    struct tm_buf b = {0};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        tm_buf_reset(&b);
        tm_buf_printf(&b,
                      "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: %s\r\nContent-Length: 3\r\n\r\n",
                      good[i]);
        int fd = dial(s);
        puts_to(fd, tm_buf_str(&b));
        assert_int_equal(raw_reply(fd, true, &r), 100);
        puts_to(fd, "abc");
        assert_int_equal(raw_reply(fd, false, &r), 200);
        assert_string_equal(raw_body(&r), "3:abc");
        close(fd);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tm_buf_reset(&b);
        tm_buf_printf(&b,
                      "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: %s\r\nContent-Length: 3\r\n\r\n",
                      bad[i]);
        check_one(s, tm_buf_str(&b), "400", "fault");
    }
    /* there is nothing to ask for: the body is there, or there is none */
    check_one(s,
              "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"
              "Connection: close\r\n\r\nabc",
              "200", "3:abc");
    check_one(s,
              "GET /hello HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
              "200", "hello 127.0.0.1");
    tm_buf_free(&b);
    tm_buf_free(&r);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_cookie_makes_another_reply),
        cmocka_unit_test(as_many_fields_as_may_be_have_room),
        cmocka_unit_test(a_page_of_the_library_is_a_refusal_of_ours),
        cmocka_unit_test(a_reply_that_memory_lacks_for_is_a_refusal),
        cmocka_unit_test(blanks_around_a_value_are_no_part_of_it),
        cmocka_unit_test(who_expects_to_be_asked_is_asked_once_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

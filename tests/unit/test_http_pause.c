/* Clients that stop in the middle, wherever that is: what they have sent is read, and what they
 * send later is answered as if they had not. */
#include "tests/unit/http_case.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/support/pki.h"

#define READ_WITHIN_MS 10000
#define PATIENCE_MS 120000
#define FDS_MAX 4096

static const struct tm_http_route routes[] = {{"/echo", HTTP_POST, echo},
                                              {"/hello", HTTP_GET, hello}};

static struct tm_http_options options(void)
{
    struct tm_http_options o = options_for(routes, sizeof(routes) / sizeof(routes[0]));
    o.per_address_limit = 0;
    /* On a machine that is busy the pauses are long. */
    o.header_timeout_ms = o.request_timeout_ms = o.idle_timeout_ms = PATIENCE_MS;
    return o;
}

/* Three at once, and the end of the connection. */
static const char pipelined[] =
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst"
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecond\r\n0\r\n\r\n"
    "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

static void check_replies(const char *text)
{
    const char *at = text;
    static const char *const parts[] = {"HTTP/1.1 200", "5:first",      "HTTP/1.1 200",
                                        "6:second",     "HTTP/1.1 200", "hello 127.0.0.1"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        at = strstr(at, parts[i]);
        if (at == NULL)
            fail_msg("no '%s' in: %s", parts[i], text);
        at += strlen(parts[i]);
    }
}

/* ---- what the server has not read ---- */

static int port_of(int fd, int (*name)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_in a;
    socklen_t len = sizeof(a);
    bool known = name(fd, (struct sockaddr *)&a, &len) == 0 && a.sin_family == AF_INET;
    return known ? ntohs(a.sin_port) : -1;
}

/* Of all the server's ends of connections, which are in this process as well. */
static int unread_bytes(int server_port)
{
    int all = 0;
    for (int fd = 3; fd < FDS_MAX; fd++) {
        int n = 0;
        if (port_of(fd, getsockname) == server_port && port_of(fd, getpeername) > 0 &&
            ioctl(fd, FIONREAD, &n) == 0)
            all += n;
    }
    return all;
}

static void wait_read(const struct tm_http_server *s)
{
    int port = atoi(strrchr(tm_http_server_address(s), ':') + 1);
    int left = -1;
    int64_t until = tm_clock_mono_ms() + READ_WITHIN_MS;
    do {
        left = unread_bytes(port);
    } while (left > 0 && tm_clock_mono_ms() < until && (nap(5), true));
    assert_int_equal(left, 0);
}

/* ---- plain ---- */

static void read_to_end(int fd, struct tm_buf *out)
{
    ssize_t n = 0;
    do {
        unsigned char *to = tm_buf_reserve(out, 4096);
        n = recv(fd, to, 4096, 0);
        out->len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    assert_int_equal(n, 0);
}

static void requests_are_answered_wherever_a_client_pauses(void **state)
{
    (void)state;
    enum { COUNT = sizeof(pipelined) - 1 };
    static int fd[COUNT];
    struct tm_http_options o = options();
    struct tm_http_server *s = start(&o);
    for (size_t cut = 0; cut < COUNT; cut++) {
        fd[cut] = dial(s);
        assert_int_equal(raw_put(fd[cut], pipelined, cut), 0);
    }
    wait_read(s);
    for (size_t cut = 0; cut < COUNT; cut++) {
        struct tm_buf got = {0};
        assert_int_equal(raw_put(fd[cut], pipelined + cut, COUNT - cut), 0);
        read_to_end(fd[cut], &got);
        check_replies(tm_buf_str(&got));
        tm_buf_free(&got);
        close(fd[cut]);
    }
    tm_http_server_free(s);
}

/* Sizes about what is read at a time, and about the window of a connection over loopback. */
static void the_end_of_a_body_is_read_while_its_client_pauses(void **state)
{
    (void)state;
    static const size_t sizes[] = {8191,  8192,  8193,  16384,  24576,
                                   65535, 65536, 70000, 196608, 262144};
    enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), EACH = 12 };
    static int fd[SIZES * EACH];
    struct tm_http_options o = options();
    o.max_body = (size_t)1 << 20;
    struct tm_http_server *s = start(&o);
    struct tm_buf b = {0};
    for (size_t i = 0; i < SIZES * EACH; i++) {
        size_t size = sizes[i % SIZES];
        tm_buf_reset(&b);
        tm_buf_printf(&b, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
                      size + 1);
        size_t whole =
            b.len + size - i % 3 * (b.len / 2); /* the head is in the same piece or not */
        while (b.len < whole)
            buf_putc(&b, 'a');
        fd[i] = dial(s);
        assert_int_equal(raw_put(fd[i], b.data, b.len), 0);
    }
    wait_read(s);
    for (size_t i = 0; i < SIZES * EACH; i++)
        close(fd[i]);
    tm_buf_free(&b);
    tm_http_server_free(s);
}

/* ---- TLS ---- */

struct tls_client {
    SSL *ssl;
    BIO *in, *out; /* what the server sends, what is to go to it */
    int fd;
};

/* Sends `len` of the bytes that are to go; all when it is larger. */
static void tls_flush(struct tls_client *c, size_t len)
{
    char *data = NULL;
    long have = BIO_get_mem_data(c->out, &data);
    size_t n = (size_t)have < len ? (size_t)have : len;
    char taken[4096];
    assert_true(n <= sizeof(taken));
    assert_int_equal(raw_put(c->fd, data, n), 0);
    assert_int_equal(BIO_read(c->out, taken, (int)n), n);
}

/* More of the server's bytes; false: it has ended the connection. */
static bool tls_take(struct tls_client *c)
{
    char data[4096];
    ssize_t n = recv(c->fd, data, sizeof(data), 0);
    assert_true(n >= 0);
    assert_int_equal(BIO_write(c->in, data, (int)n), n);
    return n > 0;
}

static void tls_dial(struct tls_client *c, const struct tm_http_server *s, SSL_CTX *ctx,
                     SSL_SESSION *session)
{
    c->fd = dial(s);
    c->ssl = SSL_new(ctx);
    c->in = BIO_new(BIO_s_mem());
    c->out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(c->in, -1);
    SSL_set_bio(c->ssl, c->in, c->out);
    SSL_set_connect_state(c->ssl);
    if (session != NULL)
        assert_int_equal(SSL_set_session(c->ssl, session), 1);
    while (SSL_do_handshake(c->ssl) != 1) {
        tls_flush(c, SIZE_MAX);
        assert_true(tls_take(c));
    }
}

static void tls_read_to_end(struct tls_client *c, struct tm_buf *out)
{
    bool more = true;
    while (more) {
        unsigned char *to = tm_buf_reserve(out, 4096);
        int n = SSL_read(c->ssl, to, 4096);
        out->len += n > 0 ? (size_t)n : 0;
        if (n <= 0 && SSL_get_error(c->ssl, n) == SSL_ERROR_ZERO_RETURN)
            return;
        more = n > 0 || tls_take(c);
    }
    fail_msg("the connection ended without TLS's end: %s", tm_buf_str(out));
}

static size_t tls_sealed(struct tls_client *c)
{
    char *data = NULL;
    assert_int_equal(SSL_write(c->ssl, pipelined, sizeof(pipelined) - 1), sizeof(pipelined) - 1);
    return (size_t)BIO_get_mem_data(c->out, &data);
}

static void tls_free(struct tls_client *c)
{
    SSL_free(c->ssl);
    close(c->fd);
}

/* 1: the session was resumed, 0: it was not. `out`, or NULL, is the one that it begins. */
static int tls_meet(const struct tm_http_server *s, SSL_CTX *ctx, SSL_SESSION *session,
                    SSL_SESSION **out)
{
    struct tls_client c;
    struct tm_buf got = {0};
    tls_dial(&c, s, ctx, session);
    int reused = SSL_session_reused(c.ssl);
    (void)tls_sealed(&c);
    tls_flush(&c, SIZE_MAX);
    tls_read_to_end(&c, &got); /* its tickets come before */
    if (out != NULL)
        *out = SSL_get1_session(c.ssl);
    SSL_set_shutdown(c.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* else it is forgotten */
    tm_buf_free(&got);
    tls_free(&c);
    return reused;
}

static struct tm_http_server *next_server(struct tm_http_options *o, struct tm_http_server *last,
                                          int memory)
{
    if (last != NULL)
        tm_http_server_stop(last, 1000);
    tm_http_server_free(last);
    o->tickets_fd = memory >= 0 ? dup(memory) : 0;
    return start(o);
}

static void sessions_are_resumed_by_the_next_server_and_for_two_periods(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct tm_buf cert = {0}, key = {0};
    struct tm_err e = {0};
    int memory = tm_http_tickets_memory();
    pki_tls(&cert, &key);
    struct tm_http_options o = options();
    o.tls_certificate = tm_buf_str(&cert);
    o.tls_key = tm_buf_str(&key);
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        SSL_SESSION *session = NULL;
        (void)SSL_CTX_set_max_proto_version(ctx, versions[i]);
        struct tm_http_server *s = next_server(&o, NULL, memory);
        assert_int_equal(tls_meet(s, ctx, NULL, &session), 0);
        assert_int_equal(tls_meet(s, ctx, session, NULL), 1);
        assert_int_equal(tm_http_server_set_tls(s, o.tls_certificate, o.tls_key, &e), 0);
        assert_int_equal(tls_meet(s, ctx, session, NULL), 1);
        s = next_server(&o, s, memory);
        assert_int_equal(tls_meet(s, ctx, session, NULL), 1);
        s = next_server(&o, s, -1);
        assert_int_equal(tls_meet(s, ctx, session, NULL), 0);
        SSL_SESSION_free(session);
        tm_http_server_stop(s, 1000);
        tm_http_server_free(s);
        SSL_CTX_free(ctx);
    }
    close(memory);
    /* Begun late in the life of a key, it is resumed in the life of the next, and then no more. */
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_SESSION *session = NULL;
    int64_t begun = tm_clock_mono_ms();
    o.tickets_ms = 4000;
    struct tm_http_server *s = next_server(&o, NULL, -1);
    usleep(3 * 1000 * 1000);
    assert_int_equal(tls_meet(s, ctx, NULL, &session), 0);
    while (tm_clock_mono_ms() - begun < 4500)
        usleep(50 * 1000);
    assert_int_equal(tls_meet(s, ctx, session, NULL), 1);
    int reused = 1;
    for (int tries = 0; tries < 200 && reused == 1; tries++, usleep(100 * 1000))
        reused = tls_meet(s, ctx, session, NULL);
    assert_int_equal(reused, 0);
    assert_true(tm_clock_mono_ms() - begun >= 6000);
    SSL_SESSION_free(session);
    SSL_CTX_free(ctx);
    tm_http_server_stop(s, 1000);
    tm_http_server_free(s);
    tm_buf_free(&cert);
    tm_buf_free(&key);
}

/* At each byte of the record, and of the handshake's last message before it. */
static void requests_are_answered_wherever_a_client_pauses_in_tls(void **state)
{
    (void)state;
    enum { MOST = 512 };
    static struct tls_client c[MOST];
    struct tm_buf cert = {0}, key = {0};
    size_t count = 1;
    pki_tls(&cert, &key);
    struct tm_http_options o = options();
    o.tls_certificate = tm_buf_str(&cert);
    o.tls_key = tm_buf_str(&key);
    struct tm_http_server *s = start(&o);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    for (size_t cut = 0; cut < count; cut++) {
        tls_dial(&c[cut], s, ctx, NULL);
        count = tls_sealed(&c[cut]);
        assert_in_range(count, sizeof(pipelined), MOST);
        tls_flush(&c[cut], cut);
    }
    wait_read(s);
    for (size_t cut = 0; cut < count; cut++) {
        struct tm_buf got = {0};
        tls_flush(&c[cut], SIZE_MAX);
        tls_read_to_end(&c[cut], &got);
        check_replies(tm_buf_str(&got));
        tm_buf_free(&got);
        tls_free(&c[cut]);
    }
    SSL_CTX_free(ctx);
    tm_http_server_free(s);
    tm_buf_free(&cert);
    tm_buf_free(&key);
}

/* ---- sessions ---- */

/* Three requests on a connection of its own; whether it resumed `*session`, which is then its own.
 */
static bool resumes(const struct tm_http_server *s, SSL_CTX *ctx, SSL_SESSION **session)
{
    struct tls_client c;
    struct tm_buf got = {0};
    tls_dial(&c, s, ctx, *session);
    bool resumed = SSL_session_reused(c.ssl) == 1;
    (void)tls_sealed(&c);
    tls_flush(&c, SIZE_MAX);
    tls_read_to_end(&c, &got);
    check_replies(tm_buf_str(&got));
    SSL_SESSION_free(*session);
    *session = SSL_get1_session(c.ssl);
    (void)SSL_shutdown(c.ssl); /* or it forgets the session */
    tm_buf_free(&got);
    tls_free(&c);
    return resumed;
}

static void a_session_is_resumed_in_each_version_of_tls(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct tm_buf cert[2] = {{0}, {0}}, key[2] = {{0}, {0}};
    struct tm_err e = {0};
    for (int i = 0; i < 2; i++)
        pki_tls(&cert[i], &key[i]);
    struct tm_http_options o = options();
    o.tls_certificate = tm_buf_str(&cert[0]);
    o.tls_key = tm_buf_str(&key[0]);
    struct tm_http_server *s = start(&o);
    for (int i = 0; i < 2; i++) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        SSL_SESSION *session = NULL;
        assert_int_equal(SSL_CTX_set_min_proto_version(ctx, versions[i]), 1);
        assert_int_equal(SSL_CTX_set_max_proto_version(ctx, versions[i]), 1);
        assert_false(resumes(s, ctx, &session));
        assert_true(resumes(s, ctx, &session));
        assert_true(resumes(s, ctx, &session));
        /* Whoever connects after a renewal meets the new certificate. */
        assert_int_equal(
            tm_http_server_set_tls(s, tm_buf_str(&cert[1 - i]), tm_buf_str(&key[1 - i]), &e), 0);
        assert_false(resumes(s, ctx, &session));
        SSL_SESSION_free(session);
        SSL_CTX_free(ctx);
    }
    tm_http_server_free(s);
    for (int i = 0; i < 2; i++) {
        tm_buf_free(&cert[i]);
        tm_buf_free(&key[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_answered_wherever_a_client_pauses),
        cmocka_unit_test(the_end_of_a_body_is_read_while_its_client_pauses),
        cmocka_unit_test(sessions_are_resumed_by_the_next_server_and_for_two_periods),
        cmocka_unit_test(requests_are_answered_wherever_a_client_pauses_in_tls),
        cmocka_unit_test(a_session_is_resumed_in_each_version_of_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

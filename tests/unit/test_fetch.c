/* The HTTP client: encodings undone within bounds, and the reasons of TLS faults. */
#include "tests/support/cmocka_all.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/fetch/fetch.h"
#include "tests/support/fakeissuer.h"
#include "tests/support/pki.h"

/* Answers one request with the bytes it was given. */
struct canned {
    int fd;
    pthread_t thread;
    char url[64];
    char request[4096];
    struct tm_buf answer;
};

static void *answer_once(void *arg)
{
    struct canned *c = arg;
    size_t got = 0;
    int fd = accept(c->fd, NULL, NULL);
    ssize_t n = 1;
    while (n > 0 && got < sizeof(c->request) - 1 && strstr(c->request, "\r\n\r\n") == NULL) {
        n = recv(fd, c->request + got, sizeof(c->request) - 1 - got, 0);
        got += n > 0 ? (size_t)n : 0;
    }
    for (size_t sent = 0; sent < c->answer.len && n > 0; sent += n > 0 ? (size_t)n : 0)
        n = send(fd, c->answer.data + sent, c->answer.len - sent, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static void canned_start(struct canned *c, const char *headers, const struct tm_buf *body)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 10};
    socklen_t len = sizeof(at);
    memset(c, 0, sizeof(*c));
    tm_buf_printf(&c->answer, "HTTP/1.1 200 OK\r\nConnection: close\r\n%s\r\n", headers);
    tm_buf_append(&c->answer, body->data, body->len);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(bind(c->fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(c->fd, 4), 0);
    assert_int_equal(getsockname(c->fd, (struct sockaddr *)&at, &len), 0);
    snprintf(c->url, sizeof(c->url), "http://127.0.0.1:%d/", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&c->thread, NULL, answer_once, c), 0);
}

static void canned_stop(struct canned *c)
{
    pthread_join(c->thread, NULL);
    close(c->fd);
    tm_buf_free(&c->answer);
}

/* Deflate (RFC 1951) by hand: what a compressor would not write is wanted, too. */
struct bits {
    struct tm_buf *out;
    unsigned acc, count;
};

static void put_bits(struct bits *b, unsigned value, unsigned count)
{
    for (unsigned i = 0; i < count; i++) { /* least significant first */
        b->acc |= (value >> i & 1) << b->count;
        if (++b->count == 8) {
            buf_putc(b->out, (unsigned char)b->acc);
            b->acc = b->count = 0;
        }
    }
}

static void put_code(struct bits *b, unsigned code, unsigned count)
{
    while (count-- > 0) /* Huffman codes stand the other way round */
        put_bits(b, code >> count & 1, 1);
}

static uint32_t crc_of_zeros(size_t len)
{
    uint32_t c = 0xffffffff;
    for (size_t i = 0; i < 8 * len; i++)
        c = (c >> 1) ^ ((c & 1) != 0 ? 0xedb88320 : 0);
    return ~c;
}

static void put_gzip_head(struct tm_buf *out)
{
    tm_buf_append(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
}

/* 1 + 258 * repeats zeros, a 160th of that on the wire. */
static void put_gzip_zeros(struct tm_buf *out, size_t repeats)
{
    struct bits b = {out, 0, 0};
    size_t len = 1 + 258 * repeats;
    put_gzip_head(out);
    put_bits(&b, 1, 1);
    put_bits(&b, 1, 2);
    put_code(&b, 0x30, 8); /* the literal 0 */
    for (size_t i = 0; i < repeats; i++) {
        put_code(&b, 0xc5, 8); /* length 258 */
        put_code(&b, 0, 5);    /* distance 1 */
    }
    put_code(&b, 0, 7);
    put_bits(&b, 0, b.count > 0 ? 8 - b.count : 0);
    uint32_t tail[] = {crc_of_zeros(len), (uint32_t)len};
    for (size_t i = 0; i < 8; i++)
        buf_putc(out, (unsigned char)(tail[i / 4] >> 8 * (i % 4)));
}

static int get(struct canned *c, size_t max, bool gzip, struct tm_fetch_response *r,
               struct tm_err *e)
{
    struct tm_fetch_request req = {
        .url = c->url, .max_bytes = max, .gzip = gzip, .timeout_ms = 8000};
    return tm_fetch_run(&req, r, e);
}

static void a_gzipped_answer_is_undone_asked_or_not(void **state)
{
    (void)state;
    static const char *const codings[] = {"gzip", "x-gzip", "GZIP \t"};
    for (size_t i = 0; i < 6; i++) {
        struct canned c;
        struct tm_buf body = {0};
        struct tm_fetch_response r;
        struct tm_err e = {0};
        char header[64];
        put_gzip_zeros(&body, 10);
        snprintf(header, sizeof(header), "Content-Encoding: %s\r\n", codings[i / 2]);
        canned_start(&c, header, &body);
        if (get(&c, 4096, i % 2 == 1, &r, &e) != 0)
            fail_msg("%s", e.text);
        assert_int_equal(r.body.len, 2581);
        assert_int_equal(r.body.data[2580], 0);
        canned_stop(&c);
        assert_int_equal(strstr(c.request, "Accept-Encoding") != NULL, i % 2 == 1);
        tm_fetch_response_free(&r);
        tm_buf_free(&body);
    }
}

static void too_large(const struct tm_buf *body, size_t max)
{
    struct canned c;
    struct tm_fetch_response r;
    struct tm_err e = {0};
    canned_start(&c, "Content-Encoding: gzip\r\n", body);
    assert_int_equal(get(&c, max, false, &r, &e), -1);
    if (strstr(e.text, "more than") == NULL)
        fail_msg("%s", e.text);
    tm_fetch_response_free(&r);
    canned_stop(&c);
}

static void a_decompression_bomb_ends_at_the_limit(void **state)
{
    (void)state;
    struct tm_buf body = {0};
    put_gzip_zeros(&body, 40000); /* 10 MB from 65 KB */
    too_large(&body, 100000);
    tm_buf_free(&body);
}

static void an_encoding_that_decodes_to_nothing_ends_at_the_limit(void **state)
{
    (void)state;
    struct tm_buf body = {0};
    put_gzip_head(&body);
    for (int i = 0; i < 400000; i++)
        tm_buf_append(&body, "\0\0\0\xff\xff", 5); /* an empty block, not the last */
    too_large(&body, 100000);
    tm_buf_free(&body);
}

static void other_encodings_and_gzip_in_gzip_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "Content-Encoding: br\r\n",         "Content-Encoding: deflate\r\n",
        "Content-Encoding: gzip, gzip\r\n", "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n",
        "Content-Encoding: gzipped\r\n",
    };
    struct tm_buf body = {0};
    put_gzip_zeros(&body, 10);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        struct canned c;
        struct tm_fetch_response r;
        struct tm_err e = {0};
        canned_start(&c, headers[i], &body);
        assert_int_equal(get(&c, 4096, false, &r, &e), -1);
        if (strstr(e.text, "content encoding other than gzip") == NULL)
            fail_msg("row %zu: %s", i, e.text);
        tm_fetch_response_free(&r);
        canned_stop(&c);
    }
    tm_buf_free(&body);
}

static void a_plain_answer_says_that_its_encoding_is_none(void **state)
{
    (void)state;
    struct canned c;
    struct tm_buf body = {0};
    struct tm_fetch_response r;
    struct tm_err e = {0};
    tm_buf_puts(&body, "\x1f\x8b no gzip");
    canned_start(&c, "Content-Encoding: identity\r\n", &body);
    assert_int_equal(get(&c, 4096, false, &r, &e), 0);
    assert_int_equal(r.body.len, body.len);
    canned_stop(&c);
    tm_fetch_response_free(&r);
    tm_buf_free(&body);
}

/* A TLS server's certificate for these names and times, and what the client says of it. */
static void tls_says(const char *san, int64_t from, int64_t until, bool trusted, const char *says)
{
    const struct pki_extension ext[] = {
        {"subjectAltName", san}, {"basicConstraints", "critical,CA:TRUE"}, {NULL, NULL}};
    int64_t now = (int64_t)time(NULL);
    EVP_PKEY *key = pki_key("P-256");
    X509 *cert = pki_cert(&(struct pki_spec){.name = "server",
                                             .key = key,
                                             .not_before = now + from,
                                             .not_after = now + until,
                                             .extensions = ext});
    struct tm_buf pem = {0};
    struct fake_issuer f;
    struct tm_fetch_response r;
    struct tm_err e = {0};
    char *key_pem = NULL;
    char url[96];
    BIO *bio = BIO_new(BIO_s_mem());
    pki_pem(cert, &pem);
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    long len = BIO_get_mem_data(bio, &key_pem);
    key_pem = strndup(key_pem, (size_t)len);
    fake_issuer_start(&f, tm_buf_str(&pem), key_pem);
    snprintf(url, sizeof(url), "%s/keys", f.url);
    struct tm_fetch_request req = {
        .url = url, .ca_pem = trusted ? tm_buf_str(&pem) : NULL, .timeout_ms = 8000};
    int rc = tm_fetch_run(&req, &r, &e);
    assert_int_equal(rc, says == NULL ? 0 : -1);
    if (says != NULL && strstr(e.text, says) == NULL)
        fail_msg("'%s' is not in: %s", says, e.text);
    tm_fetch_response_free(&r);
    fake_issuer_stop(&f);
    BIO_free(bio);
    free(key_pem);
    tm_buf_free(&pem);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void the_reasons_of_a_tls_fault_can_be_told_apart(void **state)
{
    (void)state;
    tls_says("IP:127.0.0.1", -60, 3600, true, NULL);
    tls_says("IP:127.0.0.1", -60, 3600, false, "self-signed, and no CA that is trusted here");
    tls_says("DNS:other.example", -60, 3600, true, "for another name");
    tls_says("IP:127.0.0.1", -7200, -3600, true, "has expired");
    tls_says("IP:127.0.0.1", 3600, 7200, true, "not valid yet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gzipped_answer_is_undone_asked_or_not),
        cmocka_unit_test(a_decompression_bomb_ends_at_the_limit),
        cmocka_unit_test(an_encoding_that_decodes_to_nothing_ends_at_the_limit),
        cmocka_unit_test(other_encodings_and_gzip_in_gzip_are_refused_by_name),
        cmocka_unit_test(a_plain_answer_says_that_its_encoding_is_none),
        cmocka_unit_test(the_reasons_of_a_tls_fault_can_be_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Drives a signature log and a timestamp authority over HTTP, each connection waiting for its reply
 * before it asks again:
 *
 *   sigload entries PORT CONNECTIONS COUNT FIRST   posts entries; "digest index" a line for each
 *                                                  that was taken
 *   sigload stamps PORT CONNECTIONS COUNT          asks for timestamps; the serial number of each
 *   sigload limit                                  microseconds of CPU that OpenSSL alone needs: a
 *                                                  P-256 verification; SHA-256 and a P-256
 * signature
 *
 * COUNT 0: until the server is gone.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ts.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/hex.h"

#define LINES_MAX 256
#define REPLY_MAX 65536
#define LIMIT_S 2.0

struct load {
    int port;
    bool stamps;
    uint64_t end; /* 0: none */
    uint64_t next;
    EVP_PKEY *key;
    struct tm_buf spki; /* base64 */
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "sigload: %s\n", what);
    exit(1);
}

static int dial(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
        return -1;
    return fd;
}

static bool send_all(int fd, const struct tm_buf *b)
{
    for (size_t at = 0; at < b->len;) {
        ssize_t n = send(fd, (const char *)b->data + at, b->len - at, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* The status of a whole reply, with the body at *body; 0: it is not whole yet. */
static int whole_reply(const char *reply, size_t have, const char **body, size_t *len)
{
    const char *end = memmem(reply, have, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    const char *length = strcasestr(reply, "Content-Length:");
    *body = end + 4;
    *len = length != NULL && length < end ? strtoul(length + 15, NULL, 10) : 0;
    return have - (size_t)(*body - reply) >= *len ? atoi(reply + 9) : 0;
}

/* ---- requests ---- */

static void post(struct tm_buf *out, const char *path, const char *type, const struct tm_buf *body)
{
    tm_buf_printf(out,
                  "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: "
                  "%zu\r\n\r\n",
                  path, type, body->len);
    tm_buf_append(out, body->data, body->len);
}

static void make_digest(uint64_t number, unsigned char digest[SHA256_DIGEST_LENGTH])
{
    char text[32];
    int len = snprintf(text, sizeof(text), "entry %" PRIu64, number);
    SHA256((unsigned char *)text, (size_t)len, digest);
}

static void sign_digest(const struct load *l, const unsigned char *digest, unsigned char *sig,
                        size_t *len)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(l->key, NULL);
    if (c == NULL || EVP_PKEY_sign_init(c) != 1 ||
        EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) != 1 ||
        EVP_PKEY_sign(c, sig, len, digest, SHA256_DIGEST_LENGTH) != 1)
        die("no signature");
    EVP_PKEY_CTX_free(c);
}

static void make_entry(const struct load *l, uint64_t number, struct tm_buf *out)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    unsigned char sig[128];
    size_t len = sizeof(sig);
    struct tm_buf body = {0};
    make_digest(number, digest);
    sign_digest(l, digest, sig, &len);
    tm_buf_puts(&body, "{\"hashedRekordRequestV002\":{\"digest\":\"");
    tm_b64_encode(B64_STD, digest, sizeof(digest), &body);
    tm_buf_puts(&body, "\",\"signature\":{\"content\":\"");
    tm_b64_encode(B64_STD, sig, len, &body);
    tm_buf_printf(&body,
                  "\",\"verifier\":{\"publicKey\":{\"rawBytes\":\"%s\"},\"keyDetails\":"
                  "\"PKIX_ECDSA_P256_SHA_256\"}}}}",
                  (const char *)l->spki.data);
    post(out, "/api/v2/log/entries", "application/json", &body);
    tm_buf_free(&body);
}

static void make_query(uint64_t number, struct tm_buf *out)
{
    /* TimeStampReq { version 1, SHA-256, digest } */
    static const unsigned char head[] = {0x30, 0x36, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30,
                                         0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
                                         0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    unsigned char digest[SHA256_DIGEST_LENGTH];
    struct tm_buf body = {0};
    make_digest(number, digest);
    tm_buf_append(&body, head, sizeof(head));
    tm_buf_append(&body, digest, sizeof(digest));
    post(out, "/api/v1/timestamp", "application/timestamp-query", &body);
    tm_buf_free(&body);
}

/* ---- what came of one; one write a line: a kill cuts none ---- */

static void say(const char *line, size_t len)
{
    if (write(STDOUT_FILENO, line, len) != (ssize_t)len)
        die("cannot tell");
}

static void tell_entry(uint64_t number, const char *body)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char hex[2 * SHA256_DIGEST_LENGTH + 1];
    char line[128];
    const char *index = strstr(body, "\"logIndex\":");
    if (index == NULL)
        die("an answer without an index");
    index += strcspn(index, "0123456789"); /* a string, whatever white space stands before it */
    make_digest(number, digest);
    tm_hex_encode(digest, sizeof(digest), hex);
    say(line, (size_t)snprintf(line, sizeof(line), "%s %" PRIu64 "\n", hex,
                               (uint64_t)strtoull(index, NULL, 10)));
}

static void tell_stamp(const char *body, size_t len)
{
    const unsigned char *p = (const unsigned char *)body;
    char line[128];
    TS_RESP *resp = d2i_TS_RESP(NULL, &p, (long)len);
    TS_TST_INFO *info = resp != NULL ? TS_RESP_get_tst_info(resp) : NULL;
    BIGNUM *serial = info != NULL ? ASN1_INTEGER_to_BN(TS_TST_INFO_get_serial(info), NULL) : NULL;
    char *hex = serial != NULL ? BN_bn2hex(serial) : NULL;
    if (hex == NULL)
        die("no timestamp");
    say(line, (size_t)snprintf(line, sizeof(line), "%s\n", hex));
    OPENSSL_free(hex);
    BN_free(serial);
    TS_RESP_free(resp);
}

/* ---- the connections ---- */

struct line { /* a connection, and the request that it waits for */
    int fd;   /* -1: it is done, or the server is gone */
    uint64_t number;
    struct tm_buf request;
    char *reply;
    size_t have;
};

static void hang_up(struct line *c)
{
    close(c->fd);
    c->fd = -1;
}

static void ask(struct load *l, struct line *c)
{
    c->have = 0;
    c->number = l->next;
    if (l->end > 0 && c->number >= l->end) {
        hang_up(c);
        return;
    }
    l->next++;
    tm_buf_reset(&c->request);
    if (l->stamps)
        make_query(c->number, &c->request);
    else
        make_entry(l, c->number, &c->request);
    if (!send_all(c->fd, &c->request))
        hang_up(c);
}

/* Reads what has come; with a whole reply it tells of it and asks again. */
static void look(struct load *l, struct line *c)
{
    const char *body = NULL;
    size_t len = 0;
    ssize_t n = recv(c->fd, c->reply + c->have, REPLY_MAX - 1 - c->have, MSG_DONTWAIT);
    if (n <= 0) {
        hang_up(c);
        return;
    }
    c->have += (size_t)n;
    c->reply[c->have] = '\0';
    int status = whole_reply(c->reply, c->have, &body, &len);
    if (status == 0)
        return;
    if (status == 503 && l->end == 0) { /* it is being killed */
        hang_up(c);
        return;
    }
    if (status != (l->stamps ? 200 : 201)) {
        fprintf(stderr, "sigload: status %d: %.200s\n", status, body);
        exit(1);
    }
    if (l->stamps)
        tell_stamp(body, len);
    else
        tell_entry(c->number, body);
    ask(l, c);
}

/* One thread for all: to wake a thread for each reply would be counted as the server's time, which
 * over a network it is not. */
static int run(struct load *l, unsigned count)
{
    static struct line line[LINES_MAX];
    struct pollfd p[LINES_MAX];
    unsigned open = count;
    if (count == 0 || count > LINES_MAX)
        die("1 to 256 connections");
    for (unsigned i = 0; i < count; i++) {
        line[i] = (struct line){.fd = dial(l->port), .reply = malloc(REPLY_MAX)};
        if (line[i].reply == NULL)
            die("out of memory");
        if (line[i].fd >= 0)
            ask(l, &line[i]);
    }
    while (open > 0) {
        open = 0;
        for (unsigned i = 0; i < count; i++) {
            p[i] = (struct pollfd){.fd = line[i].fd, .events = POLLIN};
            open += line[i].fd >= 0;
        }
        if (open > 0 && poll(p, count, -1) < 0)
            die("poll fails");
        for (unsigned i = 0; i < count; i++) {
            if (line[i].fd >= 0 && p[i].revents != 0)
                look(l, &line[i]);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        tm_buf_free(&line[i].request);
        free(line[i].reply);
    }
    return l->end == 0 || l->next >= l->end ? 0 : 1;
}

/* ---- the limits ---- */

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double measure(const struct load *l, bool verify, bool hash)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    unsigned char sig[128];
    size_t len = sizeof(sig);
    long count = 0;
    make_digest(1, digest);
    sign_digest(l, digest, sig, &len);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(l->key, NULL);
    double from = cpu_us();
    for (; cpu_us() - from < LIMIT_S * 1e6; count++) {
        unsigned char made[128];
        size_t made_len = sizeof(made);
        if (hash)
            make_digest((uint64_t)count, digest);
        if (verify ? EVP_PKEY_verify_init(c) != 1 ||
                         EVP_PKEY_verify(c, sig, len, digest, sizeof(digest)) != 1
                   : EVP_PKEY_sign_init(c) != 1 ||
                         EVP_PKEY_sign(c, made, &made_len, digest, sizeof(digest)) != 1)
            die("OpenSSL refuses");
    }
    double took = (cpu_us() - from) / (double)count;
    EVP_PKEY_CTX_free(c);
    return took;
}

static int done(struct load *l, int code)
{
    tm_buf_free(&l->spki);
    EVP_PKEY_free(l->key);
    return code;
}

int main(int argc, char **argv)
{
    struct load l = {.key = EVP_EC_gen("P-256")};
    unsigned char *der = NULL;
    int len = l.key != NULL ? i2d_PUBKEY(l.key, &der) : -1;
    if (len <= 0)
        die("no key");
    tm_b64_encode(B64_STD, der, (size_t)len, &l.spki);
    (void)tm_buf_str(&l.spki);
    OPENSSL_free(der);
    if (argc == 2 && strcmp(argv[1], "limit") == 0) {
        printf("%.2f %.2f\n", measure(&l, true, false), measure(&l, false, true));
        return done(&l, 0);
    }
    bool entries = argc == 6 && strcmp(argv[1], "entries") == 0;
    l.stamps = argc == 5 && strcmp(argv[1], "stamps") == 0;
    if (!entries && !l.stamps)
        die("entries PORT CONNECTIONS COUNT FIRST | stamps PORT CONNECTIONS COUNT | limit");
    uint64_t first = entries ? strtoull(argv[5], NULL, 10) : 0;
    uint64_t count = strtoull(argv[4], NULL, 10);
    l.port = atoi(argv[2]);
    l.end = count > 0 ? first + count : 0;
    l.next = first;
    return done(&l, run(&l, (unsigned)atoi(argv[3])));
}

/* Signing requests over keep-alive connections. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/b64.h"
#include "common/json/strictjson.h"
#include "tests/bench/bench.h"

#define SUBJECT "repo:acme/widget:ref:refs/heads/main" /* the demo issuer's */

static struct tm_buf requests[FORMS][REQUESTS];
static struct tm_buf keys[FORMS][REQUESTS]; /* of them: DER, as a certificate holds it */
static struct tm_buf spoiled;               /* the first request of the chosen form */
static long spoiled_every;                  /* 0: none */
static enum form chosen;
static size_t reply_bytes; /* of the last reply of client_run */

static void prove(EVP_PKEY *key, const char *digest, struct tm_buf *proof)
{
    unsigned char sig[512];
    size_t len = sizeof(sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL);
    EVP_DigestSign(ctx, sig, &len, (const unsigned char *)SUBJECT, strlen(SUBJECT));
    tm_b64_encode(B64_STD, sig, len, proof);
    EVP_MD_CTX_free(ctx);
}

static json_t *with_proof(EVP_PKEY *key, const char *digest, const char *token)
{
    struct tm_buf proof = {0};
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    prove(key, digest, &proof);
    PEM_write_bio_PUBKEY(bio, key);
    long pem_len = BIO_get_mem_data(bio, &pem);
    json_t *body = json_pack("{s:{s:s},s:{s:{s:s%},s:s}}", "credentials", "oidcIdentityToken",
                             token, "publicKeyRequest", "publicKey", "content", pem,
                             (size_t)pem_len, "proofOfPossession", tm_buf_str(&proof));
    BIO_free(bio);
    tm_buf_free(&proof);
    return body;
}

static json_t *with_csr(EVP_PKEY *key, const char *digest, const char *token)
{
    X509_REQ *req = X509_REQ_new();
    BIO *bio = BIO_new(BIO_s_mem());
    struct tm_buf b64 = {0};
    char *pem;
    X509_REQ_set_pubkey(req, key);
    X509_REQ_sign(req, key, digest != NULL ? EVP_get_digestbyname(digest) : NULL);
    PEM_write_bio_X509_REQ(bio, req);
    long pem_len = BIO_get_mem_data(bio, &pem);
    tm_b64_encode(B64_STD, pem, (size_t)pem_len, &b64);
    json_t *body = json_pack("{s:{s:s},s:s}", "credentials", "oidcIdentityToken", token,
                             "certificateSigningRequest", tm_buf_str(&b64));
    tm_buf_free(&b64);
    BIO_free(bio);
    X509_REQ_free(req);
    return body;
}

static void make_request(const struct form_row *row, EVP_PKEY *key, const char *token,
                         struct tm_buf *out)
{
    json_t *body =
        row->csr ? with_csr(key, row->digest, token) : with_proof(key, row->digest, token);
    char *text = json_dumps(body, JSON_COMPACT);
    tm_buf_printf(
        out,
        "POST /api/v2/signingCert HTTP/1.1\r\nHost: ca\r\nContent-Type: application/json\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        strlen(text), text);
    free(text);
    json_decref(body);
}

static void note_key(EVP_PKEY *key, struct tm_buf *out)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    tm_buf_append(out, der, len > 0 ? (size_t)len : 0);
    OPENSSL_free(der);
}

void client_prepare(const char *token, enum form f)
{
    EVP_PKEY *key[REQUESTS];
    const struct form_row *row = &form_rows[f];
    for (int i = 0; i < row->keys; i++)
        key[i] = form_key(f);
    for (int i = 0; i < REQUESTS; i++) {
        make_request(row, key[i % row->keys], token, &requests[f][i]);
        note_key(key[i % row->keys], &keys[f][i]);
    }
    for (int i = 0; i < row->keys; i++)
        EVP_PKEY_free(key[i]);
    chosen = f;
}

void client_choose(enum form f)
{
    chosen = f;
}

void client_forget(void)
{
    for (int f = 0; f < FORMS; f++) {
        for (int i = 0; i < REQUESTS; i++) {
            tm_buf_free(&requests[f][i]);
            tm_buf_free(&keys[f][i]);
        }
    }
    tm_buf_free(&spoiled);
}

int client_dial(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        perror("connect");
        exit(1);
    }
    return fd;
}

/* Whether `data` holds a whole reply. */
static bool is_whole(const char *data, size_t have)
{
    const char *end = strstr(data, "\r\n\r\n");
    const char *length = end != NULL ? strcasestr(data, "content-length: ") : NULL;
    return length != NULL && have >= (size_t)(end + 4 - data) + strtoul(length + 16, NULL, 10);
}

bool client_has_certificate(const struct reply *r, long i)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----\\n"; /* in JSON: a backslash and n */
    const struct tm_buf *key = &keys[chosen][i % REQUESTS];
    struct tm_buf text = {0};
    struct tm_buf der = {0};
    const char *p = strstr(r->data, begin);
    const char *end = p != NULL ? strstr(p, "-----END") : NULL;
    for (p = p != NULL ? p + sizeof(begin) - 1 : NULL; p != NULL && p < end; p++) {
        if (*p == '\\' && p[1] == 'n')
            p++;
        else
            buf_putc(&text, (unsigned char)*p);
    }
    bool there = text.len > 0 && tm_b64_decode(B64_STD, (char *)text.data, text.len, &der) == 0 &&
                 key->len > 0 && memmem(der.data, der.len, key->data, key->len) != NULL;
    tm_buf_free(&text);
    tm_buf_free(&der);
    return there;
}

static bool is_ok(const char *data)
{
    return strncmp(data, "HTTP/1.1 200", 12) == 0;
}

static void fail(const char *what)
{
    fprintf(stderr, "a request failed: %s\n", what);
    exit(1);
}

/* In the token's signature, which is its third part: "…","publicKeyRequest" follows. */
void client_spoil(long every)
{
    tm_buf_reset(&spoiled);
    tm_buf_append(&spoiled, requests[chosen][0].data, requests[chosen][0].len);
    char *end = strstr((char *)tm_buf_str(&spoiled), "\"},\"publicKeyRequest");
    if (end == NULL)
        fail("no token in a request");
    for (char *p = end - 20; p < end - 10; p++)
        *p = *p == 'A' ? 'B' : 'A';
    spoiled_every = every;
}

bool client_send(int fd, long i)
{
    bool spoil = spoiled_every > 0 && i % spoiled_every == 0;
    const struct tm_buf *r = spoil ? &spoiled : &requests[chosen][i % REQUESTS];
    return write(fd, r->data, r->len) == (ssize_t)r->len;
}

bool client_ask(int fd, long i)
{
    struct reply reply = {0};
    if (!client_send(fd, i))
        return false;
    while (!is_whole(reply.data, reply.have)) {
        ssize_t n = read(fd, reply.data + reply.have, sizeof(reply.data) - 1 - reply.have);
        if (n <= 0)
            return false;
        reply.have += (size_t)n;
        reply.data[reply.have] = '\0';
    }
    return is_ok(reply.data);
}

void client_seal(SSL *ssl, long i)
{
    const struct tm_buf *r = &requests[chosen][i % REQUESTS];
    if (SSL_write(ssl, r->data, (int)r->len) != (int)r->len)
        fail("TLS takes no request");
}

bool client_whole(const struct reply *r)
{
    return is_whole(r->data, r->have);
}

bool reply_is_whole(const struct reply *r)
{
    if (!is_whole(r->data, r->have))
        return false;
    if (!is_ok(r->data))
        fail(r->data);
    return true;
}

/* Reads what has come; true when a reply is whole, which is then forgotten. */
static bool take_reply(int fd, struct reply *reply, bool *progress)
{
    ssize_t n =
        recv(fd, reply->data + reply->have, sizeof(reply->data) - 1 - reply->have, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0)
        fail("the connection ended");
    *progress = true;
    reply->have += (size_t)n;
    reply->data[reply->have] = '\0';
    if (!is_whole(reply->data, reply->have))
        return false;
    if (!is_ok(reply->data))
        fail(reply->data);
    reply_bytes = reply->have;
    reply->have = 0;
    reply->data[0] = '\0';
    return true;
}

/* One thread that looks again and again rather than sleep: to wake a sleeper on this machine
 * would be counted as the server's time, which over a network it is not. */
double client_run(const struct target *t, long count)
{
    long sent = 0;
    long done = 0;
    double start = clock_us(CLOCK_MONOTONIC);
    for (int i = 0; i < t->connections && sent < count; i++, sent++) {
        if (!client_send(t->fd[i], sent))
            fail("the connection ended");
    }
    while (done < count) {
        bool progress = false;
        for (int i = 0; i < t->connections; i++) {
            if (!take_reply(t->fd[i], &t->reply[i], &progress))
                continue;
            done++;
            if (sent < count && !client_send(t->fd[i], sent++))
                fail("the connection ended");
        }
        if (!progress)
            sched_yield();
    }
    return clock_us(CLOCK_MONOTONIC) - start;
}

size_t client_request_bytes(void)
{
    return requests[chosen][0].len;
}

size_t client_reply_bytes(void)
{
    return reply_bytes;
}

void target_open(struct target *t, const char *text)
{
    if (sscanf(text, "%63[^=]=%d,%d,%d", t->name, &t->port, &t->pid, &t->connections) != 4 ||
        t->connections < 1) {
        fprintf(stderr, "'%s' is not NAME=PORT,PID,CONNECTIONS\n", text);
        exit(2);
    }
    t->fd = calloc((size_t)t->connections, sizeof(*t->fd));
    t->reply = calloc((size_t)t->connections, sizeof(*t->reply));
    for (int i = 0; i < t->connections; i++)
        t->fd[i] = client_dial(t->port);
}

void target_close(struct target *t)
{
    for (int i = 0; i < t->connections; i++)
        close(t->fd[i]);
    free(t->fd);
    free(t->reply);
}

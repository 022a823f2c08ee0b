/* Signing requests over keep-alive connections. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/b64.h"
#include "common/strictjson.h"
#include "tests/bench/bench.h"

#define SUBJECT "repo:acme/widget:ref:refs/heads/main" /* the demo issuer's */

static struct buf requests[REQUESTS];

static void prove(EVP_PKEY *key, struct buf *proof)
{
    unsigned char sig[128];
    size_t len = sizeof(sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL);
    EVP_DigestSign(ctx, sig, &len, (const unsigned char *)SUBJECT, strlen(SUBJECT));
    b64_encode(B64_STD, sig, len, proof);
    EVP_MD_CTX_free(ctx);
}

static void make_request(const char *token, struct buf *out)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct buf proof = {0};
    prove(key, &proof);
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    PEM_write_bio_PUBKEY(bio, key);
    long pem_len = BIO_get_mem_data(bio, &pem);
    json_t *body = json_pack("{s:{s:s},s:{s:{s:s%},s:s}}", "credentials", "oidcIdentityToken",
                             token, "publicKeyRequest", "publicKey", "content", pem,
                             (size_t)pem_len, "proofOfPossession", buf_str(&proof));
    char *text = json_dumps(body, JSON_COMPACT);
    buf_printf(out,
               "POST /api/v2/signingCert HTTP/1.1\r\nHost: ca\r\nContent-Type: application/json\r\n"
               "Content-Length: %zu\r\n\r\n%s",
               strlen(text), text);
    free(text);
    json_decref(body);
    BIO_free(bio);
    buf_free(&proof);
    EVP_PKEY_free(key);
}

void client_prepare(const char *token)
{
    for (int i = 0; i < REQUESTS; i++)
        make_request(token, &requests[i]);
}

void client_forget(void)
{
    for (int i = 0; i < REQUESTS; i++)
        buf_free(&requests[i]);
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

static bool read_answer(int fd)
{
    char data[16384];
    size_t have = 0;
    for (;;) {
        ssize_t n = read(fd, data + have, sizeof(data) - 1 - have);
        if (n <= 0)
            return false;
        have += (size_t)n;
        data[have] = '\0';
        const char *end = strstr(data, "\r\n\r\n");
        const char *length = end != NULL ? strcasestr(data, "content-length: ") : NULL;
        if (length == NULL)
            continue;
        if (have >= (size_t)(end + 4 - data) + strtoul(length + 16, NULL, 10))
            return strncmp(data, "HTTP/1.1 200", 12) == 0;
    }
}

bool client_ask(int fd, long i)
{
    const struct buf *r = &requests[i % REQUESTS];
    return write(fd, r->data, r->len) == (ssize_t)r->len && read_answer(fd);
}

struct asker {
    pthread_t thread;
    int fd;
    long count;
};

static void *run(void *arg)
{
    const struct asker *a = arg;
    for (long i = 0; i < a->count; i++) {
        if (!client_ask(a->fd, i)) {
            fprintf(stderr, "request %ld of a connection failed\n", i);
            exit(1);
        }
    }
    return NULL;
}

double client_run(const struct target *t, long count)
{
    struct asker *all = calloc((size_t)t->connections, sizeof(*all));
    double start = clock_us(CLOCK_MONOTONIC);
    for (int i = 0; i < t->connections; i++) {
        all[i].fd = t->fd[i];
        all[i].count = count / t->connections + (i < count % t->connections);
        pthread_create(&all[i].thread, NULL, run, &all[i]);
    }
    for (int i = 0; i < t->connections; i++)
        pthread_join(all[i].thread, NULL);
    free(all);
    return clock_us(CLOCK_MONOTONIC) - start;
}

void target_open(struct target *t, const char *text)
{
    if (sscanf(text, "%63[^=]=%d,%d,%d", t->name, &t->port, &t->pid, &t->connections) != 4 ||
        t->connections < 1) {
        fprintf(stderr, "'%s' is not NAME=PORT,PID,CONNECTIONS\n", text);
        exit(2);
    }
    t->fd = calloc((size_t)t->connections, sizeof(*t->fd));
    for (int i = 0; i < t->connections; i++)
        t->fd[i] = client_dial(t->port);
}

void target_close(struct target *t)
{
    for (int i = 0; i < t->connections; i++)
        close(t->fd[i]);
    free(t->fd);
}

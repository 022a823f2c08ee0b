/*
 * bench PORT PID REQUESTS CONNECTIONS < token: certificates per CPU-second of the server
 * process over keep-alive connections, as a fraction of the crypto limit measured here.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/strictjson.h"

#define POOL 64
#define CRYPTO_ROUNDS 4000

struct load {
    int port;
    long requests; /* of this connection */
    struct buf *request;
    double *latency_us;
    int failed;
};

static double now_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* utime + stime of the process, in microseconds. */
static double cpu_us(int pid)
{
    char text[1024] = "";
    unsigned long long run = 0;
    double total = 0;
    char command[160];
    snprintf(command, sizeof(command), "cat /proc/%d/task/*/schedstat", pid);
    FILE *f = popen(command, "r");
    while (f != NULL && fgets(text, sizeof(text), f) != NULL) {
        if (sscanf(text, "%llu", &run) == 1)
            total += (double)run / 1e3;
    }
    if (f != NULL)
        pclose(f);
    return total;
}

static long rss_kib(int pid)
{
    char path[64];
    char line[256];
    long kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        sscanf(line, "VmRSS: %ld", &kib);
    if (f != NULL)
        fclose(f);
    return kib;
}

static double sign_or_verify_us(EVP_PKEY *key, bool verify)
{
    static const unsigned char digest[32] = {1};
    unsigned char sig[512];
    size_t len = sizeof(sig);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    EVP_PKEY_sign_init(ctx);
    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256());
    EVP_PKEY_sign(ctx, sig, &len, digest, sizeof(digest));
    if (verify) {
        EVP_PKEY_verify_init(ctx);
        EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256());
    }
    double start = now_us(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < CRYPTO_ROUNDS; i++) {
        size_t l = sizeof(sig);
        int ok = verify ? EVP_PKEY_verify(ctx, sig, len, digest, sizeof(digest))
                        : EVP_PKEY_sign(ctx, sig, &l, digest, sizeof(digest));
        if (ok != 1)
            exit(1);
    }
    double us = (now_us(CLOCK_THREAD_CPUTIME_ID) - start) / CRYPTO_ROUNDS;
    EVP_PKEY_CTX_free(ctx);
    return us;
}

static double crypto_limit_us(void)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    double rsa_verify = sign_or_verify_us(rsa, true);
    double ec_verify = sign_or_verify_us(ec, true);
    double ec_sign = sign_or_verify_us(ec, false);
    printf("crypto limit: RSA-2048 verify %.1f + P-256 verify %.1f + P-256 sign %.1f us\n", rsa_verify,
           ec_verify, ec_sign);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    return rsa_verify + ec_verify + ec_sign;
}

static void make_request(const char *token, const char *sub, struct buf *out)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    unsigned char sig[128];
    size_t len = sizeof(sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL);
    EVP_DigestSign(ctx, sig, &len, (const unsigned char *)sub, strlen(sub));
    struct buf proof = {0};
    b64_encode(B64_STD, sig, len, &proof);
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    PEM_write_bio_PUBKEY(bio, key);
    long pem_len = BIO_get_mem_data(bio, &pem);
    json_t *body = json_pack("{s:{s:s},s:{s:{s:s%},s:s}}", "credentials", "oidcIdentityToken", token,
                             "publicKeyRequest", "publicKey", "content", pem, (size_t)pem_len,
                             "proofOfPossession", buf_str(&proof));
    char *text = json_dumps(body, JSON_COMPACT);
    buf_printf(out, "POST /api/v2/signingCert HTTP/1.1\r\nHost: ca\r\nContent-Type: application/json\r\n"
                    "Content-Length: %zu\r\n\r\n%s", strlen(text), text);
    free(text);
    json_decref(body);
    BIO_free(bio);
    buf_free(&proof);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
}

/* Reads one answer; false unless it is a 200. */
static bool read_answer(int fd)
{
    char data[65536];
    size_t have = 0;
    for (;;) {
        ssize_t n = read(fd, data + have, sizeof(data) - 1 - have);
        if (n <= 0)
            return false;
        have += (size_t)n;
        data[have] = '\0';
        char *end = strstr(data, "\r\n\r\n");
        char *length = end != NULL ? strcasestr(data, "content-length: ") : NULL;
        if (length == NULL)
            continue;
        if (have >= (size_t)(end + 4 - data) + strtoul(length + 16, NULL, 10))
            return strncmp(data, "HTTP/1.1 200", 12) == 0;
    }
}

static void *run_load(void *arg)
{
    struct load *l = arg;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->port)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
        l->failed++;
    for (long i = 0; i < l->requests && l->failed == 0; i++) {
        const struct buf *r = &l->request[i % POOL];
        double start = now_us(CLOCK_MONOTONIC);
        if (write(fd, r->data, r->len) != (ssize_t)r->len || !read_answer(fd))
            l->failed++;
        l->latency_us[i] = now_us(CLOCK_MONOTONIC) - start;
    }
    close(fd);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    int port = atoi(argv[1]);
    int pid = atoi(argv[2]);
    long total = atol(argv[3]);
    int connections = atoi(argv[4]);
    char token[32768] = "";
    if (fgets(token, sizeof(token), stdin) == NULL || connections < 1)
        return 2;
    token[strcspn(token, "\r\n")] = '\0';
    struct buf pool[POOL] = {0};
    for (int i = 0; i < POOL; i++)
        make_request(token, "repo:acme/widget:ref:refs/heads/main", &pool[i]);
    double limit = crypto_limit_us();
    long each = total / connections;
    struct load *load = calloc((size_t)connections, sizeof(*load));
    pthread_t *thread = calloc((size_t)connections, sizeof(*thread));
    double *latency = calloc((size_t)(each * connections), sizeof(*latency));
    double cpu = cpu_us(pid);
    double wall = now_us(CLOCK_MONOTONIC);
    for (int i = 0; i < connections; i++) {
        load[i] = (struct load){port, each, pool, latency + i * each, 0};
        pthread_create(&thread[i], NULL, run_load, &load[i]);
    }
    int failed = 0;
    for (int i = 0; i < connections; i++) {
        pthread_join(thread[i], NULL);
        failed += load[i].failed;
    }
    wall = now_us(CLOCK_MONOTONIC) - wall;
    cpu = (cpu_us(pid) - cpu) / (double)(each * connections);
    qsort(latency, (size_t)(each * connections), sizeof(*latency), by_value);
    printf("%ld certificates, %d connections, %d failed: %.1f us of server CPU each, %.0f per CPU-second\n",
           each * connections, connections, failed, cpu, 1e6 / cpu);
    printf("fraction of the crypto limit: %.2f\n", limit / cpu);
    printf("wall: %.0f per second, median %.0f us, p99 %.0f us; server RSS %ld KiB\n",
           1e6 * (double)(each * connections) / wall, latency[each * connections / 2],
           latency[each * connections * 99 / 100], rss_kib(pid));
    for (int i = 0; i < POOL; i++)
        buf_free(&pool[i]);
    free(load);
    free(thread);
    free(latency);
    return failed == 0 ? 0 : 1;
}

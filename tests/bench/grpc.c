/* Certificates by gRPC beside JSON over HTTP/1: the server's processor time for each, in one run.
 */
#include <openssl/pem.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"
#include "tests/support/rawh2.h"

#define CONNECTIONS 8 /* as the target's */
#define ROUNDS 4
#define SUBJECT "repo:acme/widget:ref:refs/heads/main" /* the demo issuer's */
#define PATH "/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate"
#define FIELDS "content-type: application/grpc\nte: trailers\n"

static void put_bytes(struct tm_buf *out, unsigned number, const void *data, size_t len)
{
    size_t left = len;
    buf_putc(out, (unsigned char)(number << 3 | 2));
    for (; left > 127; left >>= 7)
        buf_putc(out, (unsigned char)(left | 128));
    buf_putc(out, (unsigned char)left);
    tm_buf_append(out, data, len);
}

/* One framed CreateSigningCertificateRequest. */
static void make_call(EVP_PKEY *key, const char *token, struct tm_buf *out)
{
    struct tm_buf content = {0};
    struct tm_buf request = {0};
    struct tm_buf message = {0};
    unsigned char proof[512];
    size_t proof_len = sizeof(proof);
    char *pem = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL);
    EVP_DigestSign(ctx, proof, &proof_len, (const unsigned char *)SUBJECT, strlen(SUBJECT));
    PEM_write_bio_PUBKEY(bio, key);
    size_t pem_len = (size_t)BIO_get_mem_data(bio, &pem);
    put_bytes(&content, 1, token, strlen(token));
    put_bytes(&message, 1, content.data, content.len);
    tm_buf_reset(&content);
    put_bytes(&content, 2, pem, pem_len);
    put_bytes(&request, 1, content.data, content.len);
    put_bytes(&request, 2, proof, proof_len);
    put_bytes(&message, 2, request.data, request.len);
    buf_putc(out, 0);
    tm_buf_put_be(out, message.len, 4);
    tm_buf_append(out, message.data, message.len);
    EVP_MD_CTX_free(ctx);
    BIO_free(bio);
    tm_buf_free(&content);
    tm_buf_free(&request);
    tm_buf_free(&message);
}

static void must_be_well(struct rawh2_reply *r)
{
    if (strcmp(tm_buf_str(&r->trailers), "grpc-status: 0\n") == 0)
        return;
    fprintf(stderr, "a call failed: %s\n", tm_buf_str(&r->head));
    exit(1);
}

/* `count` calls over all connections at once, each waiting for its reply before the next. */
static void run_calls(struct rawh2 *h, const struct tm_buf *calls, long count)
{
    struct rawh2_reply *r[CONNECTIONS] = {NULL};
    struct pollfd p[CONNECTIONS];
    long begun = 0;
    for (long ended = 0; ended < count;) {
        for (int i = 0; i < CONNECTIONS; i++) {
            if (r[i] != NULL && r[i]->closed) {
                must_be_well(r[i]);
                r[i] = NULL;
                ended++;
            }
            if (r[i] == NULL && begun < count) {
                const struct tm_buf *c = &calls[begun++ % REQUESTS];
                rawh2_forget(&h[i]);
                r[i] = rawh2_ask(&h[i], "POST", PATH, FIELDS, c->data, c->len);
                rawh2_turn(&h[i], 0);
            }
            p[i] = (struct pollfd){.fd = h[i].fd, .events = POLLIN};
        }
        if (ended < count && poll(p, CONNECTIONS, 20000) <= 0)
            exit(1);
        for (int i = 0; i < CONNECTIONS; i++) {
            if (p[i].revents != 0)
                rawh2_turn(&h[i], 0);
        }
    }
}

void measure_grpc(const struct target *t, const char *token, long count)
{
    static struct rawh2 h[CONNECTIONS];
    static struct tm_buf calls[REQUESTS];
    char address[32];
    double json_us = 0;
    double grpc_us = 0;
    snprintf(address, sizeof(address), "127.0.0.1:%d", t->port);
    for (int i = 0; i < REQUESTS; i++) {
        EVP_PKEY *key = form_key(FORM_P256);
        make_call(key, token, &calls[i]);
        EVP_PKEY_free(key);
    }
    for (int i = 0; i < CONNECTIONS; i++)
        rawh2_open(&h[i], address);
    long each = count / ROUNDS / CONNECTIONS * CONNECTIONS;
    for (int round = 0; round <= ROUNDS; round++) { /* the first warms up */
        double before = process_cpu_us(t->pid);
        (void)client_run(t, each);
        double between = process_cpu_us(t->pid);
        run_calls(h, calls, each);
        double after = process_cpu_us(t->pid);
        json_us += round > 0 ? between - before : 0;
        grpc_us += round > 0 ? after - between : 0;
    }
    for (int i = 0; i < CONNECTIONS; i++)
        rawh2_close(&h[i]);
    for (int i = 0; i < REQUESTS; i++)
        tm_buf_free(&calls[i]);
    double n = (double)each * ROUNDS;
    report("JSON over HTTP/1", "%.0f us of the server's processors a certificate", json_us / n);
    report("gRPC", "%.0f us", grpc_us / n);
    report_at_most("gRPC, against JSON over HTTP/1", grpc_us / json_us, 1.15);
}

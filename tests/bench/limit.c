/* The crypto limit: what one certificate must cost, by the same OpenSSL on the same machine. */
#include <openssl/evp.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>

#include "tests/bench/bench.h"

#define ROUNDS 300
#define THREADS 2

static double time_key(EVP_PKEY *key, bool verify)
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
    double start = clock_us(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < ROUNDS; i++) {
        size_t l = sizeof(sig);
        int ok = verify ? EVP_PKEY_verify(ctx, sig, len, digest, sizeof(digest))
                        : EVP_PKEY_sign(ctx, sig, &l, digest, sizeof(digest));
        if (ok != 1)
            exit(1);
    }
    double us = (clock_us(CLOCK_THREAD_CPUTIME_ID) - start) / ROUNDS;
    EVP_PKEY_CTX_free(ctx);
    return us;
}

struct measurer {
    pthread_t thread;
    EVP_PKEY *rsa, *ec;
    struct limit result;
};

static void *run(void *arg)
{
    struct measurer *m = arg;
    m->result.rsa_verify_us = time_key(m->rsa, true);
    m->result.ec_verify_us = time_key(m->ec, true);
    m->result.ec_sign_us = time_key(m->ec, false);
    return NULL;
}

struct limit limit_measure(void)
{
    static EVP_PKEY *rsa; /* RSA keys take long to make */
    static EVP_PKEY *ec;
    struct measurer m[THREADS];
    struct limit mean = {0};
    if (rsa == NULL)
        rsa = EVP_RSA_gen(2048);
    if (ec == NULL)
        ec = EVP_EC_gen("P-256");
    for (int i = 0; i < THREADS; i++) {
        m[i] = (struct measurer){.rsa = rsa, .ec = ec};
        pthread_create(&m[i].thread, NULL, run, &m[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(m[i].thread, NULL);
        mean.rsa_verify_us += m[i].result.rsa_verify_us / THREADS;
        mean.ec_verify_us += m[i].result.ec_verify_us / THREADS;
        mean.ec_sign_us += m[i].result.ec_sign_us / THREADS;
    }
    return mean;
}

double limit_total(const struct limit *l)
{
    return l->rsa_verify_us + l->ec_verify_us + l->ec_sign_us;
}

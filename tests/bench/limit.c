/*
 * The crypto limit: what one certificate must cost, by the same OpenSSL on the same machine. The
 * CA's key and the issuer's are the same for all; the client's is a new one each time. For RSA that
 * is part of the price: before its first use a modulus has its Montgomery constants computed. So a
 * client's RSA key is used once here. Making the key objects is not counted.
 */
#include <openssl/evp.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>

#include "tests/bench/bench.h"

#define ROUNDS 300
#define THREADS 2
#define SIGNS_MAX 3

/* One of the operations, ready to be repeated. */
struct operation {
    EVP_PKEY_CTX *ctx;
    EVP_PKEY_CTX *once[ROUNDS]; /* in place of ctx: a client's RSA key, one for each round */
    EVP_MD_CTX *message;        /* in place of ctx: Ed25519 signs no digest */
    EVP_PKEY *key;
    bool verify;
    unsigned char sig[512];
    size_t len;
};

static const unsigned char digest[32] = {1};

static void ready(EVP_PKEY_CTX *ctx, bool verify)
{
    if (verify)
        EVP_PKEY_verify_init(ctx);
    else
        EVP_PKEY_sign_init(ctx);
    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256());
}

static void prepare(struct operation *o, EVP_PKEY *key, bool verify)
{
    *o = (struct operation){.key = key, .verify = verify, .len = sizeof(o->sig)};
    if (EVP_PKEY_is_a(key, "ED25519")) {
        o->message = EVP_MD_CTX_new();
        EVP_DigestSignInit(o->message, NULL, NULL, NULL, key);
        EVP_DigestSign(o->message, o->sig, &o->len, digest, sizeof(digest));
        return;
    }
    o->ctx = EVP_PKEY_CTX_new(key, NULL);
    ready(o->ctx, false);
    EVP_PKEY_sign(o->ctx, o->sig, &o->len, digest, sizeof(digest));
    if (verify)
        ready(o->ctx, true);
}

/* A copy of a key has nothing computed yet. */
static void prepare_client(struct operation *o, EVP_PKEY *key)
{
    prepare(o, key, true);
    for (size_t i = 0; i < ROUNDS && EVP_PKEY_is_a(key, "RSA"); i++) {
        EVP_PKEY *copy = EVP_PKEY_dup(key);
        o->once[i] = EVP_PKEY_CTX_new(copy, NULL);
        EVP_PKEY_free(copy);
        ready(o->once[i], true);
    }
}

static void forget(struct operation *o)
{
    for (size_t i = 0; i < ROUNDS; i++)
        EVP_PKEY_CTX_free(o->once[i]);
    EVP_PKEY_CTX_free(o->ctx);
    EVP_MD_CTX_free(o->message);
}

static int verify_message(const struct operation *o)
{
    EVP_MD_CTX_reset(o->message);
    return EVP_DigestVerifyInit(o->message, NULL, NULL, NULL, o->key) == 1
               ? EVP_DigestVerify(o->message, o->sig, o->len, digest, sizeof(digest))
               : 0;
}

static void perform(const struct operation *o, size_t round)
{
    unsigned char made[512];
    size_t len = sizeof(made);
    EVP_PKEY_CTX *ctx = o->once[round] != NULL ? o->once[round] : o->ctx;
    int ok = o->message != NULL ? verify_message(o)
             : o->verify        ? EVP_PKEY_verify(ctx, o->sig, o->len, digest, sizeof(digest))
                                : EVP_PKEY_sign(ctx, made, &len, digest, sizeof(digest));
    if (ok != 1)
        exit(1);
}

struct measurer {
    pthread_t thread;
    EVP_PKEY *rsa, *client, *ec; /* the token's, the request's, the CA's */
    int signs;
    double us; /* of all together */
};

/* The operations in turn, as a certificate needs them. */
static void *run(void *arg)
{
    struct measurer *m = arg;
    struct operation op[2 + SIGNS_MAX];
    int count = 2 + m->signs;
    prepare(&op[0], m->rsa, true);
    prepare_client(&op[1], m->client);
    for (int k = 2; k < count; k++)
        prepare(&op[k], m->ec, false);
    double start = clock_us(CLOCK_THREAD_CPUTIME_ID);
    for (size_t i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < count; k++)
            perform(&op[k], i);
    }
    m->us = (clock_us(CLOCK_THREAD_CPUTIME_ID) - start) / ROUNDS;
    for (int k = 0; k < count; k++)
        forget(&op[k]);
    return NULL;
}

double limit_measure_us(enum form f, int signs)
{
    static EVP_PKEY *rsa; /* RSA keys take long to make */
    static EVP_PKEY *ec;
    static EVP_PKEY *client[FORMS];
    struct measurer m[THREADS];
    double mean = 0;
    if (signs < 1 || signs > SIGNS_MAX)
        exit(2);
    if (rsa == NULL)
        rsa = EVP_RSA_gen(2048);
    if (ec == NULL)
        ec = EVP_EC_gen("P-256");
    if (client[f] == NULL)
        client[f] = form_key(f);
    for (int i = 0; i < THREADS; i++) {
        m[i] = (struct measurer){.rsa = rsa, .client = client[f], .ec = ec, .signs = signs};
        pthread_create(&m[i].thread, NULL, run, &m[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(m[i].thread, NULL);
        mean += m[i].us / THREADS;
    }
    return mean;
}

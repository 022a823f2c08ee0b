/*
 * A whole CA in the test's process: an issuer of our own with one ES256 key, the verifier,
 * an ephemeral CA, the API on a free port, and a client key.
 */
#ifndef TENMINT_TESTS_SUPPORT_WORLD_H
#define TENMINT_TESTS_SUPPORT_WORLD_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "ca/api/api.h"

struct issuer {
    struct http_server *server;
    char url[64];
    EVP_PKEY *key;
};

struct world {
    struct issuer issuer;
    struct oidc_verifier *verifier;
    struct proof_policy *policy;
    struct metrics *metrics;
    struct signer *ca;
    struct api *api;
    struct http_server *server;
    const char *address;
    EVP_PKEY *client;
    struct buf client_pem; /* with \n as two characters, for JSON */
};

/* Starts everything; a fault ends the program. `wait_ms`: the server's wait timeout. */
void world_build(struct world *w, const struct issue_log *log, int64_t wait_ms);
void world_free(struct world *w);

/* Appends a token for dev@example.com that ends in `expires_in` seconds. */
void world_token(const struct issuer *is, int64_t expires_in, struct buf *out);

/* Appends the P-256, SHA-256 signature: DER, or r and s of 32 bytes. */
void world_sign(EVP_PKEY *key, const void *data, size_t len, bool raw, struct buf *out);

#endif

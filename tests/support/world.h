/*
 * A whole CA in the test's process: an issuer of our own with one ES256 key, the verifier,
 * an ephemeral CA, the API on a free port, and a client key.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "ca/api/api.h"

struct issuer {
    struct tm_http_server *server;
    char url[64];
    EVP_PKEY *key;
};

struct world {
    struct issuer issuer;
    struct oidc_verifier *verifier;
    struct ca_proof_policy *policy;
    struct ca_metrics *metrics;
    struct ca_signer *ca;
    struct ca_api *api;
    struct tm_http_server *server;
    const char *address;
    EVP_PKEY *client;
    struct tm_buf client_pem; /* with \n as two characters, for JSON */
};

/* Starts everything; a fault ends the program. `wait_ms`: the server's wait timeout. */
void world_build(struct world *w, const struct ca_issue_log *log, int64_t wait_ms);
/* The same with limits, and, unless NULL, tokens for one use. Both are borrowed. */
void world_build_limited(struct world *w, const struct ca_issue_log *log, int64_t wait_ms,
                         const struct ca_limits_options *limits, const struct ca_once *once);
void world_free(struct world *w);

/* Appends a token for dev@example.com that ends in `expires_in` seconds. */
void world_token(const struct issuer *is, int64_t expires_in, struct tm_buf *out);

/* Appends the P-256, SHA-256 signature: DER, or r and s of 32 bytes. */
void world_sign(EVP_PKEY *key, const void *data, size_t len, bool raw, struct tm_buf *out);

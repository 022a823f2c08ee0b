/*
 * The allow-list of JWS algorithms (RFC 7518 §3.1, RFC 8037): never "none", never HMAC,
 * each bound to one key type.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>

#define ALG_COUNT 10

struct oidc_alg {
    const char *name;     /* as in the token's header */
    const char *key_type; /* EVP_PKEY type name */
    const char *digest;   /* NULL: EdDSA */
    int ec_bits;          /* field size the algorithm is bound to; 0: not EC */
    bool pss;
    bool libjwt; /* libjwt 1.10.2 knows it */
};

extern const struct oidc_alg oidc_alg_table[ALG_COUNT];

/* Row number by name, or -1. */
int oidc_alg_find(const char *name);

/* Whether a key of this type and curve may be used with row `i`. */
bool oidc_alg_fits(int i, const EVP_PKEY *key);

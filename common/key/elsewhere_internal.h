/*
 * Shared by the files of the provider whose keys sign elsewhere: a key, and the functions of keys.
 */
#pragma once

#include <openssl/core_dispatch.h>
#include <stdatomic.h>

#include "common/key/elsewhere.h"

#define TM_FAR_HANDLE "tenmint-elsewhere" /* the parameter that makes a key of a struct far */

typedef void (*tm_far_fn)(void);

struct tm_far { /* a key of the provider, counted */
    atomic_uint refs;
    EVP_PKEY *public;     /* OpenSSL's own; NULL until it is imported */
    tm_key_sign_fn *sign; /* NULL: a public key alone, as OpenSSL makes them to compare */
    void *ctx;
};

/* Another owner of the same key: each calls tm_far_free(). */
struct tm_far *tm_far_ref(struct tm_far *f);
void tm_far_free(void *key); /* NULL is fine */

extern const OSSL_DISPATCH tm_far_ec_keys[], tm_far_rsa_keys[], tm_far_ed25519_keys[];

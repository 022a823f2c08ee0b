/*
 * A private key that another makes signatures with: a token, a service, another process. Here is
 * its public half and a function; OpenSSL sees an EVP_PKEY of a provider of our own (provider(7):
 * key management and signature for EC, RSA and Ed25519), so everything that signs works with it.
 *
 * What comes back is verified with the public half before anybody gets it: whoever signs can
 * refuse, and cannot slip in another key's signature.
 */
#pragma once

#include <openssl/evp.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

#define KEY_MESSAGE_MAX ((size_t)64 << 10) /* bytes; what Ed25519 signs whole */

enum tm_key_scheme {
    KEY_SIGN_ECDSA,
    KEY_SIGN_PKCS1,
    KEY_SIGN_PSS,
    KEY_SIGN_ED25519,
    KEY_SIGN_KINDS
};
enum tm_key_hash { KEY_SHA256, KEY_SHA384, KEY_SHA512, KEY_NO_HASH }; /* the last: Ed25519 */

struct tm_key_ask {            /* what is to be signed */
    enum tm_key_scheme scheme; /* PSS: MGF1 with the same hash, a salt of its length */
    enum tm_key_hash hash;
    const unsigned char *data; /* the digest; with KEY_NO_HASH the message */
    size_t len;
};

/* "SHA256"; "" for none. */
const char *tm_key_hash_name(enum tm_key_hash hash);

/* Whether scheme, hash and length fit each other: the ask may come from another process. */
int tm_key_ask_check(const struct tm_key_ask *a, struct tm_err *e);

/* Appends the signature as OpenSSL has it: DER for ECDSA. Any thread, several at once. */
typedef int tm_key_sign_fn(void *ctx, const struct tm_key_ask *ask, struct tm_buf *sig,
                           struct tm_err *e);

/* A key with the public half of `public`, which is copied by reference. `ctx` must outlive it and
 * its copies. NULL with `e` set. */
EVP_PKEY *tm_key_elsewhere(EVP_PKEY *public, tm_key_sign_fn *sign, void *ctx, struct tm_err *e);

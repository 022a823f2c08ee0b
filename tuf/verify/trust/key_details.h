/*
 * enum PublicKeyDetails of sigstore_common.proto: the names, and which keys they fit.
 */
#ifndef TENMINT_TUF_SIGSTORE_KEY_DETAILS_H
#define TENMINT_TUF_SIGSTORE_KEY_DETAILS_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct tuf_key_details {
    const char *name;
    const char *key_type; /* OpenSSL's: "EC", "RSA", "ED25519"; NULL: known, but not usable here */
    const char *group;    /* EC: OpenSSL's curve name; else NULL */
    int bits;             /* RSA: modulus; 0: any from 2048 */
    bool log_may;         /* today's clients accept it for a log's key */
    bool pkcs1;           /* rawBytes is an RSAPublicKey, not a SubjectPublicKeyInfo */
};

/* NULL with `e` set when the proto has no such name. */
const struct tuf_key_details *tuf_key_details_by_name(const char *name, struct tm_err *e);

/* What to write for a log's key. NULL with `e` set when clients accept no such key. */
const struct tuf_key_details *tuf_key_details_for_log(const EVP_PKEY *key, struct tm_err *e);

/* The public key in `der`, which must fit `d` exactly. *key is NULL when `d` is not usable here. */
int tuf_key_details_read(const struct tuf_key_details *d, const unsigned char *der, size_t len,
                         EVP_PKEY **key, struct tm_err *e);

#endif

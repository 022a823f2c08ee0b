/*
 * enum PublicKeyDetails of sigstore_common.proto: the names and numbers, and which keys they fit.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/json/jsonmap.h"

struct tuf_key_details {
    const char *name;
    int number;           /* in protobuf */
    const char *key_type; /* OpenSSL's: "EC", "RSA", "ED25519"; NULL: known, but not usable here */
    const char *group;    /* EC: OpenSSL's curve name; else NULL */
    int bits;             /* RSA: modulus; 0: any from 2048 */
    bool log_may;         /* today's clients accept it for a log's key */
    bool pkcs1;           /* rawBytes is an RSAPublicKey, not a SubjectPublicKeyInfo */
};

/* For tables that read them into an int: the number. */
extern const struct tm_jsonmap_name tuf_key_details_names[];

/* NULL: none that we know. */
const struct tuf_key_details *tuf_key_details_by_number(int number);

/* What to write for a log's key. NULL with `e` set when clients accept no such key. */
const struct tuf_key_details *tuf_key_details_for_log(const EVP_PKEY *key, struct tm_err *e);

/* Who cannot use a trusted root in which a log of signatures has that key, as a clause for a
 * person; NULL: every verifier that we know can. `key` NULL: one of a kind that we do not know. */
const char *tuf_log_key_refused(const EVP_PKEY *key);

/* The public key in `der`, which must fit `d` exactly. *key is NULL when `d` is not usable here. */
int tuf_key_details_read(const struct tuf_key_details *d, const unsigned char *der, size_t len,
                         EVP_PKEY **key, struct tm_err *e);

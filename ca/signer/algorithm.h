/*
 * Which signature a CA key makes: the hash follows the key, by one table.
 */
#pragma once

#include <openssl/evp.h>
#include <stddef.h>

#include "common/err.h"

struct ca_signer_algorithm_row {
    const char *name;         /* as options spell it: "p256" … */
    const char *key_type;     /* EVP_PKEY type name */
    const char *group;        /* EC group, or NULL */
    const char *digest;       /* NULL: the algorithm hashes by itself */
    const unsigned char *der; /* AlgorithmIdentifier */
    size_t der_len;
};

/* The row for a key; NULL with `e` set when a CA must not use such a key. */
const struct ca_signer_algorithm_row *ca_signer_algorithm_for(const EVP_PKEY *key,
                                                              struct tm_err *e);

/* A fresh key by option name; RSA keys have 4096 bits. NULL with `e` set. */
EVP_PKEY *ca_signer_algorithm_generate(const char *name, struct tm_err *e);

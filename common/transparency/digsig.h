/*
 * The log's signature as TLS has it (DigitallySigned, RFC 5246 §4.7), in SCTs and tree heads.
 * Only what a log may use (RFC 6962 §2.1.4): SHA-256 with ECDSA on P-256, or RSA PKCS#1 v1.5
 * with at least 2048 bits.
 */
#pragma once

#include <openssl/evp.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

#define DIGSIG_LOG_ID 32 /* bytes */

/* -1: no log may have this key. */
int tm_digsig_check_key(const EVP_PKEY *key, struct tm_err *e);

/* One PEM "PUBLIC KEY" and nothing but white space around it, or its DER. Of any kind. */
EVP_PKEY *tm_digsig_key_read(const void *data, size_t len, struct tm_err *e);

/* The same of a key that is checked as above. */
EVP_PKEY *tm_digsig_key_parse(const void *data, size_t len, struct tm_err *e);

/* SHA-256 of the DER SubjectPublicKeyInfo: the log's id. */
int tm_digsig_log_id(EVP_PKEY *key, unsigned char id[DIGSIG_LOG_ID], struct tm_err *e);

/* Appends the DigitallySigned over `data`. A key checked before; a device's key locked. */
int tm_digsig_sign(EVP_PKEY *key, const void *data, size_t len, struct tm_buf *out,
                   struct tm_err *e);

/* A key made ready once, for a caller that signs often. Any thread. */
struct tm_digsig_signer;
/* NULL: no log may have this key. The signer holds a reference to it. */
struct tm_digsig_signer *tm_digsig_signer_new(EVP_PKEY *key, struct tm_err *e);
void tm_digsig_signer_free(struct tm_digsig_signer *s); /* NULL is fine */
int tm_digsig_signer_sign(const struct tm_digsig_signer *s, const void *data, size_t len,
                          struct tm_buf *out, struct tm_err *e);

/* 0: `ds` is one whole DigitallySigned by `key` over `data`. */
int tm_digsig_verify(EVP_PKEY *key, const void *data, size_t len, const void *ds, size_t ds_len,
                     struct tm_err *e);

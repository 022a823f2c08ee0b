/*
 * What an entry of a log of signatures says (hashedrekord and dsse 0.0.2): which digest was signed,
 * and by whom. Only for searching: no signature is verified.
 */
#pragma once

#include "ca/log/monitor/certificate.h"
#include "common/buf.h"

struct ca_signed_by {          /* a certificate or a key; the other is empty */
    struct tm_buf certificate; /* DER */
    struct tm_buf key;         /* DER SubjectPublicKeyInfo */
    char *algorithm;           /* "PKIX_ECDSA_P256_SHA_256" */
};

struct ca_signed_entry { /* owned */
    char *kind, *version;
    struct tm_buf digest; /* of the artifact; of the payload in a dsse entry */
    char *hash;           /* "SHA2_256" */
    struct {
        struct ca_signed_by *item;
        size_t count;
    } by; /* one, or of a dsse entry each signature's */
};

/* -1: not such an entry. Members that it may have besides are passed over. Free it also then. */
int ca_signed_entry_read(const void *text, size_t len, struct ca_signed_entry *out,
                         struct tm_err *e);
void ca_signed_entry_free(struct ca_signed_entry *s);

/* The certificate of a signer. -1: it has none (`e` is not set), or is damaged. */
int ca_signed_certificate(const struct ca_signed_by *by, struct ca_certificate *out,
                          struct tm_err *e);

/* SHA-256 of the signer's SubjectPublicKeyInfo, its certificate's where it has one. */
int ca_signed_key_hash(const struct ca_signed_by *by, unsigned char out[32]);

/*
 * Keys and certificates for tests, made with OpenSSL alone so that our own writers are not the
 * judge. A fault ends the program.
 */
#pragma once

#include <openssl/x509.h>
#include <stdint.h>

#include "common/buf.h"

/* "P-256", "P-384", "P-521", "RSA" (2048 bits), "ED25519". */
EVP_PKEY *pki_key(const char *type);

struct pki_extension {
    const char *oid;   /* dotted, or OpenSSL's short name; NULL ends the list */
    const char *value; /* OpenSSL configuration syntax, such as "critical,CA:TRUE" or "ASN1:…" */
};

struct pki_spec {
    const char *name; /* subject CN and, for CAs, O; NULL: empty subject */
    EVP_PKEY *key;
    X509 *issuer; /* NULL: self-signed */
    EVP_PKEY *issuer_key;
    int64_t not_before; /* Unix seconds */
    int64_t not_after;
    const struct pki_extension *extensions;
};

X509 *pki_cert(const struct pki_spec *spec);

/* A CA certificate: CA:TRUE, keyCertSign, and codeSigning unless it is a root. */
X509 *pki_ca(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
             int64_t not_before, int64_t not_after);

/* A self-signed certificate for 127.0.0.1 and its key, as a TLS server has them: appends PEM. */
void pki_tls(struct tm_buf *certificate, struct tm_buf *key);

void pki_pem(X509 *cert, struct tm_buf *out);           /* appends */
void pki_public_pem(EVP_PKEY *key, struct tm_buf *out); /* appends */

/* Appends the signature that EVP_DigestSign makes (ECDSA: DER; RSA: PKCS #1 v1.5). `digest` NULL
 * for Ed25519. */
void pki_sign(EVP_PKEY *key, const char *digest, const void *data, size_t len, struct tm_buf *out);

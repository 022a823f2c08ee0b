/*
 * Certificates as PEM text, strictly: what a file of a chain may hold and nothing else.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

#define CERTS_MAX 8 /* certificates; real chains have two or three */

/* One or more PEM certificates in the file's order; text between blocks is allowed, other blocks
 * and trailing DER bytes are not. Free with sk_X509_pop_free(…, X509_free). */
STACK_OF(X509) * tm_certs_parse(const void *pem, size_t len, struct tm_err *e);

/* The same of what a client was given: also, as cosign writes it, PEM in base64. */
STACK_OF(X509) * tm_certs_parse_given(const void *text, size_t len, struct tm_err *e);

/* Each reads a file, and parses it so. */
STACK_OF(X509) * tm_certs_load(const char *path, struct tm_err *e);
STACK_OF(X509) * tm_certs_load_given(const char *path, struct tm_err *e);

/* RFC 5280 §6.1.4 (k)-(n) for certificate `i` (from 0) of a chain: CA:TRUE, certSign, no unknown
 * critical extension, and a path length that allows `below` CAs beneath. */
int tm_certs_check_ca(X509 *cert, int i, int below, struct tm_err *e);

/* Certificate `i` names `issuer` and is signed by its key. */
int tm_certs_check_link(X509 *cert, X509 *issuer, int i, struct tm_err *e);

/* SHA-256 of the certificate in lower hex; "" where OpenSSL fails. */
#define CERTS_FINGERPRINT_MAX 65
const char *tm_certs_fingerprint(const X509 *cert, char out[CERTS_FINGERPRINT_MAX]);

/* A name in RFC 4514's form, the most particular part first, behind what `out` holds. `escaped`:
 * what is not ASCII as \XX, for terminals; else as UTF-8. */
void tm_certs_name(const X509_NAME *name, bool escaped, struct tm_buf *out);

/*
 * Certificates as PEM text, strictly: what a file of a chain may hold and nothing else.
 */
#ifndef TENMINT_COMMON_CERTS_H
#define TENMINT_COMMON_CERTS_H

#include <openssl/x509.h>

#include "common/err.h"

#define CERTS_MAX 8 /* certificates; real chains have two or three */

/* One or more PEM certificates in the file's order; text between blocks is allowed, other blocks
 * and trailing DER bytes are not. Free with sk_X509_pop_free(…, X509_free). */
STACK_OF(X509) * certs_parse(const void *pem, size_t len, struct err *e);

/* Reads and parses a file. */
STACK_OF(X509) * certs_load(const char *path, struct err *e);

#endif

/*
 * Asking a CA for a certificate: a token and a key in, a chain that is this job's out.
 */
#pragma once

#include <openssl/x509.h>

#include "common/buf.h"
#include "common/err.h"

struct issue_order {    /* borrowed */
    const char *ca;     /* URL */
    const char *tls_ca; /* PEM of further CAs for https; or NULL */
    bool allow_http;    /* beyond loopback */
    unsigned tries;     /* 0: as common/fetch/again.h has it */
    const struct tm_buf *token;
    EVP_PKEY *key;
};

struct issued {
    STACK_OF(X509) * certs; /* leaf first */
    struct tm_buf chain;    /* the same as PEM */
    struct tm_buf sct_json; /* the SCT beside the certificate; empty: there is none */
    struct tm_buf scts;     /* the same, as an SCT list */
};

/*
 * Sends a certificate request (PKCS #10): its own signature is the proof of possession, whatever
 * claim the CA would have had signed for this issuer. The answer has passed leaf_check. A refusal
 * says what the token itself shows. Free in either case.
 */
int issue_certificate(const struct issue_order *o, struct issued *out, struct tm_err *e);
void issued_free(struct issued *i);

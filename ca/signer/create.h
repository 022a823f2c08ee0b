/*
 * New certificates of authorities: the self-signed root, the intermediate, and what signs
 * timestamps.
 */
#pragma once

#include <openssl/x509.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/key/key.h"

struct ca_create_cert {
    const char *organization; /* subject O */
    const char *common_name;  /* subject CN */
    int64_t not_before;       /* Unix seconds */
    int64_t not_after;
    int pathlen;       /* CAs allowed below; -1: no CA, it signs timestamps or the like itself */
    const char *usage; /* extended key usage as OpenSSL's configuration has it; NULL: none */
};

/* Certificate for `key`, signed by `issuer_key` (self-signed when issuer is NULL): critical
 * CA:TRUE, keyCertSign + cRLSign (or CA:FALSE, digitalSignature), SKI, AKI, random serial. NULL
 * with `e` set. */
X509 *ca_create_ca_cert(const struct ca_create_cert *c, EVP_PKEY *key, X509 *issuer,
                        EVP_PKEY *issuer_key, struct tm_err *e);

#define CREATE_ORGANIZATION "tenmint"
#define CREATE_KEY_TYPE "p256"

struct ca_create_options {
    const char *directory;                   /* made if missing; must hold none of the files */
    const char *organization;                /* NULL: CREATE_ORGANIZATION */
    const char *key_type;                    /* NULL: CREATE_KEY_TYPE */
    const char *password;                    /* encrypts the key files (PKCS#8 with AES-256) */
    const struct tm_key_source *device;      /* NULL: a file; or where the intermediate's key is:
                                             tm_key_make */
    const struct tm_key_source *root_device; /* likewise of ca_create_ca's root */
    int64_t now_s;
    int root_years;         /* 0: 10 */
    int intermediate_years; /* 0: 3 */
};

/* Writes root.pem, root.key and intermediate.key (unless they are in a token) and chain.pem
 * (intermediate, root); keys 0600. */
int ca_create_ca(const struct ca_create_options *o, struct tm_err *e);

/* Writes intermediate.key (unless it is in a token) and CREATE_REQUEST, a PKCS#10 request for an
 * intermediate's certificate to be signed by somebody else's CA: it asks for CA:TRUE, pathlen 0,
 * certSign and code signing. `subject`: NULL: of o->organization. */
#define CREATE_REQUEST "intermediate.csr"
int ca_create_request(const struct ca_create_options *o, const X509_NAME *subject,
                      struct tm_err *e);

/*
 * A timestamp authority's certificates: a root, an intermediate and the one that signs (RFC 3161
 * §2.3). Writes tsa.pem (in the order of a chain, the signing one first), tsa.key (unless it is in
 * a token) and, for the next signing certificate, tsa-root.key and tsa-intermediate.key. Of `o`,
 * `intermediate_years` is the life of the signing certificate.
 */
int ca_create_tsa(const struct ca_create_options *o, struct tm_err *e);
#define CREATE_TSA_CHAIN "tsa.pem"
#define CREATE_TSA_KEY "tsa.key"
#define CREATE_TSA_INTERMEDIATE_KEY "tsa-intermediate.key"

/* The next signing certificate below `chain`, the present one and its issuers: writes
 * CREATE_TSA_KEY and CREATE_TSA_CHAIN to o->directory, as ca_create_intermediate does. */
int ca_create_tsa_next(const struct ca_create_options *o, const STACK_OF(X509) * chain,
                       EVP_PKEY *intermediate_key, struct tm_err *e);

/*
 * The next intermediate below a root that exists: a new key and a certificate of the root's
 * organization, which never outlives the root. Writes intermediate.key and chain.pem
 * (intermediate, root) to o->directory; o->organization and o->root_years are not used.
 */
int ca_create_intermediate(const struct ca_create_options *o, X509 *root, EVP_PKEY *root_key,
                           struct tm_err *e);

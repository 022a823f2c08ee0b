/*
 * The CA key behind one narrow interface: bytes to be signed in, signature out.
 * Nothing else may touch the key; it will later live in a process of its own.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/key/key.h"

struct ca_signer; /* immutable; safe to use from several threads; reference counted */

struct ca_signer_options {
    const char *backend;        /* "file", "pkcs11", "uri" or "ephemeral" */
    const char *chain_file;     /* all but ephemeral: PEM, issuing CA first, root last */
    struct tm_key_source key;   /* likewise */
    const char *ephemeral_type; /* "p256" (default), "p384", "rsa", "ed25519" */
};

/* Opens the key, loads and checks the chain (order, CA:TRUE, EKU nesting, path
 * length, expiry at now_s, key match, key strength). NULL with `e` set on failure. */
struct ca_signer *ca_signer_open(const struct ca_signer_options *o, int64_t now_s,
                                 struct tm_err *e);
struct ca_signer *ca_signer_ref(struct ca_signer *s);
void ca_signer_unref(struct ca_signer *s);

/* Appends the signature over `tbs` (the hash follows the key). Thread-safe, lock-free. */
int ca_signer_sign(struct ca_signer *s, const void *tbs, size_t len, struct tm_buf *sig,
                   struct tm_err *e);

/* A signature takes another's time: a token's, a network's. */
bool ca_signer_is_slow(const struct ca_signer *s);

/* Makes a signature and checks it by the CA's certificate. Thread-safe. */
int ca_signer_check(struct ca_signer *s, struct tm_err *e);

/* DER of the AlgorithmIdentifier that ca_signer_sign makes, e.g. ecdsa-with-SHA256. Static. */
const unsigned char *ca_signer_algorithm(const struct ca_signer *s, size_t *len);

/* What issuance needs of the chain, decoded once at open. All borrowed. */
struct ca_signer_chain {
    size_t count; /* certificates, issuing CA first */
    X509 *const *cert;
    const char *const *pem; /* each with its trailing newline */
    const unsigned char *const *der;
    const size_t *der_len;
    const unsigned char *subject; /* DER Name of the issuing CA */
    size_t subject_len;
    const unsigned char *key_id; /* SKI of the issuing CA; NULL when it has none */
    size_t key_id_len;
    unsigned char spki_sha256[32]; /* issuer key hash (RFC 6962 §3.2) */
    int64_t not_after;             /* issuing CA's end, Unix seconds */
    bool ephemeral;
};
const struct ca_signer_chain *ca_signer_chain(const struct ca_signer *s);

/*
 * The client's key and the proof that it holds it: parse (PEM or DER public key,
 * or PKCS#10), judge the key's strength, verify the signature over the challenge.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>

#include "ca/proof/form.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/shelf.h"

struct ca_proof_policy; /* compiled client-signing-algorithms; immutable, shared by threads */

/* `names`: Fulcio's flag values (e.g. "ecdsa-sha2-256-nistp256"); NULL, 0: the default list. */
struct ca_proof_policy *ca_proof_policy_new(const char *const *names, size_t count,
                                            struct tm_err *e);
void ca_proof_policy_free(struct ca_proof_policy *p);

/* Outcome: which client-visible message (Fulcio's words) a refusal gets. */
enum ca_proof_status {
    PROOF_OK,
    PROOF_KEY_UNPARSABLE,    /* "The public key supplied in the request could not be parsed" */
    PROOF_CSR_UNPARSABLE,    /* "The certificate signing request could not be parsed" */
    PROOF_KEY_WEAK,          /* "The public key supplied in the request is insecure" */
    PROOF_BAD_SIGNATURE,     /* "The signature supplied in the request could not be verified" */
    PROOF_UNKNOWN_ALGORITHM, /* "unrecognized signature algorithm: NAME" -> e->text holds it */
    PROOF_NOT_PERMITTED,     /* "signing algorithm not permitted: TYPE, HASH" -> e->text holds it */
    PROOF_INTERNAL,
};

struct ca_proof_key {
    EVP_PKEY *key;         /* owned */
    EVP_PKEY_CTX *ctx;     /* of key, which verification begins anew; owned, NULL: none is kept */
    enum ca_key_kind kind; /* of key */
    struct tm_shelf *home; /* where ctx goes when it is not needed any more; NULL: freed */
    size_t ec_width;       /* bytes of r and of s; 0: no EC key */
    struct tm_buf spki;    /* canonical DER SubjectPublicKeyInfo */
    const EVP_MD *md;      /* the policy's, fetched once; NULL for Ed25519 */
};
void ca_proof_key_free(struct ca_proof_key *k);

/* Lets the decoded key go, for other requests; what a certificate needs, `spki`, stays. */
void ca_proof_key_settle(struct ca_proof_key *k);

/* PEM "PUBLIC KEY" / "RSA PUBLIC KEY" or DER SPKI; policy and strength are checked. The P-256
 * path decodes no more than it must. */
enum ca_proof_status ca_proof_key_parse(const struct ca_proof_policy *p, const void *data,
                                        size_t len, struct ca_proof_key *out, struct tm_err *e);

/* Verifies `sig` over the challenge's bytes (ECDSA DER or raw r||s; RSA PKCS#1 v1.5; Ed25519). */
enum ca_proof_status ca_proof_key_verify(const struct ca_proof_key *k, const char *challenge,
                                         const void *sig, size_t sig_len, struct tm_err *e);

/* The same of a digest that was made elsewhere, by k->md; not for Ed25519. */
bool ca_proof_signed_digest(const struct ca_proof_key *k, const unsigned char *digest,
                            size_t digest_len, const unsigned char *sig, size_t sig_len);

/* The same of any bytes: `data` is what was signed. The outcome only; nothing is put on `e`. */
bool ca_proof_signed_by(const struct ca_proof_key *k, const void *data, size_t len,
                        const unsigned char *sig, size_t sig_len);

/* PEM PKCS#10: parses and checks key strength and its self-signature. */
enum ca_proof_status ca_proof_csr_parse(const struct ca_proof_policy *p, const void *pem,
                                        size_t len, struct ca_proof_key *out, struct tm_err *e);

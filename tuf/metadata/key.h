/*
 * TUF KEY objects (spec §4.2): {keytype, scheme, keyval: {public}, ...}.
 *
 *   ed25519  ed25519              keyval.public: 64 hex characters
 *   ecdsa    ecdsa-sha2-nistp256  PEM of an SPKI; also keytype "ecdsa-sha2-nistp256" (spec
 * <= 1.0.31) ecdsa    ecdsa-sha2-nistp384  the same, P-384 rsa      rsassa-pss-sha256    PEM of an
 * SPKI, 2048 to 8192 bits; PSS, MGF1-SHA256
 *
 * A key's identity for thresholds is its public key, not its keyid: one key under two keyids
 * counts once.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"
#include "tuf/metadata/types.h"

#define TUF_KEYID_SIZE 65 /* lower-case hex of SHA-256 and its NUL; what we write */

struct tuf_algorithm; /* one row of the table above */

struct tuf_key {
    const struct tuf_algorithm *alg;
    EVP_PKEY *pkey;                /* owned; public */
    unsigned char fingerprint[32]; /* SHA-256 of the DER SubjectPublicKeyInfo */
};

/* Makes a key of a KEY. -1: unknown type or scheme, a PEM that is not exactly one block, a key that
 * does not suit its scheme. */
int tuf_key_open(const struct tuf_public_key *key, struct tuf_key *out, struct tm_err *e);
void tuf_key_free(struct tuf_key *k);

/* The KEY of a public (or private) key into one of zeros, without owner or unknown members: add
 * yours, then take the keyid. The PEM ends with one line feed. */
int tuf_key_of(EVP_PKEY *pkey, struct tuf_public_key *out, struct tm_err *e);

/* The keyid as the specification computes it, over the whole KEY with its unknown members. */
int tuf_key_hash(const struct tuf_public_key *key, char keyid[TUF_KEYID_SIZE], struct tm_err *e);

/* SHA-256 of the public key, hex: whatever the keyid, the key is this one. */
int tuf_key_fingerprint(const struct tuf_public_key *key, char hex[65], struct tm_err *e);

/* Whether `sig` (raw bytes: 64 of Ed25519, DER of ECDSA, RSA's) is over `data`. */
bool tuf_key_verify(const struct tuf_key *k, const void *data, size_t len, const unsigned char *sig,
                    size_t sig_len);

/* Signs as the KEY object `k` prescribes with its private half, and verifies what came out.
 * Appends the raw signature. */
int tuf_key_sign(const struct tuf_key *k, EVP_PKEY *private_key, const void *data, size_t len,
                 struct tm_buf *sig, struct tm_err *e);
/* The same in hex, as metadata has it, into an empty `hex`; `key` has its keyid. */
int tuf_sign_hex(const struct tm_buf *bytes, const struct tuf_public_key *key,
                 EVP_PKEY *private_key, struct tm_buf *hex, struct tm_err *e);

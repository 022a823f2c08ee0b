/*
 * A signature by a key or a certificate's key over an artifact.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>

#include "tuf/verify/bundle/artifact.h"

/* Ed25519 signs the content, not a digest: tuf_artifact_open must `keep` it. */
bool tuf_artifact_signature_needs_content(const EVP_PKEY *key);

/*
 * 0: `sig` is by `key` over `artifact`. ECDSA (DER) on P-256 with SHA-256, P-384 with SHA-384 and
 * P-521 with SHA-512, the last two with SHA-256 too, which Sigstore's older clients used; RSA from
 * 2048 bits, PKCS #1 v1.5 or PSS, with SHA-256; Ed25519.
 */
int tuf_artifact_signature_verify(EVP_PKEY *key, const struct tuf_artifact *artifact,
                                  const void *sig, size_t len, struct tm_err *e);

/* Appends the signature that tuf_artifact_signature_verify checks first for this kind of key;
 * *digest says by which digest (SHA-256 for Ed25519, which needs none). */
int tuf_artifact_signature_make(EVP_PKEY *key, const struct tuf_artifact *artifact,
                                enum tuf_digest_algorithm *digest, struct tm_buf *out,
                                struct tm_err *e);

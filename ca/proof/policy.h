/*
 * client-signing-algorithms: which pairs of key and hash a client may use.
 */
#pragma once

#include <openssl/evp.h>

#include "ca/proof/proof.h"
#include "ca/proof/spki.h"

/* The hash (NID) that a proof by such a key uses: SHA-256 for P-256 and RSA, SHA-384 for P-384,
 * SHA-512 for P-521, NID_undef for Ed25519 (Fulcio v1.7.0 and later). */
int ca_policy_hash_for(enum ca_key_kind kind);

/* What the policy made once: that which makes keys, and the digest by NID (NULL: NID_undef). */
struct ca_spki_maker *ca_policy_maker(const struct ca_proof_policy *p);

/* PROOF_OK, PROOF_KEY_WEAK or PROOF_INTERNAL. */
enum ca_proof_status ca_policy_strength(const struct ca_proof_policy *p,
                                        const struct ca_proof_key *k, struct tm_err *e);

/* PROOF_OK, or PROOF_NOT_PERMITTED with Fulcio's words in `e`. A key that is strong. */
enum ca_proof_status ca_policy_check(const struct ca_proof_policy *p, enum ca_key_kind kind,
                                     int hash_nid, struct tm_err *e);

/* What a signature by `k`, a strong key, is verified with: sets md and ec_width. */
void ca_policy_prepare(const struct ca_proof_policy *p, int hash_nid, struct ca_proof_key *k);

/*
 * client-signing-algorithms: which pairs of key and hash a client may use.
 */
#ifndef TENMINT_CA_PROOF_POLICY_H
#define TENMINT_CA_PROOF_POLICY_H

#include <openssl/evp.h>

#include "ca/proof/proof.h"
#include "ca/proof/spki.h"

/* The hash (NID) that a proof by this key uses: SHA-256 for P-256 and RSA, SHA-384 for P-384,
 * SHA-512 for P-521, NID_undef for Ed25519 (Fulcio v1.7.0 and later). */
int ca_policy_hash_for(const EVP_PKEY *key);

/* What the policy decoded once: the curves, and the digest by NID (NULL for NID_undef). */
struct ca_spki_curves *ca_policy_curves(const struct ca_proof_policy *p);
const EVP_MD *ca_policy_digest(const struct ca_proof_policy *p, int nid);

/* Judges strength and permission of a parsed key and sets its md and ec_width. PROOF_OK,
 * PROOF_KEY_WEAK, PROOF_NOT_PERMITTED or PROOF_INTERNAL. What the curve alone decides was decided
 * when the policy was made. */
enum ca_proof_status ca_policy_judge_key(const struct ca_proof_policy *p, struct ca_proof_key *k,
                                         struct tm_err *e);

/* PROOF_OK, or PROOF_NOT_PERMITTED with Fulcio's words in `e`. */
enum ca_proof_status ca_policy_check(const struct ca_proof_policy *p, const EVP_PKEY *key,
                                     int hash_nid, struct tm_err *e);

#endif

/*
 * Is a client key strong enough? Judged by its canonical SubjectPublicKeyInfo.
 */
#pragma once

#include "ca/proof/modulus.h"
#include "ca/proof/proof.h"

/* Of `k` with its spki: RSA with e = 65537 and a modulus that ca/proof/modulus.h passes; EC on
 * P-256, P-384 or P-521; Ed25519 not of small order. Everything else: PROOF_KEY_WEAK. */
enum ca_proof_status ca_strength_check(const struct ca_modulus_rules *rules,
                                       const struct ca_proof_key *k, struct tm_err *e);

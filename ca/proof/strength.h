/*
 * Is a client key strong enough? The rules Fulcio applies, plus the ones a
 * malicious key maker would try.
 */
#ifndef TENMINT_CA_PROOF_STRENGTH_H
#define TENMINT_CA_PROOF_STRENGTH_H

#include "ca/proof/proof.h"

/* RSA: exactly 2048, 3072 or 4096 bits, e = 65537, no factor below 752, not ROCA
 * (CVE-2017-15361), not two close primes (100 Fermat rounds). EC: P-256/384/521, on the
 * curve. Ed25519: not of small order. Everything else is refused: PROOF_KEY_WEAK. */
enum ca_proof_status ca_strength_check(const EVP_PKEY *key, struct tm_err *e);

#endif

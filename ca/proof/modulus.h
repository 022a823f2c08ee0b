/*
 * Is an RSA modulus one that nobody can factor by looking? The rules Fulcio applies, plus the ones
 * that a malicious key maker would try. Judged from the bytes; what depends on the rule alone, and
 * not on the modulus, is computed once.
 */
#pragma once

#include "ca/proof/proof.h"

#define MODULUS_MAX 512 /* bytes: 4096 bits */

struct ca_modulus_rules; /* immutable, shared by threads */

struct ca_modulus_rules *ca_modulus_rules_new(struct tm_err *e);
void ca_modulus_rules_free(struct ca_modulus_rules *r);

/* `be`: the modulus, big endian, its first byte not zero. Exactly 2048, 3072 or 4096 bits, no
 * factor below 752, not ROCA (CVE-2017-15361), not two close primes (100 rounds of Fermat's
 * method): else PROOF_KEY_WEAK with the reason. PROOF_INTERNAL: out of memory. */
enum ca_proof_status ca_modulus_check(const struct ca_modulus_rules *r, const unsigned char *be,
                                      size_t len, struct tm_err *e);

/*
 * A client's public key: strict PEM or DER in, a decoded key and its canonical
 * SubjectPublicKeyInfo out.
 */
#ifndef TENMINT_CA_PROOF_SPKI_H
#define TENMINT_CA_PROOF_SPKI_H

#include "ca/proof/proof.h"

#define SPKI_INPUT_MAX ((size_t)16 * 1024) /* bytes; a 4096-bit RSA key in PEM is under 1 KiB */

/* Keys with the curves' parameters decoded, used again and again; shared by threads. */
struct ca_spki_curves;
struct ca_spki_curves *ca_spki_curves_new(struct tm_err *e);
void ca_spki_curves_free(struct ca_spki_curves *c);

/* A key of curve number `n`, from 1 to SPKI_CURVES, without a point: what is true of its type is
 * true of every key whose `curve` is n. Borrowed. */
#define SPKI_CURVES 3
const EVP_PKEY *ca_spki_curves_sample(const struct ca_spki_curves *c, unsigned n);

/* Puts out->key away for the next request with a key of this curve, or frees it. */
void ca_spki_release(struct ca_proof_key *out);

/* PEM "PUBLIC KEY" or "RSA PUBLIC KEY", else DER SubjectPublicKeyInfo. Fills key and spki.
 * PROOF_KEY_UNPARSABLE or PROOF_INTERNAL otherwise. */
enum ca_proof_status ca_spki_parse(struct ca_spki_curves *known, const void *data, size_t len,
                                   struct ca_proof_key *out, struct tm_err *e);

/* Fills out->spki from out->key. Compressed points and explicit curve parameters are
 * PROOF_KEY_UNPARSABLE: Go's verifiers cannot read a certificate that holds them. */
enum ca_proof_status ca_spki_encode(struct ca_proof_key *out, struct tm_err *e);

#endif

/*
 * A client's public key: strict PEM or DER in, a decoded key and its canonical
 * SubjectPublicKeyInfo out.
 */
#pragma once

#include "ca/proof/proof.h"

#define SPKI_INPUT_MAX ((size_t)16 * 1024) /* bytes; a 4096-bit RSA key in PEM is under 1 KiB */

/* What keys are made from, prepared once: the curves' parameters decoded; shared by threads. */
struct ca_spki_maker;
struct ca_spki_maker *ca_spki_maker_new(struct tm_err *e);
void ca_spki_maker_free(struct ca_spki_maker *m);

/* Puts out->key away for the next request with a key of this curve, or frees it. */
void ca_spki_release(struct ca_proof_key *out);

/* PEM "PUBLIC KEY" or "RSA PUBLIC KEY", else DER SubjectPublicKeyInfo. Fills key, kind and
 * spki. PROOF_KEY_UNPARSABLE or PROOF_INTERNAL otherwise. */
enum ca_proof_status ca_spki_parse(struct ca_spki_maker *maker, const void *data, size_t len,
                                   struct ca_proof_key *out, struct tm_err *e);

/* The same of DER. */
enum ca_proof_status ca_spki_parse_der(struct ca_spki_maker *maker, const unsigned char *der,
                                       size_t len, struct ca_proof_key *out, struct tm_err *e);

/* Fills out->spki and kind from out->key. Compressed points and explicit curve parameters are
 * PROOF_KEY_UNPARSABLE: Go's verifiers cannot read a certificate that holds them. */
enum ca_proof_status ca_spki_encode(struct ca_proof_key *out, struct tm_err *e);

/*
 * Whose signature an entry holds: a certificate or a public key with the name of its algorithm, as
 * Sigstore's `Verifier` and `PublicKeyDetails` say it.
 */
#pragma once

#include "ca/proof/proof.h"
#include "ca/proof/spki.h"
#include "common/json/jsonmap.h"

/* An algorithm that the log takes: prehashed ones only, since it never sees the artifact. */
struct ca_sig_algorithm {
    const char *name; /* "PKIX_ECDSA_P256_SHA_256" */
    enum ca_key_kind kind;
    const char *digest;    /* OpenSSL's name */
    const char *hash_name; /* "SHA2_256", as entries have it */
    size_t digest_len;
};

struct ca_sig_algorithms; /* fetched once; immutable, shared by threads */
struct ca_sig_algorithms *ca_sig_algorithms_new(struct tm_err *e);
void ca_sig_algorithms_free(struct ca_sig_algorithms *a); /* NULL is fine */

struct ca_sig_verifier {
    struct tm_buf certificate; /* DER; empty: */
    struct tm_buf key;         /* DER SubjectPublicKeyInfo */
    int details;               /* PublicKeyDetails; JSONMAP_UNKNOWN: no name of Sigstore's */
};

/* PublicKeyDetails by name and number, those that the log does not take included. */
extern const struct tm_jsonmap_name ca_sig_details[];

/* The algorithm that it names, when the log takes it. NULL with `e` set. */
const struct ca_sig_algorithm *ca_sig_algorithm_of(const struct ca_sig_verifier *v,
                                                   struct tm_err *e);

/* Reads the key that `v` holds, which must be one of the algorithm that it names. The certificate
 * is a whole one, in DER; who signed it and when it is valid is nobody's concern here. Free `out`
 * with ca_proof_key_free, also on -1. */
int ca_sig_verifier_key(const struct ca_sig_algorithms *a, const struct ca_sig_verifier *v,
                        struct ca_proof_key *out, struct tm_err *e);

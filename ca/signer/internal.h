/*
 * Inside ca/signer only: what a backend hands to signer.c.
 */
#pragma once

#include <openssl/evp.h>

#include "ca/signer/signer.h"

struct ca_signer_material {
    EVP_PKEY *key;          /* owned reference */
    struct tm_key *stored;  /* owned: where `key` is kept, freed after it; NULL when ephemeral */
    STACK_OF(X509) * chain; /* owned; issuing CA first */
    bool ephemeral;
};

typedef int (*signer_backend_fn)(const struct ca_signer_options *o, int64_t now_s,
                                 struct ca_signer_material *m, struct tm_err *e);

int ca_signer_open_stored(const struct ca_signer_options *o, int64_t now_s,
                          struct ca_signer_material *m, struct tm_err *e);
int ca_signer_open_ephemeral(const struct ca_signer_options *o, int64_t now_s,
                             struct ca_signer_material *m, struct tm_err *e);

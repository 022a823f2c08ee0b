/*
 * Inside ca/signer only: what a backend hands to signer.c.
 */
#ifndef TENMINT_CA_SIGNER_INTERNAL_H
#define TENMINT_CA_SIGNER_INTERNAL_H

#include <openssl/evp.h>

#include "ca/signer/signer.h"

struct signer_material {
    EVP_PKEY *key;              /* owned */
    STACK_OF(X509) *chain;      /* owned; issuing CA first */
    void *handle;               /* backend's own state, closed after the key */
    void (*close)(void *handle);
    bool serialise;             /* the key is a device's: one signature at a time */
    bool ephemeral;
};

typedef int (*signer_backend_fn)(const struct signer_options *o, int64_t now_s,
                                 struct signer_material *m, struct err *e);

int signer_open_file(const struct signer_options *o, int64_t now_s, struct signer_material *m,
                     struct err *e);
int signer_open_ephemeral(const struct signer_options *o, int64_t now_s, struct signer_material *m,
                          struct err *e);
int signer_open_pkcs11(const struct signer_options *o, int64_t now_s, struct signer_material *m,
                       struct err *e);

/* Secret from a 0600 file (one trailing newline removed) or an environment variable. */
int signer_read_secret(const char *file, const char *env, const char *what, struct buf *out,
                       struct err *e);

#endif

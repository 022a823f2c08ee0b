/*
 * The public keys of holders: keys/NAME.pub, a PEM SubjectPublicKeyInfo each.
 */
#ifndef TENMINT_TUF_KEYRING_H
#define TENMINT_TUF_KEYRING_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>

#include "common/err.h"

/* In a KEY object: whose it is. Part of what the keyid is computed over. */
#define KEYRING_OWNER "x-tenmint-keyowner"

/* The KEY object of `holder` in the folder `dir`, owner included. A new reference, or NULL. */
json_t *keyring_load(const char *dir, const char *holder, struct err *e);

/* KEY object for a public or private key. */
json_t *keyring_key(EVP_PKEY *pkey, const char *holder, struct err *e);

/* Writes `holder`'s public key; an existing one is replaced only when asked. */
int keyring_save(const char *dir, const char *holder, EVP_PKEY *pkey, bool replace, struct err *e);

/* The owner a KEY names, also in tuf-on-ci's field, or "" . Borrowed. */
const char *keyring_owner(const json_t *key);

/* Lower-case hex of SHA-256 over the key's DER SubjectPublicKeyInfo: what a holder compares with
 * the own device, whatever the keyid is. */
int keyring_fingerprint(const json_t *key, char hex[65], struct err *e);

/* Reads a public key: a PEM public key, a certificate, or a KEY
 * object. A private key is refused: it has no business here. */
EVP_PKEY *keyring_read_public(const char *path, struct err *e);

#endif

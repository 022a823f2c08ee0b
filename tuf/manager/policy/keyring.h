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
#define KEYRING_NAME_MAX 64 /* as POLICY_NAME_MAX */

#define KEYRING_OWNER "x-tenmint-keyowner"

/* The KEY object of `holder` in the folder `dir`, owner included. A new reference, or NULL. */
json_t *tuf_keyring_load(const char *dir, const char *holder, struct tm_err *e);

/* KEY object for a public or private key. */
json_t *tuf_keyring_key(EVP_PKEY *pkey, const char *holder, struct tm_err *e);

/* Writes `holder`'s public key; an existing one is replaced only when asked. */
int tuf_keyring_save(const char *dir, const char *holder, EVP_PKEY *pkey, bool replace,
                     struct tm_err *e);

/* The owner a KEY names, also in tuf-on-ci's field, or "" . Borrowed. */
const char *tuf_keyring_owner(const json_t *key);

/* Lower-case hex of SHA-256 over the key's DER SubjectPublicKeyInfo: what a holder compares with
 * the own device, whatever the keyid is. */
int tuf_keyring_fingerprint(const json_t *key, char hex[65], struct tm_err *e);

/* The holder, other than `holder`, whose key in the folder is this one too: 1 with the name, 0:
 * nobody, -1: the folder cannot be read. */
int tuf_keyring_twin(const char *dir, const char *holder, EVP_PKEY *pkey,
                     char name[KEYRING_NAME_MAX + 1], struct tm_err *e);

/* Reads a public key: a PEM public key, a certificate, or a KEY
 * object. A private key is refused: it has no business here. */
EVP_PKEY *tuf_keyring_read_public(const char *path, struct tm_err *e);

#endif

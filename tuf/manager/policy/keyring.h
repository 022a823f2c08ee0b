/*
 * The public keys of holders: keys/NAME.pub, a PEM SubjectPublicKeyInfo each.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>

#include "common/err.h"
#include "tuf/metadata/typesjson.h"

/* In a KEY object: whose it is. Part of what the keyid is computed over. */
#define KEYRING_NAME_MAX 64 /* as POLICY_NAME_MAX */

#define KEYRING_OWNER "x-tenmint-keyowner"

/* The KEY of `holder` in the folder `dir` into one of zeros, owner included. */
int tuf_keyring_read(const char *dir, const char *holder, struct tuf_public_key *out,
                     struct tm_err *e);

/* The KEY of a public or private key, into one of zeros. */
int tuf_keyring_make(EVP_PKEY *pkey, const char *holder, struct tuf_public_key *out,
                     struct tm_err *e);

/* Writes `holder`'s public key; an existing one is replaced only when asked. */
int tuf_keyring_save(const char *dir, const char *holder, EVP_PKEY *pkey, bool replace,
                     struct tm_err *e);

/* The holder, other than `holder`, whose key in the folder is this one too: 1 with the name, 0:
 * nobody, -1: the folder cannot be read. */
int tuf_keyring_twin(const char *dir, const char *holder, EVP_PKEY *pkey,
                     char name[KEYRING_NAME_MAX + 1], struct tm_err *e);

/* Reads a public key: a PEM public key, a certificate, or a KEY
 * object. A private key is refused: it has no business here. */
EVP_PKEY *tuf_keyring_read_public(const char *path, struct tm_err *e);

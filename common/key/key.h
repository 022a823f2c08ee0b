/*
 * Private keys, whoever uses them (CA, log, TUF roles): an encrypted PEM file, a PEM in an
 * environment variable, or a key in a PKCS#11 token. The caller gets an EVP_PKEY and never
 * sees key bytes.
 */
#ifndef TENMINT_COMMON_KEY_H
#define TENMINT_COMMON_KEY_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

struct key_source {            /* text is borrowed; exactly one of file, env, pkcs11_module */
    const char *file;          /* PEM, mode 0600; encrypted PKCS#8 expected, plain accepted */
    const char *env;           /* name of an environment variable that holds such a PEM */
    const char *password_file; /* or NULL */
    const char *password_env;  /* name of an environment variable, or NULL */
    const char *pkcs11_module; /* path of the module's shared object */
    const char *pkcs11_token;  /* token label */
    const char *pkcs11_key;    /* key label */
    const char *pin_file;      /* or NULL */
    const char *pin_env;       /* or NULL */
};

struct key; /* an open private key; signing from several threads is safe */

/* `what` names the key in messages ("CA key", "log key"). NULL with `e` set. */
struct key *key_open(const struct key_source *source, const char *what, struct err *e);
void key_free(struct key *k); /* NULL is fine */

/* Borrowed; lives as long as `k`. A device's key signs through its token. */
EVP_PKEY *key_pkey(const struct key *k);
bool key_is_device(const struct key *k); /* one signature at a time: see key_lock */

/* Held around each use of a device's key; nothing for other keys. */
void key_lock(struct key *k);
void key_unlock(struct key *k);

/* Makes a key inside the token ("p256", "p384", "rsa" of 2048 bits); fails if the label is
 * taken. The key cannot be read out again. */
int key_pkcs11_generate(const struct key_source *source, const char *type, struct err *e);

/* Writes `pkey` as PKCS#8 PEM to a new file of mode 0600, encrypted (PBES2: scrypt or
 * PBKDF2, AES-256) unless password is NULL. Fails if the file exists. */
int key_write_file(const char *path, EVP_PKEY *pkey, const char *password, struct err *e);

/* A secret from a 0600 file (one trailing newline removed) or an environment variable; "" when
 * neither is given. Free with buf_free_secret. */
int key_read_secret(const char *file, const char *env, const char *what, struct buf *out,
                    struct err *e);

#endif

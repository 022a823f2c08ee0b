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

struct tm_key_source {         /* text is borrowed; exactly one of file, env, pkcs11_module */
    const char *file;          /* PEM, mode 0600; encrypted PKCS#8 expected, plain accepted */
    const char *env;           /* name of an environment variable that holds such a PEM */
    const char *password_file; /* or NULL */
    const char *password_env;  /* name of an environment variable, or NULL */
    const char *pkcs11_module; /* path of the module's shared object */
    const char *pkcs11_token;  /* token label */
    const char *pkcs11_key;    /* key label */
    const char *pin_file;      /* or NULL */
    const char *pin_env;       /* or NULL */
    const char *secret;        /* password or PIN as a person typed it; NULL: by the others */
};

struct tm_key; /* an open private key; signing with it from several threads at once is safe */

/* `what` names the key in messages ("CA key", "log key"). NULL with `e` set. A module has a thread
 * from its first key to its last: a token that was removed, restarted or lost its sessions is
 * opened anew, and until then signatures fail at once. */
struct tm_key *tm_key_open(const struct tm_key_source *source, const char *what, struct tm_err *e);
void tm_key_free(struct tm_key *k); /* NULL is fine; no EVP_PKEY of it may be in use any more */

/* Borrowed; lives as long as `k`. A token's key signs in its token. Ed25519 works from PEM
 * only: libp11 knows EC and RSA keys. */
EVP_PKEY *tm_key_pkey(const struct tm_key *k);
bool tm_key_is_device(const struct tm_key *k);
/* Whether it is in a token that cannot be used now; `e` says why. */
bool tm_key_is_away(const struct tm_key *k, struct tm_err *e);

/* Makes a key pair inside the token: "p256", "p384", "rsa" (of 3072 bits) or "rsa2048",
 * "rsa4096"; fails if the label is taken. The private half cannot be read out again
 * (CKA_SENSITIVE, not CKA_EXTRACTABLE), and signs: it neither decrypts, unwraps nor derives. */
int tm_key_pkcs11_generate(const struct tm_key_source *source, const char *type, struct tm_err *e);

/* Writes `pkey` as PKCS#8 PEM to a new file of mode 0600, encrypted (PBES2: scrypt, AES-256)
 * unless password is NULL. Fails if the file exists. */
int tm_key_write_file(const char *path, EVP_PKEY *pkey, const char *password, struct tm_err *e);

/* A secret from a 0600 file (one trailing newline removed) or an environment variable; "" when
 * neither is given. Free with tm_buf_free_secret. */
int tm_key_read_secret(const char *file, const char *env, const char *what, struct tm_buf *out,
                       struct tm_err *e);

#endif

/*
 * Private keys, whoever uses them (CA, log, TUF roles): an encrypted PEM file, a PEM in an
 * environment variable, a key in a PKCS#11 token, or one of a key service (common/key/uri.h names
 * it). The caller gets an EVP_PKEY and never sees key bytes.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>

#include "common/key/elsewhere.h"
#include "common/key/uri.h"

/* Whoever reaches keys beyond a network for this process: itself (common/kms), or by a channel the
 * process that holds the credential. */
struct tm_key_far {
    void *ctx;
    /* The public half, owned by the caller; *key is what the others are called with. */
    EVP_PKEY *(*open)(void *ctx, const struct tm_key_uri *u, void **key, struct tm_err *e);
    tm_key_sign_fn *sign;
    bool (*is_away)(void *key, struct tm_err *e); /* as tm_key_is_away */
    void (*close)(void *key);
};

struct tm_key_source { /* text is borrowed; exactly one of file, env, module, uri, uri_file */
    const char *file;  /* PEM, mode 0600; encrypted PKCS#8 expected, plain accepted */
    const char *env;   /* name of an environment variable that holds such a PEM */
    const char *password_file;    /* or NULL */
    const char *password_env;     /* name of an environment variable, or NULL */
    const char *pkcs11_module;    /* path of the module's shared object */
    const char *pkcs11_token;     /* token label */
    const char *pkcs11_key;       /* key label */
    const char *pin_file;         /* or NULL */
    const char *pin_env;          /* or NULL */
    const char *uri;              /* common/key/uri.h */
    const char *uri_file;         /* a file of such a line */
    const struct tm_key_far *far; /* for keys beyond a network; NULL: they are refused */
    const char *secret;           /* password or PIN as a person typed it; NULL: by the others */
};

struct tm_key; /* an open private key; signing with it from several threads at once is safe */

/* `what` names the key in messages ("CA key", "log key"). NULL with `e` set. A module has a thread
 * from its first key to its last: a token that was removed, restarted or lost its sessions is
 * opened anew, and until then signatures fail at once. */
struct tm_key *tm_key_open(const struct tm_key_source *source, const char *what, struct tm_err *e);
void tm_key_free(struct tm_key *k); /* NULL is fine; no EVP_PKEY of it may be in use any more */

/* Borrowed; lives as long as `k`. A token's key signs in its token, a service's in the service.
 * libp11 knows EC and RSA keys, no Ed25519. */
EVP_PKEY *tm_key_pkey(const struct tm_key *k);
/* It is in a token. */
bool tm_key_is_device(const struct tm_key *k);
/* A signature takes another's time: a token's, a network's. */
bool tm_key_is_slow(const struct tm_key *k);
/* Whether its token or service cannot be used now; `e` says why. */
bool tm_key_is_away(const struct tm_key *k, struct tm_err *e);
/* For readiness: as that, and every 5 s a token's key makes a signature that nobody gets, since a
 * token that nobody uses is not seen to go. Any thread. -1: it cannot sign now. */
int tm_key_look(struct tm_key *k, struct tm_err *e);

/* Opens a key for its first use: a token's is made (tm_key_pkcs11_generate), what a URI names is
 * there already. */
struct tm_key *tm_key_make(const struct tm_key_source *source, const char *type, const char *what,
                           struct tm_err *e);
/* It is in no file of ours. */
bool tm_key_source_is_elsewhere(const struct tm_key_source *source);

/* Makes a key pair inside the token: "p256", "p384", "rsa" (of 3072 bits) or "rsa2048",
 * "rsa4096"; fails if the label is taken. The private half cannot be read out again
 * (CKA_SENSITIVE, not CKA_EXTRACTABLE), and signs: it neither decrypts, unwraps nor derives. */
int tm_key_pkcs11_generate(const struct tm_key_source *source, const char *type, struct tm_err *e);

/* Writes `pkey` as PKCS#8 PEM to a new file of mode 0600, encrypted (PBES2: scrypt, AES-256)
 * unless password is NULL. Fails if the file exists. */
int tm_key_write_file(const char *path, EVP_PKEY *pkey, const char *password, struct tm_err *e);

/* A secret from a 0600 file or an environment variable, by one rule: a byte order mark and one line
 * end are no part of it; "" when neither is given. Free with tm_buf_free_secret. */
int tm_key_read_secret(const char *file, const char *env, const char *what, struct tm_buf *out,
                       struct tm_err *e);

/*
 * Inside common/key only: PEM keys, and PKCS#11 modules as the process shares them.
 */
#pragma once

#include <libp11.h>
#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>

#include "common/key/key.h"

/* The password or PIN of a source: typed, from a file, or from the environment. */
int tm_key_source_password(const struct tm_key_source *source, struct tm_buf *out,
                           struct tm_err *e);
int tm_key_source_pin(const struct tm_key_source *source, struct tm_buf *out, struct tm_err *e);

/* From source->file or source->env. NULL with `e` set. */
EVP_PKEY *tm_key_pem_open(const struct tm_key_source *source, const char *what, struct tm_err *e);

/*
 * A loaded PKCS#11 module, counted. One module is initialised once for the whole process (PKCS#11
 * §5.4, C_Initialize), so all that use it share it, its slots and its login. When a key of it
 * fails, the module's keeper ends it and begins anew, until every key is found again.
 */
struct tm_key_module;

struct tm_key_slot { /* one key in a token, owned by the module's list while it is there */
    struct tm_key_slot *next;
    struct tm_key_module *module;
    char *token, *label;
    char *pin;      /* in OpenSSL's secure heap, for the next login; "": none */
    EVP_PKEY *pkey; /* libp11's, of the module's present life; NULL: not found in it */
};

struct tm_key_module *tm_key_module_acquire(const char *path, struct tm_err *e);

/* Logs in if need be and finds the key that `s` names; from then on the keeper minds it. Takes the
 * reference to `m` in either case. */
int tm_key_module_add(struct tm_key_module *m, struct tm_key_slot *s, struct tm_err *e);
void tm_key_module_remove(struct tm_key_slot *s); /* which may have been refused */

/* Calls `use` with the slot's key of the present life. After a failure the keeper begins a new
 * life, for which the first who noticed waits a moment and tries once more. -1: no signature. */
int tm_key_module_use(struct tm_key_slot *s, int (*use)(EVP_PKEY *pkey, void *arg), void *arg);

/* Whether the last use of one of its keys failed, and `e`: why no new life was possible. */
bool tm_key_module_is_away(struct tm_key_module *m, struct tm_err *e);

/* An OpenSSL key of the public half in s->pkey, that signs by tm_key_module_use. */
EVP_PKEY *tm_key_device_wrap(struct tm_key_slot *s, struct tm_err *e);

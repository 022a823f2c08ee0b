/*
 * Inside common/key only: PEM keys, and PKCS#11 modules as the process shares them.
 */
#ifndef TENMINT_COMMON_KEY_INTERNAL_H
#define TENMINT_COMMON_KEY_INTERNAL_H

#include <libp11.h>

#include "common/key/key.h"

/* The password or PIN of a source: typed, from a file, or from the environment. */
int key_source_password(const struct key_source *source, struct buf *out, struct err *e);
int key_source_pin(const struct key_source *source, struct buf *out, struct err *e);

/* From source->file or source->env. NULL with `e` set. */
EVP_PKEY *key_pem_open(const struct key_source *source, const char *what, struct err *e);

struct key_module; /* a loaded PKCS#11 module, counted */

/* One module is initialised once for the whole process (PKCS#11 §5.4, C_Initialize), so all
 * that use it share it, its slots and its login. NULL with `e` set. */
struct key_module *key_module_acquire(const char *path, struct err *e);
void key_module_release(struct key_module *m);

/* The private key that the source names, logging in if need be. NULL with `e` set. */
EVP_PKEY *key_module_find(struct key_module *m, const struct key_source *source, struct err *e);

#endif

/*
 * Inside common/key only: PEM keys, and PKCS#11 modules as the process shares them.
 */
#ifndef TENMINT_COMMON_KEY_INTERNAL_H
#define TENMINT_COMMON_KEY_INTERNAL_H

#include <libp11.h>

#include "common/key/key.h"

/* The password or PIN of a source: typed, from a file, or from the environment. */
int tm_key_source_password(const struct tm_key_source *source, struct tm_buf *out,
                           struct tm_err *e);
int tm_key_source_pin(const struct tm_key_source *source, struct tm_buf *out, struct tm_err *e);

/* From source->file or source->env. NULL with `e` set. */
EVP_PKEY *tm_key_pem_open(const struct tm_key_source *source, const char *what, struct tm_err *e);

struct tm_key_module; /* a loaded PKCS#11 module, counted */

/* One module is initialised once for the whole process (PKCS#11 §5.4, C_Initialize), so all
 * that use it share it, its slots and its login. NULL with `e` set. */
struct tm_key_module *tm_key_module_acquire(const char *path, struct tm_err *e);
void tm_key_module_release(struct tm_key_module *m);

/* The private key that the source names, logging in if need be. NULL with `e` set. */
EVP_PKEY *tm_key_module_find(struct tm_key_module *m, const struct tm_key_source *source,
                             struct tm_err *e);

#endif

/*
 * What `log create` and `log rotate` share: a new log with a new key, beside the present one.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "common/err.h"
#include "common/key/key.h"
#include "tools/tenmint-ca/owner.h"

struct log_create { /* borrowed */
    const char *dir, *origin;
    const char *shard; /* of signatures: the path at which it is served beside others of the host */
    const char *password_file, *password_env; /* of the key's file */
    bool signatures;
    struct tm_key_source device; /* names no key: the key is a file */
    struct owner owner;
    /* Beside the directory, so that whoever serves the directory serves no key: DIR.key, its public
     * key DIR.pem, and what names a key elsewhere: DIR.uri or DIR.label. */
    char key[PATH_MAX], public[PATH_MAX], uri[PATH_MAX], label[PATH_MAX];
};

/* Fills the names of what is beside the directory. */
int log_create_names(struct log_create *n, struct tm_err *e);

/* Makes the key, the directory and the first checkpoint: the directory is whole or not there, and a
 * run that was killed is begun anew, or gone on with, by the next. -1 also when one of them is
 * there. A key that a killed run made in a token stays there, and needs another label. */
int log_create_make(const struct log_create *n, struct tm_err *e);

/*
 * What `init` and `log create` have in common: a directory that is new, a key in a token, lines of
 * configuration.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "ca/ct/embedded.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/key/key.h"

/* Makes DIR, or finds it empty: what exists must never be written over, not even in part. */
int setup_claim_directory(const char *dir, mode_t mode, struct tm_err *e);

/* 0: it is; 1, with `e` set: it has files; -1: it cannot be read. */
int setup_directory_is_empty(const char *dir, struct tm_err *e);

/* Where a token is and how to log in, for a command's table of options; pkcs11_key has its own. */
#define SETUP_DEVICE_OPTIONS(d) \
    {"pkcs11-module", CLI_TEXT, "PATH", "make the key in a token: its module", \
     &(d).pkcs11_module}, \
        {"pkcs11-token", CLI_TEXT, "LABEL", "the token, which must exist", &(d).pkcs11_token}, \
        {"pkcs11-pin-file", CLI_TEXT, "FILE", "holds the token's PIN", &(d).pin_file}, \
    { \
        "pkcs11-pin-env", CLI_TEXT, "NAME", "environment variable that holds the PIN", \
            &(d).pin_env \
    }

/* Whether the options name a token in full, or not at all. `label`: of the key that is wanted
 * (NULL: none is named), given by option --`option`. */
int setup_check_device(const struct tm_key_source *d, const char *option, const char *label,
                       struct tm_err *e);

/* Room for what setup_absolute finds. */
struct setup_paths {
    char module[PATH_MAX], pin[PATH_MAX];
};
/* A configuration outlives the working directory: module and PIN file must not start there. */
int setup_absolute(struct tm_key_source *d, struct setup_paths *room, struct tm_err *e);

/* Whether the root's key lies beside the chain's file: who got the server would get the root. */
bool setup_root_beside(const char *chain, char path[PATH_MAX]);

/* A line "key: 'value'"; nothing when value is NULL. */
void setup_put_yaml(struct tm_buf *out, const char *indent, const char *key, const char *value);
/* `s` when its key is in no file, else NULL. */
const struct tm_key_source *setup_elsewhere(const struct tm_key_source *s);
/* The lines that name a token, its key and its PIN, or a URI. */
void setup_put_device(struct tm_buf *out, const char *indent, const struct tm_key_source *d);

/* The line that has the log `name` keep its newest checkpoint in `folder`; "": no line. */
void setup_put_anchor(struct tm_buf *out, const char *indent, const char *folder, const char *name);

/* A name of a log: a submission prefix without its scheme, which a quoted scalar can hold. */
int setup_check_origin(const char *option, const char *origin, struct tm_err *e);

/*
 * What `init` was asked for, recorded beside what it made: `init --if-missing` compares with that,
 * and not with the configuration, which rotations and operators change rightly. Nothing is ever
 * made beside it or written over: a missing key of a CA that verifiers know is not replaced.
 */
#pragma once

#include <limits.h>

#include "common/err.h"
#include "common/key/key.h"
#include "common/key/uri.h"
#include "tools/tenmint-ca/init/init_keys.h"

#define INIT_ASKED_FILE "init.json"
#define INIT_ASKED_IN_FILE "a file"

struct init_asked { /* owned; NULL: not said, or not made */
    char *url, *anchor;
    char *log_origin;
    char *organization;
    char *key_type;
    char *key[INIT_KEYS]; /* where: a URI, a label in a token, or INIT_ASKED_IN_FILE */
};

/* Sets a copy. -1: no memory. `text` may be NULL. */
int init_asked_set(char **to, const char *text, struct tm_err *e);
int init_asked_set_key(char **to, const struct tm_key_source *s, struct tm_err *e);
void init_asked_free(struct init_asked *a);

/* Writes what is made into `dir`. */
int init_asked_write(const char *dir, const struct init_asked *made, struct tm_err *e);

/* `said`: what the command line says now; `no_log`: also that there is to be no log; `option`: the
 * names of the options that say where keys are. Prints what check-config prints. -1: a server would
 * not start with what is in `dir`, or it was made for something else, whose option is named. What
 * an older version made has no record: then a warning says so, and nothing is compared. */
int init_asked_check(const char *dir, const struct init_asked *said, bool no_log,
                     const char *const option[INIT_KEYS], struct tm_err *e);

/*
 * What a running server has in force, for `check-config` beside it: a file in the folder that the
 * service manager gives a server while it runs (RUNTIME_DIRECTORY, systemd.exec(5)), which stays
 * locked as long as the server's first process lives.
 */
#pragma once

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"
#include "tools/tenmint-ca/changes.h"

#define IN_FORCE_DIRECTORY "/run/tenmint-ca" /* of the unit */

struct in_force {
    char *config_file; /* absolute */
    char *since;       /* when it was read, RFC 3339 */
    char *text;        /* of the file then */
    struct changes_unused_list unused;
};

/* The folder of RUNTIME_DIRECTORY, locked: *lock, to be closed at the end, is -1 where there is
 * none. -1 with `e` set: another server has it, or it cannot be used. */
int in_force_begin(int *lock, struct tm_err *e);

/* Notes in the folder `lock` that `text`, of `config_file`, is in force from now on; nothing where
 * there is no folder (-1), or no file (NULL). */
int in_force_put(int lock, const char *config_file, const struct tm_buf *text,
                 const struct changes_unused_list *unused, struct tm_err *e);

/* What the server that runs with the folder has; false in *runs, and nothing to free, when none
 * does. -1 with `e` set: it cannot be known. */
int in_force_get(const char *dir, bool *runs, struct in_force *out, struct tm_err *e);
void in_force_free(struct in_force *f);

/*
 * Whose files they are. A command that root typed makes files for a server that runs as another
 * user: that user gets what only the server may read or must write, and nothing else.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/err.h"

#define OWNER_DEFAULT "tenmint-ca" /* the user of the systemd unit */

struct owner {
    bool given; /* false: files stay with whoever runs the command */
    uid_t uid;
    gid_t gid; /* the user's own */
    const char *name;
};

/* For the table of options of a command that makes files for the server. */
#define OWNER_OPTION(name) \
    { \
        "user", CLI_TEXT, "NAME", \
            "root only: the server's user, who gets its files (tenmint-ca, if there is one)", \
            &(name) \
    }

/* `name`: of --user, or NULL: the default one, if root runs this and that user exists. */
int owner_find(const char *name, struct owner *out, struct tm_err *e);

/* A file or a folder with all that is in it; links are given, not followed. Nothing to do when
 * there is none. Only for paths that nobody else can have changed yet. */
int owner_give(const struct owner *o, const char *path, struct tm_err *e);

/* The server may look into the folder, and not change it. */
int owner_admit(const struct owner *o, const char *dir, struct tm_err *e);

/* Gives `from` the owner of `to`, if that is there: a server that runs as another user could not
 * read what root moves into its place. */
int owner_take(const char *from, const char *to, struct tm_err *e);

/* Another text in a file's place, as a whole; mode and owner stay, or the server could not read it
 * any more. `path`: no link. */
int owner_replace(const char *path, const struct tm_buf *text, struct tm_err *e);

/* Two who edit a file at once: the second waits, and then sees what the first has made. Returns an
 * open file, to be closed when it is replaced, or -1. */
int owner_lock(const char *path, struct tm_err *e);

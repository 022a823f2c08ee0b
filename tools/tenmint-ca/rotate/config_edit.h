/*
 * An edit of the server's configuration file by a command that puts something into service:
 * comments, order and mode stay, nothing but what was meant changes, and the file is the old or the
 * new one.
 */
#pragma once

#include "ca/config/config.h"
#include "common/buf.h"

struct config_edit {
    const char *file;               /* no link */
    const struct ca_config *before; /* as it was read from the file */
    const char *const
        *may; /* what may change: keys, and sections with a '.' at their end; NULL ends */
    /* Makes the new text of the present one, which it may take. */
    int (*make)(void *ctx, struct tm_buf *text, struct tm_buf *next, struct tm_err *e);
    /* Whether `after` is what was asked for. It differs in nothing that may not change. */
    int (*check)(void *ctx, const struct ca_config *after, struct tm_err *e);
    void *ctx;
};

/* One at a time for each file: a second one waits. -1 with `e` set: the file is as it was. */
int config_edit(const struct config_edit *d, struct tm_err *e);

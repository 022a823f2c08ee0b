/*
 * A published repository by URL, copied into a directory for looking at: roots, timestamp,
 * snapshot, targets and delegated roles as they are served. Nothing is trusted by that.
 */
#pragma once

#include <stdbool.h>

#include "common/err.h"

/* "http://..." or "https://...": not a directory. */
bool tuf_remote_is_url(const char *where);

/* Copies the metadata into `dir`, which exists. */
int tuf_remote_copy(const char *url, const char *dir, struct tm_err *e);

/* Whether the URL's folder has a file: 1, 0 (404 or 403), or -1. */
int tuf_remote_has(const char *url, const char *name, struct tm_err *e);

/*
 * Which mount a path belongs to, for the server that a client talks to and for the process behind
 * it.
 */
#pragma once

#include "common/http/http.h"

/* The mount with the longest prefix that fits, and the name below it in *name, a part of `path`.
 * NULL, with *name untouched: none. */
const struct tm_http_mount *tm_http_mount_find(const struct tm_http_options *o, const char *path,
                                               const char **name);

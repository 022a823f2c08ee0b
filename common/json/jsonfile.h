/*
 * A JSON object in a file of ours, read into a struct and written by a table
 * (common/json/jsonmap.h).
 */
#pragma once

#include <sys/types.h>

#include "common/json/jsonmap.h"

/* 1: there is no such file, and `e` says so. -1: `e` names it. Of both, and of 0, what is at `dest`
 * is freed by tm_jsonmap_free. `max`: its bytes. */
int tm_jsonfile_read(const char *path, size_t max, const struct tm_jsonmap *map, void *dest,
                     struct tm_err *e);

/* Atomically. */
int tm_jsonfile_write(const char *path, mode_t mode, const struct tm_jsonmap *map, const void *from,
                      struct tm_err *e);

/* Appends its text: a member a line, and a line feed. */
int tm_jsonfile_put(const struct tm_jsonmap *map, const void *from, struct tm_buf *out,
                    struct tm_err *e);

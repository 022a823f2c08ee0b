/*
 * A YAML file of known keys into a struct, by a table: every key has a type, unknown,
 * duplicate and mistyped keys are refused with file, line and the nearest known key.
 */
#ifndef TENMINT_COMMON_YAMLMAP_H
#define TENMINT_COMMON_YAMLMAP_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define YAMLMAP_FILE_MAX ((size_t)256 * 1024) /* bytes */

struct tm_yamlmap_list {
    char **item; /* owned */
    size_t count;
};

struct tm_yamlmap_entries {
    void *item; /* owned; `count` structs, each beginning with `char *name`, its key */
    size_t count;
};

enum tm_yamlmap_type {
    YAMLMAP_TEXT,     /* char *, owned */
    YAMLMAP_PATH,     /* char *, owned: a relative path begins at the folder of the file `name` */
    YAMLMAP_BOOL,     /* bool: true or false */
    YAMLMAP_NUMBER,   /* int64_t, min..max */
    YAMLMAP_DURATION, /* int64_t milliseconds, min..max: "250ms", "10s", "10m", "24h", "7d" */
    YAMLMAP_SIZE,     /* int64_t bytes, min..max: "4096", "256KiB", "4MiB" */
    YAMLMAP_TEXTS,    /* struct tm_yamlmap_list: a sequence of strings */
    YAMLMAP_SECTION,  /* a nested mapping, into the same struct */
    YAMLMAP_ENTRIES,  /* struct tm_yamlmap_entries: names of the file's choice, each with a section
                         into its own struct of `max` bytes, which begins as zeros */
};

struct tm_yamlmap_key {
    const char *name; /* NULL ends the table */
    enum tm_yamlmap_type type;
    size_t offset; /* of the member in the struct */
    int64_t min, max;
    const struct tm_yamlmap_key *keys; /* YAMLMAP_SECTION, YAMLMAP_ENTRIES */
};

/* Fills `dest`, which holds the defaults (owned text from malloc, or NULL). `name` is the file's
 * path, for messages and for YAMLMAP_PATH. On -1 `dest` may be half filled: free it all the same.
 */
int tm_yamlmap_read(const char *name, const char *text, size_t len,
                    const struct tm_yamlmap_key *keys, void *dest, struct tm_err *e);

/* Frees the text and the lists. */
void tm_yamlmap_free(const struct tm_yamlmap_key *keys, void *dest);

#endif

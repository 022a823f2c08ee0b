/*
 * A YAML file of known keys into a struct, by a table: every key has a type, unknown,
 * duplicate and mistyped keys are refused with file, line and the nearest known key.
 * In a JSON file, where the caller takes one, keys are in CamelCase: what is `client-id` in YAML is
 * ClientID there, in any case.
 */
#pragma once

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
    YAMLMAP_SECTION,  /* a nested mapping, into the struct that begins at the offset */
    YAMLMAP_ENTRIES,  /* struct tm_yamlmap_entries: names of the file's choice, each with a section
                         into its own struct of `max` bytes, which begins as zeros */
    YAMLMAP_CALL,     /* read by `keys`, a struct tm_yamlmap_call */
};

struct tm_yamldoc; /* common/yamldoc.h, for those who open a document or read nodes themselves */
struct yaml_node_s;
struct tm_yamlmap_key;

struct tm_yamlmap_call { /* `to`: the member */
    int (*read)(struct tm_yamldoc *d, const struct tm_yamlmap_key *k, struct yaml_node_s *value,
                void *to);
};

struct tm_yamlmap_key {
    const char *name; /* NULL ends the table */
    enum tm_yamlmap_type type;
    size_t offset; /* of the member in the struct */
    int64_t min, max;
    const void *keys; /* a table: YAMLMAP_SECTION, YAMLMAP_ENTRIES; YAMLMAP_CALL: the function */
};

/* Rows of a table into a `struct_type`, by members of it. */
#define YAMLMAP_ROW(struct_type, text, kind, member, lo, hi) \
    { \
        text, kind, offsetof(struct_type, member), lo, hi, NULL \
    }
#define YAMLMAP_SECTION_ROW(struct_type, text, member, table) \
    { \
        text, YAMLMAP_SECTION, offsetof(struct_type, member), 0, 0, table \
    }
#define YAMLMAP_ENTRIES_ROW(struct_type, text, member, entry_type, table) \
    { \
        text, YAMLMAP_ENTRIES, offsetof(struct_type, member), 0, sizeof(entry_type), table \
    }
#define YAMLMAP_END \
    { \
        NULL, YAMLMAP_TEXT, 0, 0, 0, NULL \
    }

/* Fills `dest`, which holds the defaults (owned text from malloc, or NULL). `name` is the file's
 * path, for messages and for YAMLMAP_PATH. On -1 `dest` may be half filled: free it all the same.
 */
int tm_yamlmap_read(const char *name, const char *text, size_t len,
                    const struct tm_yamlmap_key *keys, void *dest, struct tm_err *e);

/* A mapping of an open document. `what` names it in messages; NULL: it is the file. */
int tm_yamlmap_section(struct tm_yamldoc *d, struct yaml_node_s *n,
                       const struct tm_yamlmap_key *keys, const char *what, void *dest);

/* Frees the text and the lists; what a YAMLMAP_CALL made is its owner's. */
void tm_yamlmap_free(const struct tm_yamlmap_key *keys, void *dest);

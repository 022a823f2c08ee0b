/*
 * The text of a JSON tree, byte for byte as jansson writes it with JSON_SORT_KEYS, but in parts to
 * whoever takes them, and with objects whose members are in no tree: those of a file of any size
 * are then written in little memory.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

struct tm_jsondump;

struct tm_jsondump_to {
    bool indented; /* by one space a level; else without white space */
    int (*write)(void *arg, const void *data, size_t len, struct tm_err *e);
    void *arg;
    /* Called at each empty object; its members, if it has any, are written by tm_jsondump_member().
     * NULL: all is in the tree. */
    int (*fill)(void *arg, const json_t *object, struct tm_jsondump *d, struct tm_err *e);
    void *fill_arg;
};

/* -1 with `e` set: by `write` or `fill`, or out of memory. No line feed at the end. */
int tm_jsondump(const json_t *v, const struct tm_jsondump_to *to, struct tm_err *e);

/* The next member of the object that is being filled, in the order of keys (UTF-8, no NUL). */
int tm_jsondump_member(struct tm_jsondump *d, const char *key, size_t key_len, const json_t *value,
                       struct tm_err *e);

struct tm_json_member {
    const char *key;
    const json_t *value;
};

/* The members of an object by the bytes of their keys, which is the order of code points; the
 * caller frees the array, the tree owns the rest. NULL: out of memory. */
struct tm_json_member *tm_json_members(const json_t *object, size_t *count);

/* `write` for a struct tm_buf as `arg`. */
int tm_jsondump_to_buf(void *buf, const void *data, size_t len, struct tm_err *e);

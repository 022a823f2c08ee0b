/*
 * The text of a JSON tree, byte for byte as jansson writes it with JSON_SORT_KEYS, but in parts to
 * whoever takes them, and with objects whose members are in no tree: those of a file of any size
 * are then written in little memory.
 */
#ifndef TENMINT_COMMON_JSONDUMP_H
#define TENMINT_COMMON_JSONDUMP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

struct jsondump;

struct jsondump_to {
    bool indented; /* by one space a level; else without white space */
    int (*write)(void *arg, const void *data, size_t len, struct err *e);
    void *arg;
    /* Called at each empty object; its members, if it has any, are written by jsondump_member().
     * NULL: all is in the tree. */
    int (*fill)(void *arg, const json_t *object, struct jsondump *d, struct err *e);
    void *fill_arg;
};

/* -1 with `e` set: by `write` or `fill`, or out of memory. No line feed at the end. */
int jsondump(const json_t *v, const struct jsondump_to *to, struct err *e);

/* The next member of the object that is being filled, in the order of keys (UTF-8, no NUL). */
int jsondump_member(struct jsondump *d, const char *key, size_t key_len, const json_t *value,
                    struct err *e);

/* `write` for a struct buf as `arg`. */
int jsondump_to_buf(void *buf, const void *data, size_t len, struct err *e);

#endif

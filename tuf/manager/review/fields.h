/*
 * A file that clients act on, as a list of what it says: "certificate authority 3f2a…, address" is
 * "https://ca.example.com". Two such lists are compared, so that no change of any member, known or
 * not, goes without a line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

struct tuf_field {
    char *where; /* in words; unknown members as quoted JSON */
    char *what;  /* in words: keys and certificates by what is in them and by SHA-256 */
    bool order;  /* `what` is the labels of a list's items, a line each, in their order */
};

struct tuf_fields {
    struct tuf_field *item; /* sorted */
    size_t count, cap;
};

/* Any JSON document; or PEM blocks, a field each. -1: it is neither. */
int tuf_fields_read(const void *data, size_t len, struct tuf_fields *out, struct tm_err *e);
void tuf_fields_free(struct tuf_fields *f);

/* A line for each difference, each after `indent`; how many. An empty `before`: all of `after`. */
size_t tuf_fields_difference(const struct tuf_fields *before, const struct tuf_fields *after,
                             const char *indent, struct tm_buf *out);

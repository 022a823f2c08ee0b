/*
 * A JSON number (RFC 8259 §6), for tm_jsonparse.c.
 */
#ifndef TENMINT_COMMON_JSONNUMBER_H
#define TENMINT_COMMON_JSONNUMBER_H

#include <jansson.h>
#include <stdbool.h>

/* Reads the number that begins at *at, which has one byte at least, and moves over it. A new
 * reference. NULL: *reason is set, a static text, and *at is where; or out of memory. `wide`: a
 * number that no integer or double holds becomes the nearest real, instead of a fault. */
json_t *tm_jsonnumber(const unsigned char **at, const unsigned char *end, bool wide,
                      const char **reason);

#endif

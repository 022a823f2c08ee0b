/*
 * A JSON number (RFC 8259 §6), for tm_jsonparse.c; and integers beyond 64 bits, which jansson has
 * not. Where they are kept they are strings of a NUL and their digits, which no text can make: to
 * whoever looks for a number or a text they are neither (json_string_value() is "").
 */
#pragma once

#include <jansson.h>

enum tm_jsonnumber_beyond { /* what becomes of an integer beyond 64 bits */
                            JSONNUMBER_FAULT,
                            JSONNUMBER_REAL,  /* the nearest real; also a real that no double holds
                                               */
                            JSONNUMBER_DIGITS /* kept, for tm_jsonnumber_big() */
};

/* Reads the number that begins at *at, which has one byte at least, and moves over it. A new
 * reference. NULL: *reason is set, a static text, and *at is where; or out of memory. */
json_t *tm_jsonnumber(const unsigned char **at, const unsigned char *end,
                      enum tm_jsonnumber_beyond beyond, const char **reason);

/* The digits of an integer beyond 64 bits, with its sign; NULL: `v` is none. */
const char *tm_jsonnumber_big(const json_t *v);

/*
 * JSON as a security boundary: jansson with duplicate keys refused, embedded
 * NULs refused, trailing bytes refused, and length and depth bounded.
 */
#pragma once

#include <jansson.h>

#include "common/err.h"
#include "common/json/jsonparse.h"

#define STRICTJSON_DEPTH_MAX 32 /* nesting; real inputs stay below 10 */

/* In a request, which may come from anybody and be held for a while: an empty object of three
 * bytes costs a hundred times as much memory. Real requests have a dozen values. */
#define STRICTJSON_REQUEST_VALUES_MAX 1024

/* Parses one JSON value. Errors name the line and column, never the content.
 * Returns a new reference, or NULL with `e` set. */
json_t *tm_strictjson_parse(const char *text, size_t len, size_t max_len, struct tm_err *e);

/* As tm_strictjson_parse, but a number out of range becomes the nearest real: whoever uses it must
 * refuse reals of 2^63 and more, which stand for many numbers. */
json_t *tm_strictjson_parse_wide(const char *text, size_t len, size_t max_len, struct tm_err *e);

/* As tm_strictjson_parse, with the members of one object handed out and forgotten (NULL: of none),
 * and integers beyond 64 bits kept. */
json_t *tm_strictjson_parse_aside(const char *text, size_t len,
                                  const struct tm_jsonparse_aside *aside, struct tm_err *e);

/* For request bodies. As tm_strictjson_parse, but of bounded memory, and only the first value is
 * read: what follows it is ignored, which is what proto-JSON servers do. */
json_t *tm_strictjson_parse_first(const char *text, size_t len, size_t max_len, struct tm_err *e);

/*
 * Text to jansson values, strictly. It is our own because jansson's lexer, which copies byte by
 * byte, costs a fifth more per certificate: 243 us of processor time instead of 204, and 0.47
 * instead of 0.55 of the crypto limit (make bench, jansson 2.14, both servers in the same run).
 * Callers use common/strictjson.h; fuzz_json holds this parser and jansson's to the same answers.
 */
#ifndef TENMINT_COMMON_JSONPARSE_H
#define TENMINT_COMMON_JSONPARSE_H

#include <jansson.h>
#include <stddef.h>

#include "common/err.h"

/*
 * Reads the first JSON value (RFC 8259) of `text`. Refuses duplicate keys, NULs (also as
 * \u0000), what is not UTF-8, lone surrogates, integers beyond 64 bits, nesting beyond `max_depth`
 * and more than `max_values` values. *used: how many bytes the value and the white space around it
 * took. A new reference, or NULL with `e` set: line, column and reason, never the input.
 */
json_t *jsonparse(const char *text, size_t len, unsigned max_depth, size_t max_values, size_t *used,
                  struct err *e);

/* For a fault found at byte `at`. Returns -1. */
int jsonparse_fault(const char *text, size_t at, const char *reason, struct err *e);

#endif

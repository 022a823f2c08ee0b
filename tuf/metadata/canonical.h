/*
 * Canonical JSON as TUF signs it (OLPC): keys sorted by byte order of their UTF-8, no white space,
 * only '"' and '\' escaped, every other byte raw, integers plain, no floats. jansson's own dump
 * writes control characters as escapes, so it cannot serve.
 */
#pragma once

#include <jansson.h>

#include "common/buf.h"
#include "common/err.h"

/* Whether `v`, as a parser left it, has a canonical form. -1: a real number in it. */
int tuf_canonical_check(const json_t *v, struct tm_err *e);

/* Appends the canonical bytes of `v`. -1: a real number in it, or out of memory. */
int tuf_canonical_write(const json_t *v, struct tm_buf *out, struct tm_err *e);

/* A string in quotes: `len` bytes, UTF-8, no NUL. */
void tuf_canonical_string(const char *text, size_t len, struct tm_buf *out);

/* Lower-case hex of SHA-256 over canonical(v): the keyid of a KEY object (TUF spec §4.2). */
int tuf_canonical_sha256(const json_t *v, char hex[65], struct tm_err *e);

/*
 * Text to jansson values, strictly. It is our own because jansson's lexer, which copies byte by
 * byte, costs a fifth more per certificate: 243 us of processor time instead of 204, and 0.47
 * instead of 0.55 of the crypto limit (make bench, jansson 2.14, both servers in the same run).
 * Callers use common/json/strictjson.h; fuzz_json holds this parser and jansson's to the same
 * answers.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

/*
 * Reads the first JSON value (RFC 8259) of `text`. Refuses duplicate keys, NULs (also as
 * \u0000), what is not UTF-8, lone surrogates, integers beyond 64 bits, nesting beyond `max_depth`
 * and more than `max_values` values. *used: how many bytes the value and the white space around it
 * took. A new reference, or NULL with `e` set: line, column and reason, never the input.
 */
json_t *tm_jsonparse(const char *text, size_t len, unsigned max_depth, size_t max_values,
                     size_t *used, struct tm_err *e);

/* As tm_jsonparse, but a number that no integer or double holds becomes the nearest real: for what
 * others write and nobody here may look at. */
json_t *tm_jsonparse_wide(const char *text, size_t len, unsigned max_depth, size_t *used,
                          struct tm_err *e);

#define JSONPARSE_PATH_MAX 4

struct tm_jsonparse_key { /* in the text, or on its way; no NUL in it */
    const char *text;
    size_t len;
};

/*
 * The members of some objects, as of "signed", "targets" of the whole: each is handed to `each`, as
 * it comes, and forgotten, so that a file of any size is read in little memory. `each` borrows key
 * (`key_len` bytes, no NUL in it) and value for the call; -1 with `e` set ends the parse.
 */
struct tm_jsonparse_aside {
    const char *path[JSONPARSE_PATH_MAX]; /* keys from the outermost object on; NULL: any */
    unsigned depth;                       /* how many there are */
    int (*each)(void *arg, const char *key, size_t key_len, json_t *value, struct tm_err *e);
    void *arg;
    /* Asked at every object that the path leads to, by `depth` keys; NULL: it is always 1.
     * 1: its members go to `each`, 0: it is read as always, -1 with `e` set. */
    int (*begin)(void *arg, const struct tm_jsonparse_key *keys, struct tm_err *e);
    /* The buffer that the text stands in, which is forgotten (tm_buf_forget) as its members are
     * handed out; NULL: the text stays. */
    struct tm_buf *spent;
};

/* Exactly one value, as tm_jsonparse reads it, but of the objects at `aside->path` empty ones stay;
 * equal keys in them are not noticed. Where there is no object the value is read as always. `aside`
 * may be NULL. Integers beyond 64 bits, which a file may hold among what nobody reads, are kept
 * (jsonnumber.h). */
json_t *tm_jsonparse_aside(const char *text, size_t len, unsigned max_depth,
                           const struct tm_jsonparse_aside *aside, struct tm_err *e);

/* Exactly one value, whose strings may hold control characters: canonical JSON (OLPC). Integers
 * beyond 64 bits are kept. */
json_t *tm_jsonparse_canonical(const char *text, size_t len, unsigned max_depth, struct tm_err *e);

/* For a fault found at byte `at`. Returns -1. */
int tm_jsonparse_fault(const char *text, size_t at, const char *reason, struct tm_err *e);

/*
 * The big map of a role, `targets` or `meta`, kept as its canonical bytes: 100,000 targets as a
 * jansson tree take seven times the memory of their file. Around it stands the rest of canonical
 * (signed), so that the same bytes are what signatures are checked over.
 */
#ifndef TENMINT_TUF_ENTRIES_H
#define TENMINT_TUF_ENTRIES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct entry_span { /* "name":value in the text */
    uint32_t at, len;
};

struct entries {
    struct buf text; /* the entries, with commas between; sealed: canonical(signed) */
    struct entry_span *entry;
    size_t count, cap;
    bool unsorted, sealed; /* sealed: in the order of names */
};

/* Before sealing; in any order. `len` bytes without NUL. */
int entries_add(struct entries *t, const char *name, size_t len, const json_t *value,
                struct err *e);

/* Sorts, refuses a name that is listed twice, and puts the rest of canonical(signed) around:
 * `body` holds an empty object at `member`. */
int entries_seal(struct entries *t, const json_t *body, const char *member, struct err *e);
void entries_free(struct entries *t);

/* Those of a sealed list into an empty one, not sealed. -1: out of memory. */
int entries_copy(const struct entries *from, struct entries *to);

/* ---- of sealed ones ---- */

/* A new reference, or NULL: not listed (or out of memory). */
json_t *entries_find(const struct entries *t, const char *name);
/* The entry number i < count, by name: appends its name. A new reference, or NULL: out of memory.
 */
json_t *entries_get(const struct entries *t, size_t i, struct buf *name);

/* How the names of two entries stand to each other, as strcmp() has it; whether they are equal,
 * name and value; whether all of the lists are. */
int entries_order(const struct entries *a, size_t i, const struct entries *b, size_t j);
bool entries_same(const struct entries *a, size_t i, const struct entries *b, size_t j);
bool entries_equal(const struct entries *a, const struct entries *b);

#endif

/*
 * The big map of a role, `targets` or `meta`, kept as its canonical bytes: 100,000 targets as a
 * jansson tree take seven times the memory of their file. Around it stands the rest of canonical
 * (signed), so that the same bytes are what signatures are checked over.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "tuf/metadata/typesjson.h"

struct tuf_entry_span { /* "name":value in the text */
    uint32_t at, len;
};

struct tuf_entry_list {
    struct tm_buf text; /* the entries, with commas between; sealed: canonical(signed) */
    struct tuf_entry_span *entry;
    size_t count, cap;
    bool unsorted, sealed; /* sealed: in the order of names */
};

/* Sorts, refuses a name that is listed twice, and puts the rest of canonical(signed) around:
 * `body` holds an empty object at `member`. */
int tuf_entry_list_seal(struct tuf_entry_list *t, const json_t *body, const char *member,
                        struct tm_err *e);
void tuf_entry_list_free(struct tuf_entry_list *t);

/* ---- of sealed ones ---- */

/* A new reference, or NULL: not listed (or out of memory). */
/* The entry number i < count, by name: appends its name. A new reference, or NULL: out of memory.
 */
json_t *tuf_entry_list_get(const struct tuf_entry_list *t, size_t i, struct tm_buf *name);

/* The same as structs, to be freed by tuf_free_entry(). Its role says what an entry is. */
bool tuf_entry_list_look(const struct tuf_entry_list *t, const char *name, enum tuf_role role,
                         struct tuf_entry *out);
int tuf_entry_list_read(const struct tuf_entry_list *t, size_t i, enum tuf_role role,
                        struct tm_buf *name, struct tuf_entry *out);

/* How the names of two entries stand to each other, as strcmp() has it; whether they are equal,
 * name and value; whether all of the lists are. */
int tuf_entry_list_order(const struct tuf_entry_list *a, size_t i, const struct tuf_entry_list *b,
                         size_t j);
bool tuf_entry_list_same(const struct tuf_entry_list *a, size_t i, const struct tuf_entry_list *b,
                         size_t j);
bool tuf_entry_list_equal(const struct tuf_entry_list *a, const struct tuf_entry_list *b);

/*
 * What the parts of jsonmap*.c share.
 */
#pragma once

#include "common/json/jsonmap.h"

struct tm_jsonmap_at { /* where a value stands: a chain up to the outermost object */
    const struct tm_jsonmap_at *up;
    const char *name; /* NULL: number `index` of a list */
    size_t index;
};

struct tm_jsonmap_reader {
    const struct tm_jsonmap_how *how;
    struct tm_err *e;
};

/* "tlogs[2].publicKey: 'keyDetails' REASON". Returns -1. */
int tm_jsonmap_fault(const struct tm_jsonmap_at *at, struct tm_err *e, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "tlogs[2].publicKey: " before the reason in `e`. Returns -1. */
int tm_jsonmap_wrap(const struct tm_jsonmap_at *at, struct tm_err *e);

/* Every kind that is one value and holds no other. */
int tm_jsonmap_scalar(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                      const json_t *v, const struct tm_jsonmap_member *m, bool proto, void *place);

static inline void *jsonmap_place(void *dest, const struct tm_jsonmap_member *m)
{
    return (char *)dest + m->place;
}

/* A list may be of any item type: only memcpy may touch it. */
struct tm_jsonmap_list tm_jsonmap_list_at(const void *place);

/*
 * A JSON object into a struct and back, by a table, as common/yamlmap.h does it for YAML: one row a
 * member says its name, kind, place, bounds and whether it is required; the table says what becomes
 * of members that it does not know. Each error names the member and where it stands:
 * "tlogs[2].publicKey: 'rawBytes' is missing". Who reads by a table needs no tree afterwards.
 *
 *     struct log { char *url; int64_t size; struct tm_buf key; };
 *     static const struct tm_jsonmap_member log_members[] = {
 *         JSONMAP_NEED(struct log, "url", url, TEXT, .max = 2048),
 *         JSONMAP_ROW(struct log, "size", size, INTEGER, .max = INT64_MAX),
 *         JSONMAP_ROW(struct log, "key", key, BASE64, .max = 4096),
 *         {0}};
 *     static const struct tm_jsonmap log_map = {log_members, sizeof(struct log), JSONMAP_REFUSE};
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

#define JSONMAP_MEMBERS_MAX 64 /* rows in a table */

enum tm_jsonmap_kind {
    JSONMAP_TEXT,    /* char *, owned; min..max bytes, no NUL */
    JSONMAP_BOOL,    /* bool */
    JSONMAP_INTEGER, /* int64_t, min..max; both 0: any */
    JSONMAP_BASE64,  /* struct tm_buf; min..max bytes decoded; either alphabet, padding optional */
    JSONMAP_HEX,     /* struct tm_buf; min..max bytes decoded; written in lower case */
    JSONMAP_ENUM,    /* int, of `names` */
    JSONMAP_OBJECT,  /* a struct in place, by `map` */
    JSONMAP_LIST,    /* struct tm_jsonmap_list, min..max items by `each`, of `size` bytes each */
    JSONMAP_NAMED,   /* the same of an object whose names are the file's choice: an item begins with
                        `char *`, its name, owned */
    JSONMAP_TREE,    /* json_t *, a reference: any value, as it is */
    JSONMAP_OWN,     /* by the functions of `type` */
};

/* Bounds: a `max` of 0 is none (JSONMAP_INTEGER: when `min` is 0 too). */

enum {
    JSONMAP_REQUIRED = 1,  /* absent is an error; else the place stays as it is */
    JSONMAP_NOTED = 2,     /* the bool at `has` tells whether it was there */
    JSONMAP_NULL = 4,      /* null is as absent, here (and kept, by JSONMAP_KEEP) */
    JSONMAP_MUST_KNOW = 8, /* JSONMAP_ENUM: a value without a name is refused, always */
    JSONMAP_ALWAYS = 16,   /* written also when it is empty, as JSONMAP_REQUIRED is */
    JSONMAP_OMIT = 32,     /* JSONMAP_OBJECT, JSONMAP_INTEGER: none when empty, or 0, is written */
    JSONMAP_QUOTED = 64,   /* JSONMAP_INTEGER: written as a string, as protobuf does 64 bits */
    JSONMAP_LOOSE = 128,   /* a value that the row does not take is as an unknown member: kept as it
                              is, or ignored unless it is read strictly; the place stays empty */
    JSONMAP_ALONE = 256, /* `each` of a JSONMAP_LIST, an object: an item that cannot be read spoils
                            no other; it is zeros, and the char * at `has`, owned, says why. Not
                            when it is read strictly. */
};

enum tm_jsonmap_unknown {
    JSONMAP_REFUSE, /* a member that is in no row is an error, with the nearest known name */
    JSONMAP_IGNORE, /* left out; an error when read strictly */
    JSONMAP_KEEP,   /* put into the json_t * at `rest` (an object, or NULL when there are none);
                       they are written again */
};

#define JSONMAP_UNKNOWN (-1) /* JSONMAP_ENUM: a value without a name, read tolerantly */

struct tm_jsonmap_name { /* a list of them ends with a NULL text */
    const char *text;
    int value;  /* in the struct; >= 0 */
    int number; /* in protobuf, which writers may use in the name's place */
};

struct tm_jsonmap_list { /* or any struct of a pointer to items and their count */
    void *item;          /* owned */
    size_t count;
};

struct tm_jsonmap_how { /* zeros: tolerantly, told of nothing */
    bool strict;        /* a person wrote it: JSONMAP_IGNORE refuses, enums must be known */
    /* Told of each value that was read but not understood: "tlogs[2]: 'hashAlgorithm' …". */
    void (*note)(void *arg, const char *text);
    void *arg;
};

struct tm_jsonmap_type { /* a kind of another room's */
    /* 0 or -1 with `e` set: only the reason, as "is no date". `place` is zeros, or what stood there
     * before; it is freed by `free` also after a failure. */
    int (*read)(const json_t *v, void *place, const struct tm_jsonmap_how *how, struct tm_err *e);
    /* A new reference; NULL: absent, and not written; or, with `e` set, a failure. May be NULL. */
    json_t *(*write)(const void *place, struct tm_err *e);
    void (*free)(void *place); /* NULL: nothing is owned */
};

struct tm_jsonmap_member {
    const char *name; /* NULL ends the table */
    enum tm_jsonmap_kind kind;
    unsigned flags;
    size_t place; /* offset in the struct */
    size_t has;   /* JSONMAP_NOTED: offset of a bool; JSONMAP_ALONE: of a char *, in the item */
    int64_t min, max;
    const struct tm_jsonmap *map;         /* JSONMAP_OBJECT */
    const struct tm_jsonmap_member *each; /* JSONMAP_LIST, _NAMED: one row; `place` in the item */
    size_t size;                          /* JSONMAP_LIST, _NAMED: bytes of an item */
    const struct tm_jsonmap_name *names;  /* JSONMAP_ENUM */
    const struct tm_jsonmap_type *type;   /* JSONMAP_OWN */
};
#define JSONMAP_AT(type, member) .place = offsetof(type, member)
/* A row: the struct, the member's name in JSON and in it, TEXT or another kind, what else there is
 * to say: (struct point, "x", x, INTEGER, .max = 9). JSONMAP_NEED: one that must be there. */
#define JSONMAP_ROW(type, text, member, ...) \
    { \
        .name = text, JSONMAP_AT(type, member), .kind = JSONMAP_##__VA_ARGS__ \
    }
#define JSONMAP_NEED(type, text, member, ...) \
    { \
        .name = text, JSONMAP_AT(type, member), .flags = JSONMAP_REQUIRED, \
        .kind = JSONMAP_##__VA_ARGS__ \
    }

struct tm_jsonmap {
    const struct tm_jsonmap_member *members;
    size_t size; /* of the struct */
    enum tm_jsonmap_unknown unknown;
    size_t rest; /* JSONMAP_KEEP */
    /* Protobuf's JSON mapping: names in lowerCamelCase or snake_case, null is absent, integers also
     * as strings, enums also as numbers, absent text is "" and written only when it is not. */
    bool proto;
    /* What no row can say, as "one of two"; NULL: nothing. -1 with `e` set. */
    int (*check)(const void *it, const struct tm_jsonmap_how *how, struct tm_err *e);
};

/* Fills `dest` (zeros, or defaults whose text is from malloc). `how` may be NULL. On -1 it may be
 * half filled: free it all the same. */
int tm_jsonmap_read(const json_t *v, const struct tm_jsonmap *map, const struct tm_jsonmap_how *how,
                    void *dest, struct tm_err *e);

/* The same of a text of at most `max_len` bytes (common/json/strictjson.h). */
int tm_jsonmap_parse(const char *text, size_t len, size_t max_len, const struct tm_jsonmap *map,
                     const struct tm_jsonmap_how *how, void *dest, struct tm_err *e);

/* Frees what the places own and makes them zeros. */
void tm_jsonmap_free(const struct tm_jsonmap *map, void *dest);

/* A new object whose members stand in the order of the rows, kept ones last: NULL text, empty
 * bytes, lists and trees, unknown enums, and what JSONMAP_NOTED says was absent are left out
 * (JSONMAP_REQUIRED: written as empty, where that can be). NULL with `e` set. */
json_t *tm_jsonmap_write(const struct tm_jsonmap *map, const void *from, struct tm_err *e);

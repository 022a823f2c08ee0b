/*
 * Values of options, from text to a type: one grammar of numbers, durations, times, sizes, choices
 * and lists for every option of every program. What is no such value is refused with the option's
 * name, the value and what was expected.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define CLI_LIST_MAX 64

struct cli_list { /* values in the order given; borrowed from argv */
    const char *item[CLI_LIST_MAX];
    size_t count;
};

/* The bounds, and the value that holds when the option is not given, are set before parsing. */
struct cli_amount { /* CLI_NUMBER, CLI_SIZE: bytes, CLI_DURATION: milliseconds */
    int64_t value;  /* min..max */
    int64_t min, max;
    const char *word; /* CLI_NUMBER: also taken, such as "now"; NULL: none */
    bool given, is_word;
};

struct cli_time {
    int64_t ms; /* since 1970, not before */
    bool given;
};

struct cli_choice {
    const char *value;            /* one of the words; the default when not given, may be NULL */
    const char *const *of;        /* the words, ended by NULL; where it is NULL, */
    const char *(*nth)(size_t i); /* a table's i-th name, NULL behind the last */
    bool given;
};

struct cli_pairs { /* CLI_PAIRS: in the order given, whole words of argv */
    struct cli_pair {
        char *name;      /* ends at the '=' */
        size_t name_len; /* not 0 */
        char *value;     /* not empty; what stands behind the first '=' */
    } item[CLI_LIST_MAX];
    size_t count;
    const char *like; /* an example for who wrote it otherwise */
};

#define CLI_DIGEST_MAX 64

struct cli_digest { /* CLI_DIGEST */
    unsigned char bytes[CLI_DIGEST_MAX];
    size_t len;                       /* 32, 48 or 64; 0: not given */
    char hex[2 * CLI_DIGEST_MAX + 1]; /* in lower case; "" when not given */
    bool sha256_only;                 /* set before parsing: no other length is taken */
};

enum cli_kind {
    CLI_FLAG,     /* bool *: true when given */
    CLI_TEXT,     /* const char **: --name VALUE or --name=VALUE, not empty, at most once */
    CLI_LIST,     /* struct cli_list *: as CLI_TEXT, as often as wanted */
    CLI_NAMES,    /* struct cli_list *: "a,b,c", at most once; the word is cut up in place */
    CLI_NUMBER,   /* struct cli_amount *: decimal digits */
    CLI_SIZE,     /* struct cli_amount *: "4096", "256KiB", "4MiB" */
    CLI_DURATION, /* struct cli_amount *: "500ms", "30s", "15m", "24h", "7d"; "30" is 30s */
    CLI_TIME,     /* struct cli_time *: RFC 3339, "2026-11-24" (its first second, UTC), "now", or a
                     duration with its unit: so long ago */
    CLI_CHOICE,   /* struct cli_choice *: one of a few words */
    CLI_PAIRS,    /* struct cli_pairs *: "NAME=VALUE", as often as wanted */
    CLI_DIGEST,   /* struct cli_digest *: "HEX", or "sha256:HEX" as other tools print it */
    CLI_KINDS
};

extern const char *const cli_kind_names[CLI_KINDS];

/*
 * Reads `text`, which must last as long as `dest`, for an option of that kind other than CLI_FLAG.
 * -1: the value is refused, or the option was given before; `e` begins with "--NAME: ".
 */
int cli_value_read(enum cli_kind kind, const char *name, char *text, void *dest, struct tm_err *e);

/* The bare grammars, for questions on a terminal. 0 or -1. */
int cli_value_number(const char *text, int64_t min, int64_t max, int64_t *out);
int cli_value_time(const char *text, int64_t now_ms, int64_t *out_ms);

/* What key types every program makes; ended by NULL. */
extern const char *const cli_key_types[];

/*
 * Rehearsals of rotations, as every program records them: what was done, when, by whom, each step
 * and what was told at it, and whether all was as it should be. A record is a file of lines, to
 * which each rehearsal adds one, a JSON object:
 *
 *   {"time", "kind", "by", "version", "result": "passed" | "failed", "steps":
 *    [{"step", "ok", "skipped", "says"}]}
 *
 * A step that was skipped is not ok, and does not make the rehearsal fail: "says" has the reason.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

#define REHEARSALS_FILE "rehearsals.jsonl"

struct tm_rehearsal_step {
    char *what;
    bool ok;
    bool skipped; /* it was not done, here and now it could not be */
    char *says;   /* what was told: why it failed or was skipped, or how something was refused */
};

struct tm_rehearsal {
    const char *kind; /* borrowed */
    int64_t time;     /* Unix seconds */
    char *by;         /* "user@host"; this and the steps are its own */
    struct tm_rehearsal_step *step;
    size_t count, skipped;
    bool passed; /* set by who rehearses, at the end: all that was done was as it should be */
};

/* Free it also after -1. */
int tm_rehearsal_begin(struct tm_rehearsal *r, const char *kind, int64_t now, struct tm_err *e);
/* Notes a step: good when `rc` is 0; `why` may be NULL. Returns rc, or -1: out of memory. */
int tm_rehearsal_step(struct tm_rehearsal *r, const char *what, int rc, const struct tm_err *why);
/* Notes a step that was not done. -1: out of memory. */
int tm_rehearsal_skip(struct tm_rehearsal *r, const char *what, const struct tm_err *why);
void tm_rehearsal_free(struct tm_rehearsal *r);

/* ---- the record ---- */

/* Appends its line with the newline to `out`. `version`: of the program. */
int tm_rehearsal_line(const struct tm_rehearsal *r, const char *version, struct tm_buf *out,
                      struct tm_err *e);
/* Appends such a line to the record `file`, and syncs it: whole or not at all. An empty one: only
 * whether the record can be opened. */
int tm_rehearsal_record(const char *file, const struct tm_buf *line, struct tm_err *e);

struct tm_rehearsal_read { /* a line of a record; text lasts as long as the call */
    int64_t time;
    const char *kind, *by;
    bool passed;
    size_t steps, skipped;
    const char *line; /* as it stands there, with its newline */
    size_t len;
};
typedef int (*tm_rehearsal_fn)(void *arg, const struct tm_rehearsal_read *r, struct tm_err *e);

/* Each rehearsal of a record, in the order of its lines; a file that is not there has none. 1: a
 * line is damaged, the first is named, all others were given. -1: the file cannot be read, or
 * `each` says so. The half line of a run that was killed is passed over while it is the last. */
int tm_rehearsals_read(const char *file, tm_rehearsal_fn each, void *arg, struct tm_err *e);

struct tm_rehearsed { /* the last of a kind */
    int64_t time;     /* 0: never */
    bool passed;
    size_t skipped; /* of its steps */
};
/* Of each of `count` kinds, in their order. Other kinds are passed over. Returns as that. */
int tm_rehearsals_last(const char *file, const char *const *kinds, size_t count,
                       struct tm_rehearsed *out, struct tm_err *e);

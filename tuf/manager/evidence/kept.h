/*
 * Whether the old versions that a published tree keeps are those that were published. Clients look
 * at the newest alone, so that nobody would miss another 3.targets.json but who reads history. The
 * statements of the holders name the content of all that they signed, the lines of publications
 * that of snapshots. Those are signed as some root of the chain asks, and pin the files of all
 * other roles, with their signatures; publish removes none of them. Old timestamps are not kept:
 * each replaces the last.
 */
#pragma once

#include <stdbool.h>

#include "tuf/manager/evidence/line.h"
#include "tuf/manager/state/published.h"

struct tuf_kept {                   /* zeroed at first; what it points to is its own */
    struct tuf_reviewed_list event; /* what the last statement is about */
    char digest[65];                /* of the event; "": none yet */
    struct tuf_reviewed_list all;   /* of what was published */
    bool taken_over;                /* others began it: not all files are ours to keep */
};

/* A tuf_line_fn, for tuf_evidence_check(): takes in what the lines say of published content. `arg`
 * is the struct tuf_kept. */
int tuf_kept_line(void *arg, const struct tuf_line *line, struct tm_err *e);

/* Holds the files of the tree against it: each that is missing, unreadable or other than was
 * published is a line of `faults`. What a publication that was cut short would have brought is not
 * looked for. -1: out of memory. */
int tuf_kept_check(struct tuf_kept *k, const struct tuf_published *p, struct tm_buf *faults,
                   struct tm_err *e);
void tuf_kept_free(struct tuf_kept *k);

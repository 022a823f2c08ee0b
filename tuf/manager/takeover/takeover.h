/*
 * A repository that others began becomes a workspace: its roots, metadata and target files as they
 * are, and a policy from which `propose` makes the same again. All of it is made in a new folder,
 * which gets its name when nothing is left to say against it.
 */
#pragma once

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct tuf_takeover_options {
    const char *from;    /* a directory, as it is served or as tuf-on-ci keeps it, or a URL */
    const char *targets; /* where its target files are; NULL: beside the metadata */
    const void *trusted; /* a root to begin from, as a file has it; NULL: the first that can be
                            read and proves itself */
    size_t trusted_len;
    int64_t now; /* Unix seconds */
};

struct tuf_takeover {
    struct tm_buf losses; /* a line each: what cannot be carried; then nothing was written */
    size_t loss_count;
    struct tm_buf notes; /* a line each: what is history, how keys are called, what waits */
    size_t notes_count;
    int64_t first_root, newest_root;
    size_t roles, targets, holders;
};

/* `dir` is not there yet, or empty. 0: it is a workspace now, or `losses` say why it is not. -1: it
 * could not be read. */
int tuf_takeover_run(const char *dir, const struct tuf_takeover_options *o,
                     struct tuf_takeover *out, struct tm_err *e);
void tuf_takeover_free(struct tuf_takeover *t);

/*
 * Everything that can be wrong with a published tree, found out by reading it and by being a
 * client of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "tuf/manager/state/progress.h"

struct tuf_audit_options {
    int64_t now;
    int64_t first_root; /* of tuf_published_load_from(); 0: by others, see tuf_published_look() */
    bool files;         /* the directory itself: target files and files that nothing names */
    const struct tuf_progress *progress; /* or NULL */
};

struct tuf_audit {
    size_t roots, delegated, targets; /* checked */
    struct tm_buf faults;             /* a line each; empty: all is well */
    struct tm_buf notes;              /* a line each: files that no metadata names */
};

/* Signatures of the whole root chain, of all current roles by their delegators, versions, hashes
 * and dates; a refresh by our own client from the first root through all of them; with `files` each
 * target's length and hash. -1: the audit itself could not be done. */
int tuf_audit_tree(const char *dir, const struct tuf_audit_options *o, struct tuf_audit *out,
                   struct tm_err *e);
void tuf_audit_free(struct tuf_audit *a);

/*
 * Everything that can be wrong with a published tree, found out by reading it and by being a
 * client of it.
 */
#ifndef TENMINT_TUF_AUDIT_H
#define TENMINT_TUF_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct audit_options {
    int64_t now;
    bool files; /* the directory itself: target files and files that nothing names */
};

struct audit {
    size_t roots, delegated, targets; /* checked */
    struct buf faults;                /* a line each; empty: all is well */
    struct buf notes;                 /* a line each: files that no metadata names */
};

/* Signatures of the whole root chain, of all current roles by their delegators, versions, hashes
 * and dates; a refresh by our own client from every root; with `files` each target's length and
 * hash. -1: the audit itself could not be done. */
int audit_tree(const char *dir, const struct audit_options *o, struct audit *out, struct err *e);
void audit_free(struct audit *a);

#endif

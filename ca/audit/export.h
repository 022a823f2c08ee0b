/*
 * Records outside the database: a file of lines of JSON. The first says where the chain was before
 * them, then come the records' canonical bytes, the last says where the chain is behind them:
 *
 *   {"type":"tenmint audit export 1","node":…,"seq":…,"hash":…}
 *   {"seq":…,…}
 *   {"type":"tenmint audit end 1","node":…,"seq":…,"hash":…}
 *
 * Whoever has the file can compute each hash, and hold it against a head (ca/audit/walk.h).
 */
#pragma once

#include "ca/audit/walk.h"
#include "common/file.h"

struct ca_audit_export { /* being written */
    struct tm_file_stream to;
    const char *node; /* borrowed */
    struct ca_audit_tip tip;
    struct tm_buf line;
    uint64_t records;
};

/* A new file, mode 0640, which is there when it was committed. Call abort after a failure. */
int ca_audit_export_begin(struct ca_audit_export *x, const char *path, const char *node,
                          const struct ca_audit_tip *before, struct tm_err *e);
/* The next record of the chain, with its hash. */
int ca_audit_export_record(struct ca_audit_export *x, const struct ca_audit_row *row,
                           struct tm_err *e);
int ca_audit_export_commit(struct ca_audit_export *x, struct tm_err *e);
/* The same under this name, in the folder of the first. */
int ca_audit_export_commit_as(struct ca_audit_export *x, const char *path, struct tm_err *e);
void ca_audit_export_abort(struct ca_audit_export *x); /* fine after a commit */

/* Walks a file's records, whose node goes to `node`: faults are said as the walk says them. `w`
 * zeros but for say and arg; its `node` is the room given. -1: it is no such file. */
int ca_audit_export_read(const char *path, const struct ca_audit_head_list *heads,
                         struct ca_audit_walk *w, char node[256], struct tm_err *e);

/*
 * A monitor: one look at a log, from what was seen at the last look. Its memory is a state file
 * with the newest checkpoint that was believed and the frontier of the entries that were read.
 */
#pragma once

#include "ca/log/monitor/filter.h"
#include "ca/log/monitor/head.h"
#include "ca/log/monitor/scan.h"
#include "ca/log/monitor/source.h"

struct ca_watch_state {
    bool known;                /* false: nothing was seen yet */
    struct tm_buf note;        /* the newest checkpoint that was believed */
    struct tm_checkpoint tree; /* what it says */
    struct tm_frontier at;     /* every entry before at.size was read and is the log's */
};

/* A file that is not there is a state that is not known. Strict. */
int ca_watch_state_load(const char *path, struct ca_watch_state *out, struct tm_err *e);
int ca_watch_state_save(const char *path, const struct ca_watch_state *s, struct tm_err *e);
void ca_watch_state_free(struct ca_watch_state *s);

struct ca_watch_options { /* borrowed */
    struct ca_log_source *source;
    const struct ca_head_trust *trust;
    const char *state_path;
    const char *evidence_dir; /* made when there is something to put into it */
    uint64_t start;           /* first entry to read when there is no state yet */
    bool start_at_end;        /* or: only what is new from now on */
    int64_t now_ms;
    int64_t max_age_ms; /* an older checkpoint is a failure: the log stands still; 0: any age */
    struct ca_scan_sink sink;
};

enum ca_watch_result {
    WATCH_OK,
    WATCH_FAILED,   /* unreachable, not believed, or the entries are not the tree's */
    WATCH_ROLLBACK, /* the log shows a smaller tree than it had signed before */
    WATCH_FORK,     /* or one that does not extend it: both checkpoints are kept as evidence */
};

/* One look. `head` is the checkpoint that was read, when it could be believed: free it. */
enum ca_watch_result ca_watch_look(const struct ca_watch_options *o, struct ca_watch_state *state,
                                   struct ca_head *head, struct tm_err *e);

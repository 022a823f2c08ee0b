/*
 * A monitor: one look at a log, from what was seen at the last look. Its memory is a state file
 * with the newest checkpoint that was believed and the frontier of the entries that were read.
 */
#ifndef TENMINT_CA_MONITOR_WATCH_H
#define TENMINT_CA_MONITOR_WATCH_H

#include "ca/log/monitor/filter.h"
#include "ca/log/monitor/head.h"
#include "ca/log/monitor/scan.h"
#include "ca/log/monitor/source.h"

struct watch_state {
    bool known;             /* false: nothing was seen yet */
    struct buf note;        /* the newest checkpoint that was believed */
    struct checkpoint tree; /* what it says */
    struct frontier at;     /* every entry before at.size was read and is the log's */
};

/* A file that is not there is a state that is not known. Strict. */
int watch_state_load(const char *path, struct watch_state *out, struct err *e);
int watch_state_save(const char *path, const struct watch_state *s, struct err *e);
void watch_state_free(struct watch_state *s);

struct watch_options { /* borrowed */
    struct log_source *source;
    const struct head_trust *trust;
    const char *state_path;
    const char *evidence_dir; /* made when there is something to put into it */
    uint64_t start;           /* first entry to read when there is no state yet */
    bool start_at_end;        /* or: only what is new from now on */
    int64_t now_ms;
    int64_t max_age_ms; /* an older checkpoint is a failure: the log stands still; 0: any age */
    struct scan_sink sink;
};

enum watch_result {
    WATCH_OK,
    WATCH_FAILED,   /* unreachable, not believed, or the entries are not the tree's */
    WATCH_ROLLBACK, /* the log shows a smaller tree than it had signed before */
    WATCH_FORK,     /* or one that does not extend it: both checkpoints are kept as evidence */
};

/* One look. `head` is the checkpoint that was read, when it could be believed: free it. */
enum watch_result watch_look(const struct watch_options *o, struct watch_state *state,
                             struct head *head, struct err *e);

#endif

/*
 * From a signed event, and from the online keys, to the tree that clients read. Nothing that a
 * client would refuse is ever put in place: the rules are judged, the new files are staged, and
 * our own client goes through every root since the first, and on from the state that clients have
 * now, before the switch.
 */
#pragma once

#include "tuf/manager/event/event.h"
#include "tuf/manager/state/progress.h"
#include "tuf/manager/state/workspace.h"

#define PUBLISH_CLOCK_SLACK_S 300 /* what a clock may be set back */

struct tuf_publish_options {
    struct tuf_event *event; /* NULL: only what the online keys sign. Its targets are let go of on
                                the way: whatever comes of it, it is only to be freed */
    int64_t now;             /* Unix seconds */
    bool refresh;            /* only re-sign what is due; target folders are not looked at */
    bool force;              /* new snapshot and timestamp although neither is due */
    bool clock_ok;           /* the clock is right, although the transcript has a later time */
    const struct tuf_progress *progress; /* or NULL */
    bool allow_gap; /* on a file system that cannot switch whole trees: accept that clients fail
                       between two renames */
};

struct tuf_publish_report {
    bool changed;                               /* false: nothing was due, nothing was written */
    bool exchanged;                             /* the whole tree was switched at once */
    int64_t root, timestamp, snapshot, targets; /* versions that are published now */
    size_t delegated;                           /* delegated roles with a new version */
    size_t files;                               /* files written */
    size_t chains_checked; /* roots from which our client began: oldest, live, new */
};

/* The workspace's lock is held. On -1 the published set is what it was, or, after a fault in the
 * middle of the switch, a whole set all the same: run it again. */
int tuf_publish_run(struct tuf_workspace *w, const struct tuf_publish_options *o,
                    struct tuf_publish_report *out, struct tm_err *e);

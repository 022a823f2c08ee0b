/*
 * Events that wait for signatures or for publication: those in the workspace's events/ folder, and
 * those that `propose` wrote elsewhere, which the workspace remembers in proposed.json.
 */
#pragma once

#include "tuf/manager/event/event.h"
#include "tuf/manager/state/workspace.h"

enum tuf_open_state {
    TUF_OPEN_WAITS,    /* for signatures */
    TUF_OPEN_COMPLETE, /* it can be published */
    TUF_OPEN_AWAY,     /* proposed, but its file is not where it was written */
    TUF_OPEN_OUTDATED, /* another was published since: it can only be proposed anew */
};

struct tuf_open_event {
    char *name, *path; /* owned */
    char digest[65];
    struct tm_buf roles;   /* "root 2, targets 5" */
    struct tm_buf signers; /* "alice, bob": who has signed */
    struct tm_buf missing; /* the signatures so far and who still may, as review has them */
    enum tuf_open_state state;
};

struct tuf_open_events {
    struct tuf_open_event *item;
    size_t count;
};

/* Those that are not published yet, by `live`. Files in events/ that are no event are passed over:
 * the holders' copies come and go there. While an event is in memory the targets of `live` are not.
 */
int tuf_open_events_read(const struct tuf_workspace *w, struct tuf_published *live,
                         struct tuf_open_events *out, struct tm_err *e);
void tuf_open_events_free(struct tuf_open_events *o);

/* How many wait for somebody: all but the outdated. */
size_t tuf_open_events_waiting(const struct tuf_open_events *o);

/* Remembers an event that was written to `path`; forgets those that are published. */
int tuf_open_events_note(const struct tuf_workspace *w, const struct tuf_published *live,
                         const struct tuf_event *ev, const char *path, struct tm_err *e);

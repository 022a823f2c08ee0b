/*
 * What the policy and the targets folders ask for, as metadata: the difference to what is
 * published becomes a signing event.
 */
#pragma once

#include "tuf/metadata/build.h"
#include "tuf/manager/event/event.h"
#include "tuf/manager/evidence/transcript.h"
#include "tuf/manager/draft/scan.h"
#include "tuf/manager/state/workspace.h"

struct tuf_draft_options {
    const char *name;
    const char *reason;
    int64_t now;              /* Unix seconds */
    const char *const *renew; /* roles that get a new version whatever changed, checked */
    size_t renew_count;
    const struct tuf_progress *progress; /* or NULL */
};

/* -1: one of the names is no role that an event renews; `e` says which are. A mistyped role must
 * not look like one that needs nothing. */
int tuf_draft_check_renewals(const struct tuf_policy *p, const char *const *names, size_t count,
                             struct tm_err *e);

/* An event with every offline role that changed, is in its signing period, or is to be renewed.
 * No role needs anything: an event with no proposed role (tuf_event_proposed_count() 0). */
int tuf_draft_make(const struct tuf_workspace *w, const struct tuf_published *p,
                   const struct tuf_draft_options *o, struct tuf_event *out, struct tm_err *e);

/* Puts the old and new content of small targets that changed into the event, so that a review on
 * another machine can say what is in them. */
int tuf_draft_add_files(const struct tuf_workspace *w, const struct tuf_published *p,
                        struct tuf_event *ev, struct tm_err *e);

/* ---- parts that publish uses for online roles ---- */

struct tuf_draft_next { /* borrowed */
    const struct tuf_policy_role *r;
    const struct tuf_metadata *base;        /* NULL: a new role */
    int64_t before;                         /* versions of this name before it; 0: none */
    int64_t now;                            /* Unix seconds */
    const struct tuf_transcript_head *head; /* that it names, or NULL */
};

/* The next version of a targets role called `name`, with these entries (taken over, also on
 * failure) and with the delegations that the policy of `w` has for it; NULL for either: as in
 * its base. */
struct tuf_metadata *tuf_draft_targets(const struct tuf_workspace *w, const char *name,
                                       const struct tuf_draft_next *next,
                                       struct tuf_entries *entries, struct tm_err *e);

/* Whether it differs from `base` (or NULL) in more than version, date and place in the transcript.
 */
bool tuf_draft_changed(const struct tuf_metadata *m, const struct tuf_metadata *base);
/* Whether a proposed version differs in no more than that, and in the periods that come with the
 * first of ours. */
bool tuf_draft_kept(const struct tuf_metadata *m, const struct tuf_metadata *base);

struct tuf_draft_bins { /* which files are in which bin */
    uint32_t *file;     /* their numbers in the scan, bin by bin */
    size_t *first;      /* [bin]: where its own begin; one more at the end */
};
int tuf_draft_bins(const struct tuf_scan *files, unsigned bits, struct tuf_draft_bins *out,
                   struct tm_err *e);
void tuf_draft_bins_free(struct tuf_draft_bins *b);

struct tuf_draft_files { /* of one role */
    const struct tuf_scan *scan;
    const char *dir;                   /* that was scanned */
    const struct tuf_draft_bins *bins; /* NULL: all of the scan */
    uint32_t bin;
};
/* Entries of the files, with the policy's custom metadata (NULL: without). A file that is published
 * as it is keeps its entry, and one that changed the members that we do not write: `base` may be
 * NULL. NULL with `e` set. */
struct tuf_entries *tuf_draft_entries(const struct tuf_policy *p, const struct tuf_draft_files *f,
                                      const struct tuf_metadata *base, struct tm_err *e);

/* Whether `m` (or NULL) is due: now >= expires - signing period. `signing` in seconds. */
bool tuf_draft_due(const struct tuf_metadata *m, int64_t signing, int64_t now);

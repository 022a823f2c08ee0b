/*
 * What the policy and the targets folders ask for, as metadata: the difference to what is
 * published becomes a signing event.
 */
#ifndef TENMINT_TUF_DRAFT_H
#define TENMINT_TUF_DRAFT_H

#include "tuf/metadata/build.h"
#include "tuf/manager/event/event.h"
#include "tuf/manager/event/scan.h"
#include "tuf/manager/state/workspace.h"

/* In `signed` of root and targets roles, and in root's role objects of timestamp and snapshot:
 * seconds from signing to expiry, and from when on before expiry the next version is signed. */
#define DRAFT_EXPIRY_PERIOD "x-tenmint-expiry-period"
#define DRAFT_SIGNING_PERIOD "x-tenmint-signing-period"

struct draft_options {
    const char *name;
    const char *reason;
    int64_t now;              /* Unix seconds */
    const char *const *renew; /* roles that get a new version whatever changed */
    size_t renew_count;
};

/* An event with every offline role that changed, is in its signing period, or is to be renewed.
 * No role needs anything: an event with no proposed role (event_proposed_count() 0). */
int draft_make(const struct workspace *w, const struct published *p, const struct draft_options *o,
               struct event *out, struct err *e);

/* Puts the old and new content of small targets that changed into the event, so that a review on
 * another machine can say what is in them. */
int draft_add_files(const struct workspace *w, const struct published *p, struct event *ev,
                    struct err *e);

size_t event_proposed_count(const struct event *ev);

/* ---- parts that publish uses for online roles ---- */

/* The next version of a targets role called `name`, with these entries (taken over, also on
 * failure) and with the delegations that the policy of `w` has for it; NULL for either: as in
 * `base`. `base` NULL: version 1. */
struct tuf_metadata *draft_targets(const struct workspace *w, const char *name,
                                   const struct policy_role *r, const struct tuf_metadata *base,
                                   struct tuf_entries *entries, int64_t now, struct err *e);

/* Sets or removes `delegations` of the role called `delegator` as the policy has it; members that
 * we do not know stay. */
int draft_delegations(const struct workspace *w, const char *delegator, json_t *signed_part,
                      struct err *e);
/* Whether it differs from `base` (or NULL) in more than version and date. */
bool draft_changed(const struct tuf_metadata *m, const struct tuf_metadata *base);

/* All of a scan, with the policy's custom metadata (NULL: without). NULL with `e` set. */
struct tuf_entries *draft_entries(const struct policy *p, const struct scan *files, struct err *e);

struct draft_bins { /* which files are in which bin */
    uint32_t *file; /* their numbers in the scan, bin by bin */
    size_t *first;  /* [bin]: where its own begin; one more at the end */
};
int draft_bins(const struct scan *files, unsigned bits, struct draft_bins *out, struct err *e);
void draft_bins_free(struct draft_bins *b);
struct tuf_entries *draft_bin_entries(const struct scan *files, const struct draft_bins *b,
                                      uint32_t bin, struct err *e);

/* Whether `m` (or NULL) is due: now >= expires - signing period. `signing` in seconds. */
bool draft_due(const struct tuf_metadata *m, int64_t signing, int64_t now);

#endif

/*
 * What an event must be before anyone signs it, and before it is published. Review shows the
 * findings, sign and publish refuse an event with an error among them.
 */
#ifndef TENMINT_TUF_RULES_H
#define TENMINT_TUF_RULES_H

#include "tuf/manager/event/event.h"
#include "tuf/manager/policy/policy.h"

struct findings {
    struct buf errors;   /* a line each */
    struct buf warnings; /* a line each */
    size_t error_count;
};

/*
 * Judges the proposal itself: the root chain, versions, dates, keys, thresholds that can be met,
 * the online keys kept apart from the others. `policy` (NULL on a holder's machine) adds its
 * periods. Signatures are not needed yet; those that are there are checked.
 */
void rules_judge(const struct event *ev, const struct policy *policy, int64_t now,
                 struct findings *out);
void findings_free(struct findings *f);

/* The base of the event is `live`, as published now. A proposal that is live already is fine. */
int rules_base(const struct event *ev, const struct published *live, struct err *e);

/* The newest published root of the event follows, by signatures, from `trusted`, a root that the
 * holder kept: the event's own word about what is published is then worth believing. */
int rules_trusted(const struct event *ev, const struct tuf_metadata *trusted, struct err *e);

/* Every threshold is met: of root by the old and by the new keys, each on its own. */
int rules_thresholds(const struct event *ev, struct err *e);

#endif

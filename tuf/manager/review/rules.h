/*
 * What an event must be before anyone signs it, and before it is published. Review shows the
 * findings, sign and publish refuse an event with an error among them.
 */
#pragma once

#include "tuf/manager/event/event.h"
#include "tuf/manager/policy/policy.h"
#include "tuf/manager/review/findings.h"

/*
 * Judges the proposal itself: the root chain, versions, dates, keys, thresholds that can be met,
 * the online keys kept apart from the others. `policy` (NULL on a holder's machine) adds its
 * periods. Signatures are not needed yet; those that are there are checked.
 */
void tuf_rules_judge(const struct tuf_event *ev, const struct tuf_policy *policy, int64_t now,
                     struct tuf_findings *out);

/* What other clients cannot read: a warning, or an error when the policy (or NULL) names one of
 * them as a reader. Part of tuf_rules_judge(). */
void tuf_rules_readers(const struct tuf_event *ev, const struct tuf_policy *policy,
                       struct tuf_findings *out);

/* The base of the event is `live`, as published now. A proposal that is live already is fine. */
int tuf_rules_base(const struct tuf_event *ev, const struct tuf_published *live, struct tm_err *e);

/* The newest published root of the event follows, by signatures, from `trusted`, a root that the
 * holder kept: the event's own word about what is published is then worth believing. */
int tuf_rules_trusted(const struct tuf_event *ev, const struct tuf_metadata *trusted,
                      struct tm_err *e);

/* Every threshold is met: of root by the old and by the new keys, each on its own. */
int tuf_rules_thresholds(const struct tuf_event *ev, struct tm_err *e);

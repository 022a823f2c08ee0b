/*
 * The keys of an event's roles, as part of tuf_rules_judge(). What is irregular by our rules is an
 * error in what is new, and a warning in what others published so.
 */
#pragma once

#include "tuf/manager/event/event.h"
#include "tuf/manager/review/findings.h"

/* Keys of one role: usable, distinct by public key and by owner, enough for the threshold.
 * `before`: the keys that were published among which the role's are, or NULL. */
void tuf_rules_signers(const char *role, const struct tuf_signers *s, const struct tuf_keys *before,
                       struct tuf_findings *out);

/* Those of the four roles of a proposed root: as above, each keyid's key as it was, and the online
 * roles' keys apart from the others'. */
void tuf_rules_root_keys(const struct tuf_event_role *root, struct tuf_findings *out);

/*
 * Which targets clients act on: a change of one of these changes whom they trust or where they
 * send their tokens, so a review explains it and a delegation that could answer for it is a danger.
 */
#pragma once

#include "tuf/manager/event/event.h"

#define TRUSTED_ROOT_TARGET "trusted_root.json"
#define SIGNING_CONFIG_TARGET "signing_config.v0.2.json"

/* What a policy's `clients-act-on` adds, in `signed` of targets: a list of names. A holder sees it
 * without the policy. */
#define ACTED_ON_MEMBER "x-tenmint-clients-act-on"

/* trusted_root.json or a second one (tuf/verify/trust/second_root.h). */
bool tuf_acted_on_is_root(const char *name);

/* Those and signing_config*.json, whatever the metadata says. */
bool tuf_acted_on_always(const char *name);

/* Those, what targets names now or as proposed, and an entry with Sigstore's custom `usage`, which
 * old clients go by. `was`, `is`: its entries, or NULL. */
bool tuf_acted_on(const struct tuf_event *ev, const char *name, const struct tuf_entry *was,
                  const struct tuf_entry *is);

/* The lists of names beside the well-known ones; either may be NULL. Borrowed. */
struct tuf_acted_names {
    const struct tuf_texts *list[2];
};
/* What an event's targets name now and as proposed. */
struct tuf_acted_names tuf_acted_names_of(const struct tuf_event *ev);

/* Whether `name` is none of those names, but is one of them to a person, or to a server or a disk
 * that makes less of a difference: case, percent escapes, empty and dot segments, blanks and
 * control characters apart. A character beyond ASCII may look like up to three others, or like
 * nothing. */
bool tuf_acted_on_resembles(const struct tuf_acted_names *names, const char *name);

/* Why clients, or people, may go by what an online key would list as `name`; NULL: they do not. */
const char *tuf_acted_on_why(const struct tuf_acted_names *names, const char *name);

/* Whether a role's name is none of the top-level ones, but is one in the same way, or holds a
 * character beyond ASCII: it could look like any other role's. */
bool tuf_role_resembles(const char *name);

/* The names to ask about whatever changes: the well-known ones and those of the lists. Not 0 of
 * `each` ends it and is returned. */
int tuf_acted_on_each(const struct tuf_acted_names *names, int (*each)(void *arg, const char *name),
                      void *arg);

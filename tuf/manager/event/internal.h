/* Shared by the files of this folder. */
#ifndef TENMINT_TUF_EVENT_INTERNAL_H
#define TENMINT_TUF_EVENT_INTERNAL_H

#include "tuf/metadata/delegation.h"
#include "tuf/manager/event/event.h"

#define STATEMENT_TYPE "tenmint-signing-statement" /* no TUF role: no client mistakes it */

/* {"version", "sha256"} of canonical(signed). A new reference. */
json_t *event_summary(const struct tuf_metadata *m, struct err *e);

/* {role: summary} of everything proposed. */
json_t *event_summaries(const struct event *ev, struct err *e);

/* What the event says is published of a delegated role, when its delegator's keys have signed it,
 * else NULL; for tuf_delegation_search(). `ev` is a const struct event. */
int event_base(void *ev, const struct tuf_delegation *d, const struct tuf_metadata **out,
               struct err *e);

/* The same of what is in force once the event is published. */
int event_coming(void *ev, const struct tuf_delegation *d, const struct tuf_metadata **out,
                 struct err *e);

/* ---- reach.c ---- */

struct unreached { /* targets of a delegated role where no client looks for them */
    size_t count;
    char first[256]; /* cut when longer */
};
int event_unreached(const struct event *ev, const struct event_role *role, struct unreached *out,
                    struct err *e);

/* ---- statement.c ---- */

/* The KEY of a signature entry on `role`, by the old or the new signers; NULL: not a member. */
const json_t *event_member(const struct event *ev, const char *role, const char *keyid);

/* A KEY anywhere among the event's signers. */
const json_t *event_any_key(const struct event *ev, const char *keyid);

/* ---- file.c ---- */

/* Holds metadata (taken over) until event_load(). */
int event_hold(struct event *ev, bool proposed, const char *role, struct tuf_metadata *m,
               struct err *e);
/* The metadata of an envelope in the tree, with what is held for it. Its frame is the envelope. */
struct tuf_metadata *event_take(struct event *ev, bool proposed, const char *role, json_t *envelope,
                                struct err *e);
/* Lets go of what is held. */
void event_release(struct event *ev);

/* Only the tree, and what is held. -1: event_free() it all the same. */
int event_parse_tree(const char *text, size_t len, struct event *out, struct err *e);
int event_write_file(const char *path, const struct event *ev, const json_t *tree, bool line,
                     struct err *e);

/* ---- folder.c ---- */

bool event_is_folder(const char *path);
/* As event_parse_tree(). */
int event_folder_read(const char *folder, struct event *out, struct err *e);
/* Adds what a file signatures/`name` holds to the proposal. */
int event_folder_add(json_t *tree, const char *name, const char *text, size_t len, struct err *e);
/* The proposal without signatures, and {keyid: signer}. New references, also when it fails. */
int event_folder_split(const json_t *tree, json_t **proposal, json_t **signers, struct err *e);
/* Writes what has changed: the proposal once, a file for each new signer. */
int event_folder_write(const char *folder, const struct event *ev, struct err *e);

#endif

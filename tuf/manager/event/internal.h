/* Shared by the files of this folder. */
#ifndef TENMINT_TUF_EVENT_INTERNAL_H
#define TENMINT_TUF_EVENT_INTERNAL_H

#include "tuf/metadata/delegation.h"
#include "tuf/manager/event/event.h"

#define STATEMENT_TYPE "tenmint-signing-statement" /* no TUF role: no client mistakes it */

/* {"version", "sha256"} of canonical(signed). A new reference. */
json_t *tuf_event_summary(const struct tuf_metadata *m, struct tm_err *e);

/* {role: summary} of everything proposed. */
json_t *tuf_event_summaries(const struct tuf_event *ev, struct tm_err *e);

/* What the event says is published of a delegated role, when its delegator's keys have signed it,
 * else NULL; for tuf_delegation_search(). `ev` is a const struct tuf_event. */
int tuf_event_base(void *ev, const struct tuf_delegation *d, const struct tuf_metadata **out,
                   struct tm_err *e);

/* The same of what is in force once the event is published. */
int tuf_event_coming(void *ev, const struct tuf_delegation *d, const struct tuf_metadata **out,
                     struct tm_err *e);

/* ---- content.c ---- */

/* The form of what travels along. */
int tuf_event_content_check(const struct tuf_event *ev, struct tm_err *e);
/* {path: {"before": [sha256], "after": [sha256]}}: so that a digest covers the content that a
 * review shows. A new reference. */
json_t *tuf_event_content_summary(const struct tuf_event *ev, struct tm_err *e);

/* ---- reach.c ---- */

struct tuf_unreached { /* targets of a delegated role where no client looks for them */
    size_t count;
    char first[256]; /* cut when longer */
};
int tuf_event_unreached(const struct tuf_event *ev, const struct tuf_event_role *role,
                        struct tuf_unreached *out, struct tm_err *e);

/* ---- statement.c ---- */

/* The KEY of a signature entry on `role`, by the old or the new signers; NULL: not a member. */
const json_t *tuf_event_member(const struct tuf_event *ev, const char *role, const char *keyid);

/* A KEY anywhere among the event's signers. */
const json_t *tuf_event_any_key(const struct tuf_event *ev, const char *keyid);

/* ---- file.c ---- */

/* Holds metadata (taken over) until tuf_event_load(). */
int tuf_event_hold(struct tuf_event *ev, bool proposed, const char *role, struct tuf_metadata *m,
                   struct tm_err *e);
/* The metadata of an envelope in the tree, with what is held for it. Its frame is the envelope. */
struct tuf_metadata *tuf_event_take(struct tuf_event *ev, bool proposed, const char *role,
                                    json_t *envelope, struct tm_err *e);
/* Lets go of what is held. */
void tuf_event_release(struct tuf_event *ev);

/* Only the tree, and what is held. -1: tuf_event_free() it all the same. */
int tuf_event_parse_tree(const char *text, size_t len, struct tuf_event *out, struct tm_err *e);
int tuf_event_write_file(const char *path, const struct tuf_event *ev, const json_t *tree,
                         bool line, struct tm_err *e);

/* ---- folder.c ---- */

bool tuf_event_is_folder(const char *path);
/* As tuf_event_parse_tree(). */
int tuf_event_folder_read(const char *folder, struct tuf_event *out, struct tm_err *e);
/* Adds what a file signatures/`name` holds to the proposal. */
int tuf_event_folder_add(json_t *tree, const char *name, const char *text, size_t len,
                         struct tm_err *e);
/* The proposal without signatures, and {keyid: signer}. New references, also when it fails. */
int tuf_event_folder_split(const json_t *tree, json_t **proposal, json_t **signers,
                           struct tm_err *e);
/* Writes what has changed: the proposal once, a file for each new signer. */
int tuf_event_folder_write(const char *folder, const struct tuf_event *ev, struct tm_err *e);

#endif

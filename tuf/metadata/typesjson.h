/*
 * The structs of tuf/metadata/types.h from JSON and back, each by one table. Reading checks the
 * form of each member (kind, bounds, presence); what only the members together say is judged by
 * tuf/metadata/check.h. Writing gives back all that was read.
 *
 * Readers fill a struct of zeros; on -1 with `e` set it is empty again. Writers give a new
 * reference, or NULL with `e` set.
 */
#pragma once

#include "common/err.h"
#include "common/json/jsonmap.h"
#include "tuf/metadata/types.h"

/* For a table of which a KEY is a member. */
extern const struct tm_jsonmap tuf_key_map;

/* A whole file. */
struct tuf_document {
    struct tuf_signatures signatures;
    struct tuf_signed body; /* `signed` */
    json_t *rest;
};

/* `targets` (of TUF_TARGETS) or `meta` (of TUF_SNAPSHOT) must be empty: entries stand elsewhere.
 * `body` (may be NULL): a reference to `signed` as it stands there. */
int tuf_read_document(const json_t *v, enum tuf_role role, struct tuf_document *out, json_t **body,
                      struct tm_err *e);
/* `body`: another `signed` in place of d->body, or NULL. */
json_t *tuf_write_document(const struct tuf_document *d, json_t *body, struct tm_err *e);
void tuf_free_document(struct tuf_document *d);

json_t *tuf_write_signed(const struct tuf_signed *s, struct tm_err *e);
int tuf_copy_signed(const struct tuf_signed *from, struct tuf_signed *to, struct tm_err *e);
void tuf_free_signed(struct tuf_signed *s);

/* A KEY without its keyid, which stays as it is in *out. */
int tuf_read_key(const json_t *v, struct tuf_public_key *out, struct tm_err *e);
json_t *tuf_write_key(const struct tuf_public_key *key, struct tm_err *e);
/* With its keyid. */
int tuf_copy_key(const struct tuf_public_key *from, struct tuf_public_key *to, struct tm_err *e);
void tuf_free_key(struct tuf_public_key *key);
/* Whether they are written alike, whatever their keyids. */
bool tuf_same_key(const struct tuf_public_key *a, const struct tuf_public_key *b);

void tuf_free_keys(struct tuf_keys *keys);

int tuf_copy_role_keys(const struct tuf_role_keys *from, struct tuf_role_keys *to,
                       struct tm_err *e);
void tuf_free_role_keys(struct tuf_role_keys *r);
int tuf_copy_delegated_role(const struct tuf_delegated_role *from, struct tuf_delegated_role *to,
                            struct tm_err *e);
void tuf_free_delegations(struct tuf_delegations *d);

void tuf_free_signatures(struct tuf_signatures *s);

/* An entry of `targets` (TUF_TARGETS) or of `meta` (another role). */
int tuf_read_entry(const json_t *v, enum tuf_role role, struct tuf_entry *out, struct tm_err *e);
json_t *tuf_write_entry(const struct tuf_entry *entry, enum tuf_role role, struct tm_err *e);
void tuf_free_entry(struct tuf_entry *entry);

/* Each member that two `rest` do not have alike, as canonical JSON; NULL where it is not. Not 0
 * ends it and is returned; -1 also when memory is out. */
typedef int (*tuf_rest_fn)(void *arg, const char *name, const char *was, const char *is,
                           struct tm_err *e);
int tuf_rest_compare(const json_t *before, const json_t *after, tuf_rest_fn each, void *arg,
                     struct tm_err *e);
/* The same of one member; either may be NULL. */
int tuf_member_compare(const char *name, const json_t *was, const json_t *is, tuf_rest_fn each,
                       void *arg, struct tm_err *e);
/* The same of what two entries of `targets` (or NULL) say besides length and hashes. */
int tuf_entry_rest_compare(const struct tuf_entry *before, const struct tuf_entry *after,
                           tuf_rest_fn each, void *arg, struct tm_err *e);
/* Whether a member of that name was kept: of a name that a row has, that its value has another form
 * than the row takes. NULL: nothing was kept. */
bool tuf_rest_has(const json_t *rest, const char *name);
/* Whether clients in Go, whose JSON ignores case, read another `custom` of an entry than we do. */
bool tuf_custom_is_ambiguous(const struct tuf_entry *entry);

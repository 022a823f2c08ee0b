/* Shared by the metadata's own files. */
#ifndef TENMINT_TUF_METADATA_INTERNAL_H
#define TENMINT_TUF_METADATA_INTERNAL_H

#include "tuf/metadata/entries.h"
#include "tuf/metadata/metadata.h"
#include "tuf/metadata/typesjson.h"

struct tuf_good_signature;
struct tuf_good_signatures { /* verify.c: remembered, so that no signature is checked twice */
    struct tuf_good_signature *first;
};

struct tuf_metadata {
    unsigned refs;
    json_t *envelope;         /* owned */
    json_t *body;             /* its `signed`, which nobody changes any more */
    struct tuf_document file; /* the same, read */
    /* Of targets and snapshots: what stands in body[map], which is empty. */
    struct tuf_entry_list entries;
    const char *map; /* "targets", "meta"; or NULL */
    enum tuf_role role;
    int64_t version;
    int64_t expires;
    struct tuf_good_signatures *good;
};

void tuf_good_signatures_free(struct tuf_good_signatures *all); /* NULL is fine */

struct tuf_entries { /* on their way into metadata */
    struct tuf_entry_list list;
    enum tuf_role role;
};

/* "targets" or "meta" when the role's entries are kept as bytes, else NULL. */
const char *tuf_metadata_map(enum tuf_role role);

/* One entry of `targets` (TUF_TARGETS) or `meta`. */
int tuf_check_entry(const json_t *entry, enum tuf_role role, const char *name, struct tm_err *e);

/* The members that the role's files have besides the common ones. */
int tuf_check_role_members(const json_t *body, enum tuf_role role, struct tm_err *e);

/* `delegations` of a targets role. */
int tuf_check_delegations(const json_t *delegations, struct tm_err *e);

/* `paths` or `path_hash_prefixes` of a delegated role. NULL when absent, or null: go-tuf before v2
 * writes that for the one which the role does not have. */
const json_t *tuf_delegated_member(const json_t *role, const char *name);

/* {keyid: KEY}: each with the three texts; whether they can be used shows when they are. */
int tuf_check_keys(const json_t *keys, struct tm_err *e);

/* keyids (no doubles) and threshold (>= 1) of `role`; `name` is for messages. */
int tuf_check_signers(const json_t *role, const char *name, struct tm_err *e);

/* An array of strings, at most `max`; `unique`: no doubles. `name` is for messages. */
int tuf_check_texts(const json_t *list, const char *name, size_t max, bool unique,
                    struct tm_err *e);

/* An integer member within min..max. */
int tuf_check_integer(const json_t *obj, const char *name, int64_t min, int64_t max,
                      struct tm_err *e);

#endif

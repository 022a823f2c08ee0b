/*
 * The published tree as it stands: every root, and the current timestamp, snapshot, targets and
 * delegated roles, with their signatures checked under the newest root. Dates are not judged.
 */
#pragma once

#include <limits.h>

#include "tuf/metadata/delegation.h"

struct tuf_published {
    char dir[PATH_MAX];
    struct tuf_metadata **roots; /* [i] is version roots[0] + i */
    size_t root_count;           /* 0: nothing is published yet */
    struct tuf_metadata *timestamp, *snapshot, *targets;
    struct tm_buf unread;  /* a line for each root that tuf_published_look() passed over */
    struct nested *nested; /* delegated roles that delegate further: loaded when first needed */
};

/* A missing or empty directory is an empty tree. Refuses a root chain with a gap, a root that its
 * predecessor did not sign, and files that do not belong together. */
int tuf_published_load(const char *dir, struct tuf_published *p, struct tm_err *e);

/* The same of a repository that was taken over, whose chain begins at root `first`: those before it
 * are history that nobody trusts. */
int tuf_published_load_from(const char *dir, int64_t first, struct tuf_published *p,
                            struct tm_err *e);

/* The same for looking at what others publish: its roots may begin at another version than 1, and
 * those before the first that can be read and proves itself by its own keys are history that nobody
 * trusts, told in `unread`. Nothing may be made of it. */
int tuf_published_look(const char *dir, struct tuf_published *p, struct tm_err *e);

/* Of a tree that tuf_published_look() refuses, the roots up to the first that nobody gets past, and
 * `unread`; no other role. */
int tuf_published_history(const char *dir, struct tuf_published *p, struct tm_err *e);

/* A million targets take 150 MB: frees them for a while, and reads them again, as they were checked
 * before. Where none are published both do nothing. */
void tuf_published_drop_targets(struct tuf_published *p);
int tuf_published_read_targets(struct tuf_published *p, struct tm_err *e);

/* Says that `dir` holds none; ERR_REFUSED. Returns -1. */
int tuf_published_missing(const char *dir, struct tm_err *e);
void tuf_published_free(struct tuf_published *p);

/* The newest root, or NULL. */
const struct tuf_metadata *tuf_published_root(const struct tuf_published *p);
/* Its version, or 0. */
int64_t tuf_published_root_version(const struct tuf_published *p);

/* Who may sign a delegated role: as targets, or a role below it, says. 1: `out` (borrowed from the
 * tree), 0: nobody delegates to it, -1: a role on the way there is damaged. */
int tuf_published_delegation(const struct tuf_published *p, const char *role,
                             struct tuf_delegation *out, struct tm_err *e);

/* The metadata of what `d` delegates to, when that delegates further and `d` names its signers;
 * else NULL in *out. Borrowed. For tuf_delegation_search(): `published` is a const
 * struct tuf_published. */
int tuf_published_nested_role(void *published, const struct tuf_delegation *d,
                              const struct tuf_metadata **out, struct tm_err *e);

/* The roles below targets that delegate, as far as tuf_published_delegation() has met them; NULL
 * after the last. Borrowed. */
const struct tuf_metadata *tuf_published_nested(const struct tuf_published *p, size_t i,
                                                const char **name);

/* A delegated role as the snapshot lists it, checked with its delegator's keys; *out is NULL when
 * it is not listed or not delegated to. The caller frees it. The delegator: a given one, or any. */
int tuf_published_delegated_by(const struct tuf_published *p, const struct tuf_metadata *delegator,
                               const char *role, struct tuf_metadata **out, struct tm_err *e);
int tuf_published_delegated(const struct tuf_published *p, const char *role,
                            struct tuf_metadata **out, struct tm_err *e);

/* The highest version that was published under a delegated role's name, also when no role delegates
 * to it any more: clients remember it, and one that is added again goes on from there. 0: none. */
int64_t tuf_published_highest(const struct tuf_published *p, const char *role);

/* One version of a role as its file lies there, neither verified nor current. NULL with `e` set;
 * the caller frees it. */
struct tuf_metadata *tuf_published_version(const struct tuf_published *p, const char *role,
                                           int64_t version, struct tm_err *e);

/* Whether any root of the chain takes the signatures of `m`, a version of a top-level role: an old
 * one is signed by keys that may be replaced by now. */
bool tuf_published_is_signed(const struct tuf_published *p, const struct tuf_metadata *m);

/* The metadata of any role but the delegated ones, borrowed, or NULL. */
const struct tuf_metadata *tuf_published_role(const struct tuf_published *p, enum tuf_role role);

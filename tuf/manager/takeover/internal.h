/* Shared by the files of this folder. */
#pragma once

#include "tuf/manager/policy/keyring.h"
#include "tuf/manager/state/published.h"
#include "tuf/manager/state/workspace.h"
#include "tuf/manager/takeover/takeover.h"
#include "tuf/metadata/types.h"

#define SOURCE_PLACE_MAX 4096 /* bytes of a directory's or URL's text */
#define SOURCE_TARGETS_MAX 3

/* ---- source.c: where it all is ---- */

struct tuf_source {
    char metadata[SOURCE_PLACE_MAX];
    char targets[SOURCE_TARGETS_MAX][SOURCE_PLACE_MAX]; /* in the order to try */
    size_t target_count;
};

int tuf_source_find(const struct tuf_takeover_options *o, struct tuf_source *out, struct tm_err *e);

/* Copies the metadata to `dir` under the names that clients ask for. Nothing is verified. */
int tuf_source_copy(const struct tuf_source *s, const char *dir, struct tm_err *e);

/* ---- what the policy will say ---- */

struct tuf_taken_holder {
    char name[KEYRING_NAME_MAX + 1];
    char fingerprint[65];
    const struct tuf_public_key *key; /* borrowed */
    bool online;                      /* signs snapshot or timestamp */
    bool top;                         /* signs root or targets */
};

struct tuf_taken_role {
    const char *name, *by;            /* by: its delegator, or NULL; borrowed */
    const struct tuf_role_keys *keys; /* borrowed, as all that follows */
    const struct tuf_keys *among;
    const struct tuf_delegated_role *d; /* delegated by paths */
    struct tuf_texts also;              /* more delegators, which say the same; owned */
    const struct tuf_bins *bins;
    struct tuf_metadata *m; /* NULL: it has none, or there are many (bins) */
    size_t *holder;         /* numbers in the plan's holders */
    size_t holder_count;
    int64_t expiry, signing; /* seconds */
    char directory[512];     /* below the workspace */
};

struct tuf_plan {
    struct tuf_takeover *out;
    struct tuf_published live;
    int64_t now;
    struct tuf_taken_holder *holder;
    size_t holder_count;
    struct tuf_taken_role *role; /* root, timestamp, snapshot, targets, then as clients search */
    size_t role_count;
};

/* ---- told.c: one thing that cannot be carried, or that is to be known; a line of its own ---- */

void tuf_plan_loss(struct tuf_plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void tuf_plan_note(struct tuf_plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- plan.c ---- */

/* Fills roles and holders from `live`. -1: a file is damaged; what cannot be carried is told. */
int tuf_plan_make(struct tuf_plan *p, struct tm_err *e);
void tuf_plan_free(struct tuf_plan *p);

/* ---- periods.c ---- */

/* How long a role's versions last: as its metadata say, or a guess that asks for nothing today. */
void tuf_plan_periods(struct tuf_plan *p, struct tuf_taken_role *r);

/* ---- text.c ---- */

int tuf_plan_policy(const struct tuf_plan *p, const char *from, struct tm_buf *out,
                    struct tm_err *e);

/* ---- files.c ---- */

/* Each role's target files into its folder of the workspace `dir`, and into its published tree. */
int tuf_plan_files(struct tuf_plan *p, const struct tuf_source *s, const char *dir,
                   struct tm_err *e);

/* ---- online.c ---- */

/* A loss for each role of online keys that the workspace's policy would change. */
int tuf_plan_online(struct tuf_plan *p, const struct tuf_workspace *w, struct tm_err *e);

/* Shared by the files of this folder: one publication on its way. */
#pragma once

#include "tuf/manager/draft/scan.h"
#include "tuf/manager/evidence/transcript.h"
#include "tuf/manager/publish/online.h"
#include "tuf/manager/publish/publish.h"
#include "tuf/manager/publish/stage.h"
#include "tuf/manager/state/published.h"

#define PUBLISH_SAMPLES_MAX 64
#define PUBLISH_SAMPLES_EACH 4 /* of one role, so that roles below others have some too */

struct tuf_publication {
    struct tuf_workspace *w;
    const struct tuf_publish_options *o;
    struct tuf_publish_report *report;
    struct tuf_published live;
    struct tuf_stage stage;
    struct tuf_online online;
    const struct tuf_metadata *root;    /* that is in force afterwards */
    const struct tuf_metadata *targets; /* likewise */
    struct tuf_meta_put {               /* what this run puts into the next snapshot's `meta` */
        char *name;                     /* "targets.json"; owned */
        int64_t version;
        struct tuf_stage_pin pin;
    } * put;
    size_t put_count;
    char base_sha256[65]; /* of the published targets that the event carried, and their version; */
    int64_t base_version; /* 0: none */
    char snapshot_sha256[65]; /* of what is signed in the one in force afterwards */
    struct tuf_transcript_tail evidence;
    bool new_root;
    struct tuf_staged_role { /* delegated roles that delegate, as this run publishes them */
        char name[TUF_ROLE_NAME_MAX + 1];
        struct tuf_metadata *m;
    } * staged;
    size_t staged_count;
    char *sample[PUBLISH_SAMPLES_MAX]; /* targets that the check downloads; owned */
    size_t samples;
    uint64_t files_put; /* of targets, in the stage */
};

/* The published targets that an event carries, let go of before the tree is loaded, and taken from
 * there (as a reference) when it holds the same; else the event is stale. */
int tuf_publication_lend_base(struct tuf_publication *p, struct tm_err *e);
int tuf_publication_take_base(struct tuf_publication *p, struct tm_err *e);

/* Once all is staged: targets, live and proposed, which our own client now reads from there. */
void tuf_publication_let_go(struct tuf_publication *p);

/* Stages it as version.role.json, and puts it into the next snapshot. */
int tuf_publication_put_role(struct tuf_publication *p, const char *role,
                             const struct tuf_metadata *m, bool indented, struct tm_err *e);

/* Who may sign a delegated role once this is published; as tuf_published_delegation() answers. */
int tuf_publication_delegation(struct tuf_publication *p, const char *role,
                               struct tuf_delegation *out, struct tm_err *e);

/* Whether `m` is signed as each delegator but the first says, that the policy has for role `r`: a
 * client may come by any of them. `name`: the role's, or a bin's. */
int tuf_publication_check_delegators(struct tuf_publication *p, const struct tuf_policy_role *r,
                                     const char *name, const struct tuf_metadata *m,
                                     struct tm_err *e);

/* Stages the target files of a role from a folder. */
int tuf_publication_put_files(struct tuf_publication *p, const struct tuf_metadata *m,
                              const char *directory, struct tm_err *e);

/* Delegated roles of online keys: new content, or a new date. */
int tuf_publication_online_roles(struct tuf_publication *p, struct tm_err *e);

/* One client, from root 1, on the staged tree as it is now. */
int tuf_publication_check_once(struct tuf_publication *p, struct tm_err *e);

/* Clients from the oldest root, through all of them, from the newest and from the live state; each
 * must reach exactly what is staged. */
int tuf_publication_check(struct tuf_publication *p, struct tm_err *e);

/* The lines of evidence, with their hashes, not yet written: versions and snapshot are known. */
int tuf_publication_chain(struct tuf_publication *p, struct tm_err *e);

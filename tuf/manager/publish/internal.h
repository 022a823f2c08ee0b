/* Shared by the files of this folder: one publication on its way. */
#ifndef TENMINT_TUF_PUBLISH_INTERNAL_H
#define TENMINT_TUF_PUBLISH_INTERNAL_H

#include "tuf/manager/event/scan.h"
#include "tuf/manager/publish/online.h"
#include "tuf/manager/publish/publish.h"
#include "tuf/manager/publish/stage.h"
#include "tuf/manager/state/published.h"

#define PUBLISH_SAMPLES_MAX 64
#define PUBLISH_SAMPLES_EACH 4 /* of one role, so that roles below others have some too */

struct publication {
    struct workspace *w;
    const struct publish_options *o;
    struct publish_report *report;
    struct published live;
    struct stage stage;
    struct online online;
    const struct tuf_metadata *root;    /* that is in force afterwards */
    const struct tuf_metadata *targets; /* likewise */
    json_t *meta;                       /* of the next snapshot */
    bool new_root;
    struct staged_role { /* delegated roles that delegate, as this run publishes them */
        char name[TUF_ROLE_NAME_MAX + 1];
        struct tuf_metadata *m;
    } * staged;
    size_t staged_count;
    char *sample[PUBLISH_SAMPLES_MAX]; /* targets that the check downloads; owned */
    size_t samples;
};

/* Stages it as version.role.json, and puts it into p->meta. */
int publication_put_role(struct publication *p, const char *role, const struct tuf_metadata *m,
                         bool indented, struct err *e);

/* Who may sign a delegated role once this is published; as published_delegation() answers. */
int publication_delegation(struct publication *p, const char *role, struct tuf_delegation *out,
                           struct err *e);

/* Remembers, for it, an online role that delegates. */
int publication_stage_role(struct publication *p, const char *name, const struct tuf_metadata *m,
                           struct err *e);

/* Stages the target files of a role from a folder. */
int publication_put_files(struct publication *p, const struct tuf_metadata *m,
                          const char *directory, struct err *e);

/* Delegated roles of online keys: new content, or a new date. */
int publication_online_roles(struct publication *p, struct err *e);

/* One client, from root 1, on the staged tree as it is now. */
int publication_check_once(struct publication *p, struct err *e);

/* Clients from every root and from the live state; each must reach exactly what is staged. */
int publication_check(struct publication *p, struct err *e);

/* Evidence, before the switch. */
int publication_record(struct publication *p, struct err *e);

#endif

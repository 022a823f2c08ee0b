/* The content of changed targets that travels along: always of what clients act on, else of small
 * files as far as there is room. */
#include <string.h>

#include "common/file.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/manager/draft/draft.h"
#include "tuf/manager/review/acted.h"
#include "tuf/manager/review/answer.h"
#include "tuf/manager/state/names.h"

struct files {
    const struct tuf_workspace *w;
    const struct tuf_published *p;
    struct tuf_event *ev;
    char dir[PATH_MAX]; /* of the role's targets */
    bool acted;         /* only what clients act on; else all others */
    size_t total;
};

static int read_published(const struct files *f, const char *path, const struct tuf_entry *entry,
                          struct tm_buf *out, struct tm_err *e)
{
    struct tm_buf name = {0};
    char full[PATH_MAX];
    struct tuf_file_info info;
    tuf_entry_info(entry, &info);
    const char *hash = tuf_names_hash(&info);
    if (hash == NULL)
        return tm_err_set(e, "it has neither sha256 nor sha512");
    tuf_names_target(path, hash, &name);
    int rc = tm_buf_str(&name) != NULL
                 ? tm_file_join(f->p->dir, tm_buf_str(&name), full, sizeof(full), e)
                 : tm_err_set(e, "out of memory");
    if (rc == 0)
        rc = tm_file_read(full, EVENT_FILE_MAX, out, e);
    tm_buf_free(&name);
    return rc;
}

static int read_coming(const struct files *f, const char *path, struct tm_buf *out,
                       struct tm_err *e)
{
    char full[PATH_MAX];
    return tm_file_join(f->dir, path, full, sizeof(full), e) == 0
               ? tm_file_read(full, EVENT_FILE_MAX, out, e)
               : -1;
}

/* Without both contents nobody could review it. */
static int add_acted(struct files *f, const char *path, const struct tuf_entry *was,
                     const struct tuf_entry *is, struct tm_err *e)
{
    struct tm_buf before = {0};
    struct tm_buf after = {0};
    struct tuf_entry found = {0};
    int rc = 0;
    if (was == NULL && tuf_answer_before(f->ev, path, &found))
        was = &found;
    if (was != NULL)
        rc = read_published(f, path, was, &before, e);
    if (rc == 0 && is != NULL)
        rc = read_coming(f, path, &after, e);
    if (rc == 0 && was != NULL)
        rc = tuf_event_add_content(f->ev, path, false, &before, e);
    if (rc == 0 && is != NULL)
        rc = tuf_event_add_content(f->ev, path, true, &after, e);
    f->total += EVENT_FILE_COST + before.len + after.len;
    tuf_free_entry(&found);
    tm_buf_free(&before);
    tm_buf_free(&after);
    return rc == 0 ? 0 : tm_err_wrap(e, "target '%.200s', which holders must review", path);
}

static int add_other(struct files *f, const char *path, const struct tuf_entry *was,
                     const struct tuf_entry *is, struct tm_err *e)
{
    struct tm_buf before = {0};
    struct tm_buf after = {0};
    int rc = 0;
    if (f->total + EVENT_FILE_COST > EVENT_FILES_MAX || read_coming(f, path, &after, NULL) != 0 ||
        (was != NULL && read_published(f, path, was, &before, NULL) != 0) ||
        f->total + EVENT_FILE_COST + before.len + after.len > EVENT_FILES_MAX)
        rc = 1; /* the review says how many it has not */
    if (rc == 0 && was != NULL)
        rc = tuf_event_add_content(f->ev, path, false, &before, e);
    if (rc == 0 && is != NULL)
        rc = tuf_event_add_content(f->ev, path, true, &after, e);
    if (rc == 0)
        f->total += EVENT_FILE_COST + before.len + after.len;
    tm_buf_free(&before);
    tm_buf_free(&after);
    return rc < 0 ? -1 : 0;
}

static int add_one(void *arg, const char *path, const struct tuf_entry *was,
                   const struct tuf_entry *is, struct tm_err *e)
{
    struct files *f = arg;
    bool acted = tuf_acted_on(f->ev, path, was, is);
    if (acted != f->acted ||
        (was != NULL && is != NULL && tuf_hashes_equal(&was->hashes, &is->hashes)) ||
        (is == NULL && !acted))
        return 0;
    return acted ? add_acted(f, path, was, is, e) : add_other(f, path, was, is, e);
}

/* The folder of a role's targets; "" when the policy does not know the role. */
static int folder_of(struct files *f, const char *role, struct tm_err *e)
{
    const struct tuf_policy *policy = &f->w->policy;
    const struct tuf_policy_role *r = tuf_policy_delegation(policy, role);
    const char *directory = strcmp(role, "targets") == 0 ? policy->targets
                            : r != NULL                  ? r->directory
                                                         : NULL;
    f->dir[0] = '\0';
    return directory != NULL ? tuf_workspace_path(f->w, directory, f->dir, sizeof(f->dir), e) : 0;
}

static int add_all(struct files *f, bool acted, struct tm_err *e)
{
    f->acted = acted;
    for (size_t i = 0; i < f->ev->count; i++) {
        const struct tuf_event_role *r = &f->ev->role[i];
        if (r->proposed == NULL || tuf_metadata_role(r->proposed) != TUF_TARGETS)
            continue;
        if (folder_of(f, r->name, e) != 0 ||
            tuf_entries_compare(r->base, r->proposed, add_one, f, e) != 0)
            return -1;
    }
    return 0;
}

/* The published roles that may list the path, with the event: each once. */
static int refer(struct files *f, const struct tuf_metadata *by, const struct tuf_path *path,
                 struct tm_err *e)
{
    struct tuf_delegation d;
    size_t at = 0;
    int rc = 0;
    while (rc == 0 && tuf_delegation_next(by, path, &at, &d)) {
        const struct tuf_event_role *r = tuf_event_find(f->ev, d.name);
        struct tuf_metadata *m = NULL;
        if (r != NULL && r->base != NULL)
            continue;
        rc = tuf_published_delegated_by(f->p, by, d.name, &m, e);
        if (rc == 0 && m != NULL)
            rc = tuf_event_add_reference(f->ev, d.name, m, e);
        if (rc == 0 && m != NULL && tuf_delegates(m))
            rc = refer(f, m, path, e);
        tuf_metadata_free(m);
    }
    return rc;
}

/* What clients come to act on, though no role changes it: its list and its content. */
static int add_standing(void *arg, const char *path, struct tm_err *e)
{
    struct files *f = arg;
    const struct tuf_event_role *targets = tuf_event_find(f->ev, tuf_role_name(TUF_TARGETS));
    struct tuf_standing s = {0};
    struct tm_buf data = {0};
    struct tuf_path p;
    int rc = tuf_path_init(&p, path, e) == 0 ? refer(f, targets->base, &p, e) : -1;
    if (rc == 0 && tuf_answer_standing(f->ev, path, &s)) {
        rc = read_published(f, path, &s.entry, &data, e) == 0
                 ? tuf_event_add_content(f->ev, path, true, &data, e)
                 : -1;
        f->total += EVENT_FILE_COST + data.len;
    }
    tuf_free_entry(&s.entry);
    tm_buf_free(&data);
    return rc == 0 ? 0 : tm_err_wrap(e, "target '%.200s', which holders must review", path);
}

int tuf_draft_add_files(const struct tuf_workspace *w, const struct tuf_published *p,
                        struct tuf_event *ev, struct tm_err *e)
{
    struct files f = {.w = w, .p = p, .ev = ev};
    if (tuf_answer_newly(ev, add_standing, &f, e) != 0)
        return -1;
    return add_all(&f, true, e) == 0 ? add_all(&f, false, e) : -1;
}

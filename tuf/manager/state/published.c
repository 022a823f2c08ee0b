#include "tuf/manager/state/published.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/grow.h"
#include "common/names.h"
#include "common/file.h"
#include "tuf/metadata/delegation.h"
#include "tuf/metadata/verify.h"
#include "tuf/manager/state/names.h"

#define ROOTS_MAX 10000

/* One file; `pin` (or NULL) says its length and hashes. */
static struct tuf_metadata *load(const char *dir, const char *name, enum tuf_role role,
                                 const struct tuf_file_info *pin, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf bytes = {0};
    struct tuf_metadata *m = NULL;
    if (tm_file_join(dir, name, path, sizeof(path), e) != 0)
        return NULL;
    int rc = tm_file_read(path, TUF_METADATA_MAX, &bytes, e);
    bool read = rc == 0;
    if (read && pin != NULL)
        rc = tuf_file_check(pin, bytes.data, bytes.len, e);
    if (rc == 0)
        m = tuf_metadata_parse_once(&bytes, role, e);
    tm_buf_free(&bytes);
    if (m == NULL && read)
        tm_err_wrap(e, "'%s'", path);
    return m;
}

static int check_root(const struct tuf_published *p, const struct tuf_metadata *m, int64_t version,
                      struct tm_err *e)
{
    struct tuf_signers s;
    char what[96];
    if (tuf_metadata_version(m) != version)
        return tm_err_set(e, "%lld.root.json in '%s' holds version %lld", (long long)version,
                          p->dir, (long long)tuf_metadata_version(m));
    if (p->root_count > 0) {
        snprintf(what, sizeof(what), "root %lld (by the keys of root %lld)", (long long)version,
                 (long long)version - 1);
        tuf_root_signers(p->roots[p->root_count - 1], TUF_ROOT, &s);
        if (tuf_verify(m, &s, what, e) != 0)
            return -1;
    }
    snprintf(what, sizeof(what), "root %lld", (long long)version);
    tuf_root_signers(m, TUF_ROOT, &s);
    return tuf_verify(m, &s, what, e);
}

static bool has_root(const struct tuf_published *p, int64_t version)
{
    char name[64];
    snprintf(name, sizeof(name), "%lld.root.json", (long long)version);
    return tm_file_is_in(p->dir, name);
}

static int load_root(struct tuf_published *p, int64_t version, struct tm_err *e)
{
    char name[64];
    snprintf(name, sizeof(name), "%lld.root.json", (long long)version);
    void *grown = realloc(p->roots, (p->root_count + 1) * sizeof(struct tuf_metadata *));
    if (grown == NULL)
        return tm_err_set(e, "out of memory");
    p->roots = grown;
    struct tuf_metadata *m = load(p->dir, name, TUF_ROOT, NULL, e);
    if (m == NULL || check_root(p, m, version, e) != 0) {
        tuf_metadata_free(m);
        return -1;
    }
    p->roots[p->root_count++] = m;
    return 0;
}

/* The first version that there is; 1 when there is none. */
static int64_t oldest_root(const struct tuf_published *p)
{
    for (int64_t v = 1; v <= ROOTS_MAX; v++) {
        if (has_root(p, v))
            return v;
    }
    return 1;
}

static void note_unread(struct tuf_published *p, int64_t v, const char *why)
{
    tm_buf_printf(&p->unread, "root %lld is history that nobody can trust: %s\n", (long long)v,
                  why);
}

/* Nobody gets past it: told in `unread` too, with those before it, if any, in `roots`. */
static int stuck(struct tuf_published *p, int64_t v, const char *why, struct tm_err *e)
{
    note_unread(p, v, why);
    if (p->root_count == 0)
        return tm_err_set(e,
                          "no client can begin with root %lld, the newest: %s. Its holders must "
                          "sign root %lld as the specification has it",
                          (long long)v, why, (long long)v + 1);
    return tm_err_set(e, "clients that trust root %lld stay there: root %lld: %s",
                      (long long)tuf_published_root_version(p), (long long)v, why);
}

/* `first` 0: the first that there is, and proves itself. */
static int load_roots(struct tuf_published *p, int64_t first, struct tm_err *e)
{
    bool look = first == 0;
    for (int64_t v = look ? oldest_root(p) : first; v <= ROOTS_MAX && has_root(p, v); v++) {
        struct tm_err why = {0};
        if (load_root(p, v, &why) == 0)
            continue;
        if (!look)
            return tm_err_set(e, "%s", why.text);
        if (p->root_count > 0 || !has_root(p, v + 1))
            return stuck(p, v, why.text, e);
        note_unread(p, v, why.text);
    }
    if (p->root_count == 0 && tm_file_is_in(p->dir, "timestamp.json"))
        return tm_err_set(
            e,
            "'%s' has a timestamp.json but no %lld.root.json: every root stays online "
            "for ever",
            p->dir, (long long)(look ? 1 : first));
    return 0;
}

static int check_by_root(const struct tuf_published *p, const struct tuf_metadata *m,
                         struct tm_err *e)
{
    struct tuf_signers s;
    enum tuf_role role = tuf_metadata_role(m);
    tuf_root_signers(tuf_published_root(p), role, &s);
    return tuf_verify(m, &s, tuf_role_name(role), e);
}

/* 0: `*out` is the role's file, of the version that `info` says, as it pins it, and signed. */
static int load_listed(const struct tuf_published *p, enum tuf_role role,
                       const struct tuf_file_info *info, struct tuf_metadata **out,
                       struct tm_err *e)
{
    char name[NAMES_MAX];
    if (tuf_names_metadata(info->version, tuf_role_name(role), name, sizeof(name), e) != 0)
        return -1;
    *out = load(p->dir, name, role, info, e);
    return *out != NULL ? check_by_root(p, *out, e) : -1;
}

void tuf_published_drop_targets(struct tuf_published *p)
{
    tuf_metadata_free(p->targets);
    p->targets = NULL;
}

int tuf_published_read_targets(struct tuf_published *p, struct tm_err *e)
{
    struct tuf_file_info info;
    if (p->targets != NULL || p->snapshot == NULL)
        return 0;
    if (!tuf_snapshot_find(p->snapshot, "targets", &info))
        return tm_err_set(e, "'%lld.snapshot.json' in '%s' lists no targets.json",
                          (long long)tuf_metadata_version(p->snapshot), p->dir);
    return load_listed(p, TUF_TARGETS, &info, &p->targets, e);
}

static int load_current(struct tuf_published *p, struct tm_err *e)
{
    struct tuf_file_info info;
    p->timestamp = load(p->dir, "timestamp.json", TUF_TIMESTAMP, NULL, e);
    if (p->timestamp == NULL || check_by_root(p, p->timestamp, e) != 0)
        return -1;
    tuf_timestamp_snapshot(p->timestamp, &info);
    return load_listed(p, TUF_SNAPSHOT, &info, &p->snapshot, e) == 0
               ? tuf_published_read_targets(p, e)
               : -1;
}

struct nested {
    struct nested_role {
        char name[TUF_ROLE_NAME_MAX + 1];
        struct tuf_metadata *m;
    } * role;
    size_t count;
    struct tm_names others; /* roles that were looked at and delegate to nobody */
};

static void forget_nested(struct tuf_published *p)
{
    for (size_t i = 0; p->nested != NULL && i < p->nested->count; i++)
        tuf_metadata_free(p->nested->role[i].m);
    if (p->nested != NULL) {
        free(p->nested->role);
        tm_names_free(&p->nested->others);
    }
    free(p->nested);
    p->nested = NULL;
}

static void forget_roots(struct tuf_published *p)
{
    for (size_t i = 0; i < p->root_count; i++)
        tuf_metadata_free(p->roots[i]);
    free(p->roots);
    p->roots = NULL;
    p->root_count = 0;
}

int tuf_published_missing(const char *dir, struct tm_err *e)
{
    tm_err_set(e, "'%s' holds no published repository", dir);
    return tm_err_mark(e, ERR_REFUSED);
}

static int begin(const char *dir, struct tuf_published *p, struct tm_err *e)
{
    *p = (struct tuf_published){0};
    if ((size_t)snprintf(p->dir, sizeof(p->dir), "%s", dir) < sizeof(p->dir))
        return 0;
    return tm_err_set(e, "'%.100s': the path is too long", dir);
}

static int load_tree(const char *dir, int64_t first, struct tuf_published *p, struct tm_err *e)
{
    if (begin(dir, p, e) != 0)
        return -1;
    p->nested = calloc(1, sizeof(*p->nested));
    int rc = p->nested != NULL ? load_roots(p, first, e) : tm_err_set(e, "out of memory");
    if (rc == 0 && p->root_count == 1 && !tm_file_is_in(dir, "timestamp.json"))
        forget_roots(p); /* the first publication was cut short: nobody has seen anything */
    else if (rc == 0 && p->root_count > 0)
        rc = load_current(p, e);
    if (rc != 0) {
        tuf_published_free(p);
        return tm_err_wrap(e, "published tree");
    }
    return 0;
}

int tuf_published_load(const char *dir, struct tuf_published *p, struct tm_err *e)
{
    return load_tree(dir, 1, p, e);
}

int tuf_published_load_from(const char *dir, int64_t first, struct tuf_published *p,
                            struct tm_err *e)
{
    return load_tree(dir, first > 0 ? first : 1, p, e);
}

int tuf_published_look(const char *dir, struct tuf_published *p, struct tm_err *e)
{
    return load_tree(dir, 0, p, e);
}

int tuf_published_history(const char *dir, struct tuf_published *p, struct tm_err *e)
{
    struct tm_err told = {0}; /* in `unread` */
    if (begin(dir, p, e) != 0)
        return -1;
    (void)load_roots(p, 0, &told);
    return 0;
}

void tuf_published_free(struct tuf_published *p)
{
    tm_buf_free(&p->unread);
    forget_nested(p);
    forget_roots(p);
    tuf_metadata_free(p->timestamp);
    tuf_metadata_free(p->snapshot);
    tuf_metadata_free(p->targets);
    *p = (struct tuf_published){0};
}

const struct tuf_metadata *tuf_published_root(const struct tuf_published *p)
{
    return p->root_count > 0 ? p->roots[p->root_count - 1] : NULL;
}

int64_t tuf_published_root_version(const struct tuf_published *p)
{
    return p->root_count > 0 ? tuf_metadata_version(p->roots[p->root_count - 1]) : 0;
}

const struct tuf_metadata *tuf_published_role(const struct tuf_published *p, enum tuf_role role)
{
    const struct tuf_metadata *const of[TUF_ROLE_COUNT] = {
        [TUF_ROOT] = tuf_published_root(p),
        [TUF_TIMESTAMP] = p->timestamp,
        [TUF_SNAPSHOT] = p->snapshot,
        [TUF_TARGETS] = p->targets,
    };
    return of[role];
}

/* What `d` delegates to, with its keys. *out NULL: the snapshot does not list it. */
static int load_delegated(const struct tuf_published *p, const struct tuf_delegation *d,
                          struct tuf_metadata **out, struct tm_err *e)
{
    struct tuf_file_info info;
    char name[NAMES_MAX];
    *out = NULL;
    if (p->snapshot == NULL || !tuf_snapshot_find(p->snapshot, d->name, &info))
        return 0;
    if (tuf_names_metadata(info.version, d->name, name, sizeof(name), e) != 0)
        return -1;
    struct tuf_metadata *m = load(p->dir, name, TUF_TARGETS, &info, e);
    if (m != NULL && tuf_verify(m, &d->signers, d->name, e) != 0) {
        tm_err_wrap(e, "'%s' in '%s'", name, p->dir);
        tuf_metadata_free(m);
        m = NULL;
    }
    *out = m;
    return m != NULL ? 0 : -1;
}

int tuf_published_delegated_by(const struct tuf_published *p, const struct tuf_metadata *delegator,
                               const char *role, struct tuf_metadata **out, struct tm_err *e)
{
    struct tuf_delegation d;
    *out = NULL;
    if (delegator == NULL || !tuf_delegation_find(delegator, role, &d))
        return 0;
    return load_delegated(p, &d, out, e);
}

int tuf_published_delegated(const struct tuf_published *p, const char *role,
                            struct tuf_metadata **out, struct tm_err *e)
{
    struct tuf_delegation d;
    struct tuf_file_info info;
    *out = NULL;
    if (p->snapshot == NULL || !tuf_snapshot_find(p->snapshot, role, &info))
        return 0;
    int found = tuf_published_delegation(p, role, &d, e);
    return found == 1 ? load_delegated(p, &d, out, e) : found;
}

struct tuf_metadata *tuf_published_version(const struct tuf_published *p, const char *role,
                                           int64_t version, struct tm_err *e)
{
    char name[NAMES_MAX];
    enum tuf_role type;
    if (tuf_role_from_name(role, &type) != 0)
        type = TUF_TARGETS; /* a delegated one */
    return tuf_names_metadata(version, role, name, sizeof(name), e) == 0
               ? load(p->dir, name, type, NULL, e)
               : NULL;
}

bool tuf_published_is_signed(const struct tuf_published *p, const struct tuf_metadata *m)
{
    struct tuf_signers s;
    bool is = false;
    for (size_t i = p->root_count; i-- > 0 && !is;) {
        tuf_root_signers(p->roots[i], tuf_metadata_role(m), &s);
        is = tuf_verify(m, &s, "", NULL) == 0;
    }
    return is;
}

/* A snapshot lists a role for ever, unless its own key was replaced: then the files remain. */
int64_t tuf_published_highest(const struct tuf_published *p, const char *role)
{
    struct tuf_file_info info;
    char name[NAMES_MAX];
    int64_t v = 0;
    if (p->snapshot != NULL && tuf_snapshot_find(p->snapshot, role, &info))
        return info.version;
    while (p->snapshot != NULL && v < TUF_VERSION_MAX &&
           tuf_names_metadata(v + 1, role, name, sizeof(name), NULL) == 0 &&
           tm_file_is_in(p->dir, name))
        v++;
    return v;
}

/* ---- roles that delegate further ---- */

/* Takes over `m`. */
static int add_nested(struct nested *n, const char *name, struct tuf_metadata *m, struct tm_err *e)
{
    struct nested_role *r = tm_grow(&n->role, &n->count, sizeof(*r), e);
    if (r == NULL) {
        tuf_metadata_free(m);
        return -1;
    }
    r->m = m;
    snprintf(r->name, sizeof(r->name), "%s", name);
    return 0;
}

int tuf_published_nested_role(void *published, const struct tuf_delegation *d,
                              const struct tuf_metadata **out, struct tm_err *e)
{
    const struct tuf_published *p = published;
    struct nested *n = p->nested;
    struct tuf_metadata *m = NULL;
    *out = NULL;
    if (tm_names_have(&n->others, d->name))
        return 0;
    for (size_t i = 0; i < n->count; i++) {
        if (strcmp(n->role[i].name, d->name) != 0)
            continue;
        m = n->role[i].m;
        *out = tuf_verify(m, &d->signers, d->name, NULL) == 0 ? m : NULL;
        return 0;
    }
    if (load_delegated(p, d, &m, e) != 0)
        return -1;
    if (m != NULL && tuf_delegates(m)) {
        *out = m;
        return add_nested(n, d->name, m, e);
    }
    tuf_metadata_free(m);
    return tm_names_put(&n->others, d->name) >= 0 ? 0 : tm_err_set(e, "out of memory");
}

int tuf_published_delegation(const struct tuf_published *p, const char *role,
                             struct tuf_delegation *out, struct tm_err *e)
{
    if (p->targets == NULL)
        return 0;
    return tuf_delegation_search(p->targets, role, tuf_published_nested_role, (void *)p, out, e);
}

const struct tuf_metadata *tuf_published_nested(const struct tuf_published *p, size_t i,
                                                const char **name)
{
    if (p->nested == NULL || i >= p->nested->count)
        return NULL;
    *name = p->nested->role[i].name;
    return p->nested->role[i].m;
}

#include "tuf/manager/event/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/grow.h"
#include "common/json/jsonfile.h"

#define RECORD_BYTES_MAX ((size_t)16 << 20)
#define VERSIONS_KEPT 4 /* of each role */

struct signed_role {
    char *role, *sha256; /* of its signed part */
    int64_t version;
};

struct repository {
    char *root1;                  /* SHA-256 of its first root's signed part */
    int64_t seen;                 /* the newest published root; 0: none yet */
    struct tm_jsonmap_list roles; /* struct signed_role */
    struct tuf_texts roots; /* SHA-256 of all that were seen: a chain may lack its beginning */
};

static const struct tm_jsonmap_member signed_members[] = {
    JSONMAP_NEED(struct signed_role, "role", role, TEXT, .max = 1024),
    JSONMAP_NEED(struct signed_role, "version", version, INTEGER, .min = 1, .max = TUF_VERSION_MAX),
    JSONMAP_NEED(struct signed_role, "sha256", sha256, TEXT, .min = 64, .max = 64),
    {0}};
static const struct tm_jsonmap signed_map = {
    .members = signed_members, .size = sizeof(struct signed_role), .unknown = JSONMAP_REFUSE};
static const struct tm_jsonmap_member each_signed = {.kind = JSONMAP_OBJECT, .map = &signed_map};

static const struct tm_jsonmap_member each_root = {.kind = JSONMAP_TEXT, .min = 64, .max = 64};
static const struct tm_jsonmap_member repository_members[] = {
    JSONMAP_ROW(struct repository, "roots", roots, LIST, .max = 10000, .each = &each_root,
                .size = sizeof(char *)),
    JSONMAP_NEED(struct repository, "firstRoot", root1, TEXT, .min = 64, .max = 64),
    JSONMAP_NEED(struct repository, "newestRootSeen", seen, INTEGER, .max = TUF_VERSION_MAX),
    JSONMAP_NEED(struct repository, "signed", roles, LIST, .max = VERSIONS_KEPT * EVENT_ROLES_MAX,
                 .each = &each_signed, .size = sizeof(struct signed_role)),
    {0}};
static const struct tm_jsonmap repository_map = {
    .members = repository_members, .size = sizeof(struct repository), .unknown = JSONMAP_REFUSE};
static const struct tm_jsonmap_member each_repository = {.kind = JSONMAP_OBJECT,
                                                         .map = &repository_map};

static const struct tm_jsonmap_member record_members[] = {
    JSONMAP_NEED(struct tuf_record, "repositories", repositories, LIST, .max = 4096,
                 .each = &each_repository, .size = sizeof(struct repository)),
    {0}};
static const struct tm_jsonmap record_map = {
    .members = record_members, .size = sizeof(struct tuf_record), .unknown = JSONMAP_REFUSE};

int tuf_record_read(const char *path, struct tuf_record *out, struct tm_err *e)
{
    *out = (struct tuf_record){0};
    if (tm_jsonfile_read(path, RECORD_BYTES_MAX, &record_map, out, e) >= 0)
        return 0;
    tuf_record_free(out);
    return tm_err_wrap(e, "the record of what was signed and seen");
}

int tuf_record_write(const char *path, const struct tuf_record *r, struct tm_err *e)
{
    return tm_jsonfile_write(path, 0600, &record_map, r, e);
}

void tuf_record_free(struct tuf_record *r)
{
    tm_jsonmap_free(&record_map, r);
}

/* ---- repositories ---- */

/* A repository is its first root, the published or the proposed one. */
static int root1_of(const struct tuf_event *ev, char hex[65], struct tm_err *e)
{
    const struct tuf_event_role *root = tuf_event_find(ev, tuf_role_name(TUF_ROOT));
    const struct tuf_metadata *first = ev->root_count > 0 ? ev->roots[0]
                                       : root != NULL     ? root->proposed
                                                          : NULL;
    if (first == NULL)
        return tm_err_set(e, "the event has no root");
    return tuf_metadata_sha256(first, hex, e);
}

/* By its first root, or by any that was seen. */
static struct repository *find(const struct tuf_record *r, const char *root1)
{
    struct repository *all = r->repositories.item;
    for (size_t i = 0; i < r->repositories.count; i++) {
        if (strcmp(all[i].root1, root1) == 0 || tuf_texts_have(&all[i].roots, root1))
            return &all[i];
    }
    return NULL;
}

static struct repository *find_or_add(struct tuf_record *r, const struct tuf_event *ev,
                                      struct tm_err *e)
{
    char hex[65];
    if (root1_of(ev, hex, e) != 0)
        return NULL;
    struct repository *x = find(r, hex);
    if (x != NULL)
        return x;
    x = tm_grow(&r->repositories.item, &r->repositories.count, sizeof(*x), e);
    if (x == NULL || (x->root1 = strdup(hex)) != NULL)
        return x;
    r->repositories.count--;
    return tm_err_null(e, "out of memory");
}

int tuf_record_fresh(const struct tuf_record *r, const struct tuf_event *ev, struct tm_err *e)
{
    char hex[65];
    if (root1_of(ev, hex, e) != 0)
        return -1;
    const struct repository *x = find(r, hex);
    int64_t newest = tuf_event_root_version(ev);
    if (x == NULL || x->seen <= newest)
        return 0;
    return tm_err_set(e,
                      "outdated: the event follows root %" PRId64
                      ", but this machine has seen root %" PRId64
                      " of the repository: ask for a new proposal",
                      newest, x->seen);
}

bool tuf_record_late(const struct tuf_record *r, const struct tuf_event *ev)
{
    char hex[65];
    return ev->root_count > 0 && tuf_metadata_version(ev->roots[0]) > 1 &&
           (root1_of(ev, hex, NULL) != 0 || find(r, hex) == NULL);
}

static int keep_root(struct repository *x, const struct tuf_metadata *root, struct tm_err *e)
{
    char hex[65];
    if (tuf_metadata_sha256(root, hex, e) != 0)
        return -1;
    return tuf_texts_have(&x->roots, hex) || tuf_texts_add(&x->roots, hex) == 0
               ? 0
               : tm_err_set(e, "out of memory");
}

/* How many of the event's roots were kept before: up to the newest that was seen, if that is the
 * one which stands there (older records kept none). */
static size_t kept_before(const struct repository *x, const struct tuf_event *ev)
{
    char hex[65];
    int64_t first = tuf_metadata_version(ev->roots[0]);
    if (x->seen < first || x->seen - first >= (int64_t)ev->root_count)
        return 0;
    size_t at = (size_t)(x->seen - first);
    return tuf_metadata_sha256(ev->roots[at], hex, NULL) == 0 && tuf_texts_have(&x->roots, hex)
               ? at + 1
               : 0;
}

static int keep_roots(struct repository *x, const struct tuf_event *ev, struct tm_err *e)
{
    int rc = 0;
    for (size_t i = kept_before(x, ev); i < ev->root_count && rc == 0; i++)
        rc = keep_root(x, ev->roots[i], e);
    return rc;
}

int tuf_record_see(struct tuf_record *r, const struct tuf_event *ev, struct tm_err *e)
{
    struct repository *x = ev->root_count > 0 ? find_or_add(r, ev, e) : NULL;
    if (x == NULL)
        return ev->root_count > 0 ? -1 : 0;
    if (keep_roots(x, ev, e) != 0)
        return -1;
    if (x->seen >= tuf_event_root_version(ev))
        return 0;
    x->seen = tuf_event_root_version(ev);
    return 1;
}

/* ---- versions ---- */

static const struct signed_role *find_version(const struct repository *x, const char *role,
                                              int64_t version)
{
    const struct signed_role *all = x->roles.item;
    for (size_t i = 0; i < x->roles.count; i++) {
        if (all[i].version == version && strcmp(all[i].role, role) == 0)
            return &all[i];
    }
    return NULL;
}

static bool named(const char *role, int64_t version, const char *const *again, size_t count)
{
    char name[TUF_ROLE_NAME_MAX + 32];
    snprintf(name, sizeof(name), "%s:%" PRId64, role, version);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(again[i], name) == 0)
            return true;
    }
    return false;
}

/* A chain that does not begin at root 1 may be the end of one that is known by its first root. */
static bool may_be(const struct repository *x, const struct tuf_event *ev, const char *root1)
{
    return strcmp(x->root1, root1) == 0 ||
           (ev->root_count > 0 && tuf_metadata_version(ev->roots[0]) > 1);
}

static int check_role(const struct repository *x, const struct tuf_event_role *role,
                      const char *const *again, size_t count, struct tm_err *e)
{
    int64_t version = tuf_metadata_version(role->proposed);
    const struct signed_role *was = find_version(x, role->name, version);
    char hex[65];
    if (was == NULL || named(role->name, version, again, count))
        return 0;
    if (tuf_metadata_sha256(role->proposed, hex, e) != 0)
        return -1;
    if (strcmp(was->sha256, hex) == 0)
        return 0;
    return tm_err_set(e,
                      "this key has signed other content of %s version %" PRId64
                      " (sha256 %.16s..., this is %.16s...): two truths of one version. If the "
                      "first is given up for good, add --again %s:%" PRId64,
                      role->name, version, was->sha256, hex, role->name, version);
}

int tuf_record_check(const struct tuf_record *r, const struct tuf_event *ev, EVP_PKEY *pkey,
                     const char *const *again, size_t count, struct tm_err *e)
{
    char hex[65];
    if (root1_of(ev, hex, e) != 0)
        return -1;
    const struct repository *x = r->repositories.item;
    for (size_t k = 0; k < r->repositories.count; k++) {
        for (size_t i = 0; may_be(&x[k], ev, hex) && i < ev->count; i++) {
            if (ev->role[i].proposed != NULL && tuf_event_may_sign(ev, ev->role[i].name, pkey) &&
                check_role(&x[k], &ev->role[i], again, count, e) != 0)
                return -1;
        }
    }
    return 0;
}

bool tuf_record_rival(const struct tuf_record *r, const struct tuf_event *ev)
{
    const struct repository *all = r->repositories.item;
    char hex[65];
    if (ev->root_count > 0 || root1_of(ev, hex, NULL) != 0)
        return false;
    for (size_t i = 0; i < r->repositories.count; i++) {
        if (strcmp(all[i].root1, hex) != 0)
            return true;
    }
    return false;
}

/* Forgets a version's other content, and versions long gone. */
static void make_room(struct repository *x, const char *role, int64_t version)
{
    struct signed_role *all = x->roles.item;
    size_t kept = 0;
    for (size_t i = 0; i < x->roles.count; i++) {
        bool drop = strcmp(all[i].role, role) == 0 &&
                    (all[i].version == version || all[i].version + VERSIONS_KEPT <= version);
        if (drop)
            tm_jsonmap_free(&signed_map, &all[i]);
        else
            all[kept++] = all[i];
    }
    x->roles.count = kept;
}

int tuf_record_sign(struct tuf_record *r, const struct tuf_event *ev, EVP_PKEY *pkey,
                    struct tm_err *e)
{
    struct repository *x = find_or_add(r, ev, e);
    if (x == NULL)
        return -1;
    for (size_t i = 0; i < ev->count; i++) {
        const struct tuf_event_role *role = &ev->role[i];
        char hex[65];
        if (role->proposed == NULL || !tuf_event_may_sign(ev, role->name, pkey))
            continue;
        if (tuf_metadata_sha256(role->proposed, hex, e) != 0)
            return -1;
        make_room(x, role->name, tuf_metadata_version(role->proposed));
        struct signed_role *one = tm_grow(&x->roles.item, &x->roles.count, sizeof(*one), e);
        if (one == NULL)
            return -1;
        *one = (struct signed_role){.role = strdup(role->name),
                                    .sha256 = strdup(hex),
                                    .version = tuf_metadata_version(role->proposed)};
        if (one->role == NULL || one->sha256 == NULL)
            return tm_err_set(e, "out of memory");
    }
    return 0;
}

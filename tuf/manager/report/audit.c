#include "tuf/manager/report/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "common/clock.h"
#include "common/file.h"
#include "tuf/client/client.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/manager/draft/scan.h"
#include "tuf/manager/publish/stage.h"
#include "tuf/manager/publish/tree.h"
#include "tuf/manager/policy/words.h"
#include "tuf/manager/state/names.h"
#include "tuf/manager/state/published.h"

#define NOTES_MAX 50
#define ID_SIZE 16

/* Files that metadata names, as the first half of the SHA-256 of their names: there may be
 * millions, with long ones. */
struct named {
    unsigned char (*id)[ID_SIZE];
    size_t count, cap;
};

struct run {
    const char *dir;
    const struct tuf_audit_options *o;
    struct tuf_audit *out;
    struct tuf_published live;
    struct named named;
    struct tm_names seen; /* delegated roles */
    unsigned depth;
};

static void fault(struct run *r, const struct tm_err *e)
{
    tm_buf_printf(&r->out->faults, "%s\n", e->text);
}

static void check_date(struct run *r, const char *role, const struct tuf_metadata *m)
{
    struct tm_err e = {0};
    char date[21];
    if (!tuf_metadata_expired(m, r->o->now))
        return;
    tm_clock_format(tuf_metadata_expires(m), date);
    tm_err_set(&e, "%s: version %" PRId64 " expired %s", role, tuf_metadata_version(m), date);
    fault(r, &e);
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, ID_SIZE);
}

static bool id_of(const char *name, unsigned char digest[32])
{
    return EVP_Digest(name, strlen(name), digest, NULL, EVP_sha256(), NULL) == 1;
}

static void add_named(struct run *r, const char *name)
{
    struct named *n = &r->named;
    unsigned char digest[32];
    if (n->count == n->cap) {
        size_t cap = n->cap > 0 ? 2 * n->cap : 64;
        void *grown = realloc(n->id, cap * ID_SIZE);
        if (grown == NULL)
            return; /* the file is noted as one that nothing names */
        n->id = grown;
        n->cap = cap;
    }
    if (id_of(name, digest))
        memcpy(n->id[n->count++], digest, ID_SIZE);
}

static bool is_named(const struct run *r, const char *name)
{
    unsigned char digest[32];
    return r->named.count > 0 && id_of(name, digest) &&
           bsearch(digest, r->named.id, r->named.count, ID_SIZE, by_id) != NULL;
}

static void check_target(struct run *r, const char *path, const struct tuf_entry *entry)
{
    struct tm_buf name = {0};
    struct tm_err e = {0};
    char file[PATH_MAX];
    struct tuf_file_info info;
    int is = -1;
    tuf_entry_info(entry, &info);
    const char *hash = tuf_names_hash(&info);
    if (hash == NULL)
        return;
    for (size_t i = 0; i < info.hash_count; i++) { /* others keep a copy by each */
        tm_buf_reset(&name);
        tuf_names_target(path, info.hash[i].hex, &name);
        if (tm_buf_str(&name) != NULL)
            add_named(r, tm_buf_str(&name));
    }
    tm_buf_reset(&name);
    tuf_names_target(path, hash, &name);
    if (tuf_names_target_ok(path, &e) != 0 || tm_buf_str(&name) == NULL ||
        tm_file_join(r->dir, tm_buf_str(&name), file, sizeof(file), &e) != 0 ||
        (is = tuf_scan_is(file, &info, &e)) < 0) {
        tm_err_wrap(&e, "target '%.200s'", path);
        fault(r, &e);
    } else if (is == 0) {
        tm_err_set(&e, "target '%.200s': its file has other content than was signed", path);
        fault(r, &e);
    }
    tm_buf_free(&name);
}

static void check_targets(struct run *r, const struct tuf_metadata *m)
{
    size_t count = tuf_entries_count(m);
    struct tm_buf path = {0};
    size_t before = r->out->targets;
    r->out->targets += count;
    for (size_t i = 0; i < count && r->o->files; i++) {
        tuf_progress_tell(r->o->progress, "targets checked", before + i);
        struct tm_err e = {0};
        struct tuf_entry entry = {0};
        if (tuf_entry_get(m, i, &path, &entry, &e) == 0)
            check_target(r, tm_buf_str(&path), &entry);
        else
            fault(r, &e);
        tuf_free_entry(&entry);
    }
    tm_buf_free(&path);
}

/* The role's name in a snapshot's entry "role.json"; false: targets itself. */
static bool listed_role(const char *file, char role[TUF_ROLE_NAME_MAX + 1])
{
    size_t len = strlen(file);
    if (len < 6 || len - 5 > TUF_ROLE_NAME_MAX || strcmp(file, "targets.json") == 0)
        return false;
    memcpy(role, file, len - 5);
    role[len - 5] = '\0';
    return true;
}

static void tuf_check_delegations(struct run *r, const struct tuf_metadata *delegator);

/* By each of its delegators; its content and what it delegates to once. */
static void check_delegated(struct run *r, const struct tuf_metadata *delegator, const char *role)
{
    struct tuf_metadata *m = NULL;
    struct tm_err e = {0};
    if (tuf_published_delegated_by(&r->live, delegator, role, &m, &e) != 0)
        fault(r, &e);
    if (m == NULL)
        return;
    int fresh = tm_names_put(&r->seen, role);
    if (fresh < 0)
        fault(r, &(const struct tm_err){.text = "out of memory"});
    if (fresh > 0) {
        r->out->delegated++;
        check_date(r, role, m);
        check_targets(r, m);
        r->depth++;
        tuf_check_delegations(r, m);
        r->depth--;
    }
    tuf_metadata_free(m);
}

struct delegator {
    struct run *r;
    const struct tuf_metadata *m;
};

static int check_listed(void *arg, const char *file, const struct tuf_file_info *info,
                        struct tm_err *e)
{
    const struct delegator *d = arg;
    char role[TUF_ROLE_NAME_MAX + 1];
    (void)info;
    (void)e;
    if (listed_role(file, role))
        check_delegated(d->r, d->m, role);
    return 0;
}

static void tuf_check_delegations(struct run *r, const struct tuf_metadata *delegator)
{
    struct delegator d = {r, delegator};
    struct tm_err e = {0};
    if (!tuf_delegates(delegator))
        return;
    if (r->depth >= TUF_DELEGATIONS_MAX) {
        tm_err_set(&e, "delegations are more than %d roles deep: no client goes there",
                   TUF_DELEGATIONS_MAX);
        fault(r, &e);
        return;
    }
    if (tuf_entries_each(r->live.snapshot, check_listed, &d, &e) != 0)
        fault(r, &e);
}

static void check_roles(struct run *r)
{
    for (int k = 0; k < TUF_ROLE_COUNT; k++)
        check_date(r, tuf_role_name((enum tuf_role)k),
                   tuf_published_role(&r->live, (enum tuf_role)k));
    check_targets(r, r->live.targets);
    tuf_check_delegations(r, r->live.targets);
}

/* ---- as a client ---- */

static int refresh_from(struct run *r, const struct tuf_metadata *root, const char *cache,
                        struct tm_err *e)
{
    struct tm_buf bytes = {0};
    struct tuf_client *c = NULL;
    if (tuf_metadata_dump(root, true, tm_jsondump_to_buf, &bytes, e) == 0) {
        const struct tuf_client_options o = {.dir = cache,
                                             .root = bytes.data,
                                             .root_len = bytes.len,
                                             .metadata_urls = &r->dir,
                                             .metadata_url_count = 1,
                                             .passing = true,
                                             .now = r->o->now};
        c = tuf_client_open(&o, e);
    }
    int rc = c != NULL ? 0 : -1;
    for (size_t i = 0; i <= r->live.root_count / TUF_ROOT_ROTATIONS_MAX && c != NULL; i++)
        rc = tuf_client_refresh(c, e);
    tuf_client_close(c);
    tm_buf_free(&bytes);
    return rc;
}

/* From the first root, whose way leads through all others, and from the newest. Each root was
 * checked by its own keys, and by those before it, when the tree was loaded. */
static int check_clients(struct run *r, struct tm_err *e)
{
    const size_t newest = r->live.root_count - 1;
    for (size_t i = 0; i <= newest; i = i < newest ? newest : newest + 1) {
        char cache[] = "/tmp/tenmint-tuf.XXXXXX";
        struct tm_err why = {0};
        if (mkdtemp(cache) == NULL)
            return tm_err_errno(e, "make a folder in /tmp");
        if (refresh_from(r, r->live.roots[i], cache, &why) != 0) {
            tm_err_wrap(&why, "a client that trusts root %" PRId64,
                        tuf_metadata_version(r->live.roots[i]));
            fault(r, &why);
        }
        if (tuf_tree_remove(cache, e) != 0)
            return -1;
    }
    r->out->roots = r->live.root_count;
    return 0;
}

/* ---- files that nothing names ---- */

/* What "7.targets.json" is called without its version; NULL: it is none, or its version is past
 * `newest`. */
static const char *role_file(const char *name, int64_t newest)
{
    char *end;
    errno = 0;
    long long version = name[0] >= '1' && name[0] <= '9' ? strtoll(name, &end, 10) : 0;
    return version > 0 && errno == 0 && version <= newest && *end == '.' ? end + 1 : NULL;
}

static int add_listed(void *arg, const char *file, const struct tuf_file_info *info,
                      struct tm_err *e)
{
    struct run *r = arg;
    char role[TUF_ROLE_NAME_MAX + 1];
    char name[NAMES_MAX];
    if (tuf_names_metadata(info->version, listed_role(file, role) ? role : "targets", name,
                           sizeof(name), e) == 0)
        add_named(r, name);
    return 0;
}

/* An old snapshot speaks for what it lists when some root of the chain takes its signatures. */
static void add_snapshot(struct run *r, const char *name)
{
    struct tuf_metadata *m =
        tuf_published_version(&r->live, tuf_role_name(TUF_SNAPSHOT), strtoll(name, NULL, 10), NULL);
    if (m != NULL && tuf_published_is_signed(&r->live, m)) {
        add_named(r, name);
        (void)tuf_entries_each(m, add_listed, r, NULL);
    }
    tuf_metadata_free(m);
}

/* Metadata that is in force, or was: as far as the root chain and the snapshots that are kept say.
 * A root from before the chain that is followed is history. */
static int find_metadata(void *arg, const char *path, bool folder, struct tm_err *e)
{
    struct run *r = arg;
    const char *root = role_file(path, tuf_published_root_version(&r->live));
    const char *snapshot = role_file(path, tuf_metadata_version(r->live.snapshot));
    (void)e;
    if (folder)
        return path[0] != '\0'; /* it lies on top */
    if (strcmp(path, "timestamp.json") == 0 || strcmp(path, "root.json") == 0 ||
        (root != NULL && strcmp(root, "root.json") == 0))
        add_named(r, path);
    else if (snapshot != NULL && strcmp(snapshot, "snapshot.json") == 0)
        add_snapshot(r, path);
    return 0;
}

static void note_stranger(const char *path, struct tm_buf *notes)
{
    tm_buf_puts(notes, "nothing that is published names '");
    tuf_words_safe(path, notes);
    tm_buf_puts(notes, "'\n");
}

struct strangers {
    struct run *r;
    size_t found;
};

static int find_stranger(void *arg, const char *path, bool folder, struct tm_err *e)
{
    struct strangers *s = arg;
    (void)e;
    if (folder)
        return strcmp(path, STAGE_FOLDER) == 0;
    if (is_named(s->r, path))
        return 0;
    if (s->found++ < NOTES_MAX)
        note_stranger(path, &s->r->out->notes);
    return 0;
}

static int find_strangers(struct run *r, struct tm_err *e)
{
    struct strangers s = {.r = r};
    if (tuf_tree_walk(r->dir, "", find_metadata, r, e) != 0)
        return -1;
    if (r->named.count > 0)
        qsort(r->named.id, r->named.count, ID_SIZE, by_id);
    if (tuf_tree_walk(r->dir, "", find_stranger, &s, e) != 0)
        return -1;
    if (s.found > NOTES_MAX)
        tm_buf_printf(&r->out->notes, "... and %zu more files\n", s.found - NOTES_MAX);
    return 0;
}

/* Also what is history in it is noted, whether it can be followed or not. */
static int load(const char *dir, int64_t first, struct tuf_published *p, struct tm_buf *notes,
                struct tm_err *e)
{
    if (first > 0)
        return tuf_published_load_from(dir, first, p, e);
    int rc = tuf_published_look(dir, p, e);
    if (rc != 0)
        (void)tuf_published_history(dir, p, NULL);
    tm_buf_append(notes, p->unread.data, p->unread.len);
    return rc;
}

int tuf_audit_tree(const char *dir, const struct tuf_audit_options *o, struct tuf_audit *out,
                   struct tm_err *e)
{
    struct run r = {.dir = dir, .o = o, .out = out};
    struct tm_err why = {0};
    int rc = 0;
    *out = (struct tuf_audit){0};
    if (load(dir, o->first_root, &r.live, &out->notes, &why) != 0) {
        fault(&r, &why);
    } else if (r.live.root_count == 0) {
        rc = tuf_published_missing(dir, e);
    } else {
        check_roles(&r);
        tuf_metadata_free(r.live.targets); /* the clients have their own */
        r.live.targets = NULL;
        rc = check_clients(&r, e);
        if (rc == 0 && o->files)
            rc = find_strangers(&r, e);
    }
    tuf_published_free(&r.live);
    free(r.named.id);
    tm_names_free(&r.seen);
    return rc;
}

void tuf_audit_free(struct tuf_audit *a)
{
    tm_buf_free(&a->faults);
    tm_buf_free(&a->notes);
}

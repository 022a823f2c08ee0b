/* The target files: fetched, checked, put where the policy and clients look for them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "common/fetch/again.h"
#include "common/file.h"
#include "tuf/client/mirror.h"
#include "tuf/manager/policy/policy.h"
#include "tuf/manager/publish/tree.h"
#include "tuf/manager/state/names.h"
#include "tuf/manager/takeover/internal.h"
#include "tuf/metadata/delegation.h"
#include "tuf/metadata/digest.h"

#define FETCH_TIMEOUT_MS 60000
#define BLOCK 65536

struct files {
    struct tuf_plan *plan;
    struct tuf_mirrors mirrors;
    const char *dir; /* the workspace */
    const struct tuf_taken_role *role;
    int64_t bin; /* whose bin's entries these are; -1: of no bin */
};

/* One file on its way: what it must be, and what has come so far. */
struct arrival {
    const struct tuf_file_info *info;
    const char *path;
    struct tuf_digest *digest;
    int fd;
};

static void forget(struct arrival *a)
{
    if (a->fd >= 0)
        close(a->fd);
    tuf_digest_free(a->digest);
    a->fd = -1;
    a->digest = NULL;
}

static int begin(void *arg, struct tm_err *e)
{
    struct arrival *a = arg;
    forget(a);
    a->digest = tuf_digest_new(a->info, e);
    if (a->digest == NULL)
        return -1;
    a->fd = open(a->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    return a->fd >= 0 ? 0 : tm_err_errno(e, "write '%s'", a->path);
}

static int add(void *arg, const void *data, size_t len, struct tm_err *e)
{
    struct arrival *a = arg;
    if (tuf_digest_add(a->digest, data, len, e) != 0)
        return -1;
    return tm_file_write_all(a->fd, data, len) == 0 ? 0 : tm_err_errno(e, "write '%s'", a->path);
}

static int accept_whole(void *arg, struct tm_err *e)
{
    struct arrival *a = arg;
    return tuf_digest_check(a->digest, e);
}

/* By the name with its hash, as consistent snapshots have it, or the plain one. */
static int fetch(struct files *f, const char *path, const struct tuf_file_info *info,
                 const char *to, struct tm_err *e)
{
    struct arrival a = {.info = info, .path = to, .fd = -1};
    const struct tuf_mirror_sink sink = {begin, add, accept_whole, &a};
    enum tuf_mirror_result got = MIRROR_ABSENT;
    /* No more than the pin, and not 0, which would mean no bound. */
    size_t max = info->length > 0 ? (size_t)info->length : 1;
    for (size_t i = 0; i <= info->hash_count && got == MIRROR_ABSENT; i++) {
        struct tm_buf name = {0};
        if (i < info->hash_count)
            tuf_names_target(path, info->hash[i].hex, &name);
        const char *file = i < info->hash_count ? tm_buf_str(&name) + strlen("targets/") : path;
        got = tuf_mirrors_get(&f->mirrors, file, true, max, &sink, e);
        forget(&a);
        tm_buf_free(&name);
    }
    if (got == MIRROR_OK)
        return 0;
    unlink(to);
    return -1;
}

/* What we could not write again, or nobody could fetch. */
static bool fits(struct files *f, const char *path, const struct tuf_file_info *info)
{
    struct tm_err e = {0};
    struct tuf_path hashed;
    const char *role = f->role->name;
    if (tuf_names_target_ok(path, &e) != 0) {
        tuf_plan_loss(f->plan, "role '%.100s': %s", role, e.text);
        return false;
    }
    for (size_t i = 0; i < info->hash_count; i++) {
        const char *name = info->hash[i].algorithm;
        if (strcmp(name, "sha256") == 0 || strcmp(name, "sha512") == 0)
            continue;
        tuf_plan_loss(f->plan, "target '%.200s' has a hash '%s': sha256 and sha512 are known", path,
                      name);
        return false;
    }
    if (f->bin >= 0 && tuf_path_init(&hashed, path, NULL) == 0 &&
        tuf_succinct_bin(&hashed, (unsigned)f->role->bins->bits) != (uint32_t)f->bin) {
        tuf_plan_loss(f->plan, "target '%.200s' is in hash bin %lld, where no client looks for it",
                      path, (long long)f->bin);
        return false;
    }
    return true;
}

/* A copy, not a link: people write into the one, and the other is signed. */
static int copy(const char *from, const char *to, struct tm_err *e)
{
    unsigned char block[BLOCK];
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int out = in >= 0 ? open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : -1;
    int rc = out >= 0 || errno == EEXIST ? 0 : -1; /* two roles may list one file */
    ssize_t n = out >= 0 ? 1 : 0;
    while (rc == 0 && n > 0) {
        n = read(in, block, sizeof(block));
        if (n < 0 || tm_file_write_all(out, block, (size_t)n) != 0)
            rc = -1;
    }
    if (rc != 0)
        tm_err_errno(e, "copy '%s' to '%s'", from, to);
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return rc;
}

static int put_published(const struct files *f, const char *path, const char *hash,
                         const char *from, struct tm_err *e)
{
    char tree[PATH_MAX];
    char to[PATH_MAX];
    struct tm_buf name = {0};
    tuf_names_target(path, hash, &name);
    int rc = tm_file_join(f->dir, "published", tree, sizeof(tree), e);
    if (rc == 0)
        rc = tm_buf_str(&name) != NULL ? tm_file_join(tree, tm_buf_str(&name), to, sizeof(to), e)
                                       : tm_err_set(e, "out of memory");
    tm_buf_free(&name);
    if (rc != 0 || tuf_tree_make_parent(to, e) != 0)
        return -1;
    return copy(from, to, e);
}

static int take_file(void *arg, const char *path, const struct tuf_file_info *info,
                     struct tm_err *e)
{
    struct files *f = arg;
    struct tm_err why = {0};
    char folder[PATH_MAX];
    char to[PATH_MAX];
    f->plan->out->targets++;
    if (!fits(f, path, info))
        return 0;
    if (tm_file_join(f->dir, f->role->directory, folder, sizeof(folder), e) != 0)
        return -1;
    /* "a" beside "a/b": a list may have both, a folder may not. */
    if (tm_file_join(folder, path, to, sizeof(to), &why) != 0 ||
        tuf_tree_make_parent(to, &why) != 0 || fetch(f, path, info, to, &why) != 0) {
        tuf_plan_loss(f->plan, "target '%.200s': %s", path, why.text);
        return 0;
    }
    /* One for each hash: others ask by any of them. */
    int rc = 0;
    for (size_t i = 0; i < info->hash_count && rc == 0; i++)
        rc = put_published(f, path, info->hash[i].hex, to, e);
    return rc;
}

static int take_bins(struct files *f, struct tm_err *e)
{
    const struct tuf_bins *b = f->role->bins;
    char name[TUF_ROLE_NAME_MAX + 1];
    size_t missing = 0;
    for (uint32_t i = 0; i < UINT32_C(1) << b->bits; i++) {
        struct tuf_metadata *m = NULL;
        if (tuf_succinct_name(b->prefix, (unsigned)b->bits, i, name, sizeof(name)) != 0 ||
            tuf_published_delegated(&f->plan->live, name, &m, e) != 0)
            return -1;
        f->bin = i;
        int rc = m != NULL ? tuf_entries_each(m, take_file, f, e) : 0;
        missing += m == NULL;
        tuf_metadata_free(m);
        if (rc != 0)
            return rc;
    }
    if (missing > 0)
        tuf_plan_note(f->plan,
                      "%zu of the hash bins have no metadata yet: their first versions "
                      "wait",
                      missing);
    return 0;
}

/* Also an empty one: without its folder the next scan would say what is missing. */
static int make_folder(const struct files *f, struct tm_err *e)
{
    char path[PATH_MAX];
    return tm_file_join(f->dir, f->role->directory, path, sizeof(path), e) == 0
               ? tm_file_mkdirs(path, 0755, e)
               : -1;
}

static int take_role(struct files *f, const struct tuf_taken_role *r, struct tm_err *e)
{
    bool top = r->by == NULL;
    if (top && strcmp(r->name, "targets") != 0)
        return 0;
    f->role = r;
    f->bin = -1;
    if (make_folder(f, e) != 0)
        return -1;
    if (r->bins != NULL)
        return r->bins->bits <= POLICY_BITS_MAX ? take_bins(f, e) : 0;
    return r->m != NULL ? tuf_entries_each(r->m, take_file, f, e) : 0;
}

int tuf_plan_files(struct tuf_plan *p, const struct tuf_source *s, const char *dir,
                   struct tm_err *e)
{
    struct fetch_session *session = tm_fetch_session_new();
    struct files f = {.plan = p,
                      .dir = dir,
                      .mirrors = {.session = session,
                                  .allow_http = true, /* hashes protect the content */
                                  .tries = TM_FETCH_TRIES,
                                  .timeout_ms = FETCH_TIMEOUT_MS}};
    int rc = session != NULL ? 0 : tm_err_set(e, "out of memory");
    for (size_t i = 0; i < s->target_count && rc == 0; i++)
        rc = tuf_mirrors_add(&f.mirrors, s->targets[i], NULL, e);
    for (size_t i = 0; i < p->role_count && rc == 0; i++)
        rc = take_role(&f, &p->role[i], e);
    tuf_mirrors_free(&f.mirrors);
    tm_fetch_session_free(session);
    return rc;
}

/* The tree as clients will see it once the staged files are in place: a view of hard links, staged
 * files first, that our own client takes for a mirror. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "tuf/client/client.h"
#include "tuf/metadata/build.h"
#include "tuf/manager/publish/internal.h"
#include "tuf/manager/publish/tree.h"

struct trial {
    const struct tuf_publication *p;
    char cache[PATH_MAX];
    struct tm_err *e;
};

static int begin(struct trial *t)
{
    if (tm_file_join(t->p->stage.dir, "client.XXXXXX", t->cache, sizeof(t->cache), t->e) != 0)
        return -1;
    return mkdtemp(t->cache) != NULL ? 0 : tm_err_errno(t->e, "make '%s'", t->cache);
}

static int link_all(const char *from, const char *to, struct tm_err *e)
{
    DIR *d = opendir(from);
    int rc = d != NULL ? 0 : tm_err_errno(e, "read '%s'", from);
    struct dirent *entry;
    while (rc == 0 && (entry = readdir(d)) != NULL) {
        size_t len = strlen(entry->d_name);
        if (len < 6 || strcmp(entry->d_name + len - 5, ".json") != 0)
            continue;
        char source[PATH_MAX];
        char target[PATH_MAX];
        if (tm_file_join(from, entry->d_name, source, sizeof(source), e) != 0 ||
            tm_file_join(to, entry->d_name, target, sizeof(target), e) != 0)
            rc = -1;
        else if (link(source, target) != 0 && errno != EEXIST)
            rc = tm_err_errno(e, "link '%s'", source);
    }
    if (d != NULL)
        closedir(d);
    return rc;
}

static int make_view(const struct tuf_publication *p, char *view, size_t size, struct tm_err *e)
{
    if (tm_file_join(p->stage.dir, "view", view, size, e) != 0 || tuf_tree_remove(view, e) != 0 ||
        tm_file_mkdirs(view, 0700, e) != 0 || link_all(p->stage.dir, view, e) != 0)
        return -1;
    return link_all(p->stage.tree, view, e);
}

static struct tuf_client *open_client(struct trial *t, const struct tuf_metadata *root, bool staged)
{
    char view[PATH_MAX];
    char folders[2][PATH_MAX];
    const struct tuf_stage *s = &t->p->stage;
    const char *const metadata[] = {staged ? view : s->tree};
    const char *const targets[] = {folders[0], folders[1]};
    struct tm_buf bytes = {0};
    struct tuf_client *c = NULL;
    if (tm_file_join(s->dir, "view", view, sizeof(view), t->e) != 0 ||
        tm_file_join(s->dir, "targets", folders[0], sizeof(folders[0]), t->e) != 0 ||
        tm_file_join(s->tree, "targets", folders[1], sizeof(folders[1]), t->e) != 0)
        return NULL;
    if (tuf_metadata_dump(root, true, tm_jsondump_to_buf, &bytes, t->e) == 0) {
        const struct tuf_client_options o = {.dir = t->cache,
                                             .root = bytes.data,
                                             .root_len = bytes.len,
                                             .metadata_urls = metadata,
                                             .metadata_url_count = 1,
                                             .target_urls = targets,
                                             .target_url_count = 2,
                                             .passing = true,
                                             .now = t->p->o->now};
        c = tuf_client_open(&o, t->e);
    }
    tm_buf_free(&bytes);
    return c;
}

static int expect(const struct tuf_client *c, enum tuf_role role, int64_t version, struct tm_err *e)
{
    const struct tuf_metadata *m = tuf_client_role(c, role);
    if (m != NULL && tuf_metadata_version(m) == version)
        return 0;
    return tm_err_set(e, "it reaches version %" PRId64 " of %s, not %" PRId64,
                      m != NULL ? tuf_metadata_version(m) : 0, tuf_role_name(role), version);
}

static int expect_all(const struct tuf_publication *p, const struct tuf_client *c, struct tm_err *e)
{
    const struct tuf_publish_report *r = p->report;
    if (expect(c, TUF_ROOT, r->root, e) != 0 || expect(c, TUF_TIMESTAMP, r->timestamp, e) != 0 ||
        expect(c, TUF_SNAPSHOT, r->snapshot, e) != 0)
        return -1;
    return expect(c, TUF_TARGETS, r->targets, e);
}

static int download(const struct tuf_publication *p, struct tuf_client *c, struct tm_err *e)
{
    for (size_t i = 0; i < p->samples; i++) {
        if (tuf_client_get(c, p->sample[i], NULL, e) != 0)
            return tm_err_wrap(e, "target '%.200s'", p->sample[i]);
    }
    return 0;
}

/* As far as it gets: one run goes on by TUF_ROOT_ROTATIONS_MAX roots at most. */
static int refresh(struct tuf_client *c, int64_t root, struct tm_err *e)
{
    for (int64_t before = -1;;) {
        int rc = tuf_client_refresh(c, e);
        const struct tuf_metadata *m = tuf_client_role(c, TUF_ROOT);
        int64_t now = m != NULL ? tuf_metadata_version(m) : 0;
        if (now >= root || now <= before)
            return rc;
        before = now;
    }
}

static int from_root(const struct tuf_publication *p, const struct tuf_metadata *root, bool whole,
                     struct tm_err *e)
{
    struct trial t = {.p = p, .e = e};
    if (begin(&t) != 0)
        return -1;
    struct tuf_client *c = open_client(&t, root, true);
    int rc = c != NULL ? refresh(c, p->report->root, e) : -1;
    if (rc == 0 && whole)
        rc = expect_all(p, c, e);
    if (rc == 0 && whole && tuf_metadata_version(root) == p->report->root)
        rc = download(p, c, e);
    tuf_client_close(c);
    if (tuf_tree_remove(t.cache, rc == 0 ? e : NULL) != 0 && rc == 0)
        rc = -1;
    return rc == 0 ? 0
                   : tm_err_wrap(e, "client that trusts root %" PRId64, tuf_metadata_version(root));
}

/* A client that knows what is live now, as far as it still accepts it. */
static int from_live(const struct tuf_publication *p, struct tm_err *e)
{
    struct trial t = {.p = p, .e = e};
    struct tm_err ignored = {0};
    if (p->live.root_count == 0)
        return 0;
    if (begin(&t) != 0)
        return -1;
    struct tuf_client *c = open_client(&t, p->live.roots[0], false);
    if (c != NULL && refresh(c, tuf_published_root_version(&p->live), &ignored) != 0) {
        /* Expired: what it accepted is its reference all the same. */
    }
    tuf_client_close(c);
    c = c != NULL ? open_client(&t, p->live.roots[0], true) : NULL;
    int rc = c != NULL ? refresh(c, p->report->root, e) : -1;
    if (rc == 0)
        rc = expect_all(p, c, e);
    tuf_client_close(c);
    tuf_tree_remove(t.cache, NULL);
    return rc == 0 ? 0 : tm_err_wrap(e, "client that knows what is published now");
}

int tuf_publication_check_once(struct tuf_publication *p, struct tm_err *e)
{
    char view[PATH_MAX];
    if (make_view(p, view, sizeof(view), e) != 0)
        return -1;
    return from_root(p, p->live.roots[0], false, e);
}

/* The way from the oldest root leads through all others, each of which was checked by its own keys
 * too when the tree was loaded: what a client does that begins at one of those is a part of it. */
int tuf_publication_check(struct tuf_publication *p, struct tm_err *e)
{
    char view[PATH_MAX];
    const struct tuf_metadata *const starts[] = {
        p->live.root_count > 0 ? p->live.roots[0] : NULL,
        p->live.root_count > 1 ? tuf_published_root(&p->live) : NULL,
        p->new_root ? p->root : NULL,
    };
    if (make_view(p, view, sizeof(view), e) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (starts[i] != NULL && from_root(p, starts[i], true, e) != 0)
            return -1;
        p->report->chains_checked += starts[i] != NULL;
    }
    return from_live(p, e);
}

/* The staged tree as a client sees it: the staging folder is a mirror in front of the tree. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "tuf/client/client.h"
#include "tuf/metadata/edit.h"
#include "tuf/repository/publish/internal.h"
#include "tuf/repository/publish/tree.h"
#include "tuf/repository/state/names.h"

struct trial {
    const struct publication *p;
    char cache[PATH_MAX];
    struct err *e;
};

static int begin(struct trial *t)
{
    if (file_join(t->p->stage.dir, "client.XXXXXX", t->cache, sizeof(t->cache), t->e) != 0)
        return -1;
    return mkdtemp(t->cache) != NULL ? 0 : err_errno(t->e, "make '%s'", t->cache);
}

static struct tuf_client *open_client(struct trial *t, const struct tuf_metadata *root, bool staged)
{
    const char *const mirrors[] = {t->p->stage.dir, t->p->stage.tree};
    struct buf bytes = {0};
    struct tuf_client *c = NULL;
    if (tuf_envelope_dump(tuf_metadata_envelope(root), true, &bytes, t->e) == 0) {
        const struct tuf_client_options o = {.dir = t->cache,
                                             .root = bytes.data,
                                             .root_len = bytes.len,
                                             .metadata_urls = staged ? mirrors : mirrors + 1,
                                             .metadata_url_count = staged ? 2 : 1,
                                             .now = t->p->o->now};
        c = tuf_client_open(&o, t->e);
    }
    buf_free(&bytes);
    return c;
}

static int expect(const struct tuf_client *c, enum tuf_role role, int64_t version, struct err *e)
{
    const struct tuf_metadata *m = tuf_client_role(c, role);
    if (m != NULL && tuf_metadata_version(m) == version)
        return 0;
    return err_set(e, "it reaches version %" PRId64 " of %s, not %" PRId64,
                   m != NULL ? tuf_metadata_version(m) : 0, tuf_role_name(role), version);
}

static int expect_all(const struct publication *p, const struct tuf_client *c, struct err *e)
{
    const struct publish_report *r = p->report;
    if (expect(c, TUF_ROOT, r->root, e) != 0 || expect(c, TUF_TIMESTAMP, r->timestamp, e) != 0 ||
        expect(c, TUF_SNAPSHOT, r->snapshot, e) != 0)
        return -1;
    return expect(c, TUF_TARGETS, r->targets, e);
}

static int download(const struct publication *p, struct tuf_client *c, struct err *e)
{
    for (size_t i = 0; i < p->samples; i++) {
        if (tuf_client_get(c, p->sample[i], NULL, e) != 0)
            return err_wrap(e, "target '%.200s'", p->sample[i]);
    }
    return 0;
}

static int from_root(const struct publication *p, const struct tuf_metadata *root, bool whole,
                     struct err *e)
{
    struct trial t = {.p = p, .e = e};
    if (begin(&t) != 0)
        return -1;
    struct tuf_client *c = open_client(&t, root, true);
    int rc = c != NULL ? tuf_client_refresh(c, e) : -1;
    if (rc == 0 && whole)
        rc = expect_all(p, c, e);
    if (rc == 0 && whole && tuf_metadata_version(root) == p->report->root)
        rc = download(p, c, e);
    tuf_client_close(c);
    if (tree_remove(t.cache, rc == 0 ? e : NULL) != 0 && rc == 0)
        rc = -1;
    return rc == 0 ? 0
                   : err_wrap(e, "client that trusts root %" PRId64, tuf_metadata_version(root));
}

/* A client that knows what is live now, as far as it still accepts it. */
static int from_live(const struct publication *p, struct err *e)
{
    struct trial t = {.p = p, .e = e};
    struct err ignored = {0};
    if (p->live.root_count == 0)
        return 0;
    if (begin(&t) != 0)
        return -1;
    struct tuf_client *c = open_client(&t, p->live.roots[0], false);
    if (c != NULL && tuf_client_refresh(c, &ignored) != 0) {
        /* Expired: what it accepted is its reference all the same. */
    }
    tuf_client_close(c);
    c = c != NULL ? open_client(&t, p->live.roots[0], true) : NULL;
    int rc = c != NULL ? tuf_client_refresh(c, e) : -1;
    if (rc == 0)
        rc = expect_all(p, c, e);
    tuf_client_close(c);
    tree_remove(t.cache, NULL);
    return rc == 0 ? 0 : err_wrap(e, "client that knows what is published now");
}

int publication_check_once(struct publication *p, struct err *e)
{
    return from_root(p, p->live.roots[0], false, e);
}

int publication_check(struct publication *p, struct err *e)
{
    for (size_t i = 0; i < p->live.root_count; i++) {
        if (from_root(p, p->live.roots[i], true, e) != 0)
            return -1;
        p->report->chains_checked++;
    }
    if (p->new_root) {
        if (from_root(p, p->root, true, e) != 0)
            return -1;
        p->report->chains_checked++;
    }
    return from_live(p, e);
}

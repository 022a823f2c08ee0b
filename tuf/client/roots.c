/* The root chain (spec §5.3): each next root is signed by the old root's keys and its own. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tuf/client/internal.h"
#include "tuf/metadata/verify.h"

#define ROOT_FILE "root.json"

struct tuf_metadata *roots_parse(const void *data, size_t len, struct err *e)
{
    struct tuf_signers own;
    if (len > TUF_ROOT_BYTES_MAX) {
        err_set(e, "larger than %zu bytes", TUF_ROOT_BYTES_MAX);
        return NULL;
    }
    struct tuf_metadata *m = tuf_metadata_parse(data, len, TUF_ROOT, e);
    if (m == NULL)
        return NULL;
    tuf_root_signers(m, TUF_ROOT, &own);
    if (tuf_verify(m, &own, "unsigned: by its own root keys", e) == 0)
        return m;
    tuf_metadata_free(m);
    return NULL;
}

static int64_t root_version(const struct tuf_client *c)
{
    return tuf_metadata_version(c->top[TUF_ROOT]);
}

static int set_root(struct tuf_client *c, struct tuf_metadata *m, const void *data, size_t len,
                    struct err *e)
{
    tuf_metadata_free(c->top[TUF_ROOT]);
    c->top[TUF_ROOT] = m;
    buf_reset(&c->root_bytes);
    buf_append(&c->root_bytes, data, len);
    return buf_failed(&c->root_bytes) ? err_set(e, "out of memory") : 0;
}

/* `data` as the successor of the current root. */
static struct tuf_metadata *parse_next(const struct tuf_client *c, const struct buf *data,
                                       struct err *e)
{
    struct tuf_signers old;
    struct tuf_metadata *m = tuf_metadata_parse(data->data, data->len, TUF_ROOT, e);
    if (m == NULL)
        return NULL;
    tuf_root_signers(c->top[TUF_ROOT], TUF_ROOT, &old);
    int rc = tuf_verify(m, &old, "unsigned: by the previous root's keys", e);
    if (rc == 0) {
        tuf_root_signers(m, TUF_ROOT, &old);
        rc = tuf_verify(m, &old, "unsigned: by its own root keys", e);
    }
    if (rc == 0 && tuf_metadata_version(m) != root_version(c) + 1)
        rc = err_set(e, "rollback: version %" PRId64 " where %" PRId64 " must come",
                     tuf_metadata_version(m), root_version(c) + 1);
    if (rc == 0)
        return m;
    tuf_metadata_free(m);
    return NULL;
}

static void history_name(int64_t version, char out[64])
{
    snprintf(out, 64, "root_history/%" PRId64 ".root.json", version);
}

/* Goes on along the cached chain as far as it verifies; a wrong cache is no error. */
static int replay(struct tuf_client *c, struct err *e)
{
    struct buf b = {0};
    struct err ignored;
    char name[64];
    int rc = 0;
    for (int i = 0; i < TUF_ROOT_ROTATIONS_MAX && rc == 0; i++) {
        buf_reset(&b);
        history_name(root_version(c) + 1, name);
        struct tuf_metadata *m = NULL;
        if (store_read(&c->store, name, TUF_ROOT_BYTES_MAX, &b, &ignored) == 1)
            m = parse_next(c, &b, &ignored);
        if (m == NULL)
            break;
        rc = set_root(c, m, b.data, b.len, e);
    }
    buf_free(&b);
    return rc;
}

static int load_given(struct tuf_client *c, const void *given, size_t len, struct err *e)
{
    struct tuf_metadata *m = roots_parse(given, len, e);
    if (m == NULL)
        return err_wrap(e, "the given root file");
    return set_root(c, m, given, len, e) == 0 ? replay(c, e) : -1;
}

static int load_cached(struct tuf_client *c, struct err *e)
{
    struct buf b = {0};
    struct tuf_metadata *m = NULL;
    int rc = -1;
    int found = store_read(&c->store, ROOT_FILE, TUF_ROOT_BYTES_MAX, &b, e);
    if (found == 0)
        err_set(e, "'%s' holds no trusted root yet: it begins with a root file", c->store.dir);
    else if (found == 1 && (m = roots_parse(b.data, b.len, e)) == NULL)
        err_wrap(e, "'%s/" ROOT_FILE "'", c->store.dir);
    if (m != NULL)
        rc = set_root(c, m, b.data, b.len, e);
    buf_free(&b);
    return rc;
}

int roots_load(struct tuf_client *c, const void *given, size_t len, struct err *e)
{
    return given != NULL ? load_given(c, given, len, e) : load_cached(c, e);
}

/* ---- update ---- */

static bool same_members(const json_t *a, const json_t *b)
{
    size_t i;
    size_t j;
    json_t *x;
    json_t *y;
    if (json_array_size(a) != json_array_size(b))
        return false;
    json_array_foreach(a, i, x)
    {
        bool found = false;
        json_array_foreach(b, j, y) found = found || json_equal(x, y);
        if (!found)
            return false;
    }
    return true;
}

static bool same_signers(const struct tuf_metadata *old, const struct tuf_metadata *new,
                         enum tuf_role role)
{
    struct tuf_signers a;
    struct tuf_signers b;
    size_t i;
    json_t *keyid;
    tuf_root_signers(old, role, &a);
    tuf_root_signers(new, role, &b);
    if (!same_members(a.keyids, b.keyids))
        return false;
    json_array_foreach(a.keyids, i, keyid)
    {
        const char *id = json_string_value(keyid);
        const json_t *x = json_object_get(a.keys, id);
        const json_t *y = json_object_get(b.keys, id);
        if ((x == NULL) != (y == NULL) || (x != NULL && !json_equal(x, y)))
            return false;
    }
    return true;
}

/*
 * §5.3.11, fast-forward recovery: versions signed by keys that are rotated out do not bind. The
 * files go before the new root is written, so that a crash between leaves nothing to forget.
 */
static int forget_rotated(struct tuf_client *c, const struct tuf_metadata *next, struct err *e)
{
    if (same_signers(c->top[TUF_ROOT], next, TUF_TIMESTAMP) &&
        same_signers(c->top[TUF_ROOT], next, TUF_SNAPSHOT))
        return 0;
    if (store_remove(&c->store, "timestamp.json", e) != 0)
        return -1;
    return store_remove(&c->store, "snapshot.json", e);
}

/* The version that the cache had before this run; 0 when it had none. Not trusted: it decides only
 * whether a key change is news. */
static int64_t cached_version(const struct tuf_client *c)
{
    struct buf b = {0};
    struct err ignored;
    int64_t version = 0;
    if (store_read(&c->store, ROOT_FILE, TUF_ROOT_BYTES_MAX, &b, &ignored) == 1) {
        struct tuf_metadata *m = tuf_metadata_parse(b.data, b.len, TUF_ROOT, &ignored);
        version = m != NULL ? tuf_metadata_version(m) : 0;
        tuf_metadata_free(m);
    }
    buf_free(&b);
    return version;
}

/* root.json must be the root that this run trusts, also when a given file beat it. */
static int keep_root(struct tuf_client *c, struct err *e)
{
    struct buf b = {0};
    struct err ignored;
    int rc = 0;
    int found = store_read(&c->store, ROOT_FILE, TUF_ROOT_BYTES_MAX, &b, &ignored);
    if (found != 1 || b.len != c->root_bytes.len || memcmp(b.data, c->root_bytes.data, b.len) != 0)
        rc = store_write(&c->store, ROOT_FILE, &c->root_bytes, e);
    buf_free(&b);
    return rc;
}

struct next_root {
    struct tuf_client *c;
    int64_t news_after; /* versions above are new to this cache */
};

static int accept_next(void *arg, const struct buf *bytes, struct err *e)
{
    struct next_root *n = arg;
    struct tuf_client *c = n->c;
    char name[64];
    struct tuf_metadata *m = parse_next(c, bytes, e);
    if (m == NULL)
        return -1;
    history_name(tuf_metadata_version(m), name);
    if ((tuf_metadata_version(m) > n->news_after && forget_rotated(c, m, e) != 0) ||
        store_write(&c->store, name, bytes, e) != 0 ||
        store_write(&c->store, ROOT_FILE, bytes, e) != 0) {
        tuf_metadata_free(m);
        return -1;
    }
    return set_root(c, m, bytes->data, bytes->len, e);
}

static int fetch_chain(struct tuf_client *c, struct err *e)
{
    struct next_root n = {.c = c, .news_after = cached_version(c)};
    for (int i = 0; i < TUF_ROOT_ROTATIONS_MAX; i++) {
        char file[64];
        snprintf(file, sizeof(file), "%" PRId64 ".root.json", root_version(c) + 1);
        enum mirror_result r = roles_fetch(c, file, TUF_ROOT_BYTES_MAX, accept_next, &n, e);
        if (r != MIRROR_OK)
            return r == MIRROR_ABSENT ? 0 : -1;
    }
    return 0;
}

int roots_update(struct tuf_client *c, struct err *e)
{
    if (!c->offline && (fetch_chain(c, e) != 0 || keep_root(c, e) != 0))
        return -1;
    if (roles_check_expiry(c, c->top[TUF_ROOT], e) != 0)
        return err_wrap(e, "root version %" PRId64, root_version(c));
    return 0;
}

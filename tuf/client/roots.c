/* The root chain (spec §5.3): each next root is signed by the old root's keys and its own. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tuf/client/internal.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/metadata/verify.h"

#define ROOT_FILE "root.json"

struct tuf_metadata *tuf_roots_parse(const void *data, size_t len, struct tm_err *e)
{
    struct tuf_signers own;
    if (len > TUF_ROOT_BYTES_MAX)
        return tm_err_null(e, "larger than %zu bytes", TUF_ROOT_BYTES_MAX);
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

/* ---- a given file and the cache ---- */

static int64_t beaten_version(const struct tuf_client *c)
{
    return c->beaten != NULL ? tuf_metadata_version(c->beaten) : 0;
}

/*
 * Whether the cache's root is a later one of this repository: one of the keys that sign the
 * trusted root has signed it too. What anybody may have put there, and another repository's root,
 * has no such signature.
 */
static void note_kin(struct tuf_client *c)
{
    struct tuf_signers any;
    struct tm_err ignored;
    if (c->beaten == NULL || c->beaten_is_kin || root_version(c) >= beaten_version(c))
        return;
    tuf_root_signers(c->top[TUF_ROOT], TUF_ROOT, &any);
    any.threshold = 1;
    c->beaten_is_kin = tuf_verify(c->beaten, &any, "", &ignored) == 0;
}

static int set_root(struct tuf_client *c, struct tuf_metadata *m, const void *data, size_t len,
                    struct tm_err *e)
{
    tuf_metadata_free(c->top[TUF_ROOT]);
    c->top[TUF_ROOT] = m;
    tm_buf_reset(&c->root_bytes);
    tm_buf_append(&c->root_bytes, data, len);
    note_kin(c);
    return buf_failed(&c->root_bytes) ? tm_err_set(e, "out of memory") : 0;
}

/* `data` as the successor of the current root. */
static struct tuf_metadata *parse_next(const struct tuf_client *c, const struct tm_buf *data,
                                       struct tm_err *e)
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
        rc = rollback(e, "version %" PRId64 " where %" PRId64 " must come", tuf_metadata_version(m),
                      root_version(c) + 1);
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
static int replay(struct tuf_client *c, struct tm_err *e)
{
    struct tm_buf b = {0};
    struct tm_err ignored;
    char name[64];
    int rc = 0;
    for (int i = 0; i < TUF_ROOT_ROTATIONS_MAX && rc == 0; i++) {
        tm_buf_reset(&b);
        history_name(root_version(c) + 1, name);
        struct tuf_metadata *m = NULL;
        if (tuf_store_read(&c->store, name, TUF_ROOT_BYTES_MAX, &b, &ignored) == 1)
            m = parse_next(c, &b, &ignored);
        if (m == NULL)
            break;
        rc = set_root(c, m, b.data, b.len, e);
    }
    tm_buf_free(&b);
    return rc;
}

static int load_given(struct tuf_client *c, const void *given, size_t len, struct tm_err *e)
{
    struct tuf_metadata *m = tuf_roots_parse(given, len, e);
    if (m == NULL)
        return tm_err_wrap(e, "the given root file");
    return set_root(c, m, given, len, e) == 0 ? replay(c, e) : -1;
}

/* Without a given file the cache is where trust begins; else it is only what must not be undone. */
static int load_cached(struct tuf_client *c, const struct tm_buf *bytes, struct tm_err *e)
{
    struct tm_err why;
    struct tuf_metadata *m = tuf_roots_parse(bytes->data, bytes->len, &why);
    if (c->given) {
        c->beaten = m;
        return 0;
    }
    if (m == NULL)
        return tm_err_set(e, "'%s/" ROOT_FILE "': %s", c->store.dir, why.text);
    return set_root(c, m, bytes->data, bytes->len, e);
}

int tuf_roots_load(struct tuf_client *c, const void *given, size_t len, struct tm_err *e)
{
    struct tm_buf bytes = {0};
    int rc = tuf_store_read(&c->store, ROOT_FILE, TUF_ROOT_BYTES_MAX, &bytes, e);
    c->given = given != NULL;
    if (rc < 0)
        tm_err_wrap(e, "the cached root");
    else if (rc > 0)
        rc = load_cached(c, &bytes, e);
    else if (given == NULL) {
        tm_err_set(e, "'%s' holds no trusted root yet: it begins with a root file", c->store.dir);
        rc = tm_err_mark(e, ERR_REFUSED);
    }
    if (rc == 0 && given != NULL)
        rc = load_given(c, given, len, e);
    tm_buf_free(&bytes);
    return rc;
}

/* ---- update ---- */

static bool same_signers(const struct tuf_metadata *old, const struct tuf_metadata *new,
                         enum tuf_role role)
{
    struct tuf_signers a;
    struct tuf_signers b;
    tuf_root_signers(old, role, &a);
    tuf_root_signers(new, role, &b);
    if (a.role->keyids.count != b.role->keyids.count) /* in neither is one twice */
        return false;
    for (size_t i = 0; i < a.role->keyids.count; i++) {
        const char *id = a.role->keyids.item[i];
        const struct tuf_public_key *x = tuf_keys_find(a.known, id);
        const struct tuf_public_key *y = tuf_keys_find(b.known, id);
        if (!tuf_texts_have(&b.role->keyids, id) || (x == NULL) != (y == NULL) ||
            (x != NULL && !tuf_same_key(x, y)))
            return false;
    }
    return true;
}

/*
 * §5.3.11, fast-forward recovery: versions signed by keys that are rotated out do not bind. The
 * files go before the new root is written, so that a crash between leaves nothing to forget.
 */
static int forget_rotated(struct tuf_client *c, const struct tuf_metadata *next, struct tm_err *e)
{
    if (same_signers(c->top[TUF_ROOT], next, TUF_TIMESTAMP) &&
        same_signers(c->top[TUF_ROOT], next, TUF_SNAPSHOT))
        return 0;
    if (tuf_store_remove(&c->store, "timestamp.json", e) != 0)
        return -1;
    return tuf_store_remove(&c->store, "snapshot.json", e);
}

/*
 * A given file beats the cache, but must not undo it: where roots between the two are missing here,
 * a mirror that hides them could bring back keys that were rotated out.
 */
static int check_not_undone(const struct tuf_client *c, struct tm_err *e)
{
    if (!c->beaten_is_kin || root_version(c) >= beaten_version(c))
        return 0;
    return rollback(e,
                    "from the given root file the chain ends at version %" PRId64
                    ", but the cache '%s' trusts version %" PRId64 " already",
                    root_version(c), c->store.dir, beaten_version(c));
}

/* root.json must be the root that this run trusts, also when a given file beat it. */
static int keep_root(struct tuf_client *c, struct tm_err *e)
{
    struct tm_buf b = {0};
    int rc = tuf_store_read(&c->store, ROOT_FILE, TUF_ROOT_BYTES_MAX, &b, e);
    if (rc == 0 ||
        (rc == 1 && (b.len != c->root_bytes.len || memcmp(b.data, c->root_bytes.data, b.len) != 0)))
        rc = tuf_store_write(&c->store, ROOT_FILE, &c->root_bytes, e);
    tm_buf_free(&b);
    return rc < 0 ? -1 : 0;
}

struct next_root {
    struct tuf_client *c;
    int64_t news_after; /* versions above are new to this cache */
};

/* root.json never holds a lower version than it did, before the whole chain is known. */
static int keep_next(struct next_root *n, const struct tuf_metadata *m, const struct tm_buf *bytes,
                     struct tm_err *e)
{
    char name[64];
    int64_t version = tuf_metadata_version(m);
    history_name(version, name);
    if ((version > n->news_after && forget_rotated(n->c, m, e) != 0) ||
        tuf_store_write(&n->c->store, name, bytes, e) != 0)
        return -1;
    return version > beaten_version(n->c) ? tuf_store_write(&n->c->store, ROOT_FILE, bytes, e) : 0;
}

static int accept_next(void *arg, const struct tm_buf *bytes, struct tm_err *e)
{
    struct next_root *n = arg;
    struct tuf_metadata *m = parse_next(n->c, bytes, e);
    if (m == NULL)
        return -1;
    if (keep_next(n, m, bytes, e) == 0)
        return set_root(n->c, m, bytes->data, bytes->len, e);
    tuf_metadata_free(m);
    return -1;
}

static int fetch_chain(struct tuf_client *c, struct tm_err *e)
{
    struct next_root n = {.c = c, .news_after = c->given ? beaten_version(c) : root_version(c)};
    for (int i = 0; i < TUF_ROOT_ROTATIONS_MAX; i++) {
        char file[64];
        snprintf(file, sizeof(file), "%" PRId64 ".root.json", root_version(c) + 1);
        enum tuf_mirror_result r = tuf_roles_fetch(c, file, TUF_ROOT_BYTES_MAX, accept_next, &n, e);
        if (r != MIRROR_OK)
            return r == MIRROR_ABSENT ? 0 : -1;
    }
    return 0;
}

int tuf_roots_update(struct tuf_client *c, struct tm_err *e)
{
    if ((!c->offline && fetch_chain(c, e) != 0) || check_not_undone(c, e) != 0 ||
        (!c->offline && keep_root(c, e) != 0))
        return -1;
    if (tuf_roles_check_expiry(c, c->top[TUF_ROOT], e) != 0)
        return tm_err_wrap(e, "root version %" PRId64, root_version(c));
    return 0;
}

/* ---- init ---- */

int tuf_roots_begin(struct tuf_store *s, const void *data, size_t len, struct tm_err *e)
{
    struct tm_buf bytes = {.data = (unsigned char *)data, .len = len};
    struct tm_buf next = {0};
    char name[64];
    struct tuf_metadata *m = tuf_roots_parse(data, len, e);
    if (m == NULL)
        return -1;
    int64_t version = tuf_metadata_version(m);
    tuf_metadata_free(m);
    int rc = 0;
    /* Later roots of the cache are what the user no longer wants to begin from. */
    for (int64_t later = version + 1; rc == 0; later++) {
        tm_buf_reset(&next);
        history_name(later, name);
        if (tuf_store_read(s, name, TUF_ROOT_BYTES_MAX, &next, e) == 0)
            break;
        rc = tuf_store_remove(s, name, e);
    }
    tm_buf_free(&next);
    history_name(version, name);
    if (rc == 0)
        rc = tuf_store_write(s, name, &bytes, e);
    return rc == 0 ? tuf_store_write(s, ROOT_FILE, &bytes, e) : -1;
}

/* Timestamp, snapshot and targets roles (spec §5.4 to §5.6). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tuf/client/internal.h"
#include "tuf/metadata/verify.h"

#define FILE_NAME_MAX (TUF_ROLE_NAME_MAX + 32)

/* ---- fetching into memory ---- */

struct download {
    struct tm_buf bytes;
    roles_accept accept;
    void *arg;
};

static int begin_bytes(void *arg, struct tm_err *e)
{
    struct download *d = arg;
    (void)e;
    tm_buf_reset(&d->bytes);
    return 0;
}

static int add_bytes(void *arg, const void *data, size_t len, struct tm_err *e)
{
    struct download *d = arg;
    tm_buf_append(&d->bytes, data, len);
    return buf_failed(&d->bytes) ? tm_err_set(e, "out of memory") : 0;
}

static int accept_bytes(void *arg, struct tm_err *e)
{
    struct download *d = arg;
    return d->accept(d->arg, &d->bytes, e);
}

enum tuf_mirror_result tuf_roles_fetch(struct tuf_client *c, const char *file, size_t max,
                                       roles_accept accept, void *arg, struct tm_err *e)
{
    struct download d = {.accept = accept, .arg = arg};
    struct tuf_mirror_sink sink = {begin_bytes, add_bytes, accept_bytes, &d};
    if (c->offline) {
        tm_err_set(e, "offline, and the cache has no valid '%s'", file);
        tm_err_mark(e, ERR_UNAVAILABLE);
        return MIRROR_FAILED;
    }
    enum tuf_mirror_result r = tuf_mirrors_get(&c->metadata, file, false, max, &sink, e);
    tm_buf_free(&d.bytes);
    return r;
}

int tuf_roles_check_expiry(const struct tuf_client *c, const struct tuf_metadata *m,
                           struct tm_err *e)
{
    char expired[21];
    char now[21];
    if (!tuf_metadata_expired(m, c->now))
        return 0;
    tm_clock_format(tuf_metadata_expires(m), expired);
    tm_clock_format(c->now, now);
    return tm_err_set(e, "freeze: expired at %s (it is %s): not renewed, or an old copy", expired,
                      now);
}

static size_t cap(int64_t pinned, size_t otherwise)
{
    if (pinned < 0)
        return otherwise;
    return (uint64_t)pinned < TUF_METADATA_MAX ? (size_t)pinned : TUF_METADATA_MAX;
}

/* "3.snapshot.json" with consistent snapshots, else "snapshot.json". */
static void file_name(const struct tuf_client *c, int64_t version, const char *role,
                      char out[FILE_NAME_MAX])
{
    if (tuf_root_consistent_snapshot(c->top[TUF_ROOT]))
        snprintf(out, FILE_NAME_MAX, "%" PRId64 ".%s.json", version, role);
    else
        snprintf(out, FILE_NAME_MAX, "%s.json", role);
}

/* Takes over `m`, which may be NULL. */
static struct tuf_metadata *if_signed(struct tuf_metadata *m, const struct tuf_signers *by,
                                      struct tm_err *e)
{
    if (m != NULL && tuf_verify(m, by, "unsigned", e) == 0)
        return m;
    tuf_metadata_free(m);
    return NULL;
}

static struct tuf_metadata *parse_signed(const struct tm_buf *bytes, enum tuf_role role,
                                         const struct tuf_signers *by, struct tm_err *e)
{
    return if_signed(tuf_metadata_parse(bytes->data, bytes->len, role, e), by, e);
}

static int check_pinned(const struct tuf_file_info *info, const struct tm_buf *bytes,
                        struct tm_err *e)
{
    return tuf_file_check(info, bytes->data, bytes->len, e) == 0 ? 0
                                                                 : tm_err_wrap(e, "mix-and-match");
}

static int check_version(const struct tuf_file_info *info, const struct tuf_metadata *m,
                         struct tm_err *e)
{
    if (tuf_metadata_version(m) == info->version)
        return 0;
    return tm_err_set(e, "mix-and-match: version %" PRId64 " where %" PRId64 " is signed",
                      tuf_metadata_version(m), info->version);
}

static void set_top(struct tuf_client *c, struct tuf_metadata *m)
{
    enum tuf_role role = tuf_metadata_role(m);
    tuf_metadata_free(c->top[role]);
    c->top[role] = m;
}

/*
 * What the cache holds for a role into *out, if it is signed by those who may sign it now; else
 * NULL. `info` pins length and hashes, or is NULL. -1: there is a file that cannot be read, so that
 * nobody knows what was seen before; taken for none, it would open the way back to older files.
 */
static int load_cached(const struct tuf_client *c, const char *file, enum tuf_role role,
                       const struct tuf_signers *by, const struct tuf_file_info *info,
                       struct tuf_metadata **out, struct tm_err *e)
{
    struct tm_buf b = {0};
    struct tm_err ignored;
    *out = NULL;
    int rc = tuf_store_read(&c->store, file, TUF_METADATA_MAX, &b, e);
    if (rc < 0)
        tm_err_wrap(e, "the cached %s, without which a rollback would go unseen", file);
    if (rc == 1 && (info == NULL || tuf_file_check(info, b.data, b.len, &ignored) == 0))
        *out = if_signed(tuf_metadata_parse_once(&b, role, &ignored), by, &ignored);
    tm_buf_free(&b);
    return rc < 0 ? -1 : 0;
}

/* The same, when it is of the version that `info` signs, and has not expired. */
static int load_current(const struct tuf_client *c, const char *file, enum tuf_role role,
                        const struct tuf_signers *by, const struct tuf_file_info *info,
                        struct tuf_metadata **out, struct tm_err *e)
{
    if (load_cached(c, file, role, by, info, out, e) != 0)
        return -1;
    if (*out == NULL ||
        (tuf_metadata_version(*out) == info->version && !tuf_metadata_expired(*out, c->now)))
        return 0;
    tuf_metadata_free(*out);
    *out = NULL;
    return 0;
}

/* ---- timestamp ---- */

static int check_not_older(const struct tuf_metadata *old, const struct tuf_metadata *new,
                           struct tm_err *e)
{
    struct tuf_file_info was;
    struct tuf_file_info is;
    if (tuf_metadata_version(new) < tuf_metadata_version(old))
        return rollback(e, "version %" PRId64 ", but %" PRId64 " is known already",
                        tuf_metadata_version(new), tuf_metadata_version(old));
    tuf_timestamp_snapshot(old, &was);
    tuf_timestamp_snapshot(new, &is);
    if (is.version < was.version)
        return rollback(e, "snapshot version %" PRId64 ", but %" PRId64 " is known already",
                        is.version, was.version);
    return 0;
}

static int accept_timestamp(void *arg, const struct tm_buf *bytes, struct tm_err *e)
{
    struct tuf_client *c = arg;
    struct tuf_metadata *old = c->top[TUF_TIMESTAMP];
    struct tuf_signers by;
    tuf_root_signers(c->top[TUF_ROOT], TUF_TIMESTAMP, &by);
    struct tuf_metadata *m = parse_signed(bytes, TUF_TIMESTAMP, &by, e);
    if (m == NULL)
        return -1;
    /* §5.4.3.1: the same version is no news, whatever it holds. */
    if (old != NULL && tuf_metadata_version(m) == tuf_metadata_version(old)) {
        tuf_metadata_free(m);
        return 0;
    }
    if ((old != NULL && check_not_older(old, m, e) != 0) || tuf_roles_check_expiry(c, m, e) != 0 ||
        tuf_store_write(&c->store, "timestamp.json", bytes, e) != 0) {
        tuf_metadata_free(m);
        return -1;
    }
    set_top(c, m);
    return 0;
}

int tuf_roles_update_timestamp(struct tuf_client *c, struct tm_err *e)
{
    struct tuf_signers by;
    tuf_root_signers(c->top[TUF_ROOT], TUF_TIMESTAMP, &by);
    struct tuf_metadata *cached;
    if (load_cached(c, "timestamp.json", TUF_TIMESTAMP, &by, NULL, &cached, e) != 0)
        return -1;
    if (cached != NULL)
        set_top(c, cached);
    if ((!c->offline || cached == NULL) &&
        tuf_roles_fetch(c, "timestamp.json", TUF_TIMESTAMP_BYTES_MAX, accept_timestamp, c, e) !=
            MIRROR_OK)
        return -1;
    if (tuf_roles_check_expiry(c, c->top[TUF_TIMESTAMP], e) != 0)
        return tm_err_wrap(e, "timestamp.json");
    return 0;
}

/* ---- snapshot ---- */

/* §5.5.5: nothing that was listed may vanish or get older. */
static int tuf_check_entry(void *arg, const char *name, const struct tuf_file_info *was,
                           struct tm_err *e)
{
    struct tuf_file_info is;
    if (!tuf_entry_find(arg, name, &is))
        return rollback(e, "'%.100s' is no longer listed", name);
    if (is.version < was->version)
        return rollback(e, "lists '%.100s' version %" PRId64 ", but %" PRId64 " is known already",
                        name, is.version, was->version);
    return 0;
}

static int check_entries(const struct tuf_metadata *old, struct tuf_metadata *new, struct tm_err *e)
{
    return tuf_entries_each(old, tuf_check_entry, new, e);
}

struct snapshot_update {
    struct tuf_client *c;
    struct tuf_file_info info;
    struct tuf_metadata *cached; /* signed, whatever its version and date; or NULL */
};

static int accept_snapshot(void *arg, const struct tm_buf *bytes, struct tm_err *e)
{
    struct snapshot_update *u = arg;
    struct tuf_signers by;
    tuf_root_signers(u->c->top[TUF_ROOT], TUF_SNAPSHOT, &by);
    if (check_pinned(&u->info, bytes, e) != 0)
        return -1;
    struct tuf_metadata *m = parse_signed(bytes, TUF_SNAPSHOT, &by, e);
    if (m == NULL)
        return -1;
    if (check_version(&u->info, m, e) != 0 ||
        (u->cached != NULL && check_entries(u->cached, m, e) != 0) ||
        tuf_roles_check_expiry(u->c, m, e) != 0 ||
        tuf_store_write(&u->c->store, "snapshot.json", bytes, e) != 0) {
        tuf_metadata_free(m);
        return -1;
    }
    set_top(u->c, m);
    return 0;
}

int tuf_roles_update_snapshot(struct tuf_client *c, struct tm_err *e)
{
    struct snapshot_update u = {.c = c};
    struct tuf_signers by;
    char file[FILE_NAME_MAX];
    tuf_timestamp_snapshot(c->top[TUF_TIMESTAMP], &u.info);
    tuf_root_signers(c->top[TUF_ROOT], TUF_SNAPSHOT, &by);
    struct tuf_metadata *m;
    if (load_current(c, "snapshot.json", TUF_SNAPSHOT, &by, &u.info, &m, e) != 0)
        return -1;
    if (m != NULL) {
        set_top(c, m);
        return 0;
    }
    if (load_cached(c, "snapshot.json", TUF_SNAPSHOT, &by, NULL, &u.cached, e) != 0)
        return -1;
    file_name(c, u.info.version, "snapshot", file);
    enum tuf_mirror_result r = tuf_roles_fetch(c, file, cap(u.info.length, TUF_SNAPSHOT_BYTES_MAX),
                                               accept_snapshot, &u, e);
    tuf_metadata_free(u.cached);
    return r == MIRROR_OK ? 0 : -1;
}

/* ---- targets, top-level and delegated ---- */

struct targets_update {
    struct tuf_client *c;
    const struct tuf_signers *by;
    struct tuf_file_info info;
    char file[FILE_NAME_MAX]; /* in the cache */
    struct tuf_metadata *m;
};

static int accept_targets(void *arg, const struct tm_buf *bytes, struct tm_err *e)
{
    struct targets_update *u = arg;
    if (check_pinned(&u->info, bytes, e) != 0)
        return -1;
    struct tuf_metadata *m = parse_signed(bytes, TUF_TARGETS, u->by, e);
    if (m == NULL)
        return -1;
    if (check_version(&u->info, m, e) != 0 || tuf_roles_check_expiry(u->c, m, e) != 0 ||
        tuf_store_write(&u->c->store, u->file, bytes, e) != 0) {
        tuf_metadata_free(m);
        return -1;
    }
    u->m = m;
    return 0;
}

static struct tuf_metadata *loaded(const struct tuf_client *c, const char *name)
{
    for (size_t i = 0; i < c->role_count; i++) {
        if (strcmp(c->roles[i].name, name) == 0)
            return c->roles[i].m;
    }
    return NULL;
}

/* Takes over `m`. */
static int keep_loaded(struct tuf_client *c, const char *name, struct tuf_metadata *m,
                       struct tm_err *e)
{
    struct tuf_delegated *grown = realloc(c->roles, (c->role_count + 1) * sizeof(*grown));
    char *copy = strdup(name);
    if (grown != NULL)
        c->roles = grown;
    if (grown == NULL || copy == NULL) {
        free(copy);
        tuf_metadata_free(m);
        return tm_err_set(e, "out of memory");
    }
    c->roles[c->role_count++] = (struct tuf_delegated){copy, m};
    return 0;
}

static int load_new(struct tuf_client *c, const char *name, const struct tuf_signers *by,
                    struct tuf_metadata **out, struct tm_err *e)
{
    struct targets_update u = {.c = c, .by = by};
    char encoded[TUF_ROLE_NAME_MAX + 1];
    char file[FILE_NAME_MAX];
    if (!tuf_snapshot_find(c->top[TUF_SNAPSHOT], name, &u.info))
        return tm_err_set(e, "snapshot.json does not list '%.100s.json'", name);
    if (!tuf_role_encode(name, encoded))
        return tm_err_set(e, "role '%.40s': the name is too long", name);
    snprintf(u.file, sizeof(u.file), "%s.json", encoded);
    if (load_current(c, u.file, TUF_TARGETS, by, &u.info, out, e) != 0)
        return -1;
    if (*out != NULL)
        return 0;
    file_name(c, u.info.version, encoded, file);
    if (tuf_roles_fetch(c, file, cap(u.info.length, TUF_TARGETS_BYTES_MAX), accept_targets, &u,
                        e) != MIRROR_OK)
        return -1;
    *out = u.m;
    return 0;
}

int tuf_roles_load_targets(struct tuf_client *c, const char *name, const struct tuf_signers *by,
                           struct tuf_metadata **out, struct tm_err *e)
{
    struct tuf_metadata *m = loaded(c, name);
    /* Reached by another way, it must be signed as that way asks. */
    if (m != NULL && tuf_verify(m, by, "unsigned", e) != 0)
        return tm_err_wrap(e, "role '%.100s'", name);
    if (m == NULL && (load_new(c, name, by, &m, e) != 0 || keep_loaded(c, name, m, e) != 0))
        return -1;
    *out = m;
    return 0;
}

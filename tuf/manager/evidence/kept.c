#include "tuf/manager/evidence/kept.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/utf8.h"
#include "tuf/metadata/build.h"
#include "tuf/manager/state/names.h"

#define OTHER_CONTENT "is kept with other content than was published"
#define NOT_PINNED "is kept with other content or signatures than its snapshot pins"
#define NOT_SIGNED "is kept without the signatures that any root here asks of it"

/* ---- what the lines say ---- */

static int add_event(struct tuf_kept *k, struct tm_err *e)
{
    for (size_t i = 0; i < k->event.count; i++) {
        const struct tuf_reviewed *r = &k->event.item[i];
        if (tuf_reviewed_add(&k->all, r->role, r->version, r->sha256, e) != 0)
            return -1;
    }
    tuf_reviewed_free(&k->event);
    return 0;
}

/* Most publications are refreshes that leave the snapshot as it is. */
static bool is_told(const struct tuf_kept *k, int64_t version, const char *sha256)
{
    const struct tuf_reviewed *last = k->all.count > 0 ? &k->all.item[k->all.count - 1] : NULL;
    return last != NULL && last->version == version && strcmp(last->sha256, sha256) == 0;
}

int tuf_kept_line(void *arg, const struct tuf_line *line, struct tm_err *e)
{
    struct tuf_kept *k = arg;
    int64_t snapshot = line->version[TUF_SNAPSHOT];
    if (tuf_line_is(line, "signed") && line->states && strlen(line->statement.digest) == 64) {
        const struct tuf_reviewed_list *said = &line->statement.roles;
        tuf_reviewed_free(&k->event);
        memcpy(k->digest, line->statement.digest, sizeof(k->digest));
        for (size_t i = 0; i < said->count; i++) {
            const struct tuf_reviewed *r = &said->item[i];
            if (tuf_reviewed_add(&k->event, r->role, r->version, r->sha256, e) != 0)
                return -1;
        }
    }
    if (tuf_line_is(line, "taken-over") && k->digest[0] == '\0' && k->all.count == 0)
        k->taken_over = true;
    if (!tuf_line_is_publication(line))
        return 0;
    if (line->digest != NULL && strcmp(line->digest, k->digest) == 0 && add_event(k, e) != 0)
        return -1;
    if (line->snapshot_sha256 == NULL || snapshot <= 0 ||
        is_told(k, snapshot, line->snapshot_sha256))
        return 0;
    return tuf_reviewed_add(&k->all, tuf_role_name(TUF_SNAPSHOT), snapshot, line->snapshot_sha256,
                            e);
}

/* ---- the files ---- */

static bool is_snapshot(const struct tuf_reviewed *r)
{
    return strcmp(r->role, tuf_role_name(TUF_SNAPSHOT)) == 0;
}

/* Snapshots last: by then what other roles should hold is told. */
static int by_version(const void *a, const void *b)
{
    const struct tuf_reviewed *x = a;
    const struct tuf_reviewed *y = b;
    int order = is_snapshot(x) - is_snapshot(y);
    if (order == 0)
        order = strcmp(x->role, y->role);
    return order != 0 ? order : (x->version > y->version) - (x->version < y->version);
}

/* The newest version that is in force: what a publication that was cut short names is beyond it. */
static int64_t newest(const struct tuf_published *p, const char *role)
{
    enum tuf_role top;
    if (tuf_role_from_name(role, &top) != 0)
        return tuf_published_highest(p, role);
    const struct tuf_metadata *m = tuf_published_role(p, top);
    return m != NULL ? tuf_metadata_version(m) : 0;
}

struct keeping {
    const struct tuf_published *p;
    const struct tuf_reviewed_list *named; /* in the order of by_version; told of: without sha256 */
    struct tuf_metadata *snapshot;         /* the last that was found good, or NULL */
    bool taken_over;
    struct tm_buf *faults;
};

static int tell(const struct keeping *k, const char *role, int64_t version, const char *why,
                struct tm_err *e)
{
    tm_buf_puts(k->faults, "transcript: ");
    tm_utf8_put(k->faults, role, strlen(role));
    tm_buf_printf(k->faults, " %lld ", (long long)version);
    tm_utf8_put(k->faults, why, strlen(why));
    buf_putc(k->faults, '\n');
    return buf_failed(k->faults) ? tm_err_set(e, "out of memory") : 0;
}

/* A file that a snapshot pins and the one before it did not. What a statement names has its content
 * checked by now, and its signatures are here; what was told is told once. */
static int check_pinned(void *arg, const char *name, const struct tuf_entry *was,
                        const struct tuf_entry *is, struct tm_err *e)
{
    const struct keeping *k = arg;
    struct tuf_file_info info;
    struct tm_err why = {0};
    char role[TUF_ROLE_NAME_MAX + 1];
    char file[NAMES_MAX];
    char path[PATH_MAX];
    struct tm_buf bytes = {0};
    (void)was;
    const struct tuf_reviewed key = {.role = role, .version = is != NULL ? is->version : 0};
    if (is == NULL || strlen(name) < strlen(".json"))
        return 0;
    snprintf(role, sizeof(role), "%.*s", (int)(strlen(name) - strlen(".json")), name);
    const struct tuf_reviewed *said =
        bsearch(&key, k->named->item, k->named->count, sizeof(key), by_version);
    if (said != NULL && said->sha256[0] == '\0')
        return 0;
    tuf_entry_info(is, &info);
    if (tuf_names_metadata(is->version, role, file, sizeof(file), e) != 0 ||
        tm_file_join(k->p->dir, file, path, sizeof(path), e) != 0)
        return -1;
    if (k->taken_over && k->snapshot == NULL && access(path, F_OK) != 0 && errno == ENOENT)
        return 0; /* others published it, in a tree without versions in names */
    bool read = tm_file_read(path, TUF_METADATA_MAX, &bytes, &why) == 0;
    bool same = read && tuf_file_check(&info, bytes.data, bytes.len, NULL) == 0;
    tm_buf_free(&bytes);
    return same ? 0 : tell(k, role, is->version, read ? NOT_PINNED : why.text, e);
}

/* Takes over `m`, whose content is that of a snapshot that was published. */
static int check_snapshot(struct keeping *k, struct tuf_metadata *m, struct tm_err *e)
{
    int rc = tuf_published_is_signed(k->p, m)
                 ? 0
                 : tell(k, tuf_role_name(TUF_SNAPSHOT), tuf_metadata_version(m), NOT_SIGNED, e);
    if (rc == 0)
        rc = tuf_entries_compare(k->snapshot, m, check_pinned, k, e);
    tuf_metadata_free(k->snapshot);
    k->snapshot = m;
    return rc;
}

/* `r` and the `count` - 1 after it are about one file: of two publications, the first was cut
 * short. */
static int check_file(struct keeping *k, struct tuf_reviewed *r, size_t count, struct tm_err *e)
{
    struct tm_err why = {0};
    char hex[65];
    bool same = false;
    struct tuf_metadata *m = tuf_published_version(k->p, r->role, r->version, &why);
    int rc = m != NULL ? tuf_metadata_sha256(m, hex, e) : 0;
    for (size_t i = 0; i < count && m != NULL && rc == 0 && !same; i++)
        same = strcmp(r[i].sha256, hex) == 0;
    if (same && tuf_metadata_role(m) == TUF_SNAPSHOT)
        return check_snapshot(k, m, e);
    if (rc == 0 && !same)
        rc = tell(k, r->role, r->version, m != NULL ? OTHER_CONTENT : why.text, e);
    for (size_t i = 0; i < count && !same; i++)
        r[i].sha256[0] = '\0';
    tuf_metadata_free(m);
    return rc;
}

int tuf_kept_check(struct tuf_kept *k, const struct tuf_published *p, struct tm_buf *faults,
                   struct tm_err *e)
{
    struct keeping keeping = {
        .p = p, .named = &k->all, .taken_over = k->taken_over, .faults = faults};
    struct tuf_reviewed *all = k->all.item;
    int rc = 0;
    if (k->all.count > 0)
        qsort(all, k->all.count, sizeof(*all), by_version);
    for (size_t i = 0, count; i < k->all.count && rc == 0; i += count) {
        count = 1;
        while (i + count < k->all.count && by_version(&all[i], &all[i + count]) == 0)
            count++;
        if (all[i].version <= newest(p, all[i].role))
            rc = check_file(&keeping, &all[i], count, e);
    }
    tuf_metadata_free(keeping.snapshot);
    return rc;
}

void tuf_kept_free(struct tuf_kept *k)
{
    tuf_reviewed_free(&k->event);
    tuf_reviewed_free(&k->all);
}

#include "tuf/manager/evidence/kept.h"

#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "tuf/metadata/build.h"

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

static int by_version(const void *a, const void *b)
{
    const struct tuf_reviewed *x = a;
    const struct tuf_reviewed *y = b;
    int order = strcmp(x->role, y->role);
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

/* `r` and the `count` - 1 after it are about one file: of two publications, the first was cut
 * short. */
static int check_file(const struct tuf_published *p, const struct tuf_reviewed *r, size_t count,
                      struct tm_buf *faults, struct tm_err *e)
{
    struct tm_err why = {0};
    char hex[65];
    bool same = false;
    struct tuf_metadata *m = tuf_published_version(p, r->role, r->version, &why);
    if (m != NULL && tuf_metadata_sha256(m, hex, e) != 0) {
        tuf_metadata_free(m);
        return -1;
    }
    for (size_t i = 0; i < count && m != NULL && !same; i++)
        same = strcmp(r[i].sha256, hex) == 0;
    if (!same) {
        tm_buf_puts(faults, "transcript: ");
        tm_utf8_put(faults, r->role, strlen(r->role));
        tm_buf_printf(faults, " %lld ", (long long)r->version);
        if (m != NULL)
            tm_buf_puts(faults, "is kept with other content than was published");
        else
            tm_utf8_put(faults, why.text, strlen(why.text));
        buf_putc(faults, '\n');
    }
    tuf_metadata_free(m);
    return buf_failed(faults) ? tm_err_set(e, "out of memory") : 0;
}

int tuf_kept_check(struct tuf_kept *k, const struct tuf_published *p, struct tm_buf *faults,
                   struct tm_err *e)
{
    const struct tuf_reviewed *all = k->all.item;
    int rc = 0;
    if (k->all.count > 0)
        qsort(k->all.item, k->all.count, sizeof(*all), by_version);
    for (size_t i = 0, count; i < k->all.count && rc == 0; i += count) {
        count = 1;
        while (i + count < k->all.count && by_version(&all[i], &all[i + count]) == 0)
            count++;
        if (all[i].version <= newest(p, all[i].role))
            rc = check_file(p, &all[i], count, faults, e);
    }
    return rc;
}

void tuf_kept_free(struct tuf_kept *k)
{
    tuf_reviewed_free(&k->event);
    tuf_reviewed_free(&k->all);
}

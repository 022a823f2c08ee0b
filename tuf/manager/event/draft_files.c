#include <string.h>

#include "common/file.h"
#include "common/json/strictjson.h"
#include "tuf/manager/event/draft.h"
#include "tuf/manager/state/names.h"

/* 1: read, 0: there is none or it is too large to travel. */
static int read_small(const char *dir, const char *name, struct tm_buf *out)
{
    char path[PATH_MAX];
    return tm_file_join(dir, name, path, sizeof(path), NULL) == 0 &&
           tm_file_read(path, EVENT_FILE_MAX, out, NULL) == 0;
}

static int read_published(const struct tuf_published *p, const char *path, const json_t *entry,
                          struct tm_buf *out)
{
    struct tm_buf name = {0};
    const char *hash = tm_strictjson_str(json_object_get(entry, "hashes"), "sha256");
    int rc = 0;
    if (hash != NULL) {
        tuf_names_target(path, hash, &name);
        rc = tm_buf_str(&name) != NULL && read_small(p->dir, tm_buf_str(&name), out);
    }
    tm_buf_free(&name);
    return rc;
}

static bool changed(const json_t *before, const json_t *after)
{
    return before == NULL || after == NULL ||
           json_equal(json_object_get(before, "hashes"), json_object_get(after, "hashes")) != 1;
}

static const char first[] = "trusted_root.json"; /* without it nobody signs: see review.c */

#define FILE_COST 4096 /* of one, however small: a review tells of 2,000, not of 100,000 */

struct files {
    const struct tuf_published *p;
    struct tuf_event *ev;
    const char *dir; /* of the targets */
    bool only_first; /* else all others */
    size_t total;
};

static int add_one(void *arg, const char *path, const json_t *was, const json_t *is,
                   struct tm_err *e)
{
    struct files *f = arg;
    struct tm_buf before = {0};
    struct tm_buf after = {0};
    int rc = 0;
    if ((strcmp(path, first) == 0) != f->only_first)
        return 0;
    if (is != NULL && changed(was, is) && f->total + FILE_COST <= EVENT_FILES_MAX &&
        read_small(f->dir, path, &after) && f->total + FILE_COST + after.len <= EVENT_FILES_MAX) {
        int had = was != NULL && read_published(f->p, path, was, &before);
        f->total += FILE_COST + after.len + before.len;
        rc = tuf_event_add_file(f->ev, path, had ? &before : NULL, &after, e);
    }
    tm_buf_free(&before);
    tm_buf_free(&after);
    return rc;
}

int tuf_draft_add_files(const struct tuf_workspace *w, const struct tuf_published *p,
                        struct tuf_event *ev, struct tm_err *e)
{
    const struct tuf_event_role *r = tuf_event_find(ev, "targets");
    char dir[PATH_MAX];
    if (r == NULL || r->proposed == NULL)
        return 0;
    if (tuf_workspace_path(w, w->policy.targets, dir, sizeof(dir), e) != 0)
        return -1;
    struct files f = {.p = p, .ev = ev, .dir = dir, .only_first = true};
    if (tuf_entries_compare(r->base, r->proposed, add_one, &f, e) != 0)
        return -1;
    f.only_first = false;
    return tuf_entries_compare(r->base, r->proposed, add_one, &f, e);
}

/* A role's files on their way into the tree: metadata, and the targets that it lists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/manager/publish/internal.h"
#include "tuf/manager/state/names.h"

int tuf_publication_put_role(struct tuf_publication *p, const char *role,
                             const struct tuf_metadata *m, bool indented, struct tm_err *e)
{
    struct tuf_meta_put new = {.version = tuf_metadata_version(m)};
    char name[NAMES_MAX];
    if (tuf_names_metadata(new.version, role, name, sizeof(name), e) != 0 ||
        tuf_stage_put(&p->stage, STAGE_METADATA, name, m, indented, &new.pin, e) != 0)
        return -1;
    struct tuf_meta_put *grown = realloc(p->put, (p->put_count + 1) * sizeof(*grown));
    if (grown != NULL)
        p->put = grown;
    if (grown == NULL || asprintf(&new.name, "%s.json", role) < 0)
        return tm_err_set(e, "out of memory");
    p->put[p->put_count++] = new;
    return 0;
}

static void add_sample(struct tuf_publication *p, const char *path)
{
    if (p->samples < PUBLISH_SAMPLES_MAX && (p->sample[p->samples] = strdup(path)) != NULL)
        p->samples++;
}

static int put_file(struct tuf_publication *p, const char *dir, const char *path,
                    const struct tuf_entry *entry, struct tm_err *e)
{
    char from[PATH_MAX];
    struct tm_buf name = {0};
    struct tuf_file_info info;
    tuf_entry_info(entry, &info);
    const char *hash = tuf_names_hash(&info);
    if (tuf_names_target_ok(path, e) != 0)
        return -1;
    if (hash == NULL)
        return tm_err_set(e, "target '%.200s' has neither sha256 nor sha512", path);
    if (tm_file_join(dir, path, from, sizeof(from), e) != 0)
        return -1;
    tuf_names_target(path, hash, &name);
    int rc = tm_buf_str(&name) == NULL
                 ? tm_err_set(e, "out of memory")
                 : tuf_stage_put_target(&p->stage, tm_buf_str(&name), from, hash, entry->length, e);
    tm_buf_free(&name);
    return rc;
}

int tuf_publication_put_files(struct tuf_publication *p, const struct tuf_metadata *m,
                              const char *directory, struct tm_err *e)
{
    char dir[PATH_MAX];
    struct tm_buf path = {0};
    int rc = tuf_workspace_path(p->w, directory, dir, sizeof(dir), e);
    for (size_t i = 0; i < tuf_entries_count(m) && rc == 0; i++) {
        struct tuf_entry entry = {0};
        tuf_progress_tell(p->o->progress, "targets put in place", p->files_put++);
        rc = tuf_entry_get(m, i, &path, &entry, e);
        if (rc == 0)
            rc = put_file(p, dir, tm_buf_str(&path), &entry, e);
        if (rc == 0 && i < PUBLISH_SAMPLES_EACH)
            add_sample(p, tm_buf_str(&path));
        tuf_free_entry(&entry);
    }
    tm_buf_free(&path);
    return rc;
}

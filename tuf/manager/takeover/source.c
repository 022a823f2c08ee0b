/* Where others keep metadata and target files, and the names that they have there. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "tuf/manager/report/remote.h"
#include "tuf/manager/state/names.h"
#include "tuf/manager/takeover/internal.h"

/* ---- finding ---- */

static int place(char out[SOURCE_PLACE_MAX], const char *base, const char *below, struct tm_err *e)
{
    size_t len = strlen(base);
    while (len > 1 && base[len - 1] == '/')
        len--;
    int n = snprintf(out, SOURCE_PLACE_MAX, "%.*s%s%s", (int)len, base, below[0] != '\0' ? "/" : "",
                     below);
    return n >= 0 && n < SOURCE_PLACE_MAX ? 0 : tm_err_set(e, "'%.100s': too long", base);
}

/* 1: there is one, 0, -1: it cannot be asked. */
static int has_timestamp(const char *where, struct tm_err *e)
{
    char path[SOURCE_PLACE_MAX];
    if (tuf_remote_is_url(where))
        return tuf_remote_has(where, "timestamp.json", e);
    if (place(path, where, "timestamp.json", e) != 0)
        return -1;
    return access(path, F_OK) == 0;
}

static int find_metadata(const char *from, char out[SOURCE_PLACE_MAX], struct tm_err *e)
{
    static const char *const below[] = {"", "metadata", "repository", "repository/metadata"};
    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        if (place(out, from, below[i], e) != 0)
            return -1;
        int found = has_timestamp(out, e);
        if (found != 0)
            return found > 0 ? 0 : -1;
    }
    tm_err_set(e,
               "'%.200s' holds no timestamp.json, nor does a folder metadata/ in it: no TUF "
               "repository",
               from);
    return tm_err_mark(e, ERR_UNAVAILABLE);
}

static void add_targets(struct tuf_source *s, const char *base, const char *below)
{
    if (place(s->targets[s->target_count], base, below, NULL) == 0)
        s->target_count++;
}

int tuf_source_find(const struct tuf_takeover_options *o, struct tuf_source *out, struct tm_err *e)
{
    char above[SOURCE_PLACE_MAX];
    *out = (struct tuf_source){0};
    if (find_metadata(o->from, out->metadata, e) != 0)
        return -1;
    if (o->targets != NULL) {
        add_targets(out, o->targets, "");
        return 0;
    }
    add_targets(out, out->metadata, "targets");
    snprintf(above, sizeof(above), "%s", out->metadata);
    char *slash = strrchr(above, '/');
    if (slash != NULL && slash > above && slash[-1] != '/') {
        *slash = '\0';
        add_targets(out, above, "targets");
    } else if (slash == NULL) {
        add_targets(out, ".", "targets");
    }
    return 0;
}

/* ---- copying a directory ---- */

static int copy_file(const char *from, const char *to_dir, const char *name, struct tm_err *e)
{
    char to[PATH_MAX];
    struct tm_buf bytes = {0};
    int rc = tm_file_read(from, TUF_METADATA_MAX, &bytes, e);
    if (rc == 0)
        rc = tm_file_join(to_dir, name, to, sizeof(to), e);
    if (rc == 0)
        rc = tm_file_write_passing(to, 0644, bytes.data, bytes.len, e);
    tm_buf_free(&bytes);
    return rc;
}

/* "12.targets.json" */
static bool has_version(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    size_t len = strlen(name);
    return digits > 0 && digits < 16 && name[digits] == '.' && len > digits + 6 &&
           strcmp(name + len - 5, ".json") == 0;
}

/* Every version that is there stays there for clients that are on their way. */
static int copy_versions(const char *dir, const char *to, struct tm_err *e)
{
    char path[PATH_MAX];
    struct dirent *entry;
    DIR *d = opendir(dir);
    int rc = 0;
    if (d == NULL)
        return errno == ENOENT ? 0 : tm_err_errno(e, "read '%s'", dir);
    while (rc == 0 && (entry = readdir(d)) != NULL) {
        if (has_version(entry->d_name) &&
            (rc = tm_file_join(dir, entry->d_name, path, sizeof(path), e)) == 0)
            rc = copy_file(path, to, entry->d_name, e);
    }
    closedir(d);
    return rc;
}

/* A role that is kept without its version in the name, as tuf-on-ci does: `names` to try. */
static int copy_current(const char *dir, const char *to, int64_t version, const char *role,
                        struct tm_err *e)
{
    char want[NAMES_MAX];
    char plain[NAMES_MAX];
    char path[PATH_MAX];
    if (tuf_names_metadata(version, role, want, sizeof(want), e) != 0)
        return -1;
    const char *encoded = strchr(want, '.') + 1;
    if (tm_file_is_in(to, want))
        return 0;
    snprintf(plain, sizeof(plain), "%s.json", role);
    const char *name = tm_file_is_in(dir, encoded)                              ? encoded
                       : strchr(role, '/') == NULL && tm_file_is_in(dir, plain) ? plain
                                                                                : NULL;
    if (name == NULL)
        return 0; /* whether it is missed shows when the tree is read */
    return tm_file_join(dir, name, path, sizeof(path), e) == 0 ? copy_file(path, to, want, e) : -1;
}

static struct tuf_metadata *read_one(const char *dir, const char *name, enum tuf_role role,
                                     struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf bytes = {0};
    struct tuf_metadata *m = NULL;
    if (tm_file_join(dir, name, path, sizeof(path), e) == 0 &&
        tm_file_read(path, TUF_METADATA_MAX, &bytes, e) == 0 &&
        (m = tuf_metadata_parse(bytes.data, bytes.len, role, e)) == NULL)
        tm_err_wrap(e, "'%s'", path);
    tm_buf_free(&bytes);
    return m;
}

struct listed {
    const char *from, *to;
};

static int copy_listed(void *arg, const char *file, const struct tuf_file_info *info,
                       struct tm_err *e)
{
    const struct listed *l = arg;
    char role[TUF_ROLE_NAME_MAX + 1];
    size_t len = strlen(file);
    if (len < 6 || len - 5 >= sizeof(role))
        return 0;
    snprintf(role, sizeof(role), "%.*s", (int)(len - 5), file);
    return copy_current(l->from, l->to, info->version, role, e);
}

/* Snapshot, and what it lists. */
static int copy_current_roles(const char *dir, const char *to, struct tm_err *e)
{
    struct listed l = {dir, to};
    struct tuf_file_info info;
    char name[NAMES_MAX];
    struct tuf_metadata *snapshot = NULL;
    struct tuf_metadata *timestamp = read_one(to, "timestamp.json", TUF_TIMESTAMP, e);
    if (timestamp == NULL)
        return -1;
    tuf_timestamp_snapshot(timestamp, &info);
    int rc = copy_current(dir, to, info.version, "snapshot", e);
    if (rc == 0)
        rc = tuf_names_metadata(info.version, "snapshot", name, sizeof(name), e);
    if (rc == 0 && (snapshot = read_one(to, name, TUF_SNAPSHOT, e)) == NULL)
        rc = -1;
    if (rc == 0)
        rc = tuf_entries_each(snapshot, copy_listed, &l, e);
    tuf_metadata_free(snapshot);
    tuf_metadata_free(timestamp);
    return rc;
}

/* root.json, in case no file has its version in the name. */
static int copy_newest_root(const char *dir, const char *to, struct tm_err *e)
{
    char name[NAMES_MAX];
    if (!tm_file_is_in(dir, "root.json"))
        return 0;
    struct tuf_metadata *m = read_one(dir, "root.json", TUF_ROOT, e);
    int64_t version = m != NULL ? tuf_metadata_version(m) : 0;
    tuf_metadata_free(m);
    if (version == 0)
        return -1;
    snprintf(name, sizeof(name), "%s/root.json", dir);
    if (copy_file(name, to, "root.json", e) != 0)
        return -1;
    return copy_current(dir, to, version, "root", e);
}

static int copy_directory(const char *dir, const char *to, struct tm_err *e)
{
    char path[PATH_MAX];
    if (tm_file_join(dir, "root_history", path, sizeof(path), e) != 0 ||
        copy_versions(path, to, e) != 0 || copy_versions(dir, to, e) != 0 ||
        copy_newest_root(dir, to, e) != 0 ||
        tm_file_join(dir, "timestamp.json", path, sizeof(path), e) != 0 ||
        copy_file(path, to, "timestamp.json", e) != 0)
        return -1;
    return copy_current_roles(dir, to, e);
}

int tuf_source_copy(const struct tuf_source *s, const char *dir, struct tm_err *e)
{
    return tuf_remote_is_url(s->metadata) ? tuf_remote_copy(s->metadata, dir, e)
                                          : copy_directory(s->metadata, dir, e);
}

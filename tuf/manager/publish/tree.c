#include "tuf/manager/publish/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

static int make_one(const char *path, struct tm_err *e)
{
    struct stat st;
    if (mkdir(path, 0755) == 0)
        return chmod(path, 0755) == 0 ? 0 : tm_err_errno(e, "chmod '%s'", path);
    if (errno == EEXIST && stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return 0;
        errno = ENOTDIR;
    }
    return tm_err_errno(e, "create directory '%s'", path);
}

int tuf_tree_make(const char *path, struct tm_err *e)
{
    char part[PATH_MAX];
    if ((size_t)snprintf(part, sizeof(part), "%s", path) >= sizeof(part))
        return tm_err_set(e, "'%.100s': the path is too long", path);
    for (char *p = strchr(part + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        *p = '\0';
        if (make_one(part, e) != 0)
            return -1;
        *p = '/';
    }
    return make_one(part, e);
}

int tuf_tree_make_parent(const char *path, struct tm_err *e)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return 0;
    if ((size_t)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path) >= sizeof(dir))
        return tm_err_set(e, "'%.100s': the path is too long", path);
    return tuf_tree_make(dir, e);
}

static FTS *walk(const char *path)
{
    char *const paths[] = {(char *)path, NULL};
    return fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
}

int tuf_tree_remove(const char *path, struct tm_err *e)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0 : tm_err_errno(e, "'%s'", path);
    FTS *fts = walk(path);
    int rc = fts != NULL ? 0 : tm_err_errno(e, "read '%s'", path);
    FTSENT *f;
    while (rc == 0 && (f = fts_read(fts)) != NULL) {
        bool dir = f->fts_info == FTS_DP || f->fts_info == FTS_DNR;
        if (f->fts_info == FTS_D)
            continue;
        if ((dir ? rmdir(f->fts_accpath) : unlink(f->fts_accpath)) != 0 && errno != ENOENT)
            rc = tm_err_errno(e, "remove '%s'", f->fts_path);
    }
    if (fts != NULL)
        fts_close(fts);
    return rc;
}

static int link_entry(const FTSENT *f, const char *from, const char *to, struct tm_err *e)
{
    char target[PATH_MAX];
    struct stat st;
    const char *below = f->fts_path + strlen(from);
    if ((size_t)snprintf(target, sizeof(target), "%s%s", to, below) >= sizeof(target))
        return tm_err_set(e, "'%.100s': the path is too long", f->fts_path);
    if (f->fts_info == FTS_D) {
        if (stat(f->fts_accpath, &st) != 0 || mkdir(target, 0700) != 0 ||
            chmod(target, st.st_mode & 07777) != 0)
            return tm_err_errno(e, "make directory '%s'", target);
        return 0;
    }
    if (f->fts_info == FTS_DP)
        return 0;
    if (f->fts_info == FTS_ERR || f->fts_info == FTS_DNR || f->fts_info == FTS_NS) {
        errno = f->fts_errno;
        return tm_err_errno(e, "read '%s'", f->fts_path);
    }
    return link(f->fts_accpath, target) == 0 ? 0 : tm_err_errno(e, "link '%s'", target);
}

int tuf_tree_link(const char *from, const char *to, const char *skip, struct tm_err *e)
{
    FTS *fts = walk(from);
    int rc = fts != NULL ? 0 : tm_err_errno(e, "read '%s'", from);
    FTSENT *f;
    while (rc == 0 && (f = fts_read(fts)) != NULL) {
        if (skip != NULL && f->fts_level == 1 && strcmp(f->fts_name, skip) == 0) {
            if (f->fts_info == FTS_D)
                fts_set(fts, f, FTS_SKIP);
            continue;
        }
        rc = link_entry(f, from, to, e);
    }
    if (fts != NULL)
        fts_close(fts);
    return rc;
}

#define DEPTH_MAX 64

struct walking {
    const char *dir;
    tree_walk_fn each;
    void *arg;
    unsigned depth;
};

static bool is_folder(DIR *d, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int walk_folder(struct walking *w, const char *path, struct tm_err *e)
{
    char name[PATH_MAX];
    struct dirent *entry;
    if (tm_file_join(w->dir, path, name, sizeof(name), e) != 0)
        return -1;
    int rc = w->each(w->arg, path, true, e);
    if (rc != 0)
        return rc > 0 ? 0 : rc;
    if (w->depth == DEPTH_MAX)
        return tm_err_set(e, "'%s' is over %d folders deep", name, DEPTH_MAX);
    DIR *d = opendir(name);
    if (d == NULL)
        return errno == ENOENT ? 0 : tm_err_errno(e, "read '%s'", name);
    w->depth++;
    while (rc == 0 && (entry = readdir(d)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        rc = path[0] != '\0' ? tm_file_join(path, entry->d_name, name, sizeof(name), e)
                             : snprintf(name, sizeof(name), "%s", entry->d_name) < 0;
        if (rc == 0)
            rc = is_folder(d, entry) ? walk_folder(w, name, e) : w->each(w->arg, name, false, e);
    }
    w->depth--;
    closedir(d);
    return rc;
}

int tuf_tree_walk(const char *dir, const char *name, tree_walk_fn each, void *arg, struct tm_err *e)
{
    struct walking w = {.dir = dir, .each = each, .arg = arg};
    return walk_folder(&w, name, e);
}

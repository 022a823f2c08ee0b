#include "tools/tenmint-ca/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

int owner_find(const char *name, struct owner *out, struct tm_err *e)
{
    char room[4096];
    struct passwd entry, *found = NULL;
    const char *wanted = name != NULL ? name : OWNER_DEFAULT;
    *out = (struct owner){0};
    if (name == NULL && geteuid() != 0)
        return 0;
    int rc = getpwnam_r(wanted, &entry, room, sizeof(room), &found);
    if (found == NULL && name == NULL)
        return 0;
    if (found == NULL)
        return tm_err_set(e, "--user: there is no user '%s'%s", wanted,
                          rc != 0 ? " that can be looked up" : "");
    *out = (struct owner){.given = true, .uid = entry.pw_uid, .gid = entry.pw_gid, .name = wanted};
    return 0;
}

static int give_one(const struct owner *o, const char *path, struct tm_err *e)
{
    if (lchown(path, o->uid, o->gid) == 0)
        return 0;
    return tm_err_errno(e, "give '%s' to user '%s'%s", path, o->name,
                        errno == EPERM ? " (run this as root)" : "");
}

int owner_give(const struct owner *o, const char *path, struct tm_err *e)
{
    char start[PATH_MAX];
    if (!o->given || access(path, F_OK) != 0)
        return 0;
    if (snprintf(start, sizeof(start), "%s", path) >= (int)sizeof(start))
        return tm_err_set(e, "the path is too long: '%.100s...'", path);
    char *roots[] = {start, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    if (walk == NULL)
        return tm_err_errno(e, "look through '%s'", path);
    int rc = 0;
    for (FTSENT *at = NULL; rc == 0 && (at = fts_read(walk)) != NULL;) {
        errno = at->fts_errno;
        if (at->fts_info == FTS_DNR || at->fts_info == FTS_ERR || at->fts_info == FTS_NS)
            rc = tm_err_errno(e, "look through '%s'", at->fts_path);
        else if (at->fts_info != FTS_D) /* a folder after what is in it */
            rc = give_one(o, at->fts_path, e);
    }
    fts_close(walk);
    return rc;
}

int owner_admit(const struct owner *o, const char *dir, struct tm_err *e)
{
    if (!o->given)
        return 0;
    if (chown(dir, (uid_t)-1, o->gid) != 0 || chmod(dir, 0750) != 0)
        return tm_err_errno(e, "let user '%s' look into '%s'%s", o->name, dir,
                            errno == EPERM ? " (run this as root)" : "");
    return 0;
}

int owner_take(const char *from, const char *to, struct tm_err *e)
{
    struct stat have, want;
    if (stat(to, &want) != 0)
        return 0;
    if (stat(from, &have) != 0)
        return tm_err_errno(e, "stat '%s'", from);
    if (have.st_uid == want.st_uid && have.st_gid == want.st_gid)
        return 0;
    return chown(from, want.st_uid, want.st_gid) == 0
               ? 0
               : tm_err_errno(e, "give '%s' the owner of '%s' (run this as root)", from, to);
}

int owner_replace(const char *path, const struct tm_buf *text, struct tm_err *e)
{
    struct stat st;
    struct tm_file_stream f;
    if (stat(path, &st) != 0)
        return tm_err_errno(e, "look at '%s'", path);
    if (tm_file_stream_open(&f, path, st.st_mode & 07777, e) != 0)
        return -1;
    int rc = owner_take(f.tmp, path, e);
    if (rc == 0)
        rc = tm_file_stream_write(&f, text->data, text->len, e);
    if (rc == 0)
        rc = tm_file_stream_commit(&f, e);
    tm_file_stream_abort(&f);
    return rc;
}

int owner_lock(const char *path, struct tm_err *e)
{
    for (;;) {
        struct stat held;
        struct stat now;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || flock(fd, LOCK_EX) != 0 || fstat(fd, &held) != 0 || stat(path, &now) != 0) {
            tm_err_errno(e, "lock '%s'", path);
            if (fd >= 0)
                close(fd);
            return -1;
        }
        if (held.st_ino == now.st_ino && held.st_dev == now.st_dev)
            return fd;
        close(fd);
    }
}

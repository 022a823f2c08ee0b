#include "tools/tenmint-ca/init/init_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/file.h"
#include "tools/tenmint-ca/setup.h"

#define ACL_MAX 4096

/* By its real path: a link stays, and leads to what is made. */
static int name(struct init_stage *s, const char *place, struct tm_err *e)
{
    char real[PATH_MAX];
    const char *path = realpath(place, real) != NULL ? real : place;
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (len == 0 ||
        snprintf(s->place, sizeof(s->place), "%.*s", (int)len, path) >= (int)sizeof(s->place) - 16)
        return tm_err_set(e, "a directory's path is needed, and not a longer one than %zu bytes",
                          sizeof(s->place) - 16);
    snprintf(s->dir, sizeof(s->dir), "%.*s.init", (int)len, s->place);
    return 0;
}

static enum init_stage_state busy(const struct init_stage *s, struct tm_err *e)
{
    (void)tm_err_set(e, "another init is making '%s' at this moment", s->place);
    return INIT_STAGE_BUSY;
}

/* Whose lock it is that we hold: the directory may have been moved to its place meanwhile. */
static bool still_there(const struct init_stage *s)
{
    struct stat held;
    struct stat named;
    return fstat(s->lock, &held) == 0 && stat(s->dir, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

static void unlock(struct init_stage *s)
{
    if (s->lock >= 0)
        close(s->lock);
    s->lock = -1;
}

static enum init_stage_state lock(struct init_stage *s, struct tm_err *e)
{
    s->lock = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (s->lock < 0 && errno == ENOENT)
        return busy(s, e);
    if (s->lock < 0)
        return tm_err_errno(e, "open '%s'", s->dir);
    if (flock(s->lock, LOCK_EX | LOCK_NB) == 0 && still_there(s))
        return INIT_STAGE_BEGUN;
    unlock(s); /* what another holds is not ours to remove */
    return busy(s, e);
}

/* What an earlier run left when it was killed. */
static enum init_stage_state clear(struct init_stage *s, struct tm_err *e)
{
    char mark[PATH_MAX];
    enum init_stage_state state = lock(s, e);
    if (state == INIT_STAGE_BEGUN)
        state = tm_file_join(s->dir, INIT_STAGE_MARK, mark, sizeof(mark), e);
    if (state == INIT_STAGE_BEGUN && access(mark, F_OK) != 0 && rmdir(s->dir) != 0)
        state = tm_err_set(e, "'%s' is in the way, and was not made by init: move it", s->dir);
    if (state == INIT_STAGE_BEGUN && access(mark, F_OK) == 0)
        state = tm_file_remove_tree(s->dir, e);
    unlock(s);
    s->cleared = state == INIT_STAGE_BEGUN;
    return state;
}

/* By one call: a run that is killed leaves the mark, or an empty folder, and nothing between. */
static int put_mark(const char *path, struct tm_err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return tm_err_errno(e, "create '%s'", path);
    close(fd);
    return 0;
}

/* An empty folder that is replaced was made so by somebody: its owner, mode and access lists. */
static int take_after(const struct init_stage *s, struct tm_err *e)
{
    static const char *const lists[] = {"system.posix_acl_access", "system.posix_acl_default"};
    struct stat st;
    char list[ACL_MAX];
    if (stat(s->place, &st) != 0)
        return errno == ENOENT ? 0 : tm_err_errno(e, "'%s'", s->place);
    bool same = st.st_uid == geteuid() && st.st_gid == getegid();
    bool taken = (same || fchown(s->lock, st.st_uid, st.st_gid) == 0) &&
                 fchmod(s->lock, st.st_mode & 07777) == 0;
    for (size_t i = 0; taken && i < sizeof(lists) / sizeof(lists[0]); i++) {
        ssize_t n = getxattr(s->place, lists[i], list, sizeof(list));
        taken = n >= 0 ? fsetxattr(s->lock, lists[i], list, (size_t)n, 0) == 0
                       : errno == ENODATA || errno == ENOTSUP;
    }
    return taken ? 0 : tm_err_errno(e, "give '%s' the owner and mode of '%s'", s->dir, s->place);
}

static enum init_stage_state make(struct init_stage *s, struct tm_err *e)
{
    char mark[PATH_MAX];
    if (mkdir(s->dir, 0700) != 0)
        return errno == EEXIST ? busy(s, e) : tm_err_errno(e, "make directory '%s'", s->dir);
    enum init_stage_state state = lock(s, e);
    if (state == INIT_STAGE_BEGUN)
        state = tm_file_join(s->dir, INIT_STAGE_MARK, mark, sizeof(mark), e);
    if (state == INIT_STAGE_BEGUN)
        state = put_mark(mark, e);
    return state == INIT_STAGE_BEGUN ? take_after(s, e) : state;
}

static enum init_stage_state check_place(const struct init_stage *s, struct tm_err *e)
{
    struct stat st;
    char parent[PATH_MAX];
    struct stat here;
    if (lstat(s->place, &st) == 0) {
        bool inside = stat(".", &here) == 0 && here.st_ino == st.st_ino && here.st_dev == st.st_dev;
        enum init_stage_state state = setup_directory_is_empty(s->place, e);
        if (state == INIT_STAGE_BEGUN && inside)
            state = tm_err_set(e,
                               "'%s' is replaced by what is made, and you are in it: name it "
                               "from another directory",
                               s->place);
        return state;
    }
    if (errno != ENOENT)
        return tm_err_errno(e, "'%s'", s->place);
    snprintf(parent, sizeof(parent), "%s", s->place);
    return tm_file_mkdirs(dirname(parent), 0755, e);
}

enum init_stage_state init_stage_begin(struct init_stage *s, const char *place, struct tm_err *e)
{
    *s = (struct init_stage){.lock = -1};
    enum init_stage_state state = name(s, place, e);
    if (state == INIT_STAGE_BEGUN)
        state = check_place(s, e);
    if (state == INIT_STAGE_BEGUN && access(s->dir, F_OK) == 0)
        state = clear(s, e);
    if (state == INIT_STAGE_BEGUN)
        state = make(s, e);
    if (state == INIT_STAGE_BEGUN)
        state = check_place(s, e); /* another run may have ended before we had the lock */
    if (state != INIT_STAGE_BEGUN)
        init_stage_drop(s);
    return state;
}

void init_stage_drop(struct init_stage *s)
{
    if (s->lock >= 0 && still_there(s))
        (void)tm_file_remove_tree(s->dir, NULL);
    unlock(s);
}

int init_stage_commit(struct init_stage *s, struct tm_err *e)
{
    char mark[PATH_MAX];
    char parent[PATH_MAX];
    snprintf(parent, sizeof(parent), "%s", s->place);
    int rc = tm_file_join(s->place, INIT_STAGE_MARK, mark, sizeof(mark), e);
    if (rc == 0)
        rc = tm_file_sync_dir(s->dir, e);
    if (rc == 0 && rename(s->dir, s->place) != 0)
        rc = tm_err_errno(e, "move '%s' to '%s'%s", s->dir, s->place,
                          errno == EBUSY ? " (a mount point: name a directory in it)" : "");
    if (rc != 0) {
        init_stage_drop(s);
        return -1;
    }
    (void)tm_file_sync_dir(dirname(parent), NULL);
    (void)unlink(mark); /* it means nothing there */
    unlock(s);
    return 0;
}

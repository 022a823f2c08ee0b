#include "common/file.h"
#include "common/clock.h"
#include "common/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define TREE_OPEN_MAX 16 /* descriptors while a tree is removed */

/* Until a pipe has something, or its time is over. */
static bool wait_for_more(int fd, int64_t until_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t left = until_ms - tm_clock_mono_ms();
    if (errno == EINTR)
        return true;
    if (errno != EAGAIN)
        return false;
    if (left > 0 && (poll(&p, 1, (int)left) > 0 || errno == EINTR))
        return true;
    errno = ETIMEDOUT;
    return false;
}

static int unreadable(const char *path, struct tm_err *e)
{
    tm_err_errno(e, "read '%s'", path);
    return tm_err_mark(e, ERR_UNAVAILABLE);
}

int tm_file_read_open(int fd, const char *path, size_t max, int64_t wait_ms, struct tm_buf *out,
                      struct tm_err *e)
{
    int64_t until_ms = tm_clock_mono_ms() + wait_ms;
    size_t total = 0;
    for (;;) {
        size_t want = max - total < 65536 ? max - total + 1 : 65536;
        unsigned char *to = tm_buf_reserve(out, want);
        if (to == NULL)
            return tm_err_set(e, "read '%s': out of memory", path);
        ssize_t n = read(fd, to, want);
        if (n < 0 && wait_for_more(fd, until_ms))
            continue;
        if (n < 0)
            return unreadable(path, e);
        if (n == 0)
            return 0;
        total += (size_t)n;
        out->len += (size_t)n;
        if (total > max)
            return tm_err_set(e, "'%s' is larger than %zu bytes", path, max);
    }
}

int tm_file_check_open(int fd, const char *name, bool secret, struct tm_err *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return tm_err_errno(e, "stat '%s'", name);
    if (S_ISDIR(st.st_mode)) {
        tm_err_set(e, "'%s' is a directory", name);
        return tm_err_mark(e, ERR_UNAVAILABLE);
    }
    if (secret && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return tm_err_set(e, "'%s' holds a secret but others may use it (mode %04o): chmod 600 it",
                          name, (unsigned)(st.st_mode & 07777));
    return 0;
}

static struct {
    int (*open_for)(void *ctx, const char *path, bool append);
    void *ctx;
} denied;

void tm_file_on_denied(int (*open_for)(void *ctx, const char *path, bool append), void *ctx)
{
    denied.open_for = open_for;
    denied.ctx = ctx;
}

/* Whether the file's own mode allows it, so that it was something else that did not. */
static bool is_allowed(const char *path, bool append)
{
    char copy[PATH_MAX];
    if (access(path, append ? W_OK : R_OK) == 0)
        return true;
    return append && errno == ENOENT && snprintf(copy, sizeof(copy), "%s", path) < PATH_MAX &&
           access(dirname(copy), W_OK) == 0;
}

int tm_file_open(const char *path, bool append)
{
    int flags = append ? O_WRONLY | O_APPEND | O_CREAT : O_RDONLY;
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (fd >= 0 || errno != EACCES || denied.open_for == NULL)
        return fd;
    if (is_allowed(path, append))
        return denied.open_for(denied.ctx, path, append);
    errno = EACCES;
    return -1;
}

static int read_file(const char *path, size_t max, bool secret, struct tm_buf *out,
                     struct tm_err *e)
{
    int fd = tm_file_open(path, false);
    if (fd < 0) {
        tm_err_errno(e, "open '%s'", path);
        return tm_err_mark(e, ERR_UNAVAILABLE);
    }
    int rc = tm_file_check_open(fd, path, secret, e);
    if (rc == 0)
        rc = tm_file_read_open(fd, path, max, FILE_WAIT_MS, out, e);
    close(fd);
    return rc;
}

int tm_file_read(const char *path, size_t max, struct tm_buf *out, struct tm_err *e)
{
    return read_file(path, max, false, out, e);
}

int tm_file_read_text(const char *path, size_t max, struct tm_buf *out, struct tm_err *e)
{
    size_t start = out->len;
    if (tm_file_read(path, max, out, e) != 0)
        return -1;
    size_t mark = out->len > start ? tm_utf8_mark(out->data + start, out->len - start) : 0;
    if (mark > 0)
        memmove(out->data + start, out->data + start + mark, out->len - start - mark);
    out->len -= mark;
    return 0;
}

int tm_file_read_secret(const char *path, size_t max, struct tm_buf *out, struct tm_err *e)
{
    return read_file(path, max, true, out, e);
}

int tm_file_write_all(int fd, const void *data, size_t len)
{
    const unsigned char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int tm_file_sync_dir(const char *path, struct tm_err *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return tm_err_errno(e, "open directory '%s'", path);
    int rc = fsync(fd) == 0 ? 0 : tm_err_errno(e, "sync directory '%s'", path);
    close(fd);
    return rc;
}

static int sync_parent(const char *path, struct tm_err *e)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return tm_file_sync_dir(".", e);
    if (slash == path)
        return tm_file_sync_dir("/", e);
    snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
    return tm_file_sync_dir(dir, e);
}

/* Puts the finished temporary file in place; without `replace` an existing name wins. */
static int put_in_place(const char *tmp, const char *path, bool replace, struct tm_err *e)
{
    if (replace)
        return rename(tmp, path) == 0 ? 0 : tm_err_errno(e, "rename '%s' to '%s'", tmp, path);
    if (link(tmp, path) != 0)
        return tm_err_errno(e, "create '%s'", path);
    unlink(tmp);
    return 0;
}

/* As mkstemp(3), but only to write: there is who may not read what lies in the folder. */
static int open_temporary(char *path)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567"; /* 32 */
    char *end = path + strlen(path) - strlen("XXXXXX");
    for (int tries = 0; tries < 100; tries++) {
        unsigned char chance[6];
        if (getrandom(chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
            return -1;
        for (size_t i = 0; i < sizeof(chance); i++)
            end[i] = letters[chance[i] % 32];
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

int tm_file_stream_open(struct tm_file_stream *f, const char *path, mode_t mode, struct tm_err *e)
{
    f->fd = -1;
    if ((size_t)snprintf(f->path, sizeof(f->path), "%s", path) >= sizeof(f->path) ||
        (size_t)snprintf(f->tmp, sizeof(f->tmp), "%s" FILE_TMP_SUFFIX, path) >= sizeof(f->tmp))
        return tm_err_set(e, "write '%s': the path is too long", path);
    f->fd = open_temporary(f->tmp);
    if (f->fd < 0)
        return tm_err_errno(e,
                            errno == ENOENT ? "write '%s': its folder is not there"
                                            : "create a temporary file beside '%s'",
                            path);
    if (fchmod(f->fd, mode) == 0)
        return 0;
    tm_err_errno(e, "write '%s'", path);
    tm_file_stream_abort(f);
    return -1;
}

int tm_file_stream_write(struct tm_file_stream *f, const void *data, size_t len, struct tm_err *e)
{
    return tm_file_write_all(f->fd, data, len) == 0 ? 0 : tm_err_errno(e, "write '%s'", f->path);
}

struct commit {
    bool replace, sync;
};

static int stream_commit(struct tm_file_stream *f, struct commit how, struct tm_err *e)
{
    int rc = !how.sync || fsync(f->fd) == 0 ? 0 : tm_err_errno(e, "write '%s'", f->path);
    if (close(f->fd) != 0 && rc == 0)
        rc = tm_err_errno(e, "write '%s'", f->path);
    f->fd = -1;
    if (rc == 0)
        rc = put_in_place(f->tmp, f->path, how.replace, e);
    if (rc != 0)
        unlink(f->tmp);
    return rc == 0 && how.sync ? sync_parent(f->path, e) : rc;
}

int tm_file_stream_commit(struct tm_file_stream *f, struct tm_err *e)
{
    return stream_commit(f, (struct commit){.replace = true, .sync = true}, e);
}

void tm_file_stream_abort(struct tm_file_stream *f)
{
    if (f->fd < 0)
        return;
    close(f->fd);
    unlink(f->tmp);
    f->fd = -1;
}

static int write_file(const char *path, mode_t mode, const void *data, size_t len,
                      struct commit how, struct tm_err *e)
{
    struct tm_file_stream f;
    if (tm_file_stream_open(&f, path, mode, e) != 0)
        return -1;
    if (tm_file_stream_write(&f, data, len, e) == 0)
        return stream_commit(&f, how, e);
    tm_file_stream_abort(&f);
    return -1;
}

int tm_file_write_atomic(const char *path, mode_t mode, const void *data, size_t len,
                         struct tm_err *e)
{
    return write_file(path, mode, data, len, (struct commit){.replace = true, .sync = true}, e);
}

int tm_file_write_passing(const char *path, mode_t mode, const void *data, size_t len,
                          struct tm_err *e)
{
    return write_file(path, mode, data, len, (struct commit){.replace = true}, e);
}

int tm_file_create(const char *path, mode_t mode, const void *data, size_t len, struct tm_err *e)
{
    return write_file(path, mode, data, len, (struct commit){.sync = true}, e);
}

int tm_file_join(const char *dir, const char *name, char *out, size_t size, struct tm_err *e)
{
    size_t len = strlen(dir);
    const char *between = len > 0 && dir[len - 1] == '/' ? "" : "/";
    if ((size_t)snprintf(out, size, "%s%s%s", dir, between, name) >= size)
        return tm_err_set(e, "'%s' in '%.100s': the path is too long", name, dir);
    return 0;
}

static int make_dir(const char *path, mode_t mode, struct tm_err *e)
{
    struct stat st;
    if (mkdir(path, mode) == 0)
        return 0;
    if (errno == EEXIST && stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return 0;
        errno = ENOTDIR;
    }
    return tm_err_errno(e, "create directory '%s'", path);
}

bool tm_file_is_in(const char *dir, const char *name)
{
    char path[PATH_MAX];
    return tm_file_join(dir, name, path, sizeof(path), NULL) == 0 && access(path, F_OK) == 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int tm_file_remove_tree(const char *dir, struct tm_err *e)
{
    return nftw(dir, remove_one, TREE_OPEN_MAX, FTW_DEPTH | FTW_PHYS) == 0
               ? 0
               : tm_err_errno(e, "remove '%s'", dir);
}

int tm_file_mkdirs(const char *path, mode_t mode, struct tm_err *e)
{
    char part[PATH_MAX];
    if ((size_t)snprintf(part, sizeof(part), "%s", path) >= sizeof(part))
        return tm_err_set(e, "create directory: the path is too long");
    for (char *p = part + 1; *p != '\0'; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (make_dir(part, mode, e) != 0)
            return -1;
        *p = '/';
    }
    return make_dir(part, mode, e);
}

struct tm_file_stamp tm_file_stamp(const char *path)
{
    struct stat st;
    if (path == NULL || stat(path, &st) != 0)
        return (struct tm_file_stamp){0};
    return (struct tm_file_stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim};
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool tm_file_stamp_same(const struct tm_file_stamp *a, const struct tm_file_stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           same_time(&a->mtime, &b->mtime) && same_time(&a->ctime, &b->ctime);
}

bool tm_file_stamp_renew(const char *path, struct tm_file_stamp *seen)
{
    struct tm_file_stamp before = *seen;
    *seen = tm_file_stamp(path);
    return !tm_file_stamp_same(&before, seen);
}

#include "tuf/client/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"

#define POLL_MS 20

static const char *const folders[] = {"", "/root_history", "/targets"};

/* "....tmp-AbC123" */
static bool is_leftover(const char *name)
{
    size_t len = strlen(name);
    size_t suffix = sizeof(FILE_TMP_SUFFIX) - 1;
    return len > suffix && strncmp(name + len - suffix, FILE_TMP_SUFFIX, suffix - 6) == 0;
}

/* Under the lock nobody else is writing here. What cannot be removed does no harm. */
static void sweep(const struct tuf_store *s)
{
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        char path[PATH_MAX + 16];
        snprintf(path, sizeof(path), "%s%s", s->dir, folders[i]);
        DIR *d = opendir(path);
        for (struct dirent *f = NULL; d != NULL && (f = readdir(d)) != NULL;) {
            if (is_leftover(f->d_name))
                unlinkat(dirfd(d), f->d_name, 0);
        }
        if (d != NULL)
            closedir(d);
    }
}

static int lock(const struct tuf_store *s, long wait_ms, struct tm_err *e)
{
    int64_t until = tm_clock_mono_ms() + wait_ms;
    while (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return tm_err_errno(e, "lock '%s'", s->dir);
        if (tm_clock_mono_ms() >= until)
            return tm_err_set(e, "'%s' is in use by another process for more than %ld s", s->dir,
                              wait_ms / 1000);
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
    }
    return 0;
}

int tuf_store_open(struct tuf_store *s, const char *dir, long wait_ms, struct tm_err *e)
{
    s->lock_fd = -1;
    if ((size_t)snprintf(s->dir, sizeof(s->dir), "%s", dir) >= sizeof(s->dir))
        return tm_err_set(e, "the cache directory's path is too long");
    if (tm_file_mkdirs(dir, 0755, e) != 0)
        return -1;
    s->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->lock_fd < 0)
        return tm_err_errno(e, "open directory '%s'", dir);
    if (lock(s, wait_ms, e) != 0) {
        tuf_store_close(s);
        return -1;
    }
    sweep(s);
    return 0;
}

void tuf_store_close(struct tuf_store *s)
{
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    s->lock_fd = -1;
}

int tuf_store_read(const struct tuf_store *s, const char *file, size_t max, struct tm_buf *out,
                   struct tm_err *e)
{
    char path[PATH_MAX];
    struct stat st;
    if (tm_file_join(s->dir, file, path, sizeof(path), e) != 0)
        return -1;
    if (stat(path, &st) != 0 && errno == ENOENT)
        return 0;
    return tm_file_read(path, max, out, e) == 0 ? 1 : -1;
}

int tuf_store_write(const struct tuf_store *s, const char *file, const struct tm_buf *bytes,
                    struct tm_err *e)
{
    char path[PATH_MAX];
    char *slash;
    if (tm_file_join(s->dir, file, path, sizeof(path), e) != 0)
        return -1;
    if (strchr(file, '/') != NULL) {
        slash = strrchr(path, '/');
        *slash = '\0';
        if (tm_file_mkdirs(path, 0755, e) != 0)
            return -1;
        *slash = '/';
    }
    if (s->passing)
        return tm_file_write_passing(path, 0644, bytes->data, bytes->len, e);
    return tm_file_write_atomic(path, 0644, bytes->data, bytes->len, e);
}

int tuf_store_remove(const struct tuf_store *s, const char *file, struct tm_err *e)
{
    char path[PATH_MAX];
    if (tm_file_join(s->dir, file, path, sizeof(path), e) != 0)
        return -1;
    if (unlink(path) == 0)
        return s->passing ? 0 : tm_file_sync_dir(s->dir, e);
    return errno == ENOENT ? 0 : tm_err_errno(e, "remove '%s'", path);
}

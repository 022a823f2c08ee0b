/* Preloaded into a program: its FAULT_AT-th call that changes a file kills it (FAULT_KIND=kill), or
 * that one and all later ones that need space fail as on a full disk (FAULT_KIND=full). With
 * FAULT_ON=TEXT those fail so whose path has it. With FAULT_LOG=FILE each call's number, whether it
 * needs space, and its path are written there instead. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int fault(int needs_space, const char *path)
{
    static int count, at, full;
    const char *log = getenv("FAULT_LOG");
    if (log != NULL) {
        char line[5000];
        int fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        int n = snprintf(line, sizeof(line), "%d %d %s\n", ++count, needs_space, path);
        if (syscall(SYS_write, fd, line, n) != n)
            abort();
        syscall(SYS_close, fd);
        return 0;
    }
    const char *on = getenv("FAULT_ON");
    if (on != NULL && needs_space && strstr(path, on) != NULL) {
        errno = ENOSPC;
        return 1;
    }
    if (at == 0) {
        const char *n = getenv("FAULT_AT");
        const char *kind = getenv("FAULT_KIND");
        at = n != NULL ? atoi(n) : -1;
        full = kind != NULL && strcmp(kind, "full") == 0;
    }
    if (at < 0)
        return 0;
    count++;
    if (!full && count == at)
        kill(getpid(), SIGKILL);
    if (full && count >= at && needs_space) {
        errno = ENOSPC;
        return 1;
    }
    return 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define WRAP(space, path, type, name, args, call) \
    type name args \
    { \
        return fault(space, path) ? -1 : REAL(name) call; \
    }

WRAP(1, "-", ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(1, "-", ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at))
WRAP(1, "-", ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
WRAP(1, "-", int, fsync, (int fd), (fd))
WRAP(1, "-", int, syncfs, (int fd), (fd))
WRAP(0, b, int, rename, (const char *a, const char *b), (a, b))
WRAP(0, b, int, renameat2, (int x, const char *a, int y, const char *b, unsigned f),
     (x, a, y, b, f))
WRAP(0, b, int, renameat, (int x, const char *a, int y, const char *b), (x, a, y, b))
WRAP(1, b, int, link, (const char *a, const char *b), (a, b))
WRAP(0, a, int, unlink, (const char *a), (a))
WRAP(0, a, int, rmdir, (const char *a), (a))
WRAP(1, a, int, mkdir, (const char *a, mode_t m), (a, m))
WRAP(1, t, int, mkostemp, (char *t, int f), (t, f))
WRAP(1, t, int, mkostemp64, (char *t, int f), (t, f))

#define WRAP_OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        va_list ap; \
        va_start(ap, flags); \
        mode_t mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0; \
        va_end(ap); \
        return (flags & O_CREAT) != 0 && fault(1, path) ? -1 : REAL(name)(path, flags, mode); \
    }
WRAP_OPEN(open)
WRAP_OPEN(open64)

#define WRAP_OPENAT(name) \
    int name(int dir, const char *path, int flags, ...) \
    { \
        va_list ap; \
        va_start(ap, flags); \
        mode_t mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0; \
        va_end(ap); \
        return (flags & O_CREAT) != 0 && fault(1, path) ? -1 : REAL(name)(dir, path, flags, mode); \
    }
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)

#include "common/sink_out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Non-blocking, so that a FIFO without a reader is an error and no wait. */

/* Whether a write to it never waits. */
static bool never_waits(int fd, const struct stat *st)
{
    int flags = fcntl(fd, F_GETFL);
    return S_ISSOCK(st->st_mode) || (!S_ISREG(st->st_mode) && flags >= 0 && (flags & O_NONBLOCK));
}

int tm_sink_own(int fd)
{
    char link[32];
    struct stat st;
    if (fstat(fd, &st) != 0 || S_ISREG(st.st_mode) || never_waits(fd, &st))
        return fd;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    int own = open(link, O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    return own >= 0 ? own : fd; /* then the thread alone writes, in pieces that a pipe takes */
}

static int look(struct tm_sink_out *o)
{
    struct stat st;
    if (fstat(o->fd, &st) != 0)
        return -1;
    o->regular = S_ISREG(st.st_mode);
    o->socket = S_ISSOCK(st.st_mode);
    o->direct = never_waits(o->fd, &st);
    return 0;
}

/* The name of a file that was made here must outlast a power cut too. */
static int sync_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    char dir[PATH_MAX];
    snprintf(dir, sizeof(dir), "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
             slash != NULL ? path : ".");
    return tm_file_sync_dir(dir, NULL);
}

static int open_path(struct tm_sink_out *o)
{
    int fd = tm_file_open(o->path, true);
    if (fd < 0)
        return -1;
    if (o->own)
        close(o->fd);
    o->fd = fd;
    o->own = true;
    return look(o) != 0 || (o->regular && sync_name(o->path) != 0) ? -1 : 0;
}

int tm_sink_out_open(struct tm_sink_out *o, int fd, const char *path, struct tm_err *e)
{
    *o = (struct tm_sink_out){.fd = fd};
    if (path != NULL) {
        o->path = strdup(path);
        if (o->path == NULL)
            return tm_err_set(e, "out of memory");
        return open_path(o) == 0 ? 0 : tm_err_errno(e, "open '%s'", path);
    }
    o->fd = tm_sink_own(fd);
    o->own = o->fd != fd;
    return look(o) == 0 ? 0 : tm_err_errno(e, "descriptor %d, where log lines go", fd);
}

void tm_sink_out_close(struct tm_sink_out *o)
{
    if (o->own)
        close(o->fd);
    free(o->path);
    *o = (struct tm_sink_out){.fd = -1};
}

int tm_sink_out_reopen(struct tm_sink_out *o, bool *fresh)
{
    struct stat now, held;
    if (o->path == NULL)
        return 0;
    if (fstat(o->fd, &held) == 0 && stat(o->path, &now) == 0 && now.st_ino == held.st_ino &&
        now.st_dev == held.st_dev)
        return 0;
    if (open_path(o) != 0)
        return -1;
    *fresh = true;
    return 0;
}

bool tm_sink_out_wait(const struct tm_sink_out *o, int ms)
{
    struct pollfd p = {.fd = o->fd, .events = POLLOUT};
    return o->regular || poll(&p, 1, ms) != 0;
}

ssize_t tm_sink_out_write(const struct tm_sink_out *o, const void *data, size_t len)
{
    if (o->socket)
        return send(o->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (!o->direct && !o->regular && len > PIPE_BUF)
        len = PIPE_BUF; /* so much a pipe takes without a wait once it takes anything */
    return write(o->fd, data, len);
}

int tm_sink_out_sync(const struct tm_sink_out *o)
{
    return !o->regular || fdatasync(o->fd) == 0 ? 0 : errno;
}

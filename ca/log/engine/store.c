#include "ca/log/engine/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

void ca_log_issuer_name(const unsigned char fingerprint[32], char out[LOG_ISSUER_NAME])
{
    size_t at = (size_t)snprintf(out, LOG_ISSUER_NAME, "issuer/");
    for (size_t i = 0; i < 32; i++)
        at += (size_t)snprintf(out + at, LOG_ISSUER_NAME - at, "%02x", fingerprint[i]);
}

int ca_log_store_read(const char *path, size_t max, struct tm_buf *out, bool *missing,
                      struct tm_err *e)
{
    *missing = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    if (fd < 0) {
        *missing = errno == ENOENT;
        return tm_err_errno(e, "open '%s'", path);
    }
    int rc = -1;
    if (fstat(fd, &st) != 0) {
        tm_err_errno(e, "read '%s'", path);
    } else if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size > max) {
        tm_err_set(e, "'%s' is not a file of up to %zu bytes", path, max);
    } else {
        size_t len = (size_t)st.st_size;
        unsigned char *to = tm_buf_reserve(out, len);
        if (to == NULL)
            tm_err_set(e, "out of memory");
        else if (pread(fd, to, len, 0) != (ssize_t)len)
            tm_err_errno(e, "read '%s'", path);
        else
            rc = 0;
        out->len += rc == 0 ? len : 0;
    }
    close(fd);
    return rc;
}

int ca_log_store_sync(struct ca_log_store *s, struct tm_err *e)
{
    while (s->dirty_count > 0) {
        char *dir = s->dirty[s->dirty_count - 1];
        if (tm_file_sync_dir(dir, e) != 0)
            return -1;
        free(dir);
        s->dirty_count--;
    }
    return 0;
}

void ca_log_store_free(struct ca_log_store *s)
{
    while (s->dirty_count > 0)
        free(s->dirty[--s->dirty_count]);
}

/* Remembers the directory that holds `path`. */
static int mark(struct ca_log_store *s, const char *path, struct tm_err *e)
{
    const char *slash = strrchr(path, '/');
    size_t n = (size_t)(slash - path);
    for (size_t i = 0; i < s->dirty_count; i++) {
        if (strlen(s->dirty[i]) == n && memcmp(s->dirty[i], path, n) == 0)
            return 0;
    }
    if (s->dirty_count == LOG_DIRTY_MAX && ca_log_store_sync(s, e) != 0)
        return -1;
    s->dirty[s->dirty_count] = strndup(path, n);
    if (s->dirty[s->dirty_count] == NULL)
        return tm_err_set(e, "out of memory");
    s->dirty_count++;
    return 0;
}

/* mkdir -p of what comes before the last slash, from the first `fixed` bytes on. */
static int make_parents(struct ca_log_store *s, const char *path, size_t fixed, struct tm_err *e)
{
    char part[PATH_MAX];
    snprintf(part, sizeof(part), "%s", path);
    for (char *p = part + fixed; (p = strchr(p, '/')) != NULL; *p++ = '/') {
        *p = '\0';
        if (mkdir(part, 0755) == 0) {
            if (mark(s, part, e) != 0)
                return -1;
        } else if (errno != EEXIST) {
            return tm_err_errno(e, "create directory '%s'", part);
        }
    }
    return 0;
}

static int write_synced(const char *path, const void *data, size_t len, struct tm_err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return tm_err_errno(e, "create '%s'", path);
    int rc = tm_file_write_all(fd, data, len) == 0 && fsync(fd) == 0
                 ? 0
                 : tm_err_errno(e, "write '%s'", path);
    if (close(fd) != 0 && rc == 0)
        rc = tm_err_errno(e, "write '%s'", path);
    return rc;
}

int ca_log_store_put(struct ca_log_store *s, const char *name, const void *data, size_t len,
                     struct tm_err *e)
{
    char path[PATH_MAX];
    char tmp[PATH_MAX];
    if (tm_file_join(s->dir, name, path, sizeof(path), e) != 0 ||
        tm_file_join(s->dir, s->tmp, tmp, sizeof(tmp), e) != 0 ||
        make_parents(s, path, strlen(s->dir) + 1, e) != 0 || write_synced(tmp, data, len, e) != 0)
        return -1;
    if (rename(tmp, path) != 0)
        return tm_err_errno(e, "rename '%s' to '%s'", tmp, path);
    return mark(s, path, e);
}

int ca_log_store_keep(struct ca_log_store *s, const char *name, const void *data, size_t len,
                      struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf now = {0};
    if (tm_file_join(s->dir, name, path, sizeof(path), e) != 0)
        return -1;
    bool same = tm_file_read(path, len, &now, NULL) == 0 && now.len == len &&
                (len == 0 || memcmp(now.data, data, len) == 0);
    tm_buf_free(&now);
    /* a process that was killed may not have come to sync the name */
    return same ? mark(s, path, e) : ca_log_store_put(s, name, data, len, e);
}

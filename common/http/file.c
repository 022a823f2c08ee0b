/* Replies out of files, with validators and without a way out of their directory. */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/http/http.h"

#define ETAG_MAX 64

static bool part_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

/* Parts that begin with a dot would lead out, or to what is hidden. */
static bool name_ok(const char *name)
{
    bool start = true;
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '/') {
            if (start)
                return false;
            start = true;
            continue;
        }
        if (!part_char(*p) || (start && *p == '.'))
            return false;
        start = false;
    }
    return !start;
}

const char *tm_http_file_type(const char *name)
{
    static const struct {
        const char *suffix, *type;
    } types[] = {
        {".json", "application/json"},         {".pem", "application/x-pem-file"},
        {".crt", "application/pkix-cert"},     {".txt", "text/plain; charset=utf-8"},
        {".pub", "text/plain; charset=utf-8"},
    };
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        size_t n = strlen(types[i].suffix);
        if (len > n && strcmp(name + len - n, types[i].suffix) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}

/* Whether the list in If-None-Match names the tag (RFC 9110 §13.1.2, weak comparison). */
static bool names_tag(const char *list, const char *tag)
{
    if (list == NULL)
        return false;
    if (strcmp(list, "*") == 0)
        return true;
    return strstr(list, tag) != NULL; /* a quoted tag cannot be a part of another */
}

static int open_file(const char *dir, const char *name, struct stat *st)
{
    char path[PATH_MAX];
    if (tm_file_join(dir, name, path, sizeof(path), NULL) != 0)
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

bool tm_http_reply_file(struct tm_http_exchange *x, const char *dir, const char *name,
                        const char *content_type, const char *cache_control)
{
    struct stat st;
    char tag[ETAG_MAX];
    int fd = name_ok(name) ? open_file(dir, name, &st) : -1;
    if (fd < 0)
        return false;
    snprintf(tag, sizeof(tag), "\"%jx-%jx-%lx\"", (uintmax_t)st.st_ino,
             (uintmax_t)st.st_mtim.tv_sec, (unsigned long)st.st_mtim.tv_nsec);
    if (names_tag(tm_http_header(x, "If-None-Match"), tag)) {
        struct tm_buf none = {0};
        close(fd);
        tm_http_reply(x, 304, NULL, &none);
    } else {
        tm_http_reply_fd(x, 200, content_type, fd, (uint64_t)st.st_size);
    }
    tm_http_reply_header(x, "ETag", tag);
    tm_http_reply_header(x, "Cache-Control", cache_control);
    return true;
}

int tm_http_prefix_check(const char *what, const char *prefix, struct tm_err *e)
{
    size_t len = strlen(prefix);
    bool ok = prefix[0] == '/' && len >= 2;
    for (const char *p = prefix; ok && *p != '\0'; p++)
        ok = *p == '/' ? part_char(p[1]) : part_char(*p);
    return ok ? 0
              : tm_err_set(e,
                           "%s '%.64s' must be a path such as /log: letters, digits, '-', '.', '_' "
                           "and '/', no '/' at its end",
                           what, prefix);
}

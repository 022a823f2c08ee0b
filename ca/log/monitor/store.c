#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ca/log/monitor/store_internal.h"
#include "common/file.h"

#define PATH_MAX_BYTES 4096

bool ca_store_is_url(const char *location)
{
    return strncmp(location, "http://", 7) == 0 || strncmp(location, "https://", 8) == 0;
}

static int dir_get(struct ca_store *s, const char *path, size_t max, struct tm_buf *out,
                   struct tm_err *e)
{
    char name[PATH_MAX_BYTES];
    struct stat st;
    if (tm_file_join(s->prefix, path, name, sizeof(name), e) != 0)
        return -1;
    if (stat(name, &st) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    return tm_file_read(name, max, out, e) == 0 ? 1 : -1;
}

static void dir_want(struct ca_store *s, const char *path, size_t max)
{
    (void)s;
    (void)path;
    (void)max;
}

static void dir_close(struct ca_store *s)
{
    (void)s;
}

static struct ca_store *dir_open(char *prefix, struct tm_err *e)
{
    struct stat st;
    struct ca_store *s = NULL;
    if (stat(prefix, &st) != 0) {
        tm_err_errno(e, "'%s'", prefix);
        tm_err_mark(e, ERR_UNAVAILABLE);
    } else if (!S_ISDIR(st.st_mode))
        tm_err_set(e, "'%s' is not a directory", prefix);
    else if ((s = calloc(1, sizeof(*s))) == NULL)
        tm_err_set(e, "out of memory");
    if (s == NULL) {
        free(prefix);
        return NULL;
    }
    *s = (struct ca_store){.prefix = prefix, .get = dir_get, .want = dir_want, .close = dir_close};
    return s;
}

struct ca_store *ca_store_open(const struct ca_store_options *o, struct tm_err *e)
{
    char *prefix = strdup(o->location);
    if (prefix == NULL)
        return tm_err_null(e, "out of memory");
    for (size_t n = strlen(prefix); n > 1 && prefix[n - 1] == '/'; n--)
        prefix[n - 1] = '\0';
    return ca_store_is_url(o->location) ? ca_store_http_open(o, prefix, e) : dir_open(prefix, e);
}

void ca_store_free(struct ca_store *s)
{
    if (s == NULL)
        return;
    s->close(s);
    free(s->prefix);
    free(s);
}

int ca_store_get(struct ca_store *s, const char *path, size_t max, struct tm_buf *out,
                 struct tm_err *e)
{
    return s->get(s, path, max, out, e);
}

void ca_store_want(struct ca_store *s, const char *path, size_t max)
{
    s->want(s, path, max);
}

void ca_store_name(const struct ca_store *s, const char *path, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", s->prefix, path);
}

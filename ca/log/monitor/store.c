#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ca/log/monitor/store_internal.h"
#include "common/file.h"

#define PATH_MAX_BYTES 4096

bool store_is_url(const char *location)
{
    return strncmp(location, "http://", 7) == 0 || strncmp(location, "https://", 8) == 0;
}

static int dir_get(struct store *s, const char *path, size_t max, struct buf *out, struct err *e)
{
    char name[PATH_MAX_BYTES];
    struct stat st;
    if (file_join(s->prefix, path, name, sizeof(name), e) != 0)
        return -1;
    if (stat(name, &st) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    return file_read(name, max, out, e) == 0 ? 1 : -1;
}

static void dir_want(struct store *s, const char *path, size_t max)
{
    (void)s;
    (void)path;
    (void)max;
}

static void dir_close(struct store *s)
{
    (void)s;
}

static struct store *dir_open(char *prefix, struct err *e)
{
    struct stat st;
    struct store *s = NULL;
    if (stat(prefix, &st) != 0)
        err_errno(e, "'%s'", prefix);
    else if (!S_ISDIR(st.st_mode))
        err_set(e, "'%s' is not a directory", prefix);
    else if ((s = calloc(1, sizeof(*s))) == NULL)
        err_set(e, "out of memory");
    if (s == NULL) {
        free(prefix);
        return NULL;
    }
    *s = (struct store){.prefix = prefix, .get = dir_get, .want = dir_want, .close = dir_close};
    return s;
}

struct store *store_open(const struct store_options *o, struct err *e)
{
    char *prefix = strdup(o->location);
    if (prefix == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    for (size_t n = strlen(prefix); n > 1 && prefix[n - 1] == '/'; n--)
        prefix[n - 1] = '\0';
    return store_is_url(o->location) ? store_http_open(o, prefix, e) : dir_open(prefix, e);
}

void store_free(struct store *s)
{
    if (s == NULL)
        return;
    s->close(s);
    free(s->prefix);
    free(s);
}

int store_get(struct store *s, const char *path, size_t max, struct buf *out, struct err *e)
{
    return s->get(s, path, max, out, e);
}

void store_want(struct store *s, const char *path, size_t max)
{
    s->want(s, path, max);
}

void store_name(const struct store *s, const char *path, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", s->prefix, path);
}

/* Which mount a path belongs to. */
#include <string.h>

#include "common/http/mount.h"

/* What stands behind the first `len` bytes of the prefix and a slash; NULL: the path is another. */
static const char *behind(const char *path, const char *prefix, size_t len)
{
    return strncmp(path, prefix, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

static bool has_short_name(const struct tm_http_mount *m, const char *name)
{
    size_t len = strcspn(name, "/");
    for (const char *const *one = m->short_names; *one != NULL; one++) {
        if (strlen(*one) == len && memcmp(*one, name, len) == 0)
            return true;
    }
    return false;
}

static const char *name_in(const struct tm_http_mount *m, const char *path)
{
    size_t len = strlen(m->prefix);
    const char *name = behind(path, m->prefix, len);
    size_t end = m->short_end != NULL ? strlen(m->short_end) : 0;
    if (name != NULL || end == 0 || end > len || strcmp(m->prefix + len - end, m->short_end) != 0)
        return name;
    name = behind(path, m->prefix, len - end);
    return name != NULL && has_short_name(m, name) ? name : NULL;
}

const struct tm_http_mount *tm_http_mount_find(const struct tm_http_options *o, const char *path,
                                               const char **name)
{
    const struct tm_http_mount *found = NULL;
    for (size_t i = 0; i < o->mount_count; i++) {
        const char *one = name_in(&o->mounts[i], path);
        if (one != NULL && (found == NULL || one > *name)) {
            found = &o->mounts[i];
            *name = one;
        }
    }
    return found;
}

/* Bodies that are larger than most: which request may have how much, and how many bytes all of them
 * have. */
#include <string.h>

#include "common/http/internal.h"

/* A target that is written in another way, with escapes say, gets the server's limit. */
static bool is_for(const struct tm_http_mount *m, const char *target)
{
    size_t prefix = strlen(m->prefix);
    if (m->body_name == NULL || strncmp(target, m->prefix, prefix) != 0 || target[prefix] != '/')
        return false;
    const char *name = target + prefix + 1;
    size_t len = strlen(m->body_name);
    return strncmp(name, m->body_name, len) == 0 && (name[len] == '\0' || name[len] == '?');
}

size_t tm_http_large_limit(const struct tm_http_server *s, const char *target)
{
    for (size_t i = 0; i < s->o.mount_count; i++) {
        if (s->o.mounts[i].max_body > 0 && is_for(&s->o.mounts[i], target))
            return s->o.mounts[i].max_body;
    }
    return s->o.max_body;
}

int tm_http_large_reserve(struct tm_http_conn *c, size_t len)
{
    struct tm_http_server *s = c->worker->server;
    if (c->reserved > 0)
        return 0;
    if (atomic_fetch_add(&s->large, len) + len > HTTP_LARGE_TOTAL) {
        atomic_fetch_sub(&s->large, len);
        return -1;
    }
    c->reserved = len;
    return 0;
}

void tm_http_large_release(struct tm_http_conn *c)
{
    atomic_fetch_sub(&c->worker->server->large, c->reserved);
    c->reserved = 0;
}

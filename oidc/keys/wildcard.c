#include "oidc/keys/wildcard.h"

#include <stdlib.h>
#include <string.h>

struct oidc_wildcard *oidc_wildcards_at(struct oidc_wildcards *all, const char *pattern)
{
    struct oidc_wildcard *w = all->first;
    while (w != NULL && strcmp(w->pattern, pattern) != 0)
        w = w->next;
    if (w != NULL || (w = calloc(1, sizeof(*w))) == NULL)
        return w;
    w->pattern = strdup(pattern);
    if (w->pattern == NULL) {
        free(w);
        return NULL;
    }
    w->next = all->first;
    all->first = w;
    return w;
}

void oidc_wildcards_free(struct oidc_wildcards *all)
{
    while (all->first != NULL) {
        struct oidc_wildcard *w = all->first;
        all->first = w->next;
        free(w->pattern);
        free(w);
    }
}

static bool take(atomic_uint *count, unsigned max)
{
    if (atomic_fetch_add(count, 1) < max)
        return true;
    atomic_fetch_sub(count, 1);
    return false;
}

bool oidc_wildcard_enter(struct oidc_wildcards *all, struct oidc_wildcard *w)
{
    if (!take(&w->fetches, WILDCARD_FETCHES_MAX))
        return false;
    if (take(&all->fetches, WILDCARDS_FETCHES_MAX))
        return true;
    atomic_fetch_sub(&w->fetches, 1);
    return false;
}

void oidc_wildcard_leave(struct oidc_wildcards *all, struct oidc_wildcard *w)
{
    atomic_fetch_sub(&w->fetches, 1);
    atomic_fetch_sub(&all->fetches, 1);
}

bool oidc_wildcard_wait(struct oidc_wildcard *w)
{
    return take(&w->waiters, WILDCARD_WAITERS_MAX);
}

void oidc_wildcard_woken(struct oidc_wildcard *w, unsigned count)
{
    atomic_fetch_sub(&w->waiters, count);
}

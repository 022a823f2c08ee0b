#include "tuf/manager/event/event.h"

#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "tuf/metadata/delegation.h"
#include "tuf/metadata/verify.h"
#include "tuf/manager/event/internal.h"
#include "tuf/manager/policy/policy.h"

/* ---- roles, by name ---- */

/* Where the name stands among the sorted ones, or would stand. */
static size_t place_of(const struct tuf_event *ev, const char *name, bool *found)
{
    size_t low = 0;
    size_t high = ev->count;
    *found = false;
    while (low < high && !*found) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, ev->role[ev->by_name[middle]].name);
        *found = order == 0;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return *found ? high : low;
}

const struct tuf_event_role *tuf_event_find(const struct tuf_event *ev, const char *role)
{
    bool found;
    size_t at = place_of(ev, role, &found);
    return found ? &ev->role[ev->by_name[at]] : NULL;
}

static int grow(struct tuf_event *ev, struct tm_err *e)
{
    size_t cap = ev->cap > 0 ? 2 * ev->cap : 16;
    void *roles = realloc(ev->role, cap * sizeof(*ev->role));
    if (roles == NULL)
        return tm_err_set(e, "out of memory");
    ev->role = roles;
    void *numbers = realloc(ev->by_name, cap * sizeof(*ev->by_name));
    if (numbers == NULL)
        return tm_err_set(e, "out of memory");
    ev->by_name = numbers;
    ev->cap = cap;
    return 0;
}

/* Root stands first, then targets. */
static size_t number_for(const struct tuf_event *ev, const char *name)
{
    if (strcmp(name, tuf_role_name(TUF_ROOT)) == 0)
        return 0;
    if (strcmp(name, tuf_role_name(TUF_TARGETS)) == 0)
        return tuf_event_find(ev, tuf_role_name(TUF_ROOT)) != NULL ? 1 : 0;
    return ev->count;
}

/* The role, made when there is none; NULL with `e` set. */
static struct tuf_event_role *role_of(struct tuf_event *ev, const char *name, struct tm_err *e)
{
    bool found;
    size_t at = place_of(ev, name, &found);
    if (found)
        return &ev->role[ev->by_name[at]];
    if (ev->count > EVENT_ROLES_MAX)
        return tm_err_null(e, "more than %d roles", EVENT_ROLES_MAX);
    char *copy = strdup(name);
    if (copy == NULL || (ev->count == ev->cap && grow(ev, e) != 0)) {
        free(copy);
        return tm_err_null(e, "out of memory");
    }
    size_t number = number_for(ev, name);
    for (size_t i = 0; number < ev->count && i < ev->count; i++)
        ev->by_name[i] += ev->by_name[i] >= number;
    memmove(ev->role + number + 1, ev->role + number, (ev->count - number) * sizeof(*ev->role));
    memmove(ev->by_name + at + 1, ev->by_name + at, (ev->count - at) * sizeof(*ev->by_name));
    ev->role[number] = (struct tuf_event_role){.name = copy};
    ev->by_name[at] = number;
    ev->count++;
    return &ev->role[number];
}

int tuf_event_put(struct tuf_event *ev, const char *role, bool proposed, struct tuf_metadata *m,
                  struct tm_err *e)
{
    struct tuf_event_role *r = role_of(ev, role, e);
    struct tuf_metadata **place = r == NULL ? NULL : proposed ? &r->proposed : &r->base;
    if (place == NULL || *place != NULL) {
        tuf_metadata_free(m);
        return place == NULL ? -1 : 0;
    }
    *place = m;
    return 0;
}

int tuf_event_put_root(struct tuf_event *ev, struct tuf_metadata *m, struct tm_err *e)
{
    struct tuf_metadata **place = tm_grow(&ev->roots, &ev->root_count, sizeof(*place), e);
    if (place == NULL) {
        tuf_metadata_free(m);
        return -1;
    }
    *place = m;
    if (tuf_metadata_version(m) == tuf_metadata_version(ev->roots[0]) + (int64_t)ev->root_count - 1)
        return 0;
    return tm_err_set(e, "the root chain has version %lld in place %zu",
                      (long long)tuf_metadata_version(m), ev->root_count);
}

int tuf_event_end_roots(struct tuf_event *ev, struct tm_err *e)
{
    return ev->root_count == 0 ? 0
                               : tuf_event_put(ev, tuf_role_name(TUF_ROOT), false,
                                               tuf_metadata_ref(ev->roots[ev->root_count - 1]), e);
}

/* ---- making ---- */

int tuf_event_new(const char *name, const char *reason, int64_t now,
                  const struct tuf_published *base, struct tuf_event *out, struct tm_err *e)
{
    *out = (struct tuf_event){.created = now};
    if (!tuf_policy_name_ok(name))
        return tm_err_set(e, "'%.80s' is no name for an event: letters, digits and ._-@", name);
    if (strlen(reason) > EVENT_REASON_MAX)
        return tm_err_set(e, "the reason is over %d bytes", EVENT_REASON_MAX);
    out->name = strdup(name);
    out->reason = strdup(reason);
    int rc = out->name != NULL && out->reason != NULL ? 0 : tm_err_set(e, "out of memory");
    for (size_t i = 0; i < base->root_count && rc == 0; i++)
        rc = tuf_event_put_root(out, tuf_metadata_ref(base->roots[i]), e);
    if (rc == 0)
        rc = tuf_event_end_roots(out, e);
    if (rc == 0 && base->targets != NULL)
        rc = tuf_event_add_reference(out, tuf_role_name(TUF_TARGETS), base->targets, e);
    if (rc != 0)
        tuf_event_free(out);
    return rc;
}

int tuf_event_add(struct tuf_event *ev, const char *role, const struct tuf_metadata *base,
                  struct tuf_metadata *proposed, struct tm_err *e)
{
    if (tuf_event_put(ev, role, true, proposed, e) != 0)
        return -1;
    return base != NULL ? tuf_event_add_reference(ev, role, base, e) : 0;
}

int tuf_event_add_reference(struct tuf_event *ev, const char *role, const struct tuf_metadata *base,
                            struct tm_err *e)
{
    return tuf_event_put(ev, role, false, tuf_metadata_ref(base), e);
}

void tuf_event_let_go(struct tuf_event *ev, const char *role, bool proposed)
{
    bool found;
    size_t at = place_of(ev, role, &found);
    struct tuf_event_role *r = found ? &ev->role[ev->by_name[at]] : NULL;
    struct tuf_metadata **place = r == NULL ? NULL : proposed ? &r->proposed : &r->base;
    if (place == NULL)
        return;
    tuf_metadata_free(*place);
    *place = NULL;
}

int64_t tuf_event_root_version(const struct tuf_event *ev)
{
    return ev->root_count > 0 ? tuf_metadata_version(ev->roots[ev->root_count - 1]) : 0;
}

void tuf_event_free(struct tuf_event *ev)
{
    for (size_t i = 0; i < ev->count; i++) {
        free(ev->role[i].name);
        tuf_metadata_free(ev->role[i].base);
        tuf_metadata_free(ev->role[i].proposed);
    }
    for (size_t i = 0; i < ev->root_count; i++)
        tuf_metadata_free(ev->roots[i]);
    for (size_t i = 0; i < ev->statements.count; i++)
        tuf_statement_free(&ev->statements.item[i]);
    tuf_event_files_free(&ev->files);
    free(ev->statements.item);
    free(ev->role);
    free(ev->by_name);
    free(ev->roots);
    free(ev->name);
    free(ev->reason);
    *ev = (struct tuf_event){0};
}

/* ---- who may sign ---- */

size_t tuf_event_proposed_count(const struct tuf_event *ev)
{
    size_t n = 0;
    for (size_t i = 0; i < ev->count; i++)
        n += ev->role[i].proposed != NULL;
    return n;
}

/* What is in force once the event is published. */
static const struct tuf_metadata *coming(const struct tuf_event *ev, const char *role)
{
    const struct tuf_event_role *r = tuf_event_find(ev, role);
    if (r == NULL)
        return NULL;
    return r->proposed != NULL ? r->proposed : r->base;
}

int tuf_event_base(void *ev, const struct tuf_delegation *d, const struct tuf_metadata **out,
                   struct tm_err *e)
{
    (void)e;
    const struct tuf_event_role *r = tuf_event_find(ev, d->name);
    const struct tuf_metadata *m = r != NULL ? r->base : NULL;
    *out = m != NULL && tuf_verify(m, &d->signers, d->name, NULL) == 0 ? m : NULL;
    return 0;
}

int tuf_event_coming(void *ev, const struct tuf_delegation *d, const struct tuf_metadata **out,
                     struct tm_err *e)
{
    const struct tuf_event_role *r = tuf_event_find(ev, d->name);
    if (r == NULL || r->proposed == NULL)
        return tuf_event_base(ev, d, out, e);
    *out = r->proposed;
    return 0;
}

bool tuf_event_signers(const struct tuf_event *ev, const char *role, bool old,
                       struct tuf_signers *out)
{
    const struct tuf_metadata *root = coming(ev, "root");
    enum tuf_role top;
    struct tuf_delegation d;
    if (old) {
        const struct tuf_event_role *r = tuf_event_find(ev, "root");
        root = r != NULL ? r->base : NULL;
        if (strcmp(role, "root") != 0)
            return false;
    }
    if (tuf_role_from_name(role, &top) == 0) {
        if (root != NULL)
            tuf_root_signers(root, top, out);
        return root != NULL;
    }
    const struct tuf_metadata *targets = coming(ev, "targets");
    if (targets == NULL ||
        tuf_delegation_search(targets, role, tuf_event_coming, (void *)ev, &d, NULL) != 1)
        return false;
    *out = d.signers;
    return true;
}

/* Which targets of a role a client would ever look for there: those that every delegation on the
 * way from targets covers. */
#include <stdio.h>
#include <string.h>

#include "tuf/manager/event/internal.h"

struct reach {
    const struct event *ev;
    const char *role;
    struct unreached *out;
    const struct tuf_metadata *targets;
    unsigned visits; /* for the path at hand, as a client counts them */
    bool stopped;    /* by a terminating role */
};

/* Roles that are not in the event are taken for such that do not list the target. */
static bool reaches(struct reach *r, const struct tuf_metadata *delegator,
                    const struct tuf_path *path)
{
    struct tuf_delegation d;
    size_t at = 0;
    while (!r->stopped && tuf_delegation_next(delegator, path, &at, &d)) {
        const struct tuf_metadata *below = NULL;
        if (strcmp(d.name, r->role) == 0)
            return true;
        if (++r->visits > TUF_DELEGATIONS_MAX)
            return false;
        if (event_coming((void *)r->ev, &d, &below, NULL) == 0 && below != NULL &&
            tuf_delegates(below) && reaches(r, below, path))
            return true;
        r->stopped |= d.terminating;
    }
    return false;
}

static int count(void *arg, const char *name, const struct tuf_file_info *info, struct err *e)
{
    struct reach *r = arg;
    struct tuf_path path;
    (void)info;
    if (tuf_path_init(&path, name, e) != 0)
        return -1;
    r->visits = 0;
    r->stopped = false;
    if (reaches(r, r->targets, &path))
        return 0;
    if (r->out->count++ == 0)
        snprintf(r->out->first, sizeof(r->out->first), "%s", name);
    return 0;
}

int event_unreached(const struct event *ev, const struct event_role *role, struct unreached *out,
                    struct err *e)
{
    const struct event_role *targets = event_find(ev, "targets");
    struct reach r = {.ev = ev, .role = role->name, .out = out};
    *out = (struct unreached){0};
    if (targets == NULL)
        return 0;
    r.targets = targets->proposed != NULL ? targets->proposed : targets->base;
    return tuf_entries_each(role->proposed, count, &r, e);
}

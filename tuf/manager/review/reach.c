/* Which targets of a role a client would ever look for there: those that every delegation on the
 * way from targets covers. */
#include <stdio.h>
#include <string.h>

#include "tuf/manager/review/reach.h"

struct reach {
    const struct tuf_event *ev;
    const char *role;
    struct tuf_unreached *out;
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
        if (tuf_event_coming((void *)r->ev, &d, &below, NULL) == 0 && below != NULL &&
            tuf_delegates(below) && reaches(r, below, path))
            return true;
        r->stopped |= d.terminating;
    }
    return false;
}

static int count(void *arg, const char *name, const struct tuf_file_info *info, struct tm_err *e)
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

int tuf_event_unreached(const struct tuf_event *ev, const struct tuf_event_role *role,
                        struct tuf_unreached *out, struct tm_err *e)
{
    const struct tuf_event_role *targets = tuf_event_find(ev, "targets");
    struct reach r = {.ev = ev, .role = role->name, .out = out};
    *out = (struct tuf_unreached){0};
    if (targets == NULL)
        return 0;
    r.targets = targets->proposed != NULL ? targets->proposed : targets->base;
    return tuf_entries_each(role->proposed, count, &r, e);
}

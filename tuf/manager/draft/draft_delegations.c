/* `delegations` of targets, and of roles below it: whom a role trusts for which paths. */
#include <stdlib.h>

#include "tuf/metadata/typesjson.h"
#include "tuf/manager/draft/draft_keys.h"

/* A delegation of this name; members of the old one that we do not know stay. */
static struct tuf_delegated_role *add_role(const struct tuf_delegations *before, const char *name,
                                           struct tuf_delegations *out, struct tm_err *e)
{
    const struct tuf_delegated_role *old = tuf_delegated_role_find(&before->roles, name);
    struct tuf_delegated_role copy = {0};
    if (old != NULL && tuf_copy_delegated_role(old, &copy, e) != 0)
        return NULL;
    struct tuf_delegated_role *d = tuf_delegated_roles_add(&out->roles, name);
    if (d == NULL) {
        tuf_free_role_keys(&copy.by);
        tm_err_set(e, "out of memory");
    } else if (old != NULL) {
        free(d->name);
        *d = copy;
    }
    return d;
}

static int set_texts(const struct tm_yamlmap_list *from, struct tuf_texts *to, struct tm_err *e)
{
    tuf_texts_free(to);
    for (size_t i = 0; i < from->count; i++) {
        if (tuf_texts_add(to, from->item[i]) != 0)
            return tm_err_set(e, "out of memory");
    }
    return 0;
}

static int set_role(const struct tuf_workspace *w, const struct tuf_policy_role *r,
                    const struct tuf_delegations *before, struct tuf_delegations *out,
                    struct tm_err *e)
{
    struct tuf_delegated_role *d = add_role(before, r->name, out, e);
    if (d == NULL || tuf_draft_signers(w, r, &before->keys, &out->keys, &d->by, e) != 0)
        return -1;
    d->terminating = r->terminating;
    d->has_paths = r->paths.count > 0;
    d->has_prefixes = !d->has_paths;
    return set_texts(&r->paths, &d->paths, e) == 0 ? set_texts(&r->hash_prefixes, &d->prefixes, e)
                                                   : -1;
}

static int set_roles(const struct tuf_workspace *w, const char *delegator,
                     const struct tuf_delegations *before, struct tuf_delegations *out,
                     struct tm_err *e)
{
    const struct tuf_policy_role *r = w->policy.delegations.item;
    int rc = 0;
    out->has_roles = true;
    for (size_t i = 0; i < w->policy.delegations.count && rc == 0; i++) {
        if (tuf_policy_is_below(&r[i], delegator))
            rc = set_role(w, &r[i], before, out, e);
    }
    return rc;
}

static int set_bins(const struct tuf_workspace *w, const struct tuf_delegations *before,
                    struct tuf_delegations *out, struct tm_err *e)
{
    const struct tuf_policy *p = &w->policy;
    out->has_bins = true;
    out->bins.bits = p->bin_bits;
    if (before->has_bins && tuf_copy_role_keys(&before->bins.by, &out->bins.by, e) != 0)
        return -1;
    if (tuf_text_set(&out->bins.prefix, p->bin_prefix) != 0)
        return tm_err_set(e, "out of memory");
    return tuf_draft_signers(w, &p->bins, &before->keys, &out->keys, &out->bins.by, e);
}

static int keep_keys(const struct tuf_delegations *before, struct tuf_keys *keys, struct tm_err *e)
{
    struct tuf_texts used = {0};
    int bad = tuf_draft_note_used(&before->bins.by, &used);
    for (size_t i = 0; i < before->roles.count; i++)
        bad |= tuf_draft_note_used(&before->roles.item[i].by, &used);
    int rc =
        bad ? tm_err_set(e, "out of memory") : tuf_draft_keep_unused(&before->keys, &used, keys, e);
    tuf_texts_free(&used);
    return rc;
}

int tuf_draft_delegations(const struct tuf_workspace *w, const char *delegator,
                          struct tuf_targets *targets, struct tm_err *e)
{
    const struct tuf_policy *p = &w->policy;
    struct tuf_delegations before = targets->delegations;
    struct tuf_delegations *out = &targets->delegations;
    bool bins = p->bin_bits > 0 && tuf_policy_is_below(&p->bins, delegator);
    bool delegates = tuf_policy_delegates(p, delegator);
    if (!delegates && !before.has_bins && before.roles.count == 0)
        return 0; /* some writers put an empty one into every role */
    *out = (struct tuf_delegations){0};
    targets->has_delegations = delegates;
    int rc = 0;
    if (delegates) {
        out->rest = before.rest;
        before.rest = NULL;
        rc = bins ? set_bins(w, &before, out, e) : set_roles(w, delegator, &before, out, e);
        if (rc == 0)
            rc = keep_keys(&before, &out->keys, e);
    }
    tuf_free_delegations(&before);
    return rc;
}

/* Delegated roles that online keys sign: a new version when their folder changed, or is due. */
#include <stdio.h>
#include <string.h>

#include "tuf/metadata/delegation.h"
#include "tuf/metadata/edit.h"
#include "tuf/metadata/verify.h"
#include "tuf/manager/event/draft.h"
#include "tuf/manager/publish/internal.h"

/* ---- who delegates to whom, afterwards ---- */

static const struct tuf_metadata *staged_role(const struct publication *p, const char *name)
{
    const struct event_role *r = p->o->event != NULL ? event_find(p->o->event, name) : NULL;
    for (size_t i = 0; i < p->staged_count; i++) {
        if (strcmp(p->staged[i].name, name) == 0)
            return p->staged[i].m;
    }
    return r != NULL ? r->proposed : NULL;
}

/* As this run publishes it, else as it is live; signed by whom `d` names. */
static int coming_role(void *arg, const struct tuf_delegation *d, const struct tuf_metadata **out,
                       struct err *e)
{
    struct publication *p = arg;
    const struct tuf_metadata *m = staged_role(p, d->name);
    if (m == NULL)
        return published_nested_role(&p->live, d, out, e);
    *out = tuf_verify(m, &d->signers, d->name, NULL) == 0 ? m : NULL;
    return 0;
}

int publication_delegation(struct publication *p, const char *role, struct tuf_delegation *out,
                           struct err *e)
{
    return tuf_delegation_search(p->targets, role, coming_role, p, out, e);
}

int publication_stage_role(struct publication *p, const char *name, const struct tuf_metadata *m,
                           struct err *e)
{
    void *grown = realloc(p->staged, (p->staged_count + 1) * sizeof(*p->staged));
    if (grown == NULL)
        return err_set(e, "out of memory");
    p->staged = grown;
    struct staged_role *r = &p->staged[p->staged_count++];
    r->m = tuf_metadata_ref(m);
    snprintf(r->name, sizeof(r->name), "%s", name);
    return 0;
}

/* ---- roles of online keys ---- */

static int not_there(const struct policy_role *r, const char *name, bool unpublished, struct err *e)
{
    if (unpublished)
        return err_set(e,
                       "delegated role '%s' is not published yet: publish its folder, without "
                       "--refresh",
                       name);
    return err_set(e,
                   "delegated role '%s': '%s' as published does not delegate to it: propose, sign "
                   "and publish that first",
                   name, policy_delegator(r));
}

/* Signs and stages the next version. */
static int put_next(struct publication *p, const char *name, struct tuf_metadata *m,
                    const struct tuf_signers *by, struct err *e)
{
    if (online_sign(&p->online, m, by, name, e) != 0 ||
        publication_put_role(p, name, m, false, e) != 0)
        return -1;
    p->report->delegated++;
    return tuf_delegates(m) ? publication_stage_role(p, name, m, e) : 0;
}

/* `entries` NULL: those that are published. Takes them over. */
static int put_one(struct publication *p, const char *name, const struct policy_role *r,
                   struct tuf_entries *entries, struct err *e)
{
    struct tuf_delegation d;
    struct tuf_metadata *base = NULL;
    int found = published_delegated(&p->live, name, &base, e);
    if (found == 0 && (entries != NULL || base != NULL))
        found = publication_delegation(p, name, &d, e);
    if (found != 1) {
        if (found == 0)
            not_there(r, name, entries == NULL && base == NULL, e);
        tuf_entries_free(entries);
        tuf_metadata_free(base);
        return -1;
    }
    struct tuf_metadata *m =
        draft_targets(p->o->refresh ? NULL : p->w, name, r, base, entries, p->o->now, e);
    bool changed = m != NULL && draft_changed(m, base);
    bool due = draft_due(base, r->signing / 1000, p->o->now) ||
               tuf_verify(base, &d.signers, name, NULL) != 0;
    int rc = m != NULL ? 0 : -1;
    if (rc == 0 && (changed || due))
        rc = put_next(p, name, m, &d.signers, e);
    if (rc == 0 && changed)
        rc = publication_put_files(p, m, r->directory, e);
    tuf_metadata_free(m);
    tuf_metadata_free(base);
    return rc;
}

static int put_bins(struct publication *p, const struct policy_role *r, const struct scan *files,
                    struct err *e)
{
    unsigned bits = (unsigned)p->w->policy.bin_bits;
    char name[TUF_ROLE_NAME_MAX + 1];
    struct draft_bins bins = {0};
    struct tuf_entries *entries = NULL;
    int rc = p->o->refresh ? 0 : draft_bins(files, bits, &bins, e);
    for (uint32_t i = 0; rc == 0 && i < (UINT32_C(1) << bits); i++) {
        rc = tuf_succinct_name(p->w->policy.bin_prefix, bits, i, name, sizeof(name));
        if (rc == 0 && !p->o->refresh && (entries = draft_bin_entries(files, &bins, i, e)) == NULL)
            rc = -1;
        if (rc == 0)
            rc = put_one(p, name, r, entries, e);
    }
    draft_bins_free(&bins);
    return rc;
}

static int put_folder(struct publication *p, const struct policy_role *r, bool bins, struct err *e)
{
    char dir[PATH_MAX];
    struct scan files = {0};
    struct tuf_entries *entries = NULL;
    int rc = 0;
    if (!p->o->refresh && (workspace_path(p->w, r->directory, dir, sizeof(dir), e) != 0 ||
                           scan_directory(dir, &files, e) != 0))
        return -1;
    if (bins)
        rc = put_bins(p, r, &files, e);
    else if (p->o->refresh || (entries = draft_entries(NULL, &files, e)) != NULL)
        rc = put_one(p, r->name, r, entries, e);
    else
        rc = -1;
    scan_free(&files);
    return rc;
}

int publication_online_roles(struct publication *p, struct err *e)
{
    const struct policy *policy = &p->w->policy;
    const struct policy_role *r = policy->delegations.item;
    for (size_t i = 0; i < policy->delegations.count; i++) {
        if (policy_is_online(policy, &r[i]) && put_folder(p, &r[i], false, e) != 0)
            return -1;
    }
    if (policy->bin_bits > 0 && policy_is_online(policy, &policy->bins))
        return put_folder(p, &policy->bins, true, e);
    return 0;
}

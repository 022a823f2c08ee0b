/* Delegated roles that online keys sign: a new version when their folder changed, or is due. */
#include <stdio.h>
#include <string.h>

#include "tuf/metadata/delegation.h"
#include "tuf/metadata/edit.h"
#include "tuf/metadata/verify.h"
#include "tuf/repository/event/draft.h"
#include "tuf/repository/publish/internal.h"

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

int publication_stage_role(struct publication *p, const char *name, json_t *envelope, struct err *e)
{
    void *grown = realloc(p->staged, (p->staged_count + 1) * sizeof(*p->staged));
    if (grown == NULL)
        return err_set(e, "out of memory");
    p->staged = grown;
    struct staged_role *r = &p->staged[p->staged_count];
    r->m = tuf_metadata_from_json(json_incref(envelope), TUF_TARGETS, e);
    if (r->m == NULL)
        return err_wrap(e, "%s", name);
    snprintf(r->name, sizeof(r->name), "%s", name);
    p->staged_count++;
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

/* `entries` NULL: those that are published. */
static int put_one(struct publication *p, const char *name, const struct policy_role *r,
                   json_t *entries, struct err *e)
{
    struct tuf_delegation d;
    struct tuf_metadata *base = NULL;
    bool changed = false;
    if (published_delegated(&p->live, name, &base, e) != 0)
        return -1;
    if (entries == NULL && base != NULL)
        entries = json_object_get(tuf_metadata_signed(base), "targets");
    int found = entries != NULL ? publication_delegation(p, name, &d, e) : 0;
    if (found != 1) {
        tuf_metadata_free(base);
        return found < 0 ? -1 : not_there(r, name, entries == NULL, e);
    }
    json_t *s = draft_targets(r, base, entries, p->o->now, &changed, e);
    int rc = s != NULL ? 0 : -1;
    if (rc == 0 && !p->o->refresh) {
        rc = draft_delegations(p->w, name, s, e);
        changed = draft_changed(s, base);
    }
    bool due = draft_due(base, r->signing / 1000, p->o->now) ||
               tuf_verify(base, &d.signers, name, NULL) != 0;
    if (rc == 0 && (changed || due)) {
        json_t *envelope = tuf_envelope_new(json_incref(s));
        rc = envelope != NULL ? online_sign(&p->online, envelope, &d.signers, name, e) : -1;
        if (rc == 0)
            rc = publication_put_role(p, name, envelope, false, e);
        if (rc == 0 && json_object_get(s, "delegations") != NULL)
            rc = publication_stage_role(p, name, envelope, e);
        p->report->delegated++;
        json_decref(envelope);
    }
    if (rc == 0 && changed)
        rc = publication_put_files(p, json_object_get(s, "targets"), r->directory, e);
    json_decref(s);
    tuf_metadata_free(base);
    return rc;
}

static int put_bins(struct publication *p, const struct policy_role *r, const struct scan *files,
                    struct err *e)
{
    unsigned bits = (unsigned)p->w->policy.bin_bits;
    char name[TUF_ROLE_NAME_MAX + 1];
    json_t *bins = p->o->refresh ? NULL : draft_bins(files, bits, e);
    int rc = bins != NULL || p->o->refresh ? 0 : -1;
    for (uint32_t i = 0; rc == 0 && i < (UINT32_C(1) << bits); i++) {
        rc = tuf_succinct_name(p->w->policy.bin_prefix, bits, i, name, sizeof(name));
        if (rc == 0)
            rc = put_one(p, name, r, json_array_get(bins, i), e);
    }
    json_decref(bins);
    return rc;
}

static int put_folder(struct publication *p, const struct policy_role *r, bool bins, struct err *e)
{
    char dir[PATH_MAX];
    struct scan files = {0};
    json_t *entries = NULL;
    int rc = 0;
    if (!p->o->refresh && (workspace_path(p->w, r->directory, dir, sizeof(dir), e) != 0 ||
                           scan_directory(dir, &files, e) != 0))
        return -1;
    if (bins) {
        rc = put_bins(p, r, &files, e);
    } else {
        entries = p->o->refresh ? NULL : scan_entries(&files, e);
        rc = entries != NULL || p->o->refresh ? put_one(p, r->name, r, entries, e) : -1;
    }
    json_decref(entries);
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

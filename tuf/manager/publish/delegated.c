/* Delegated roles that online keys sign: a new version when their folder changed, or is due. */
#include <stdio.h>
#include <string.h>

#include "common/grow.h"
#include "tuf/metadata/delegation.h"
#include "tuf/metadata/verify.h"
#include "tuf/manager/draft/draft.h"
#include "tuf/manager/publish/internal.h"
#include "tuf/manager/review/acted.h"

/* ---- who delegates to whom, afterwards ---- */

static const struct tuf_metadata *staged_role(const struct tuf_publication *p, const char *name)
{
    const struct tuf_event_role *r = p->o->event != NULL ? tuf_event_find(p->o->event, name) : NULL;
    for (size_t i = 0; i < p->staged_count; i++) {
        if (strcmp(p->staged[i].name, name) == 0)
            return p->staged[i].m;
    }
    return r != NULL ? r->proposed : NULL;
}

/* As this run publishes it, else as it is live; signed by whom `d` names. */
static int coming_role(void *arg, const struct tuf_delegation *d, const struct tuf_metadata **out,
                       struct tm_err *e)
{
    struct tuf_publication *p = arg;
    const struct tuf_metadata *m = staged_role(p, d->name);
    if (m == NULL)
        return tuf_published_nested_role(&p->live, d, out, e);
    *out = tuf_verify(m, &d->signers, d->name, NULL) == 0 ? m : NULL;
    return 0;
}

int tuf_publication_delegation(struct tuf_publication *p, const char *role,
                               struct tuf_delegation *out, struct tm_err *e)
{
    return tuf_delegation_search(p->targets, role, coming_role, p, out, e);
}

/* Remembers, for it, an online role that delegates. */
static int stage_role(struct tuf_publication *p, const char *name, const struct tuf_metadata *m,
                      struct tm_err *e)
{
    struct tuf_staged_role *r = tm_grow(&p->staged, &p->staged_count, sizeof(*r), e);
    if (r == NULL)
        return -1;
    r->m = tuf_metadata_ref(m);
    snprintf(r->name, sizeof(r->name), "%s", name);
    return 0;
}

static int verify_by(struct tuf_publication *p, const char *by, const char *name,
                     const struct tuf_metadata *m, struct tm_err *e)
{
    struct tuf_metadata *live = NULL;
    struct tuf_delegation d;
    const struct tuf_metadata *delegator =
        strcmp(by, tuf_role_name(TUF_TARGETS)) == 0 ? p->targets : staged_role(p, by);
    if (delegator == NULL && tuf_published_delegated(&p->live, by, &live, e) != 0)
        return -1;
    delegator = delegator != NULL ? delegator : live;
    int rc =
        delegator != NULL && tuf_delegation_find(delegator, name, &d)
            ? tuf_verify(m, &d.signers, name, e)
            : tm_err_set(e, "it does not delegate to %s yet: propose, sign and publish that", name);
    tuf_metadata_free(live);
    return rc == 0 ? 0 : tm_err_wrap(e, "%s, as '%s' delegates to it", name, by);
}

int tuf_publication_check_delegators(struct tuf_publication *p, const struct tuf_policy_role *r,
                                     const char *name, const struct tuf_metadata *m,
                                     struct tm_err *e)
{
    const char *by;
    for (size_t i = 1; (by = tuf_policy_delegator(r, i)) != NULL; i++) {
        if (verify_by(p, by, name, m, e) != 0)
            return -1;
    }
    return 0;
}

/* ---- roles of online keys ---- */

static int not_there(const struct tuf_policy_role *r, const char *name, bool unpublished,
                     struct tm_err *e)
{
    if (unpublished)
        return tm_err_set(e,
                          "delegated role '%s' is not published yet: publish its folder, without "
                          "--refresh",
                          name);
    return tm_err_set(
        e,
        "delegated role '%s': '%s' as published does not delegate to it: propose, sign "
        "and publish that first",
        name, tuf_policy_delegator(r, 0));
}

/* Signs and stages the next version. */
static int put_next(struct tuf_publication *p, const struct tuf_policy_role *r, const char *name,
                    struct tuf_metadata *m, const struct tuf_signers *by, struct tm_err *e)
{
    if (tuf_online_sign(&p->online, m, by, name, e) != 0 ||
        tuf_publication_check_delegators(p, r, name, m, e) != 0 ||
        tuf_publication_put_role(p, name, m, false, e) != 0)
        return -1;
    p->report->delegated++;
    return tuf_delegates(m) ? stage_role(p, name, m, e) : 0;
}

static struct tuf_metadata *next_version(struct tuf_publication *p, const char *name,
                                         const struct tuf_policy_role *r,
                                         const struct tuf_draft_files *f,
                                         const struct tuf_metadata *base, struct tm_err *e)
{
    struct tuf_entries *entries = f != NULL ? tuf_draft_entries(NULL, f, base, e) : NULL;
    if (f != NULL && entries == NULL)
        return NULL;
    const struct tuf_draft_next next = {
        .r = r, .base = base, .before = tuf_published_highest(&p->live, name), .now = p->o->now};
    return tuf_draft_targets(p->o->refresh ? NULL : p->w, name, &next, entries, e);
}

struct trusting {
    struct tuf_acted_names names;
    const struct tuf_policy_role *r;
};

/* Each change of an entry: what clients act on is signed by holders, who see it in a review. */
static int judge_entry(void *arg, const char *target, const struct tuf_entry *was,
                       const struct tuf_entry *is, struct tm_err *e)
{
    const struct trusting *t = arg;
    (void)was;
    const char *why = is != NULL ? tuf_acted_on_why(&t->names, target) : NULL;
    if (why == NULL)
        return 0;
    return tm_err_set(e,
                      "delegated role '%s': no holder would sign '%.200s', %s, but an online key: "
                      "put it into targets, or list '%s' under 'online-trust'",
                      t->r->name, target, why, t->r->name);
}

/* What the policy names may not be signed by holders yet, and what they signed be gone from it. */
static int judge_trust(const struct tuf_publication *p, const struct tuf_policy_role *r,
                       const struct tuf_metadata *base, const struct tuf_metadata *m,
                       struct tm_err *e)
{
    const struct tuf_policy *policy = &p->w->policy;
    const struct tuf_texts named = {policy->acted_on.item, policy->acted_on.count};
    struct trusting t = {{{&named, &tuf_metadata_signed(p->targets)->targets.acted_on}}, r};
    return tuf_policy_trusts_online(policy, r) ? 0
                                               : tuf_entries_compare(base, m, judge_entry, &t, e);
}

/* `f` NULL: the entries that are published. */
static int put_one(struct tuf_publication *p, const char *name, const struct tuf_policy_role *r,
                   const struct tuf_draft_files *f, struct tm_err *e)
{
    struct tuf_delegation d;
    struct tuf_metadata *base = NULL;
    int found = tuf_published_delegated(&p->live, name, &base, e);
    if (found == 0 && (f != NULL || base != NULL))
        found = tuf_publication_delegation(p, name, &d, e);
    if (found != 1) {
        if (found == 0)
            not_there(r, name, f == NULL && base == NULL, e);
        tuf_metadata_free(base);
        return -1;
    }
    struct tuf_metadata *m = next_version(p, name, r, f, base, e);
    bool changed = m != NULL && tuf_draft_changed(m, base);
    bool due = tuf_draft_due(base, r->signing / 1000, p->o->now) ||
               tuf_verify(base, &d.signers, name, NULL) != 0 ||
               tuf_publication_check_delegators(p, r, name, base, NULL) != 0;
    int rc = m != NULL ? judge_trust(p, r, base, m, e) : -1;
    if (rc == 0 && (changed || due))
        rc = put_next(p, r, name, m, &d.signers, e);
    if (rc == 0 && changed)
        rc = tuf_publication_put_files(p, m, r->directory, e);
    tuf_metadata_free(m);
    tuf_metadata_free(base);
    return rc;
}

static int put_bins(struct tuf_publication *p, const struct tuf_policy_role *r, const char *dir,
                    const struct tuf_scan *files, struct tm_err *e)
{
    unsigned bits = (unsigned)p->w->policy.bin_bits;
    char name[TUF_ROLE_NAME_MAX + 1];
    struct tuf_draft_bins bins = {0};
    int rc = p->o->refresh ? 0 : tuf_draft_bins(files, bits, &bins, e);
    for (uint32_t i = 0; rc == 0 && i < (UINT32_C(1) << bits); i++) {
        const struct tuf_draft_files f = {.scan = files, .dir = dir, .bins = &bins, .bin = i};
        rc = tuf_succinct_name(p->w->policy.bin_prefix, bits, i, name, sizeof(name));
        if (rc == 0)
            rc = put_one(p, name, r, p->o->refresh ? NULL : &f, e);
    }
    tuf_draft_bins_free(&bins);
    return rc;
}

static int put_folder(struct tuf_publication *p, const struct tuf_policy_role *r, bool bins,
                      struct tm_err *e)
{
    char dir[PATH_MAX];
    struct tuf_scan files = {0};
    const struct tuf_draft_files all = {.scan = &files, .dir = dir};
    if (!p->o->refresh && (tuf_workspace_path(p->w, r->directory, dir, sizeof(dir), e) != 0 ||
                           tuf_scan_directory(dir, p->o->progress, &files, e) != 0))
        return -1;
    int rc = bins ? put_bins(p, r, dir, &files, e)
                  : put_one(p, r->name, r, p->o->refresh ? NULL : &all, e);
    tuf_scan_free(&files);
    return rc;
}

int tuf_publication_online_roles(struct tuf_publication *p, struct tm_err *e)
{
    const struct tuf_policy *policy = &p->w->policy;
    const struct tuf_policy_role *r = policy->delegations.item;
    for (size_t i = 0; i < policy->delegations.count; i++) {
        if (tuf_policy_is_online(policy, &r[i]) && put_folder(p, &r[i], false, e) != 0)
            return -1;
    }
    if (policy->bin_bits > 0 && tuf_policy_is_online(policy, &policy->bins))
        return put_folder(p, &policy->bins, true, e);
    return 0;
}

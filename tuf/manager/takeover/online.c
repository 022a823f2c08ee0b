/* What `publish` would make of the delegated roles that online keys sign. */
#include "tuf/manager/draft/draft.h"
#include "tuf/manager/takeover/internal.h"
#include "tuf/metadata/delegation.h"

struct online {
    struct tuf_plan *plan;
    const struct tuf_workspace *w;
    struct tm_err *e;
};

static int check_one(const struct online *o, const char *name, const struct tuf_policy_role *r,
                     const struct tuf_draft_files *f)
{
    struct tuf_metadata *base = NULL;
    if (tuf_published_delegated(&o->plan->live, name, &base, o->e) != 0)
        return -1;
    if (base == NULL)
        return 0; /* told already */
    struct tuf_entries *entries = tuf_draft_entries(NULL, f, base, o->e);
    const struct tuf_draft_next n = {.r = r, .base = base, .now = o->plan->now};
    struct tuf_metadata *next =
        entries != NULL ? tuf_draft_targets(o->w, name, &n, entries, o->e) : NULL;
    if (next != NULL && tuf_draft_changed(next, base))
        tuf_plan_loss(o->plan, "role '%s': its next version would be another", name);
    int rc = next != NULL ? 0 : -1;
    tuf_metadata_free(next);
    tuf_metadata_free(base);
    return rc;
}

static int check_bins(const struct online *o, const struct tuf_policy_role *r, const char *dir,
                      const struct tuf_scan *files)
{
    unsigned bits = (unsigned)o->w->policy.bin_bits;
    struct tuf_draft_bins bins = {0};
    char name[TUF_ROLE_NAME_MAX + 1];
    int rc = tuf_draft_bins(files, bits, &bins, o->e);
    for (uint32_t i = 0; rc == 0 && i < UINT32_C(1) << bits; i++) {
        const struct tuf_draft_files f = {.scan = files, .dir = dir, .bins = &bins, .bin = i};
        rc = tuf_succinct_name(o->w->policy.bin_prefix, bits, i, name, sizeof(name));
        if (rc == 0)
            rc = check_one(o, name, r, &f);
    }
    tuf_draft_bins_free(&bins);
    return rc;
}

static int check_folder(const struct online *o, const struct tuf_policy_role *r, bool bins)
{
    char dir[PATH_MAX];
    struct tuf_scan files;
    if (tuf_workspace_path(o->w, r->directory, dir, sizeof(dir), o->e) != 0 ||
        tuf_scan_directory(dir, NULL, &files, o->e) != 0)
        return -1;
    int rc = bins ? check_bins(o, r, dir, &files)
                  : check_one(o, r->name, r, &(struct tuf_draft_files){.scan = &files, .dir = dir});
    tuf_scan_free(&files);
    return rc;
}

int tuf_plan_online(struct tuf_plan *p, const struct tuf_workspace *w, struct tm_err *e)
{
    const struct online o = {p, w, e};
    const struct tuf_policy *policy = &w->policy;
    const struct tuf_policy_role *r = policy->delegations.item;
    for (size_t i = 0; i < policy->delegations.count; i++) {
        if (tuf_policy_is_online(policy, &r[i]) && check_folder(&o, &r[i], false) != 0)
            return -1;
    }
    return policy->bin_bits > 0 && tuf_policy_is_online(policy, &policy->bins)
               ? check_folder(&o, &policy->bins, true)
               : 0;
}

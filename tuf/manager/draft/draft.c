#include "tuf/manager/draft/draft.h"

#include <limits.h>
#include <string.h>

#include "tuf/metadata/delegation.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/metadata/verify.h"
#include "tuf/manager/draft/draft_keys.h"

bool tuf_draft_due(const struct tuf_metadata *m, int64_t signing, int64_t now)
{
    return m == NULL || now >= tuf_metadata_expires(m) - signing;
}

bool tuf_draft_changed(const struct tuf_metadata *m, const struct tuf_metadata *base)
{
    return base == NULL || !tuf_metadata_same_content(m, base);
}

/* NULL: it names none. */
static int set_head(struct tuf_signed *s, const struct tuf_transcript_head *head, struct tm_err *e)
{
    s->has_transcript = head != NULL;
    s->transcript.lines = head != NULL ? head->lines : 0;
    return tuf_text_set(&s->transcript.sha256, head != NULL ? head->sha256 : NULL) == 0
               ? 0
               : tm_err_set(e, "out of memory");
}

/* As it would be written with the version, dates, periods and place in the transcript of `like`.
 * NULL: out of memory. */
static json_t *without_moving(const struct tuf_metadata *m, const struct tuf_metadata *like)
{
    const struct tuf_signed *to = tuf_metadata_signed(like);
    struct tuf_signed s = {0};
    if (tuf_copy_signed(tuf_metadata_signed(m), &s, NULL) != 0)
        return NULL;
    s.version = to->version;
    s.expires = to->expires;
    s.periods.expiry = to->periods.expiry;
    s.periods.signing = to->periods.signing;
    if (set_head(&s, to->has_transcript ? &to->transcript : NULL, NULL) != 0) {
        tuf_free_signed(&s);
        return NULL;
    }
    for (int k = 0; s.role == TUF_ROOT && k < TUF_ROLE_COUNT; k++) {
        s.root.roles.role[k].periods.expiry = to->root.roles.role[k].periods.expiry;
        s.root.roles.role[k].periods.signing = to->root.roles.role[k].periods.signing;
    }
    json_t *v = tuf_write_signed(&s, NULL);
    tuf_free_signed(&s);
    return v;
}

static int differs(void *arg, const char *name, const struct tuf_entry *before,
                   const struct tuf_entry *after, struct tm_err *e)
{
    (void)arg, (void)name, (void)before, (void)after, (void)e;
    return 1;
}

bool tuf_draft_kept(const struct tuf_metadata *m, const struct tuf_metadata *base)
{
    json_t *is = without_moving(m, base);
    json_t *was = without_moving(base, base);
    bool same = is != NULL && was != NULL && json_equal(is, was) == 1 &&
                (tuf_metadata_role(m) != TUF_TARGETS ||
                 tuf_entries_compare(base, m, differs, NULL, NULL) == 0);
    json_decref(is);
    json_decref(was);
    return same;
}

static void set_periods(struct tuf_periods *periods, const struct tuf_policy_role *r)
{
    periods->expiry = r->expiry / 1000;
    periods->signing = r->signing / 1000;
}

/* A version of others' makes does not say how long it lasts: that alone is no change, so the
 * periods come with the first one that is. */
static bool says_periods(const struct tuf_metadata *base)
{
    return base == NULL || tuf_metadata_signed(base)->periods.expiry > 0;
}

/* The next version of `base` without its entries, to be edited; unknown members come along. */
static int next_version(enum tuf_role role, const struct tuf_draft_next *next, struct tuf_signed *s,
                        struct tm_err *e)
{
    const struct tuf_metadata *base = next->base;
    const struct tuf_policy_role *r = next->r;
    int64_t version = (base != NULL ? tuf_metadata_version(base) : next->before) + 1;
    *s = (struct tuf_signed){.role = role};
    if (version > TUF_VERSION_MAX)
        return tm_err_set(e, "%s: version %lld is the last there can be", r->name,
                          (long long)version - 1);
    int rc = base != NULL ? tuf_copy_signed(tuf_metadata_signed(base), s, e)
                          : tuf_text_set(&s->spec_version, TUF_SPEC_VERSION);
    s->version = version;
    s->expires = next->now + r->expiry / 1000;
    if (says_periods(base))
        set_periods(&s->periods, r);
    return rc == 0 ? set_head(s, next->head, e) : tm_err_set(e, "out of memory");
}

/* ---- root ---- */

/* In root's roles of timestamp and snapshot. */
static void set_online_periods(struct tuf_root *root, const struct tuf_policy *p)
{
    static const enum tuf_role online[] = {TUF_TIMESTAMP, TUF_SNAPSHOT};
    for (size_t i = 0; i < 2; i++)
        set_periods(&root->roles.role[online[i]].periods,
                    tuf_policy_role(p, tuf_role_name(online[i])));
}

static int set_root_signers(const struct tuf_workspace *w, struct tuf_root *root, struct tm_err *e)
{
    struct tuf_keys before = root->keys;
    struct tuf_texts used = {0};
    int rc = 0;
    root->keys = (struct tuf_keys){0};
    for (int k = 0; k < TUF_ROLE_COUNT && rc == 0; k++)
        rc = tuf_draft_note_used(&root->roles.role[k], &used) == 0 ? 0
                                                                   : tm_err_set(e, "out of memory");
    for (int k = 0; k < TUF_ROLE_COUNT && rc == 0; k++)
        rc = tuf_draft_signers(w, tuf_policy_role(&w->policy, tuf_role_name((enum tuf_role)k)),
                               &before, &root->keys, &root->roles.role[k], e);
    if (rc == 0)
        rc = tuf_draft_keep_unused(&before, &used, &root->keys, e);
    tuf_texts_free(&used);
    tuf_free_keys(&before);
    return rc;
}

static struct tuf_metadata *draft_root(const struct tuf_workspace *w,
                                       const struct tuf_draft_next *next, struct tm_err *e)
{
    struct tuf_metadata *m = NULL;
    struct tuf_signed s;
    int rc = next_version(TUF_ROOT, next, &s, e);
    s.root.has_consistent_snapshot = s.root.consistent_snapshot = true;
    if (says_periods(next->base))
        set_online_periods(&s.root, &w->policy);
    if (rc == 0 && set_root_signers(w, &s.root, e) == 0)
        m = tuf_metadata_make(&s, NULL, e);
    tuf_free_signed(&s);
    return m;
}

/* ---- targets ---- */

/* Holders see by it, without the policy, what else must be explained to them. */
static int set_acted_on(const struct tuf_workspace *w, struct tuf_texts *out, struct tm_err *e)
{
    const struct tm_yamlmap_list *names = &w->policy.acted_on;
    tuf_texts_free(out);
    for (size_t i = 0; i < names->count; i++) {
        if (tuf_texts_add(out, names->item[i]) != 0)
            return tm_err_set(e, "out of memory");
    }
    return 0;
}

struct tuf_metadata *tuf_draft_targets(const struct tuf_workspace *w, const char *name,
                                       const struct tuf_draft_next *next,
                                       struct tuf_entries *entries, struct tm_err *e)
{
    struct tuf_metadata *m = NULL;
    struct tuf_signed s;
    int rc = next_version(TUF_TARGETS, next, &s, e);
    if (rc == 0 && w != NULL)
        rc = tuf_draft_delegations(w, name, &s.targets, e);
    if (rc == 0 && w != NULL && strcmp(name, tuf_role_name(TUF_TARGETS)) == 0)
        rc = set_acted_on(w, &s.targets.acted_on, e);
    if (rc == 0 && entries == NULL && next->base != NULL &&
        (entries = tuf_entries_copy(next->base, e)) == NULL)
        rc = -1;
    if (rc == 0)
        m = tuf_metadata_make(&s, entries, e);
    else
        tuf_entries_free(entries);
    tuf_free_signed(&s);
    return m;
}

/* ---- the event ---- */

struct draft {
    const struct tuf_workspace *w;
    const struct tuf_published *p;
    const struct tuf_draft_options *o;
    struct tuf_transcript_tail tail; /* what root and targets name */
    struct tuf_event *out;
    struct tm_err *e;
};

/* Of root and targets: what others sign has no place in the transcript that it could name. */
static struct tuf_draft_next next_top(const struct draft *d, enum tuf_role role,
                                      struct tuf_transcript_head *head)
{
    *head = (struct tuf_transcript_head){.lines = d->tail.n, .sha256 = (char *)d->tail.hash};
    return (struct tuf_draft_next){.r = tuf_policy_role(&d->w->policy, tuf_role_name(role)),
                                   .base = tuf_published_role(d->p, role),
                                   .now = d->o->now,
                                   .head = d->tail.n > 0 ? head : NULL};
}

static bool wanted(const struct draft *d, const char *role)
{
    for (size_t i = 0; i < d->o->renew_count; i++) {
        if (strcmp(d->o->renew[i], role) == 0)
            return true;
    }
    return false;
}

/* What will be in force: as proposed just now, else as published. The caller frees it. */
static struct tuf_metadata *coming(const struct draft *d, const char *name)
{
    enum tuf_role role;
    struct tuf_metadata *delegated = NULL;
    const struct tuf_event_role *r = tuf_event_find(d->out, name);
    const struct tuf_metadata *m = r != NULL ? r->proposed : NULL;
    if (m == NULL && tuf_role_from_name(name, &role) != 0)
        return tuf_published_delegated(d->p, name, &delegated, NULL) == 0 ? delegated : NULL;
    if (m == NULL)
        m = tuf_published_role(d->p, role);
    return m != NULL ? tuf_metadata_ref(m) : NULL;
}

/* By the keys that `by` will name. */
static bool signed_by(const struct draft *d, const char *by, const char *name,
                      const struct tuf_metadata *base)
{
    struct tuf_metadata *m = coming(d, by);
    struct tuf_signers s;
    struct tuf_delegation delegation;
    bool good = false;
    if (m != NULL && tuf_metadata_role(m) == TUF_ROOT) {
        tuf_root_signers(m, TUF_TARGETS, &s);
        good = tuf_verify(base, &s, name, NULL) == 0;
    } else if (m != NULL && tuf_delegation_find(m, name, &delegation)) {
        good = tuf_verify(base, &delegation.signers, name, NULL) == 0;
    }
    tuf_metadata_free(m);
    return good;
}

/* Keys that come and go may leave the published version without enough signatures: then it is
 * signed anew, though nothing in it changed. */
static bool still_signed(const struct draft *d, const char *name, const struct tuf_policy_role *r,
                         const struct tuf_metadata *base)
{
    const char *by;
    if (strcmp(name, tuf_role_name(TUF_TARGETS)) == 0)
        return signed_by(d, "root", name, base);
    for (size_t i = 0; (by = tuf_policy_delegator(r, i)) != NULL; i++) {
        if (!signed_by(d, by, name, base))
            return false;
    }
    return true;
}

/* Takes over `m`, which says no periods yet. */
static struct tuf_metadata *with_periods(const struct draft *d, const struct tuf_policy_role *r,
                                         struct tuf_metadata *m)
{
    enum tuf_role role = tuf_metadata_role(m);
    struct tuf_entries *entries = role == TUF_TARGETS ? tuf_entries_copy(m, d->e) : NULL;
    struct tuf_metadata *out = NULL;
    struct tuf_signed s = {0};
    if ((role != TUF_TARGETS || entries != NULL) &&
        tuf_copy_signed(tuf_metadata_signed(m), &s, d->e) == 0) {
        set_periods(&s.periods, r);
        if (role == TUF_ROOT)
            set_online_periods(&s.root, &d->w->policy);
        out = tuf_metadata_make(&s, entries, d->e);
    } else {
        tuf_entries_free(entries);
    }
    tuf_free_signed(&s);
    tuf_metadata_free(m);
    return out;
}

/* Takes over `m`, the next version. */
static int propose(const struct draft *d, const char *name, const struct tuf_draft_next *next,
                   struct tuf_metadata *m)
{
    const struct tuf_policy_role *r = next->r;
    const struct tuf_metadata *base = next->base;
    if (m == NULL)
        return -1;
    if (!tuf_draft_changed(m, base) && !wanted(d, name) &&
        !tuf_draft_due(base, r->signing / 1000, d->o->now) &&
        (strcmp(name, "root") == 0 || still_signed(d, name, r, base))) {
        tuf_metadata_free(m);
        return 0;
    }
    if (!says_periods(base))
        m = with_periods(d, r, m);
    return m != NULL ? tuf_event_add(d->out, name, base, m, d->e) : -1;
}

static int propose_root(const struct draft *d)
{
    struct tuf_transcript_head head;
    const struct tuf_draft_next next = next_top(d, TUF_ROOT, &head);
    return propose(d, "root", &next, draft_root(d->w, &next, d->e));
}

static struct tuf_entries *top_entries(const struct draft *d)
{
    const struct tuf_policy *p = &d->w->policy;
    char dir[PATH_MAX];
    struct tuf_scan files;
    if (tuf_workspace_path(d->w, p->targets, dir, sizeof(dir), d->e) != 0 ||
        tuf_scan_directory(dir, d->o->progress, &files, d->e) != 0)
        return NULL;
    struct tuf_entries *out = tuf_draft_entries(
        p, &(struct tuf_draft_files){.scan = &files, .dir = dir}, d->p->targets, d->e);
    tuf_scan_free(&files);
    return out;
}

static int propose_targets(const struct draft *d)
{
    struct tuf_transcript_head head;
    const struct tuf_draft_next next = next_top(d, TUF_TARGETS, &head);
    struct tuf_entries *entries = top_entries(d);
    if (entries == NULL)
        return -1;
    return propose(d, "targets", &next, tuf_draft_targets(d->w, "targets", &next, entries, d->e));
}

static int propose_files(const struct draft *d, const char *name, const struct tuf_policy_role *r,
                         const struct tuf_draft_files *f)
{
    struct tuf_metadata *base = NULL;
    if (tuf_published_delegated(d->p, name, &base, d->e) != 0)
        return -1;
    const struct tuf_draft_next next = {
        .r = r, .base = base, .before = tuf_published_highest(d->p, name), .now = d->o->now};
    struct tuf_entries *entries = tuf_draft_entries(NULL, f, base, d->e);
    int rc = entries == NULL
                 ? -1
                 : propose(d, name, &next, tuf_draft_targets(d->w, name, &next, entries, d->e));
    tuf_metadata_free(base);
    return rc;
}

static int propose_folder(const struct draft *d, const struct tuf_policy_role *r)
{
    char dir[PATH_MAX];
    struct tuf_scan files;
    if (tuf_workspace_path(d->w, r->directory, dir, sizeof(dir), d->e) != 0 ||
        tuf_scan_directory(dir, d->o->progress, &files, d->e) != 0)
        return -1;
    int rc = propose_files(d, r->name, r, &(struct tuf_draft_files){.scan = &files, .dir = dir});
    tuf_scan_free(&files);
    return rc;
}

static int propose_bins(const struct draft *d, const struct tuf_policy_role *r)
{
    char dir[PATH_MAX];
    char name[TUF_ROLE_NAME_MAX + 1];
    struct tuf_scan files;
    struct tuf_draft_bins bins = {0};
    unsigned bits = (unsigned)d->w->policy.bin_bits;
    if (tuf_workspace_path(d->w, r->directory, dir, sizeof(dir), d->e) != 0 ||
        tuf_scan_directory(dir, d->o->progress, &files, d->e) != 0)
        return -1;
    int rc = tuf_draft_bins(&files, bits, &bins, d->e);
    for (uint32_t i = 0; rc == 0 && i < (UINT32_C(1) << bits); i++) {
        const struct tuf_draft_files f = {.scan = &files, .dir = dir, .bins = &bins, .bin = i};
        rc = tuf_succinct_name(d->w->policy.bin_prefix, bits, i, name, sizeof(name));
        if (rc == 0)
            rc = propose_files(d, name, r, &f);
    }
    tuf_draft_bins_free(&bins);
    tuf_scan_free(&files);
    return rc;
}

static int propose_delegated(const struct draft *d)
{
    const struct tuf_policy *p = &d->w->policy;
    const struct tuf_policy_role *r = p->delegations.item;
    for (size_t i = 0; i < p->delegations.count; i++) {
        if (tuf_policy_is_online(p, &r[i]))
            continue;
        if (propose_folder(d, &r[i]) != 0)
            return -1;
    }
    if (p->bin_bits > 0 && !tuf_policy_is_online(p, &p->bins))
        return propose_bins(d, &p->bins);
    return 0;
}

/* Whoever signs a role below others sees by whom it is delegated, though those stay as they are. */
static int add_references(const struct draft *d)
{
    const struct tuf_metadata *m;
    struct tuf_delegation below;
    const char *name;
    bool nested = false;
    for (size_t i = 0; i < d->out->count; i++) {
        name = d->out->role[i].name;
        if (d->out->role[i].proposed == NULL)
            continue;
        const struct tuf_policy_role *r = tuf_policy_delegation(&d->w->policy, name);
        int found = tuf_published_delegation(d->p, name, &below, d->e);
        if (found < 0)
            return -1;
        nested |= (r != NULL && (strcmp(tuf_policy_delegator(r, 0), "targets") != 0 ||
                                 tuf_policy_delegator(r, 1) != NULL)) ||
                  (found == 1 && !tuf_delegation_find(d->p->targets, name, &below));
    }
    for (size_t i = 0; nested && (m = tuf_published_nested(d->p, i, &name)) != NULL; i++) {
        const struct tuf_policy_role *r = tuf_policy_delegation(&d->w->policy, name);
        if (r != NULL && tuf_policy_is_online(&d->w->policy, r))
            continue; /* nobody is below it */
        if (tuf_event_add_reference(d->out, name, m, d->e) != 0)
            return -1;
    }
    return 0;
}

static bool is_bin(const struct tuf_policy *p, const char *name)
{
    char bin[TUF_ROLE_NAME_MAX + 1];
    for (uint32_t i = 0; p->bin_bits > 0 && i < UINT32_C(1) << p->bin_bits; i++) {
        if (tuf_succinct_name(p->bin_prefix, (unsigned)p->bin_bits, i, bin, sizeof(bin)) == 0 &&
            strcmp(bin, name) == 0)
            return true;
    }
    return false;
}

/* Root and targets come by an event, whatever keys they have. */
static bool comes_by_event(const struct tuf_policy *p, const struct tuf_policy_role *r,
                           const char *name)
{
    enum tuf_role top;
    if (tuf_role_from_name(name, &top) == 0 && top != TUF_SNAPSHOT && top != TUF_TIMESTAMP)
        return true;
    return !tuf_policy_is_online(p, r);
}

static int refuse_renewal(const struct tuf_policy *p, const char *name, struct tm_err *e)
{
    struct tm_buf want = {0};
    const struct tuf_policy_role *r = p->delegations.item;
    tm_buf_puts(&want, "root, targets");
    for (size_t i = 0; i < p->delegations.count; i++) {
        if (comes_by_event(p, &r[i], r[i].name))
            tm_buf_printf(&want, ", %s", r[i].name);
    }
    if (p->bin_bits > 0 && comes_by_event(p, &p->bins, p->bin_prefix))
        tm_buf_printf(&want, " or a bin of %s", p->bin_prefix);
    const char *text = tm_buf_str(&want);
    tm_err_set(e, "want one of %.300s, not '%.64s'", text != NULL ? text : "?", name);
    tm_buf_free(&want);
    return -1;
}

int tuf_draft_check_renewals(const struct tuf_policy *p, const char *const *names, size_t count,
                             struct tm_err *e)
{
    for (size_t i = 0; i < count; i++) {
        const struct tuf_policy_role *r = tuf_policy_role(p, names[i]);
        if (r == NULL)
            r = is_bin(p, names[i]) ? &p->bins : tuf_policy_delegation(p, names[i]);
        if (r == NULL || (r == &p->bins && !is_bin(p, names[i])))
            return refuse_renewal(p, names[i], e);
        if (!comes_by_event(p, r, names[i]))
            return tm_err_set(e, "'%s' is signed by online keys: refresh renews it", names[i]);
    }
    return 0;
}

int tuf_draft_make(const struct tuf_workspace *w, const struct tuf_published *p,
                   const struct tuf_draft_options *o, struct tuf_event *out, struct tm_err *e)
{
    struct draft d = {.w = w, .p = p, .o = o, .out = out, .e = e};
    if (tuf_event_new(o->name, o->reason, o->now, p, out, e) != 0)
        return -1;
    if (tuf_transcript_tail(w->transcript, &d.tail, e) != 0 || propose_root(&d) != 0 ||
        propose_targets(&d) != 0 || propose_delegated(&d) != 0 || add_references(&d) != 0) {
        tuf_event_free(out);
        return -1;
    }
    return 0;
}

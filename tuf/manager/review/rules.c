#include "tuf/manager/review/rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/delegation.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/metadata/verify.h"
#include "tuf/manager/review/reach.h"
#include "tuf/manager/policy/words.h"
#include "tuf/manager/review/acted.h"
#include "tuf/manager/review/rules_keys.h"

#define CLOCK_SLACK_S 300 /* clocks of the machines of a ceremony */
#define DAY_S INT64_C(86400)
/* Versions of a name that is used again, at most: by a far higher one nobody could follow up. */
#define AGAIN_MAX 1000000

#define fault(j, ...) tuf_findings_error((j)->out, __VA_ARGS__)
#define warn(j, ...) tuf_findings_warn((j)->out, __VA_ARGS__)

struct judge {
    const struct tuf_event *ev;
    const struct tuf_policy *policy;
    int64_t now;
    struct tuf_findings *out;
};

static int check_chain(struct tuf_metadata *const *roots, size_t count, struct tm_err *e)
{
    struct tuf_signers s;
    char what[96];
    for (size_t i = 0; i < count; i++) {
        int64_t version = tuf_metadata_version(roots[i]);
        snprintf(what, sizeof(what), "root %" PRId64, version);
        tuf_root_signers(roots[i], TUF_ROOT, &s);
        if (tuf_verify(roots[i], &s, what, e) != 0)
            return -1;
        if (i == 0)
            continue;
        snprintf(what, sizeof(what), "root %" PRId64 " (by the keys of root %" PRId64 ")", version,
                 version - 1);
        tuf_root_signers(roots[i - 1], TUF_ROOT, &s);
        if (tuf_verify(roots[i], &s, what, e) != 0)
            return -1;
    }
    return 0;
}

/* A delegated role is compared with what was published: that must be what the published roles
 * delegate to, or a review would not show the difference. */
static void judge_delegated_base(struct judge *j, const struct tuf_event_role *r)
{
    const struct tuf_event_role *targets = tuf_event_find(j->ev, "targets");
    struct tuf_delegation d;
    struct tm_err e = {0};
    enum tuf_role top;
    if (r->base == NULL || tuf_role_from_name(r->name, &top) == 0)
        return;
    if (targets == NULL || targets->base == NULL ||
        tuf_delegation_search(targets->base, r->name, tuf_event_base, (void *)j->ev, &d, NULL) != 1)
        fault(j, "%s is said to be published, but no published role delegates to it", r->name);
    else if (tuf_verify(r->base, &d.signers, "published", &e) != 0)
        fault(j, "%s: %s", r->name, e.text);
}

/* What the event says is published hangs together. */
static void judge_base(struct judge *j)
{
    struct tm_err e = {0};
    struct tuf_signers s;
    const struct tuf_event_role *root = tuf_event_find(j->ev, "root");
    const struct tuf_event_role *targets = tuf_event_find(j->ev, "targets");
    if (check_chain(j->ev->roots, j->ev->root_count, &e) != 0)
        fault(j, "published roots: %s", e.text);
    for (size_t i = 0; i < j->ev->count; i++)
        judge_delegated_base(j, &j->ev->role[i]);
    if (targets == NULL || targets->base == NULL)
        return;
    if (root == NULL || root->base == NULL) {
        fault(j, "targets is said to be published, but no root is");
        return;
    }
    tuf_root_signers(root->base, TUF_TARGETS, &s);
    if (tuf_verify(targets->base, &s, "published targets", &e) != 0)
        fault(j, "%s", e.text);
}

static int64_t period_of(const struct tuf_metadata *m)
{
    return tuf_metadata_signed(m)->periods.expiry;
}

/* When a version was made, by its own word; 0: it does not say. */
static int64_t made_at(const struct tuf_metadata *m)
{
    int64_t period = m != NULL ? period_of(m) : 0;
    int64_t expires = m != NULL ? tuf_metadata_expires(m) : 0;
    return period > 0 && expires > period ? expires - period : 0;
}

/* The date of an event judges nothing, but it says when: not after now, not before what it
 * follows, and about when its own metadata was made. */
static void judge_created(struct judge *j)
{
    int64_t created = j->ev->created;
    char date[21];
    tm_clock_format(created, date);
    if (created > j->now + CLOCK_SLACK_S)
        fault(j, "the event is dated %s, which is in the future: check the clock", date);
    for (size_t i = 0; i < j->ev->count; i++) {
        const struct tuf_event_role *r = &j->ev->role[i];
        int64_t base = made_at(r->base);
        int64_t own = made_at(r->proposed);
        if (base > 0 && created < base - CLOCK_SLACK_S) {
            fault(j, "the event is dated %s, before the version of %s that it follows was made",
                  date, r->name);
            return;
        }
        if (own > 0 && created < own - DAY_S) {
            fault(j, "the event is dated %s, long before its version of %s was made", date,
                  r->name);
            return;
        }
    }
}

static void judge_dates(struct judge *j, const struct tuf_event_role *r, int64_t period)
{
    int64_t expires = tuf_metadata_expires(r->proposed);
    int64_t own = period_of(r->proposed);
    char date[21];
    char text[24];
    tm_clock_format(expires, date);
    if (expires <= j->now)
        fault(j, "%s: it expires %s, which is past", r->name, date);
    if (own <= 0 || (period > 0 && own != period))
        fault(j, "%s: its expiry period is not the policy's", r->name);
    if (own > POLICY_PERIOD_MAX_MS / 1000)
        fault(j, "%s: its expiry period is longer than any policy may ask for", r->name);
    period = period > 0 ? period : own;
    tuf_words_period(period > 0 ? period : 0, text);
    if (expires > j->now + period + CLOCK_SLACK_S)
        fault(j, "%s: it expires %s, later than a period of %s from now", r->name, date, text);
}

static void judge_version(struct judge *j, const struct tuf_event_role *r)
{
    int64_t want = r->base != NULL ? tuf_metadata_version(r->base) + 1 : 1;
    int64_t is = tuf_metadata_version(r->proposed);
    enum tuf_role top;
    if (is > 1 && is <= AGAIN_MAX && r->base == NULL && tuf_role_from_name(r->name, &top) != 0)
        warn(j,
             "%s: a name that was used before: this begins at version %" PRId64
             ", behind what clients may remember; publish refuses it if that is not so",
             r->name, is);
    else if (is != want)
        fault(j, "%s: version %" PRId64 " proposed, but version %" PRId64 " comes next", r->name,
              is, want);
}

static void judge_root(struct judge *j, const struct tuf_event_role *r)
{
    tuf_rules_root_keys(r, j->out);
    if (!tuf_root_consistent_snapshot(r->proposed))
        fault(j, "root: consistent_snapshot must be true");
}

static void judge_delegation(struct judge *j, const struct tuf_delegations *d,
                             const struct tuf_role_keys *role, const char *name,
                             const struct tuf_keys *before)
{
    const struct tuf_signers s = {.known = &d->keys, .role = role, .threshold = role->threshold};
    char label[TUF_ROLE_NAME_MAX + 32];
    snprintf(label, sizeof(label), "delegation %s", name);
    tuf_rules_signers(label, &s, before, j->out);
}

/* Keys that come in by a delegation are shown by their keyids too. */
static void judge_delegations(struct judge *j, const struct tuf_event_role *r)
{
    const struct tuf_delegations *d = &tuf_metadata_signed(r->proposed)->targets.delegations;
    const struct tuf_keys *before =
        r->base != NULL ? &tuf_metadata_signed(r->base)->targets.delegations.keys : NULL;
    if (d->has_bins)
        judge_delegation(j, d, &d->bins.by, "of hash bins", before);
    for (size_t i = 0; i < d->roles.count; i++) {
        const char *name = d->roles.item[i].name;
        char plain[TUF_ROLE_NAME_MAX + 1];
        judge_delegation(j, d, &d->roles.item[i].by, name, before);
        if (tuf_role_resembles(name) && tuf_role_encode(name, plain))
            tuf_findings_danger(j->out, "delegation %s: its name could be taken for another role's",
                                plain);
    }
}

static void warn_unreached(struct judge *j, const struct tuf_event_role *r)
{
    struct tuf_unreached u;
    struct tm_err e = {0};
    if (tuf_event_unreached(j->ev, r, &u, &e) != 0)
        warn(j, "%s: whether clients find its targets cannot be told: %s", r->name, e.text);
    else if (u.count > 0)
        warn(j,
             "%s: %zu of its targets are outside the paths that lead to it, where no client looks "
             "for them; the first is '%s'",
             r->name, u.count, u.first);
}

/* Among which the signers of a delegated role are, as published; or NULL. */
static const struct tuf_keys *published_keys(const struct tuf_event *ev, const char *role)
{
    const struct tuf_event_role *targets = tuf_event_find(ev, "targets");
    struct tuf_delegation d;
    return targets != NULL && targets->base != NULL &&
                   tuf_delegation_search(targets->base, role, tuf_event_base, (void *)ev, &d,
                                         NULL) == 1
               ? d.signers.known
               : NULL;
}

/* A list that cannot be read would protect nothing that it names. */
static void judge_acted_on(struct judge *j, const struct tuf_event_role *r)
{
    if (tuf_rest_has(tuf_metadata_signed(r->proposed)->rest, ACTED_ON_MEMBER))
        fault(j, "%s: its '%s' is no list of names", r->name, ACTED_ON_MEMBER);
}

/* Only what is read is compared with the transcript, and it goes forward only. */
static void judge_head(struct judge *j, const struct tuf_event_role *r)
{
    const struct tuf_signed *is = tuf_metadata_signed(r->proposed);
    const struct tuf_signed *was = r->base != NULL ? tuf_metadata_signed(r->base) : is;
    if (tuf_rest_has(is->rest, TUF_TRANSCRIPT_MEMBER))
        fault(j, "%s: its '%s' is no line's number and hash", r->name, TUF_TRANSCRIPT_MEMBER);
    if (was->has_transcript && is->transcript.lines < was->transcript.lines)
        tuf_findings_danger(j->out,
                            "%s: it names line %" PRId64
                            " of the transcript, and the version before it line %" PRId64
                            ": the record of ceremonies was cut or begun anew",
                            r->name, is->transcript.lines, was->transcript.lines);
}

static void judge_role(struct judge *j, const struct tuf_event_role *r)
{
    const struct tuf_policy_role *rule = NULL;
    struct tuf_signers s;
    enum tuf_role top;
    bool is_top = tuf_role_from_name(r->name, &top) == 0;
    if (j->policy != NULL)
        rule = is_top ? tuf_policy_role(j->policy, r->name)
                      : tuf_policy_delegation(j->policy, r->name);
    judge_version(j, r);
    judge_acted_on(j, r);
    judge_head(j, r);
    judge_dates(j, r, rule != NULL ? rule->expiry / 1000 : 0);
    if (is_top && top == TUF_ROOT)
        judge_root(j, r);
    else
        judge_delegations(j, r);
    if (is_top)
        return;
    if (!tuf_event_signers(j->ev, r->name, false, &s))
        fault(j, "%s: no role delegates to it", r->name);
    else
        tuf_rules_signers(r->name, &s, published_keys(j->ev, r->name), j->out);
    warn_unreached(j, r);
}

void tuf_rules_judge(const struct tuf_event *ev, const struct tuf_policy *policy, int64_t now,
                     struct tuf_findings *out)
{
    struct judge j = {.ev = ev, .policy = policy, .now = now, .out = out};
    struct tm_err e = {0};
    *out = (struct tuf_findings){0};
    judge_base(&j);
    judge_created(&j);
    for (size_t i = 0; i < ev->count; i++) {
        if (ev->role[i].proposed != NULL)
            judge_role(&j, &ev->role[i]);
    }
    tuf_rules_readers(ev, policy, out);
    if (tuf_event_check_signatures(ev, &e) != 0)
        fault(&j, "%s", e.text);
}

static int check_live(const struct tuf_event_role *r, const struct tuf_metadata *live,
                      struct tm_err *e)
{
    if (tuf_metadata_equal(r->base, live) || tuf_metadata_equal(r->proposed, live))
        return 0;
    return tm_err_set(e,
                      "%s: the event was made when version %" PRId64 " was published, but version "
                      "%" PRId64 " is now (or its content differs): propose again",
                      r->name, r->base != NULL ? tuf_metadata_version(r->base) : 0,
                      live != NULL ? tuf_metadata_version(live) : 0);
}

/* A new role whose name was used before: neither below what clients remember nor far beyond it. The
 * file of the very version may be there already: of a publication that was killed. */
static int check_again(const struct tuf_event_role *r, const struct tuf_published *live,
                       struct tm_err *e)
{
    struct tuf_file_info listed = {0};
    int64_t version = tuf_metadata_version(r->proposed);
    int64_t highest = tuf_published_highest(live, r->name);
    if (live->snapshot != NULL)
        (void)tuf_snapshot_find(live->snapshot, r->name, &listed);
    if (version > listed.version && version <= highest + 1)
        return 0;
    return tm_err_set(e,
                      "%s: version %" PRId64 " proposed, but the name was used before, up to "
                      "version %" PRId64 ": propose again",
                      r->name, version, highest);
}

int tuf_rules_base(const struct tuf_event *ev, const struct tuf_published *live, struct tm_err *e)
{
    for (size_t i = 0; i < ev->count; i++) {
        const struct tuf_event_role *r = &ev->role[i];
        struct tuf_metadata *delegated = NULL;
        enum tuf_role top;
        const struct tuf_metadata *now;
        if (r->proposed == NULL && strcmp(r->name, "root") != 0)
            continue;
        if (tuf_role_from_name(r->name, &top) == 0) {
            now = tuf_published_role(live, top);
        } else {
            if (tuf_published_delegated(live, r->name, &delegated, e) != 0)
                return -1;
            now = delegated;
        }
        int rc = check_live(r, now, e);
        if (rc == 0 && now == NULL && tuf_role_from_name(r->name, &top) != 0)
            rc = check_again(r, live, e);
        tuf_metadata_free(delegated);
        if (rc != 0)
            return tm_err_wrap(e, "stale event");
    }
    return 0;
}

int tuf_rules_trusted(const struct tuf_event *ev, const struct tuf_metadata *trusted,
                      struct tm_err *e)
{
    int64_t version = tuf_metadata_version(trusted);
    int64_t newest = tuf_event_root_version(ev);
    int64_t first = ev->root_count > 0 ? tuf_metadata_version(ev->roots[0]) : 1;
    if (version > newest)
        return tm_err_set(
            e, "your root is version %" PRId64 ", newer than the event's newest, %" PRId64, version,
            newest);
    if (version < first)
        return tm_err_set(e,
                          "your root is version %" PRId64 ", and the chain of the event begins at "
                          "%" PRId64 ": use a root of that version or later",
                          version, first);
    if (!tuf_metadata_equal(trusted, ev->roots[version - first]))
        return tm_err_set(e,
                          "root %" PRId64 " of the event is not your root %" PRId64
                          ": this event is not about your repository, or its history is forged",
                          version, version);
    return check_chain(ev->roots, ev->root_count, e);
}

/* A client may come by any role that delegates to it. */
static int check_delegators(const struct tuf_event *ev, const struct tuf_event_role *r,
                            struct tm_err *e)
{
    struct tuf_delegation d;
    char what[2 * TUF_ROLE_NAME_MAX + 40];
    for (size_t i = 0; i < ev->count; i++) {
        const struct tuf_event_role *by = &ev->role[i];
        const struct tuf_metadata *m = by->proposed != NULL ? by->proposed : by->base;
        if (m == NULL || tuf_metadata_role(m) != TUF_TARGETS ||
            !tuf_delegation_find(m, r->name, &d))
            continue;
        snprintf(what, sizeof(what), "%s (as %s delegates to it)", r->name, by->name);
        if (tuf_verify(r->proposed, &d.signers, what, e) != 0)
            return -1;
    }
    return 0;
}

int tuf_rules_thresholds(const struct tuf_event *ev, struct tm_err *e)
{
    for (size_t i = 0; i < ev->count; i++) {
        const struct tuf_event_role *r = &ev->role[i];
        struct tuf_signers s;
        char what[TUF_ROLE_NAME_MAX + 40];
        if (r->proposed == NULL)
            continue;
        snprintf(what, sizeof(what), "%s (by the keys of the published root)", r->name);
        if (tuf_event_signers(ev, r->name, true, &s) && tuf_verify(r->proposed, &s, what, e) != 0)
            return -1;
        snprintf(what, sizeof(what), "%s%s", r->name,
                 strcmp(r->name, "root") == 0 ? " (by the proposed keys)" : "");
        if (!tuf_event_signers(ev, r->name, false, &s))
            return tm_err_set(e, "%s: nobody may sign it", r->name);
        if (tuf_verify(r->proposed, &s, what, e) != 0 || check_delegators(ev, r, e) != 0)
            return -1;
    }
    return 0;
}

#include "tuf/manager/publish/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tuf/metadata/delegation.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/metadata/verify.h"
#include "tuf/manager/draft/draft.h"
#include "tuf/manager/review/rules.h"
#include "tuf/manager/evidence/complete.h"
#include "tuf/manager/evidence/transcript.h"
#include "tuf/manager/publish/internal.h"
#include "tuf/manager/state/legacy.h"
#include "tuf/manager/state/names.h"

/* ---- may it be published at all? ---- */

/* What it says of the transcript would be missed by every audit from then on. */
static int judge_head(const struct tuf_publication *p, const struct tuf_event_role *r,
                      struct tm_err *e)
{
    const struct tuf_signed *s = r->proposed != NULL ? tuf_metadata_signed(r->proposed) : NULL;
    if (s == NULL || !s->has_transcript ||
        tuf_evidence_holds(p->w->transcript, &s->transcript, e) == 0)
        return 0;
    return tm_err_wrap(e,
                       "refused: %s %lld names a line of the transcript that is not here (propose "
                       "again with the transcript of this workspace)",
                       r->name, (long long)s->version);
}

static int judge(const struct tuf_publication *p, struct tm_err *e)
{
    const struct tuf_event *ev = p->o->event;
    struct tuf_findings f;
    tuf_rules_judge(ev, &p->w->policy, p->o->now, &f);
    int rc = f.error_count == 0
                 ? 0
                 : tm_err_set(e, "refused: %.*s", (int)strcspn(tm_buf_str(&f.errors), "\n"),
                              tm_buf_str(&f.errors));
    tuf_findings_free(&f);
    if (rc == 0 && tuf_rules_base(ev, &p->live, e) != 0)
        rc = tm_err_wrap(e, "refused");
    if (rc == 0 && tuf_rules_thresholds(ev, e) != 0)
        rc = tm_err_wrap(e, "refused");
    for (size_t i = 0; i < ev->count && rc == 0; i++)
        rc = judge_head(p, &ev->role[i], e);
    return rc;
}

static const struct tuf_metadata *proposed(const struct tuf_publication *p, const char *role)
{
    const struct tuf_event_role *r = p->o->event != NULL ? tuf_event_find(p->o->event, role) : NULL;
    return r != NULL ? r->proposed : NULL;
}

static int choose(struct tuf_publication *p, struct tm_err *e)
{
    const struct tuf_metadata *root = proposed(p, "root");
    const struct tuf_metadata *targets = proposed(p, "targets");
    p->root = root != NULL ? root : tuf_published_root(&p->live);
    p->targets = targets != NULL ? targets : p->live.targets;
    if (p->root == NULL || p->targets == NULL)
        return tm_err_set(e, "'%s' has no published root yet: publish a signed event first",
                          p->w->published);
    p->new_root = tuf_metadata_version(p->root) > tuf_published_root_version(&p->live);
    return 0;
}

/* ---- offline roles ---- */

static int put_root(struct tuf_publication *p, struct tm_err *e)
{
    char name[NAMES_MAX];
    if (tuf_names_metadata(tuf_metadata_version(p->root), "root", name, sizeof(name), e) != 0)
        return -1;
    if (p->new_root && tuf_stage_put(&p->stage, STAGE_ROOT, name, p->root, true, NULL, e) != 0)
        return -1;
    return p->new_root ? tuf_stage_put(&p->stage, STAGE_LATEST, "root.json", p->root, true, NULL, e)
                       : 0;
}

/* By the roles that will be in force: those which the event calls published may be old. */
static int check_delegated(struct tuf_publication *p, const struct tuf_event_role *r,
                           struct tm_err *e)
{
    struct tuf_delegation d;
    int found = tuf_publication_delegation(p, r->name, &d, e);
    if (found == 1 && tuf_verify(r->proposed, &d.signers, r->name, e) == 0)
        return 0;
    if (found == 0)
        tm_err_set(e, "%s: no published role delegates to it any more", r->name);
    return tm_err_wrap(e, "refused");
}

static int put_proposed(struct tuf_publication *p, const struct tuf_event_role *r, struct tm_err *e)
{
    const struct tuf_policy *policy = &p->w->policy;
    const struct tuf_policy_role *rule = tuf_policy_delegation(policy, r->name);
    bool top = strcmp(r->name, "targets") == 0;
    const char *directory = top ? policy->targets : rule != NULL ? rule->directory : NULL;
    if (directory == NULL)
        return tm_err_set(e, "the policy has no delegation '%s'", r->name);
    if (!top && check_delegated(p, r, e) != 0)
        return -1;
    if (!top && tuf_publication_check_delegators(p, rule, r->name, r->proposed, e) != 0)
        return tm_err_wrap(e, "refused");
    if (tuf_publication_put_role(p, r->name, r->proposed, true, e) != 0)
        return -1;
    p->report->delegated += !top;
    if (tuf_legacy_check(p->w, p->targets, r->proposed, directory, p->o->event->created, p->o->now,
                         e) != 0)
        return tm_err_wrap(e, "refused");
    return tuf_publication_put_files(p, r->proposed, directory, e);
}

/* An event that was published already, wholly or up to here, changes nothing any more. */
static bool is_live(const struct tuf_publication *p, const struct tuf_event_role *r)
{
    struct tuf_file_info info;
    return p->live.snapshot != NULL && tuf_snapshot_find(p->live.snapshot, r->name, &info) &&
           info.version == tuf_metadata_version(r->proposed);
}

static int put_event(struct tuf_publication *p, struct tm_err *e)
{
    const struct tuf_event *ev = p->o->event;
    for (size_t i = 0; ev != NULL && i < ev->count; i++) {
        const struct tuf_event_role *r = &ev->role[i];
        if (r->proposed == NULL || strcmp(r->name, "root") == 0 || is_live(p, r))
            continue;
        if (put_proposed(p, r, e) != 0)
            return -1;
    }
    return put_root(p, e);
}

/* ---- snapshot and timestamp ---- */

static bool same_signers(const struct tuf_metadata *a, const struct tuf_metadata *b,
                         enum tuf_role role)
{
    struct tuf_signers x;
    struct tuf_signers y;
    tuf_root_signers(a, role, &x);
    tuf_root_signers(b, role, &y);
    return tuf_texts_equal(&x.role->keyids, &y.role->keyids);
}

/* Due, or no longer what the root in force takes. */
static bool needs_signing(const struct tuf_publication *p, const struct tuf_metadata *m,
                          enum tuf_role role)
{
    struct tuf_online_period period;
    struct tuf_signers by;
    if (m == NULL || p->o->force)
        return true;
    tuf_online_period_of(p->root, &p->w->policy, role, &period);
    tuf_root_signers(p->root, role, &by);
    return tuf_draft_due(m, period.signing, p->o->now) || tuf_verify(m, &by, "", NULL) != 0 ||
           tuf_metadata_expires(m) > p->o->now + period.expiry + 300;
}

static int64_t next_of(const struct tuf_metadata *m)
{
    return m != NULL ? tuf_metadata_version(m) + 1 : 1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tuf_meta_put *)a)->name, ((const struct tuf_meta_put *)b)->name);
}

static bool is_put(const struct tuf_publication *p, const char *name)
{
    const struct tuf_meta_put wanted = {.name = (char *)name};
    return p->put_count > 0 &&
           bsearch(&wanted, p->put, p->put_count, sizeof(*p->put), by_name) != NULL;
}

/* 1: some role of those in force afterwards delegates to the role whose file it is. -1: `e`. */
static int is_delegated(struct tuf_publication *p, const char *file, struct tm_err *e)
{
    char role[TUF_ROLE_NAME_MAX + 1];
    struct tuf_delegation d;
    size_t len = strlen(file) > 5 ? strlen(file) - 5 : 0;
    snprintf(role, sizeof(role), "%.*s", (int)len, file);
    return strcmp(role, tuf_role_name(TUF_TARGETS)) == 0
               ? 1
               : tuf_publication_delegation(p, role, &d, e);
}

/* Those of the live snapshot that are not put anew. One that vanishes is a rollback to clients,
 * unless the snapshot's key is replaced: then those without a role are swept. */
static int keep_entries(struct tuf_publication *p, struct tuf_entries *all, struct tm_err *e)
{
    const struct tuf_metadata *live = p->live.snapshot;
    const struct tuf_metadata *root = tuf_published_root(&p->live);
    bool sweep = root != NULL && !same_signers(root, p->root, TUF_SNAPSHOT);
    struct tm_buf name = {0};
    int rc = 0;
    for (size_t i = 0; live != NULL && i < tuf_entries_count(live) && rc == 0; i++) {
        struct tuf_entry entry = {0};
        rc = tuf_entry_get(live, i, &name, &entry, e);
        bool stays = rc == 0 && !is_put(p, tm_buf_str(&name));
        if (stays && sweep) {
            int found = is_delegated(p, tm_buf_str(&name), e);
            stays = found == 1;
            rc = found < 0 ? -1 : 0;
        }
        if (stays)
            rc = tuf_entries_put(all, tm_buf_str(&name), &entry, e);
        tuf_free_entry(&entry);
    }
    tm_buf_free(&name);
    return rc;
}

/* The entries of the next snapshot, or NULL. */
static struct tuf_entries *next_entries(struct tuf_publication *p, struct tm_err *e)
{
    struct tuf_entries *all = tuf_entries_new(TUF_SNAPSHOT, 0, e);
    if (p->put_count > 0)
        qsort(p->put, p->put_count, sizeof(*p->put), by_name);
    int rc = all != NULL ? keep_entries(p, all, e) : -1;
    for (size_t i = 0; i < p->put_count && rc == 0; i++) {
        const struct tuf_meta_put *put = &p->put[i];
        struct tuf_entry entry = {0};
        rc = tuf_entry_pin(&entry, put->version, put->pin.length, put->pin.sha256) == 0
                 ? tuf_entries_put(all, put->name, &entry, e)
                 : tm_err_set(e, "out of memory");
        tuf_free_entry(&entry);
    }
    if (rc == 0)
        return all;
    tuf_entries_free(all);
    return NULL;
}

static int sign(struct tuf_publication *p, struct tuf_metadata *m, struct tm_err *e)
{
    enum tuf_role role = tuf_metadata_role(m);
    struct tuf_signers by;
    tuf_root_signers(p->root, role, &by);
    return tuf_online_sign(&p->online, m, &by, tuf_role_name(role), e);
}

static int stage_snapshot(struct tuf_publication *p, struct tuf_metadata *m,
                          struct tuf_entry *pinned, struct tm_err *e)
{
    struct tuf_stage_pin pin;
    char name[NAMES_MAX];
    int64_t version = tuf_metadata_version(m);
    if (sign(p, m, e) != 0 || tuf_names_metadata(version, "snapshot", name, sizeof(name), e) != 0 ||
        tuf_stage_put(&p->stage, STAGE_METADATA, name, m, true, &pin, e) != 0)
        return -1;
    return tuf_entry_pin(pinned, version, pin.length, pin.sha256) == 0
               ? 0
               : tm_err_set(e, "out of memory");
}

/* `pinned`: what the next timestamp says of it; stays empty when the live one stays. */
static int put_snapshot(struct tuf_publication *p, struct tuf_entry *pinned, struct tm_err *e)
{
    const struct tuf_metadata *live = p->live.snapshot;
    struct tuf_metadata *m = NULL;
    struct tuf_signed s = {0};
    struct tuf_entries *entries = next_entries(p, e);
    if (entries == NULL)
        return -1;
    if (tuf_online_next(&p->online, TUF_SNAPSHOT, p->root, live, p->o->now, &s, e) == 0)
        m = tuf_metadata_make(&s, entries, e);
    else
        tuf_entries_free(entries);
    tuf_free_signed(&s);
    if (m == NULL)
        return -1;
    bool stays =
        live != NULL && tuf_metadata_same_content(live, m) && !needs_signing(p, live, TUF_SNAPSHOT);
    int rc = stays ? 0 : stage_snapshot(p, m, pinned, e);
    if (rc == 0) {
        p->report->snapshot = tuf_metadata_version(stays ? live : m);
        rc = tuf_metadata_sha256(stays ? live : m, p->snapshot_sha256, e);
    }
    tuf_metadata_free(m);
    return rc;
}

static int set_head(struct tuf_signed *s, const struct tuf_transcript_tail *tail, struct tm_err *e)
{
    struct tuf_transcript_head *head = &s->transcript;
    json_decref(head->rest);
    head->rest = NULL;
    json_object_del(s->rest, TUF_TRANSCRIPT_MEMBER); /* in a form that is none */
    head->lines = tail->n;
    s->has_transcript = true;
    return tuf_text_set(&head->sha256, tail->hash) == 0 ? 0 : tm_err_set(e, "out of memory");
}

/* What the next timestamp says; `pinned` is taken over, unless it is empty. */
static int say_timestamp(struct tuf_publication *p, struct tuf_entry *pinned, struct tuf_signed *s,
                         struct tm_err *e)
{
    if (tuf_online_next(&p->online, TUF_TIMESTAMP, p->root, p->live.timestamp, p->o->now, s, e) !=
            0 ||
        set_head(s, &p->evidence, e) != 0)
        return -1;
    if (pinned->version > 0) {
        tuf_free_entry(&s->timestamp.snapshot);
        s->timestamp.snapshot = *pinned;
        *pinned = (struct tuf_entry){0};
    }
    return 0;
}

/* NULL in *out: the live one stays. */
static int make_timestamp(struct tuf_publication *p, struct tuf_entry *pinned,
                          struct tuf_metadata **out, struct tm_err *e)
{
    const struct tuf_metadata *live = p->live.timestamp;
    struct tuf_signed s = {0};
    *out = NULL;
    if (pinned->version == 0 && !p->new_root && !needs_signing(p, live, TUF_TIMESTAMP)) {
        p->report->timestamp = tuf_metadata_version(live);
        return 0;
    }
    p->report->timestamp = next_of(live);
    if (tuf_publication_chain(p, e) != 0)
        return -1;
    if (say_timestamp(p, pinned, &s, e) == 0)
        *out = tuf_metadata_make(&s, NULL, e);
    tuf_free_signed(&s);
    return *out != NULL ? sign(p, *out, e) : -1;
}

/* ---- the switch ---- */

static int switch_over(struct tuf_publication *p, bool gap, struct tm_err *e)
{
    bool unsupported = false;
    if (!gap)
        return tuf_stage_commit(&p->stage, e);
    if (tuf_stage_exchange(&p->stage, &unsupported, e) == 0) {
        p->report->exchanged = true;
        return 0;
    }
    if (!unsupported)
        return -1;
    if (p->o->allow_gap)
        return tuf_stage_commit(&p->stage, e);
    return tm_err_wrap(e,
                       "this root makes the old timestamp unverifiable, so the whole tree must be "
                       "switched at once, which this file system cannot; --allow-gap publishes "
                       "file by file, and clients that come between two renames fail");
}

static int finish(struct tuf_publication *p, const struct tuf_metadata *timestamp, struct tm_err *e)
{
    struct tm_err why = {0};
    bool gap = false;
    if (p->new_root && p->live.root_count > 0)
        gap = tuf_publication_check_once(p, &why) != 0;
    if (timestamp != NULL &&
        tuf_stage_put(&p->stage, STAGE_TIMESTAMP, "timestamp.json", timestamp, true, NULL, e) != 0)
        return -1;
    p->report->files = tuf_stage_count(&p->stage);
    if (p->report->files == 0)
        return 0;
    p->report->changed = true;
    if (tuf_stage_sync(&p->stage, e) != 0)
        return -1;
    tuf_publication_let_go(p);
    if (tuf_publication_check(p, e) != 0)
        return tm_err_wrap(e, "refused: our own client does not accept the new tree");
    if (tuf_transcript_write(p->w->transcript, &p->evidence, e) != 0)
        return -1;
    return switch_over(p, gap, e);
}

/* A clock that went back (a machine that starts without one, before it asks the network) would date
 * what it signs into the past, and every client would find it expired. */
static int check_clock(const struct tuf_publication *p, struct tm_err *e)
{
    struct tuf_line last;
    int64_t then = 0;
    char was[21];
    char is[21];
    if (p->o->clock_ok)
        return 0;
    int rc = tuf_transcript_last(p->w->transcript, &last, e);
    if (rc == 0 && last.time != NULL && tm_clock_parse(last.time, &then) == 0 &&
        p->o->now < then - PUBLISH_CLOCK_SLACK_S) {
        tm_clock_format(then, was);
        tm_clock_format(p->o->now, is);
        rc = tm_err_set(e,
                        "the clock says %s, but the transcript's last line is of %s: set the clock "
                        "(if it is right now and was wrong then: --clock-ok)",
                        is, was);
    }
    tuf_line_free(&last);
    return rc;
}

/* A tree that is lost, or that was restored from an old copy: what would follow it has versions
 * that clients have seen with other content, or below what they have seen. A publication that was
 * cut off is one ahead in the transcript. */
static int check_tree(const struct tuf_publication *p, struct tm_err *e)
{
    struct tuf_line last;
    int rc = tuf_transcript_last_published(p->w->transcript, &last, e);
    for (int k = 0; k < TUF_ROLE_COUNT && rc == 0; k++) {
        const char *name = tuf_role_name((enum tuf_role)k);
        const struct tuf_metadata *m = tuf_published_role(&p->live, (enum tuf_role)k);
        int64_t live = m != NULL ? tuf_metadata_version(m) : 0;
        int64_t then = last.version[k];
        if (then > live + 1)
            rc = tm_err_set(e,
                            "'%s' holds %s version %lld, but the transcript says that %lld was "
                            "published: an old copy? Clients refuse to go back; restore the newest "
                            "tree (every mirror has it)",
                            p->w->published, name, (long long)live, (long long)then);
    }
    tuf_line_free(&last);
    return rc;
}

/* What a refresh cannot renew, and what no client gets past. */
static int check_offline_roles(const struct tuf_publication *p, struct tm_err *e)
{
    const struct tuf_metadata *const roles[] = {p->root, p->targets};
    for (size_t i = 0; i < 2 && p->o->event == NULL; i++) {
        char date[21];
        const char *name = tuf_role_name(tuf_metadata_role(roles[i]));
        if (!tuf_metadata_expired(roles[i], p->o->now))
            continue;
        tm_clock_format(tuf_metadata_expires(roles[i]), date);
        return tm_err_set(e,
                          "%s version %lld expired %s, so no client accepts what the online keys "
                          "sign: people must sign a new one (propose, sign, publish)",
                          name, (long long)tuf_metadata_version(roles[i]), date);
    }
    return 0;
}

static int run(struct tuf_publication *p, struct tm_err *e)
{
    struct tuf_entry snapshot = {0};
    struct tuf_metadata *timestamp = NULL;
    if (check_clock(p, e) != 0 || tuf_publication_lend_base(p, e) != 0 ||
        tuf_workspace_published(p->w, &p->live, e) != 0 || check_tree(p, e) != 0 ||
        tuf_publication_take_base(p, e) != 0)
        return -1;
    if ((p->o->event != NULL && judge(p, e) != 0) || choose(p, e) != 0 ||
        check_offline_roles(p, e) != 0)
        return -1;
    if (tuf_stage_open(p->w->published, &p->stage, e) != 0 || put_event(p, e) != 0 ||
        tuf_publication_online_roles(p, e) != 0)
        return -1;
    p->report->root = tuf_metadata_version(p->root);
    p->report->targets = tuf_metadata_version(p->targets);
    int rc = put_snapshot(p, &snapshot, e);
    if (rc == 0)
        rc = make_timestamp(p, &snapshot, &timestamp, e);
    if (rc == 0)
        rc = finish(p, timestamp, e);
    tuf_free_entry(&snapshot);
    tuf_metadata_free(timestamp);
    return rc;
}

int tuf_publish_run(struct tuf_workspace *w, const struct tuf_publish_options *o,
                    struct tuf_publish_report *out, struct tm_err *e)
{
    struct tuf_publication p = {.w = w, .o = o, .report = out, .online = {.w = w}};
    *out = (struct tuf_publish_report){0};
    int rc = run(&p, e);
    tuf_stage_close(&p.stage);
    tuf_online_close(&p.online);
    tuf_transcript_tail_free(&p.evidence);
    tuf_published_free(&p.live);
    for (size_t i = 0; i < p.put_count; i++)
        free(p.put[i].name);
    free(p.put);
    for (size_t i = 0; i < p.staged_count; i++)
        tuf_metadata_free(p.staged[i].m);
    free(p.staged);
    for (size_t i = 0; i < p.samples; i++)
        free(p.sample[i]);
    return rc;
}

#include "tuf/manager/report/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/grow.h"
#include "common/promtext.h"
#include "common/utf8.h"
#include "tuf/metadata/delegation.h"
#include "tuf/metadata/verify.h"
#include "tuf/manager/policy/words.h"

#define DELEGATED_ROWS 32 /* more are shown as the one that expires first */
#define DAY_S INT64_C(86400)

static const char *const level_names[] = {"ok", "due", "expired"};

/* Periods are in `signed`, for online roles in root's role. */
static int64_t signing_period(const struct tuf_periods *p)
{
    int64_t signing = tuf_period_signing(p);
    return signing > 0 ? signing : tuf_period_expiry(p) / 2; /* tuf-on-ci's default */
}

static void add_owner(void *arg, const char *keyid, enum tuf_verdict v)
{
    (void)v;
    void **both = arg;
    struct tm_buf *out = both[0];
    const struct tuf_signers *by = both[1];
    const struct tuf_public_key *key = tuf_keys_find(by->known, keyid);
    const char *owner = key != NULL ? tuf_key_owner(key) : "";
    char start[13];
    snprintf(start, sizeof(start), "%.12s", keyid);
    tm_buf_puts(out, out->len > 0 ? ", " : "");
    tuf_words_safe(owner[0] != '\0' ? owner : start, out);
}

static struct tuf_status_role *new_row(struct tuf_status *s, struct tm_err *e)
{
    return tm_grow(&s->role, &s->count, sizeof(*s->role), e);
}

static int add_row(struct tuf_status *s, const char *name, const struct tuf_metadata *m,
                   const struct tuf_signers *by, int64_t signing, int64_t now, struct tm_err *e)
{
    struct tuf_status_role *r = new_row(s, e);
    if (r == NULL)
        return -1;
    void *both[] = {&r->owners, (void *)by};
    snprintf(r->name, sizeof(r->name), "%s", name);
    tm_utf8_clean(r->name); /* another repository's may be anything, and goes to terminals */
    r->version = tuf_metadata_version(m);
    r->expires = tuf_metadata_expires(m);
    r->signing = r->expires - signing;
    r->signatures = tuf_verify_each(m, by, add_owner, both);
    r->threshold = by->threshold;
    r->keys = by->role->keyids.count;
    r->level = tuf_metadata_expired(m, now) ? STATUS_EXPIRED
               : now >= r->signing          ? STATUS_DUE
                                            : STATUS_FINE;
    if (r->level > s->level)
        s->level = r->level;
    return 0;
}

static int add_top(struct tuf_status *s, const struct tuf_published *p, enum tuf_role role,
                   int64_t now, struct tm_err *e)
{
    const struct tuf_metadata *m = tuf_published_role(p, role);
    const struct tuf_metadata *root = tuf_published_root(p);
    struct tuf_signers by;
    const char *name = tuf_role_name(role);
    bool online = role == TUF_TIMESTAMP || role == TUF_SNAPSHOT;
    tuf_root_signers(root, role, &by);
    const struct tuf_periods *said = online ? &by.role->periods : &tuf_metadata_signed(m)->periods;
    return add_row(s, name, m, &by, signing_period(said), now, e);
}

static int add_delegated(struct tuf_status *s, const struct tuf_published *p, const char *name,
                         int64_t now, struct tm_err *e)
{
    struct tuf_metadata *m = NULL;
    struct tuf_delegation d;
    if (tuf_published_delegated(p, name, &m, e) != 0)
        return -1;
    int rc = m != NULL ? tuf_published_delegation(p, name, &d, e) : 0;
    if (rc == 1)
        rc = add_row(s, name, m, &d.signers, signing_period(&tuf_metadata_signed(m)->periods), now,
                     e);
    tuf_metadata_free(m);
    return rc;
}

struct adding {
    struct tuf_status *s;
    const struct tuf_published *p;
    int64_t now;
};

static int add_listed(void *arg, const char *file, const struct tuf_file_info *info,
                      struct tm_err *e)
{
    const struct adding *a = arg;
    char name[TUF_ROLE_NAME_MAX + 1];
    size_t len = strlen(file);
    (void)info;
    if (len < 6 || len - 5 >= sizeof(name) || strcmp(file, "targets.json") == 0)
        return 0;
    snprintf(name, sizeof(name), "%.*s", (int)(len - 5), file);
    return add_delegated(a->s, a->p, name, a->now, e);
}

/* Keeps the row that ends first of those from `first` on, under a name that says so. */
static void fold(struct tuf_status *s, size_t first)
{
    size_t worst = first;
    size_t hidden = s->count - first;
    for (size_t i = first + 1; i < s->count; i++) {
        if (s->role[i].expires < s->role[worst].expires)
            worst = i;
    }
    struct tuf_status_role keep = s->role[worst];
    for (size_t i = first; i < s->count; i++) {
        if (i != worst)
            tm_buf_free(&s->role[i].owners);
    }
    char name[sizeof(keep.name)];
    snprintf(name, sizeof(name), "%.100s (first of %zu to expire)", keep.name, hidden);
    memcpy(keep.name, name, sizeof(name));
    s->role[first] = keep;
    s->count = first + 1;
}

int tuf_status_read(const struct tuf_published *p, int64_t now, struct tuf_status *out,
                    struct tm_err *e)
{
    static const enum tuf_role order[] = {TUF_ROOT, TUF_TARGETS, TUF_SNAPSHOT, TUF_TIMESTAMP};
    *out = (struct tuf_status){0};
    int rc = p->root_count > 0 ? 0 : tuf_published_missing(p->dir, e);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && rc == 0; i++)
        rc = add_top(out, p, order[i], now, e);
    size_t first = out->count;
    struct adding a = {out, p, now};
    if (rc == 0)
        rc = tuf_entries_each(p->snapshot, add_listed, &a, e);
    if (rc == 0 && out->count - first > DELEGATED_ROWS)
        fold(out, first);
    if (rc != 0)
        tuf_status_free(out);
    return rc;
}

void tuf_status_free(struct tuf_status *s)
{
    for (size_t i = 0; i < s->count; i++)
        tm_buf_free(&s->role[i].owners);
    free(s->role);
    *s = (struct tuf_status){0};
}

static const char *const event_states[] = {
    [TUF_OPEN_WAITS] = "waits for signatures",
    [TUF_OPEN_COMPLETE] = "complete: publish it",
    [TUF_OPEN_AWAY] = "not where it was written: ask who has it",
    [TUF_OPEN_OUTDATED] = "outdated: propose again",
};

static void open_lines(const struct tuf_open_events *open, struct tm_buf *out)
{
    for (size_t i = 0; open != NULL && i < open->count; i++) {
        struct tuf_open_event *x = &open->item[i];
        tm_buf_puts(out, "\nopen event ");
        tuf_words_safe(x->name, out);
        tm_buf_puts(out, " (");
        tuf_words_safe(tm_buf_str(&x->roles), out);
        tm_buf_printf(out, "): %s; signed by ", event_states[x->state]);
        tuf_words_safe(x->signers.len > 0 ? tm_buf_str(&x->signers) : "nobody", out);
        tm_buf_puts(out, "\n  ");
        tuf_words_safe(x->path, out);
        tm_buf_puts(out, "\n");
        if (x->state == TUF_OPEN_WAITS)
            tm_buf_append(out, x->missing.data, x->missing.len);
    }
}

static json_t *open_json(const struct tuf_open_events *open)
{
    static const char *const words[] = {"waits", "complete", "away", "outdated"};
    json_t *list = json_array();
    for (size_t i = 0; open != NULL && i < open->count; i++) {
        struct tuf_open_event *x = &open->item[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", x->name, "digest",
                                        x->digest, "roles", tm_buf_str(&x->roles), "signed_by",
                                        x->signers.len > 0 ? tm_buf_str(&x->signers) : "", "state",
                                        words[x->state], "path", x->path));
    }
    return list;
}

void tuf_status_table(const struct tuf_status *s, const struct tuf_open_events *open, int64_t now,
                      bool colour, struct tm_buf *out)
{
    static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31;1m"};
    int width = 9;
    for (size_t i = 0; i < s->count; i++) {
        int len = (int)strlen(s->role[i].name);
        width = len > width ? len : width;
    }
    if (s->count > 0)
        tm_buf_printf(out, "%-*s  %7s  %10s  %-18s  %-18s  %s\n", width, "role", "version",
                      "signatures", "expires", "signing starts", "keys");
    for (size_t i = 0; i < s->count; i++) {
        const struct tuf_status_role *r = &s->role[i];
        char expires[40];
        char signing[40];
        char count[32];
        tuf_words_relative(r->expires, now, expires);
        tuf_words_relative(r->signing, now, signing);
        snprintf(count, sizeof(count), "%" PRId64 " of %" PRId64, r->signatures, r->threshold);
        tm_buf_printf(out, "%-*s  %7" PRId64 "  %10s  %s%-18s  %-18s%s  ", width, r->name,
                      r->version, count, colour ? colours[r->level] : "", expires,
                      r->level == STATUS_FINE ? signing : "NOW", colour ? "\033[0m" : "");
        tm_buf_append(out, r->owners.data, r->owners.len);
        tm_buf_puts(out, r->level == STATUS_EXPIRED ? "  EXPIRED\n" : "\n");
    }
    open_lines(open, out);
}

json_t *tuf_status_json(const struct tuf_status *s, const struct tuf_open_events *open, int64_t now)
{
    char when[21];
    tm_clock_format(now, when);
    json_t *roles = json_array();
    for (size_t i = 0; i < s->count; i++) {
        struct tuf_status_role *r = &s->role[i];
        char expires[21];
        char signing[21];
        tm_clock_format(r->expires, expires);
        tm_clock_format(r->signing, signing);
        json_array_append_new(
            roles,
            json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:s, s:s, s:s}", "role", r->name, "version",
                      (json_int_t)r->version, "signatures", (json_int_t)r->signatures, "threshold",
                      (json_int_t)r->threshold, "keys", (json_int_t)r->keys, "owners",
                      tm_buf_str(&r->owners), "expires", expires, "signing_starts", signing,
                      "status", level_names[r->level]));
    }
    return json_pack("{s:s, s:s, s:o*, s:o*}", "now", when, "status", level_names[s->level],
                     "roles", roles, "events", open_json(open));
}

void tuf_status_prometheus(const struct tuf_status *s, const struct tuf_open_events *open,
                           struct tm_buf *out)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } gauges[] = {
        {"tenmint_tuf_role_version", "Published version.",
         offsetof(struct tuf_status_role, version)},
        {"tenmint_tuf_role_expires_timestamp_seconds", "When clients begin to refuse it.",
         offsetof(struct tuf_status_role, expires)},
        {"tenmint_tuf_role_signing_starts_timestamp_seconds",
         "From when on the next version should be signed.",
         offsetof(struct tuf_status_role, signing)},
        {"tenmint_tuf_role_signatures", "Valid signatures.",
         offsetof(struct tuf_status_role, signatures)},
        {"tenmint_tuf_role_threshold", "Signatures needed.",
         offsetof(struct tuf_status_role, threshold)},
    };
    for (size_t g = 0; g < sizeof(gauges) / sizeof(gauges[0]); g++) {
        tm_promtext_head(out, gauges[g].name, "gauge", gauges[g].help);
        for (size_t i = 0; i < s->count; i++) {
            int64_t v;
            memcpy(&v, (const char *)&s->role[i] + gauges[g].offset, sizeof(v));
            tm_buf_printf(out, "%s{role=\"", gauges[g].name);
            tm_promtext_label(out, s->role[i].name);
            tm_buf_printf(out, "\"} %" PRId64 "\n", v);
        }
    }
    tm_promtext_head(out, "tenmint_tuf_open_events", "gauge",
                     "Events that wait for signatures or for publication.");
    tm_buf_printf(out, "tenmint_tuf_open_events %zu\n",
                  open != NULL ? tuf_open_events_waiting(open) : 0);
}

#include "tuf/manager/report/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/promtext.h"
#include "common/utf8.h"
#include "tuf/metadata/delegation.h"
#include "tuf/metadata/verify.h"
#include "tuf/manager/event/draft.h"
#include "tuf/manager/policy/keyring.h"
#include "tuf/manager/report/words.h"

#define DELEGATED_ROWS 32 /* more are shown as the one that expires first */
#define DAY_S INT64_C(86400)

static const char *const level_names[] = {"ok", "due", "expired"};

/* Periods: in `signed`, for online roles in root's role object; tuf-on-ci's names count days. */
static int64_t period(const json_t *where, const char *member, const char *in_days)
{
    const json_t *v = json_object_get(where, member);
    if (json_is_integer(v))
        return json_integer_value(v);
    v = json_object_get(where, in_days);
    return json_is_integer(v) ? json_integer_value(v) * DAY_S : 0;
}

static int64_t signing_period(const json_t *where)
{
    int64_t signing = period(where, DRAFT_SIGNING_PERIOD, "x-tuf-on-ci-signing-period");
    int64_t expiry = period(where, DRAFT_EXPIRY_PERIOD, "x-tuf-on-ci-expiry-period");
    return signing > 0 ? signing : expiry / 2; /* tuf-on-ci's default */
}

static void add_owner(void *arg, const char *keyid, enum tuf_verdict v)
{
    (void)v;
    void **both = arg;
    struct buf *out = both[0];
    const struct tuf_signers *by = both[1];
    const json_t *key = json_object_get(by->keys, keyid);
    const char *owner = key != NULL ? keyring_owner(key) : "";
    char start[13];
    snprintf(start, sizeof(start), "%.12s", keyid);
    buf_puts(out, out->len > 0 ? ", " : "");
    words_safe(owner[0] != '\0' ? owner : start, out);
}

static struct status_role *new_row(struct status *s, struct err *e)
{
    void *grown = realloc(s->role, (s->count + 1) * sizeof(*s->role));
    if (grown == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    s->role = grown;
    s->role[s->count] = (struct status_role){0};
    return &s->role[s->count++];
}

static int add_row(struct status *s, const char *name, const struct tuf_metadata *m,
                   const struct tuf_signers *by, int64_t signing, int64_t now, struct err *e)
{
    struct status_role *r = new_row(s, e);
    if (r == NULL)
        return -1;
    void *both[] = {&r->owners, (void *)by};
    snprintf(r->name, sizeof(r->name), "%s", name);
    utf8_clean(r->name); /* another repository's may be anything, and goes to terminals */
    r->version = tuf_metadata_version(m);
    r->expires = tuf_metadata_expires(m);
    r->signing = r->expires - signing;
    r->signatures = tuf_verify_each(m, by, add_owner, both);
    r->threshold = by->threshold;
    r->keys = json_array_size(by->keyids);
    r->level = tuf_metadata_expired(m, now) ? STATUS_EXPIRED
               : now >= r->signing          ? STATUS_DUE
                                            : STATUS_FINE;
    if (r->level > s->level)
        s->level = r->level;
    return 0;
}

static int add_top(struct status *s, const struct published *p, enum tuf_role role, int64_t now,
                   struct err *e)
{
    const struct tuf_metadata *m = published_role(p, role);
    const struct tuf_metadata *root = published_root(p);
    struct tuf_signers by;
    const char *name = tuf_role_name(role);
    bool online = role == TUF_TIMESTAMP || role == TUF_SNAPSHOT;
    const json_t *where =
        online ? json_object_get(json_object_get(tuf_metadata_body(root), "roles"), name)
               : tuf_metadata_body(m);
    tuf_root_signers(root, role, &by);
    return add_row(s, name, m, &by, signing_period(where), now, e);
}

static int add_delegated(struct status *s, const struct published *p, const char *name, int64_t now,
                         struct err *e)
{
    struct tuf_metadata *m = NULL;
    struct tuf_delegation d;
    if (published_delegated(p, name, &m, e) != 0)
        return -1;
    int rc = m != NULL ? published_delegation(p, name, &d, e) : 0;
    if (rc == 1)
        rc = add_row(s, name, m, &d.signers, signing_period(tuf_metadata_body(m)), now, e);
    tuf_metadata_free(m);
    return rc;
}

struct adding {
    struct status *s;
    const struct published *p;
    int64_t now;
};

static int add_listed(void *arg, const char *file, const struct tuf_file_info *info, struct err *e)
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
static void fold(struct status *s, size_t first)
{
    size_t worst = first;
    size_t hidden = s->count - first;
    for (size_t i = first + 1; i < s->count; i++) {
        if (s->role[i].expires < s->role[worst].expires)
            worst = i;
    }
    struct status_role keep = s->role[worst];
    for (size_t i = first; i < s->count; i++) {
        if (i != worst)
            buf_free(&s->role[i].owners);
    }
    char name[sizeof(keep.name)];
    snprintf(name, sizeof(name), "%.100s (first of %zu to expire)", keep.name, hidden);
    memcpy(keep.name, name, sizeof(name));
    s->role[first] = keep;
    s->count = first + 1;
}

int status_read(const struct published *p, int64_t now, struct status *out, struct err *e)
{
    static const enum tuf_role order[] = {TUF_ROOT, TUF_TARGETS, TUF_SNAPSHOT, TUF_TIMESTAMP};
    *out = (struct status){0};
    int rc = p->root_count > 0 ? 0 : err_set(e, "'%s' holds no published repository", p->dir);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && rc == 0; i++)
        rc = add_top(out, p, order[i], now, e);
    size_t first = out->count;
    struct adding a = {out, p, now};
    if (rc == 0)
        rc = tuf_entries_each(p->snapshot, add_listed, &a, e);
    if (rc == 0 && out->count - first > DELEGATED_ROWS)
        fold(out, first);
    if (rc != 0)
        status_free(out);
    return rc;
}

void status_free(struct status *s)
{
    for (size_t i = 0; i < s->count; i++)
        buf_free(&s->role[i].owners);
    free(s->role);
    *s = (struct status){0};
}

void status_table(const struct status *s, int64_t now, bool colour, struct buf *out)
{
    static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31;1m"};
    int width = 9;
    for (size_t i = 0; i < s->count; i++) {
        int len = (int)strlen(s->role[i].name);
        width = len > width ? len : width;
    }
    buf_printf(out, "%-*s  %7s  %10s  %-18s  %-18s  %s\n", width, "role", "version", "signatures",
               "expires", "signing starts", "keys");
    for (size_t i = 0; i < s->count; i++) {
        const struct status_role *r = &s->role[i];
        char expires[40];
        char signing[40];
        char count[32];
        words_relative(r->expires, now, expires);
        words_relative(r->signing, now, signing);
        snprintf(count, sizeof(count), "%" PRId64 " of %" PRId64, r->signatures, r->threshold);
        buf_printf(out, "%-*s  %7" PRId64 "  %10s  %s%-18s  %-18s%s  ", width, r->name, r->version,
                   count, colour ? colours[r->level] : "", expires,
                   r->level == STATUS_FINE ? signing : "NOW", colour ? "\033[0m" : "");
        buf_append(out, r->owners.data, r->owners.len);
        buf_puts(out, r->level == STATUS_EXPIRED ? "  EXPIRED\n" : "\n");
    }
}

json_t *status_json(const struct status *s, int64_t now)
{
    char when[21];
    clock_format(now, when);
    json_t *roles = json_array();
    for (size_t i = 0; i < s->count; i++) {
        struct status_role *r = &s->role[i];
        char expires[21];
        char signing[21];
        clock_format(r->expires, expires);
        clock_format(r->signing, signing);
        json_array_append_new(
            roles, json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:s, s:s, s:s}", "role", r->name,
                             "version", (json_int_t)r->version, "signatures",
                             (json_int_t)r->signatures, "threshold", (json_int_t)r->threshold,
                             "keys", (json_int_t)r->keys, "owners", buf_str(&r->owners), "expires",
                             expires, "signing_starts", signing, "status", level_names[r->level]));
    }
    return json_pack("{s:s, s:s, s:o*}", "now", when, "status", level_names[s->level], "roles",
                     roles);
}

void status_prometheus(const struct status *s, struct buf *out)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } gauges[] = {
        {"tenmint_tuf_role_version", "Published version.", offsetof(struct status_role, version)},
        {"tenmint_tuf_role_expires_timestamp_seconds", "When clients begin to refuse it.",
         offsetof(struct status_role, expires)},
        {"tenmint_tuf_role_signing_starts_timestamp_seconds",
         "From when on the next version should be signed.", offsetof(struct status_role, signing)},
        {"tenmint_tuf_role_signatures", "Valid signatures.",
         offsetof(struct status_role, signatures)},
        {"tenmint_tuf_role_threshold", "Signatures needed.",
         offsetof(struct status_role, threshold)},
    };
    for (size_t g = 0; g < sizeof(gauges) / sizeof(gauges[0]); g++) {
        promtext_head(out, gauges[g].name, "gauge", gauges[g].help);
        for (size_t i = 0; i < s->count; i++) {
            int64_t v;
            memcpy(&v, (const char *)&s->role[i] + gauges[g].offset, sizeof(v));
            buf_printf(out, "%s{role=\"", gauges[g].name);
            promtext_label(out, s->role[i].name);
            buf_printf(out, "\"} %" PRId64 "\n", v);
        }
    }
}

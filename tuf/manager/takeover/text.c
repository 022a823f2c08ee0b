/* The policy of what was taken over, as text. */
#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "tuf/manager/policy/policy.h"
#include "tuf/manager/takeover/internal.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/typesjson.h"

/* A YAML scalar in double quotes, whatever is in it. */
static void quote(const char *text, struct tm_buf *out)
{
    buf_putc(out, '"');
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            tm_buf_printf(out, "\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            tm_buf_printf(out, "\\x%02x", *c);
        else
            buf_putc(out, *c);
    }
    buf_putc(out, '"');
}

static void list(const char *key, const struct tuf_texts *texts, struct tm_buf *out)
{
    tm_buf_printf(out, "%s: [", key);
    for (size_t i = 0; i < texts->count; i++) {
        tm_buf_puts(out, i > 0 ? ", " : "");
        quote(texts->item[i], out);
    }
    tm_buf_puts(out, "]\n");
}

static void period(const char *key, int64_t seconds, struct tm_buf *out)
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;
    while (seconds % units[i].seconds != 0)
        i++;
    tm_buf_printf(out, "    %s: %" PRId64 "%c\n", key, seconds / units[i].seconds, units[i].unit);
}

static void signing(const struct tuf_plan *p, const struct tuf_taken_role *r, struct tm_buf *out)
{
    tm_buf_puts(out, "    holders: [");
    for (size_t i = 0; i < r->holder_count; i++) {
        tm_buf_puts(out, i > 0 ? ", " : "");
        quote(p->holder[r->holder[i]].name, out);
    }
    tm_buf_printf(out, "]\n    threshold: %" PRId64 "\n", r->keys->threshold);
    period("expiry", r->expiry, out);
    period("signing", r->signing, out);
}

static void below(const struct tuf_taken_role *r, struct tm_buf *out)
{
    if (strcmp(r->by, "targets") != 0) {
        tm_buf_puts(out, "    delegated-by: ");
        quote(r->by, out);
        buf_putc(out, '\n');
    }
    for (size_t i = 0; i < r->also.count; i++) {
        tm_buf_puts(out, i == 0 ? "    also-delegated-by: [" : ", ");
        quote(r->also.item[i], out);
    }
    if (r->also.count > 0)
        tm_buf_puts(out, "]\n");
    tm_buf_puts(out, "    directory: ");
    quote(r->directory, out);
    buf_putc(out, '\n');
}

static void delegations(const struct tuf_plan *p, struct tm_buf *out)
{
    bool any = false;
    for (size_t i = 0; i < p->role_count; i++) {
        const struct tuf_taken_role *r = &p->role[i];
        if (r->d == NULL)
            continue;
        tm_buf_puts(out, any ? "  " : "\ndelegations:\n  ");
        any = true;
        quote(r->name, out);
        tm_buf_puts(out, ":\n");
        below(r, out);
        signing(p, r, out);
        list(r->d->has_paths ? "    paths" : "    path-hash-prefixes",
             r->d->has_paths ? &r->d->paths : &r->d->prefixes, out);
        if (r->d->terminating)
            tm_buf_puts(out, "    terminating: true\n");
    }
}

static void bins(const struct tuf_plan *p, struct tm_buf *out)
{
    for (size_t i = 0; i < p->role_count; i++) {
        const struct tuf_taken_role *r = &p->role[i];
        if (r->bins == NULL)
            continue;
        tm_buf_printf(out, "\nbins:\n    bits: %" PRId64 "\n    prefix: ", r->bins->bits);
        quote(r->bins->prefix, out);
        buf_putc(out, '\n');
        below(r, out);
        signing(p, r, out);
    }
}

static void online(const struct tuf_plan *p, struct tm_buf *out)
{
    bool shared = false;
    tm_buf_puts(out,
                "\n# What `refresh` and `publish` sign with: put the private keys there, or say "
                "where they are.\nonline-keys:\n");
    for (size_t i = 0; i < p->holder_count; i++) {
        const struct tuf_taken_holder *h = &p->holder[i];
        if (!h->online)
            continue;
        shared |= h->top;
        tm_buf_puts(out, "  ");
        quote(h->name, out);
        tm_buf_printf(out, ": {file: \"%s.key\"}\n", h->name);
    }
    if (!shared)
        return;
    tm_buf_puts(out, "\n# They sign root or targets too: whoever takes the server takes those.\n"
                     "shared-keys: [");
    const char *before = "";
    for (size_t i = 0; i < p->holder_count; i++) {
        if (!p->holder[i].online || !p->holder[i].top)
            continue;
        tm_buf_puts(out, before);
        quote(p->holder[i].name, out);
        before = ", ";
    }
    tm_buf_puts(out, "]\n");
}

static void custom(const char *path, const struct tuf_sigstore_custom *c, bool first,
                   struct tm_buf *out)
{
    tm_buf_puts(out, first ? "\ncustom:\n  " : "  ");
    quote(path, out);
    tm_buf_printf(out, ": {usage: %s, status: %s", c->usage, c->status);
    if (c->uri != NULL) {
        tm_buf_puts(out, ", uri: ");
        quote(c->uri, out);
    }
    tm_buf_puts(out, "}\n");
}

/* Sigstore's custom metadata that the policy can say; all other stays with its target. */
static int customs(const struct tuf_metadata *targets, struct tm_buf *out, struct tm_err *e)
{
    struct tm_buf path = {0};
    bool first = true;
    int rc = 0;
    for (size_t i = 0; i < tuf_entries_count(targets) && rc == 0; i++) {
        struct tuf_entry entry = {0};
        json_t *v = tuf_entry_at(targets, i, &path);
        rc = v != NULL ? tuf_read_entry(v, TUF_TARGETS, &entry, e) : tm_err_set(e, "out of memory");
        const struct tuf_sigstore_custom *c = &entry.custom.sigstore;
        if (rc == 0 && entry.has_custom && entry.custom.has_sigstore &&
            tuf_policy_custom_ok(c->usage, c->status)) {
            custom(tm_buf_str(&path), c, first, out);
            first = false;
        }
        tuf_free_entry(&entry);
        json_decref(v);
    }
    tm_buf_free(&path);
    return rc;
}

static const struct tuf_taken_role *role_of(const struct tuf_plan *p, const char *name)
{
    size_t i = 0;
    while (strcmp(p->role[i].name, name) != 0) /* all four are there */
        i++;
    return &p->role[i];
}

int tuf_plan_policy(const struct tuf_plan *p, const char *from, struct tm_buf *out,
                    struct tm_err *e)
{
    static const char *const top[] = {"root", "targets", "snapshot", "timestamp"};
    const struct tuf_texts *acted_on = &tuf_metadata_signed(p->live.targets)->targets.acted_on;
    int64_t first = tuf_metadata_version(p->live.roots[0]);
    char date[21];
    tm_clock_format(p->now, date);
    tm_buf_printf(out, "# Who may sign what, for how long: as it was in\n#   ");
    quote(from, out);
    tm_buf_printf(out,
                  "\n# on %s. Change it, then run `tenmint-tuf propose`; every key of this file "
                  "is in\n# tenmint-tuf.yaml(5).\npublished: published\ntargets: targets\n",
                  date);
    if (first > 1)
        tm_buf_printf(out, "first-root: %" PRId64 "\n", first);
    tm_buf_puts(out, "\nroles:\n");
    for (size_t i = 0; i < sizeof(top) / sizeof(top[0]); i++) {
        tm_buf_printf(out, "  %s:\n", top[i]);
        signing(p, role_of(p, top[i]), out);
    }
    online(p, out);
    delegations(p, out);
    bins(p, out);
    if (acted_on->count > 0) {
        buf_putc(out, '\n');
        list("clients-act-on", acted_on, out);
    }
    if (customs(p->live.targets, out, e) != 0)
        return -1;
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json/jsonstr.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/manager/policy/words.h"
#include "tuf/manager/review/difference.h"

struct member_lines { /* of members that have no words of their own */
    const char *role;
    struct tm_buf *out;
};

/* A member as JSON; NULL where it is not. */
static int member_line(void *arg, const char *name, const char *was, const char *is,
                       struct tm_err *e)
{
    const struct member_lines *l = arg;
    (void)e;
    tm_buf_printf(l->out, "  %s: ", l->role);
    tuf_words_safe(name, l->out);
    buf_putc(l->out, ' ');
    if (was != NULL) {
        tuf_words_safe(was, l->out);
        tm_buf_puts(l->out, " -> ");
    }
    tuf_words_safe(is != NULL ? is : "(removed)", l->out);
    buf_putc(l->out, '\n');
    return 0;
}

/* A text that is there as a member of JSON is. */
static void text_line(const struct member_lines *l, const char *member, const char *was,
                      const char *is)
{
    struct tm_buf both[2] = {{0}, {0}};
    if (tuf_same_text(was, is))
        return;
    if (was != NULL)
        tm_jsonstr_put(&both[0], was, strlen(was));
    if (is != NULL)
        tm_jsonstr_put(&both[1], is, strlen(is));
    member_line((void *)l, member, was != NULL ? tm_buf_str(&both[0]) : NULL,
                is != NULL ? tm_buf_str(&both[1]) : NULL, NULL);
    tm_buf_free(&both[0]);
    tm_buf_free(&both[1]);
}

static void days_line(const struct member_lines *l, const char *member, int64_t was, int64_t is)
{
    char both[2][24];
    snprintf(both[0], sizeof(both[0]), "%" PRId64, was);
    snprintf(both[1], sizeof(both[1]), "%" PRId64, is);
    if (was != is)
        member_line((void *)l, member, was != 0 ? both[0] : NULL, is != 0 ? both[1] : NULL, NULL);
}

static void rest_lines(const char *role, const json_t *was, const json_t *is, struct tm_buf *out)
{
    struct member_lines l = {role, out};
    if (tuf_rest_compare(was, is, member_line, &l, NULL) != 0)
        out->failed = true; /* what is left out must not pass */
}

static void key_lines(const char *role, bool in, const struct tuf_role_keys *by,
                      const struct tuf_keys *keys, const struct tuf_role_keys *others,
                      struct tm_buf *out)
{
    for (size_t i = 0; by != NULL && i < by->keyids.count; i++) {
        const char *keyid = by->keyids.item[i];
        if (others != NULL && tuf_texts_have(&others->keyids, keyid))
            continue;
        tm_buf_printf(out, "  %s: key %s: ", role, in ? "comes in" : "goes out");
        tuf_words_key(tuf_keys_find(keys, keyid), keyid, out);
        buf_putc(out, '\n');
    }
}

static void period_line(const char *role, const char *what, int64_t before, int64_t after,
                        struct tm_buf *out)
{
    char was[24] = "none";
    char is[24] = "none";
    if (before == after)
        return;
    if (before > 0)
        tuf_words_period(before, was);
    if (after > 0)
        tuf_words_period(after, is);
    if (before == 0)
        tm_buf_printf(out, "  %s: %s %s\n", role, what, is);
    else
        tm_buf_printf(out, "  %s: %s %s -> %s\n", role, what, was, is);
}

static void period_lines(const char *role, const struct tuf_periods *before,
                         const struct tuf_periods *after, struct tm_buf *out)
{
    static const struct tuf_periods none;
    const struct tuf_periods *was = before != NULL ? before : &none;
    period_line(role, "a version lasts", was->expiry, after->expiry, out);
    period_line(role, "the next is signed this long before its end:", was->signing, after->signing,
                out);
    const struct member_lines l = {role, out};
    days_line(&l, "x-tuf-on-ci-expiry-period", was->expiry_days, after->expiry_days);
    days_line(&l, "x-tuf-on-ci-signing-period", was->signing_days, after->signing_days);
}

/* Keys and threshold of one role, its periods, and what else it says. */
static void signer_lines(const char *role, const struct tuf_role_keys *was,
                         const struct tuf_keys *old_keys, const struct tuf_role_keys *is,
                         const struct tuf_keys *new_keys, struct tm_buf *out)
{
    key_lines(role, false, was, old_keys, is, out);
    key_lines(role, true, is, new_keys, was, out);
    if (was == NULL)
        tm_buf_printf(out, "  %s: threshold %" PRId64 " of %zu\n", role, is->threshold,
                      is->keyids.count);
    else if (was->threshold != is->threshold || was->keyids.count != is->keyids.count)
        tm_buf_printf(out, "  %s: threshold %" PRId64 " of %zu -> %" PRId64 " of %zu\n", role,
                      was->threshold, was->keyids.count, is->threshold, is->keyids.count);
    period_lines(role, was != NULL ? &was->periods : NULL, &is->periods, out);
    rest_lines(role, was != NULL ? was->rest : NULL, is->rest, out);
}

static void root_lines(const struct tuf_root *before, const struct tuf_root *after,
                       struct tm_buf *out)
{
    for (int k = 0; k < TUF_ROLE_COUNT; k++)
        signer_lines(
            tuf_role_name((enum tuf_role)k), before != NULL ? &before->roles.role[k] : NULL,
            before != NULL ? &before->keys : NULL, &after->roles.role[k], &after->keys, out);
    struct member_lines l = {"root", out};
    if (tuf_member_compare("mirrors", before != NULL ? before->roles.mirrors : NULL,
                           after->roles.mirrors, member_line, &l, NULL) != 0)
        out->failed = true;
}

struct lines {
    struct tm_buf *out;
    size_t max, shown, hidden;
};

static void target_line(struct lines *l, const char *sign, const char *path,
                        const struct tuf_entry *entry)
{
    if (l->shown == l->max) {
        l->hidden++;
        return;
    }
    l->shown++;
    tm_buf_printf(l->out, "  target %s ", sign);
    tuf_words_safe(path, l->out);
    tm_buf_printf(l->out, " (%" PRId64 " bytes", entry->length);
    for (size_t i = 0; i < entry->hashes.count; i++) { /* a client may check any one of them */
        tm_buf_puts(l->out, ", ");
        tuf_words_safe(entry->hashes.item[i].algorithm, l->out);
        buf_putc(l->out, ' ');
        tuf_words_safe(entry->hashes.item[i].hex, l->out);
    }
    tm_buf_puts(l->out, ")\n");
}

static int removed_line(void *lines, const char *path, const struct tuf_entry *was,
                        const struct tuf_entry *is, struct tm_err *e)
{
    (void)e;
    if (is == NULL)
        target_line(lines, "removed:", path, was);
    return 0;
}

/* With what an entry says besides, such as for which service old clients use it. */
static int changed_line(void *lines, const char *path, const struct tuf_entry *was,
                        const struct tuf_entry *is, struct tm_err *e)
{
    struct lines *l = lines;
    struct member_lines members = {"its", l->out};
    if (is == NULL)
        return 0;
    if (was == NULL)
        target_line(l, "added:", path, is);
    else if (!tuf_hashes_equal(&was->hashes, &is->hashes))
        target_line(l, "changed:", path, is);
    else
        target_line(l, "same content, other custom metadata:", path, is);
    return l->hidden > 0 ? 0 : tuf_entry_rest_compare(was, is, member_line, &members, e);
}

static void target_lines(const struct tuf_metadata *before, const struct tuf_metadata *after,
                         bool all, struct tm_buf *out)
{
    struct lines l = {.out = out, .max = all ? SIZE_MAX : WORDS_TARGETS_MAX};
    struct tm_err e = {0};
    if (tuf_entries_compare(before, after, removed_line, &l, &e) != 0 ||
        tuf_entries_compare(before, after, changed_line, &l, &e) != 0)
        out->failed = true; /* out of memory: what is left out must not pass */
    if (l.hidden > 0)
        tm_buf_printf(out, "  ... and %zu more targets (--all shows them)\n", l.hidden);
}

static void texts_value(const struct tuf_texts *texts, struct tm_buf *out)
{
    buf_putc(out, '[');
    for (size_t i = 0; i < texts->count; i++) {
        if (i > 0)
            buf_putc(out, ',');
        tm_jsonstr_put(out, texts->item[i], strlen(texts->item[i])); /* fit for a terminal */
    }
    buf_putc(out, ']');
}

/* NULL: the role has none. */
static void texts_line(const char *role, const char *member, const struct tuf_texts *was,
                       const struct tuf_texts *is, struct tm_buf *out)
{
    if ((was == NULL && is == NULL) || (was != NULL && is != NULL && tuf_texts_equal(was, is)))
        return;
    tm_buf_printf(out, "  %s: %s ", role, member);
    if (was != NULL) {
        texts_value(was, out);
        tm_buf_puts(out, " -> ");
    }
    if (is != NULL)
        texts_value(is, out);
    else
        tm_buf_puts(out, "(removed)");
    buf_putc(out, '\n');
}

static const char *yes_no(bool b)
{
    return b ? "true" : "false";
}

static void terminating_line(const char *role, const struct tuf_delegated_role *was, bool is,
                             struct tm_buf *out)
{
    if (was == NULL)
        tm_buf_printf(out, "  %s: terminating %s\n", role, yes_no(is));
    else if (was->terminating != is)
        tm_buf_printf(out, "  %s: terminating %s -> %s\n", role, yes_no(was->terminating),
                      yes_no(is));
}

static void delegation_line(const struct tuf_delegations *before,
                            const struct tuf_delegations *after, size_t at, struct tm_buf *out)
{
    const struct tuf_delegated_role *d = &after->roles.item[at];
    const struct tuf_delegated_role *old = tuf_delegated_role_find(&before->roles, d->name);
    struct tm_buf label = {0};
    tm_buf_puts(&label, old == NULL ? "new delegation " : "delegation ");
    tuf_words_safe(d->name, &label);
    const char *text = tm_buf_str(&label);
    signer_lines(text, old != NULL ? &old->by : NULL, &before->keys, &d->by, &after->keys, out);
    texts_line(text, "paths", old != NULL && old->has_paths ? &old->paths : NULL,
               d->has_paths ? &d->paths : NULL, out);
    texts_line(text, "path_hash_prefixes", old != NULL && old->has_prefixes ? &old->prefixes : NULL,
               d->has_prefixes ? &d->prefixes : NULL, out);
    terminating_line(text, old, d->terminating, out);
    if (old != NULL && (at >= before->roles.count || old != &before->roles.item[at]))
        tm_buf_printf(out, "  %s: its place in the order of search changes\n", text);
    tm_buf_free(&label);
}

static void delegation_lines(const struct tuf_delegations *before,
                             const struct tuf_delegations *after, struct tm_buf *out)
{
    for (size_t i = 0; i < before->roles.count; i++) {
        const char *name = before->roles.item[i].name;
        if (tuf_delegated_role_find(&after->roles, name) == NULL) {
            tm_buf_puts(out, "  delegation removed: ");
            tuf_words_safe(name, out);
            buf_putc(out, '\n');
        }
    }
    for (size_t i = 0; i < after->roles.count; i++)
        delegation_line(before, after, i, out);
    rest_lines("delegations", before->rest, after->rest, out);
}

static void bin_lines(const struct tuf_delegations *before, const struct tuf_delegations *after,
                      struct tm_buf *out)
{
    const struct tuf_bins *was = before->has_bins ? &before->bins : NULL;
    const struct tuf_bins *is = &after->bins;
    if (!after->has_bins) {
        if (was != NULL)
            tm_buf_puts(out, "  hash bins removed\n");
        return;
    }
    signer_lines("hash bins", was != NULL ? &was->by : NULL, &before->keys, &is->by, &after->keys,
                 out);
    if (was == NULL)
        tm_buf_printf(out, "  hash bins: bit_length %" PRId64 "\n", is->bits);
    else if (was->bits != is->bits)
        tm_buf_printf(out, "  hash bins: bit_length %" PRId64 " -> %" PRId64 "\n", was->bits,
                      is->bits);
    if (was == NULL || strcmp(was->prefix, is->prefix) != 0) {
        tm_buf_puts(out, "  hash bins: name_prefix ");
        if (was != NULL) {
            tm_jsonstr_put(out, was->prefix, strlen(was->prefix));
            tm_buf_puts(out, " -> ");
        }
        tm_jsonstr_put(out, is->prefix, strlen(is->prefix));
        buf_putc(out, '\n');
    }
}

/* What only some write. */
static void extension_lines(const struct member_lines *l, const struct tuf_signed *was,
                            const struct tuf_signed *is)
{
    static const struct tuf_signed none;
    const struct tuf_signed *old = was != NULL ? was : &none;
    if (is->role == TUF_TARGETS) {
        const struct tuf_texts *a = was != NULL ? &was->targets.acted_on : &none.targets.acted_on;
        texts_line(l->role, "x-tenmint-clients-act-on", a->count > 0 ? a : NULL,
                   is->targets.acted_on.count > 0 ? &is->targets.acted_on : NULL, l->out);
    }
    days_line(l, TUF_TRANSCRIPT_MEMBER ", lines", old->transcript.lines, is->transcript.lines);
    text_line(l, TUF_TRANSCRIPT_MEMBER ", sha256", old->transcript.sha256, is->transcript.sha256);
    rest_lines(TUF_TRANSCRIPT_MEMBER, old->transcript.rest, is->transcript.rest, l->out);
}

static const char *said(bool there, bool value)
{
    return there ? yes_no(value) : NULL;
}

static void other_lines(const struct tuf_signed *was, const struct tuf_signed *is,
                        struct tm_buf *out)
{
    struct member_lines l = {tuf_role_name(is->role), out};
    extension_lines(&l, was, is);
    rest_lines(l.role, was != NULL ? was->rest : NULL, is->rest, out);
    if (was == NULL)
        return;
    if (is->role == TUF_ROOT) {
        const char *a = said(was->root.has_consistent_snapshot, was->root.consistent_snapshot);
        const char *b = said(is->root.has_consistent_snapshot, is->root.consistent_snapshot);
        if (!tuf_same_text(a, b))
            member_line(&l, "consistent_snapshot", a, b, NULL);
    }
    text_line(&l, "spec_version", was->spec_version, is->spec_version);
}

static void version_lines(const struct tuf_metadata *before, const struct tuf_metadata *after,
                          struct tm_buf *out)
{
    char is[21];
    char was[21];
    tm_clock_format(tuf_metadata_expires(after), is);
    if (before == NULL) {
        tm_buf_printf(out, "  new: version %" PRId64 ", expires %s\n", tuf_metadata_version(after),
                      is);
        return;
    }
    tm_clock_format(tuf_metadata_expires(before), was);
    tm_buf_printf(out, "  version %" PRId64 " -> %" PRId64 "\n  expires %s -> %s\n",
                  tuf_metadata_version(before), tuf_metadata_version(after), was, is);
}

void tuf_words_difference(const struct tuf_metadata *before, const struct tuf_metadata *after,
                          bool all, struct tm_buf *out)
{
    static const struct tuf_delegations none;
    const struct tuf_signed *was = before != NULL ? tuf_metadata_signed(before) : NULL;
    const struct tuf_signed *is = tuf_metadata_signed(after);
    version_lines(before, after, out);
    if (is->role == TUF_ROOT)
        root_lines(was != NULL ? &was->root : NULL, &is->root, out);
    if (is->role == TUF_TARGETS) {
        const struct tuf_delegations *old = was != NULL ? &was->targets.delegations : &none;
        target_lines(before, after, all, out);
        delegation_lines(old, &is->targets.delegations, out);
        bin_lines(old, &is->targets.delegations, out);
    }
    period_lines(tuf_role_name(is->role), was != NULL ? &was->periods : NULL, &is->periods, out);
    other_lines(was, is, out);
}

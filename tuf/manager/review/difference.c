#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/build.h"
#include "tuf/manager/policy/policy.h"
#include "tuf/manager/policy/words.h"
#include "tuf/manager/review/difference.h"

static const char *const known_members[] = {
    "_type", "spec_version", "version",     "expires", "consistent_snapshot", "keys",
    "roles", "targets",      "delegations", "meta",    DRAFT_EXPIRY_PERIOD,   DRAFT_SIGNING_PERIOD,
};

static bool in_list(const json_t *list, const char *word)
{
    size_t i;
    const json_t *v;
    json_array_foreach(list, i, v)
    {
        const char *s = json_string_value(v);
        if (s != NULL && strcmp(s, word) == 0)
            return true;
    }
    return false;
}

static void key_lines(const char *role, bool in, const json_t *keyids, const json_t *keys,
                      const json_t *others, struct tm_buf *out)
{
    size_t i;
    const json_t *id;
    json_array_foreach(keyids, i, id)
    {
        const char *keyid = json_string_value(id);
        if (keyid == NULL || in_list(others, keyid))
            continue;
        tm_buf_printf(out, "  %s: key %s: ", role, in ? "comes in" : "goes out");
        tuf_words_key(json_object_get(keys, keyid), keyid, out);
        buf_putc(out, '\n');
    }
}

static void period_line(const char *role, const char *what, const char *member,
                        const json_t *before, const json_t *after, struct tm_buf *out)
{
    const json_t *a = json_object_get(before, member);
    const json_t *b = json_object_get(after, member);
    char was[24] = "none";
    char is[24] = "none";
    if (a == b || json_equal(a, b) == 1)
        return;
    if (json_is_integer(a))
        tuf_words_period(json_integer_value(a), was);
    if (json_is_integer(b))
        tuf_words_period(json_integer_value(b), is);
    if (a == NULL)
        tm_buf_printf(out, "  %s: %s %s\n", role, what, is);
    else
        tm_buf_printf(out, "  %s: %s %s -> %s\n", role, what, was, is);
}

static void period_lines(const char *role, const json_t *before, const json_t *after,
                         struct tm_buf *out)
{
    period_line(role, "a version lasts", DRAFT_EXPIRY_PERIOD, before, after, out);
    period_line(role, "the next is signed this long before its end:", DRAFT_SIGNING_PERIOD, before,
                after, out);
}

/* Keys and threshold of one role object, and its periods. */
static void signer_lines(const char *role, const json_t *before, const json_t *old_keys,
                         const json_t *after, const json_t *new_keys, struct tm_buf *out)
{
    const json_t *was = json_object_get(before, "keyids");
    const json_t *is = json_object_get(after, "keyids");
    int64_t t0 = json_integer_value(json_object_get(before, "threshold"));
    int64_t t1 = json_integer_value(json_object_get(after, "threshold"));
    key_lines(role, false, was, old_keys, is, out);
    key_lines(role, true, is, new_keys, was, out);
    if (before == NULL)
        tm_buf_printf(out, "  %s: threshold %" PRId64 " of %zu\n", role, t1, json_array_size(is));
    else if (t0 != t1 || json_array_size(was) != json_array_size(is))
        tm_buf_printf(out, "  %s: threshold %" PRId64 " of %zu -> %" PRId64 " of %zu\n", role, t0,
                      json_array_size(was), t1, json_array_size(is));
    period_lines(role, before, after, out);
}

static void root_lines(const json_t *before, const json_t *after, struct tm_buf *out)
{
    for (int k = 0; k < TUF_ROLE_COUNT; k++) {
        const char *name = tuf_role_name((enum tuf_role)k);
        signer_lines(name, json_object_get(json_object_get(before, "roles"), name),
                     json_object_get(before, "keys"),
                     json_object_get(json_object_get(after, "roles"), name),
                     json_object_get(after, "keys"), out);
    }
}

static void value_text(const json_t *v, const char *none, struct tm_buf *out)
{
    char *text = v != NULL ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    tuf_words_safe(text != NULL ? text : none, out);
    free(text);
}

static void value_line(const char *role, const char *member, const json_t *before,
                       const json_t *after, struct tm_buf *out)
{
    const json_t *a = json_object_get(before, member);
    const json_t *b = json_object_get(after, member);
    if (a == b || json_equal(a, b) == 1)
        return;
    tm_buf_printf(out, "  %s: ", role);
    tuf_words_safe(member, out);
    buf_putc(out, ' ');
    if (a != NULL) {
        value_text(a, "", out);
        tm_buf_puts(out, " -> ");
    }
    value_text(b, "(removed)", out);
    buf_putc(out, '\n');
}

struct lines {
    struct tm_buf *out;
    size_t max, shown, hidden;
};

static void target_line(struct lines *l, const char *sign, const char *path, const json_t *entry)
{
    if (l->shown == l->max) {
        l->hidden++;
        return;
    }
    const char *hash = tm_strictjson_str(json_object_get(entry, "hashes"), "sha256");
    l->shown++;
    tm_buf_printf(l->out, "  target %s ", sign);
    tuf_words_safe(path, l->out);
    tm_buf_printf(l->out, " (%lld bytes, sha256 ",
                  (long long)json_integer_value(json_object_get(entry, "length")));
    tuf_words_safe(hash != NULL ? hash : "?", l->out);
    tm_buf_puts(l->out, ")\n");
}

/* What an entry says besides length and hash, such as for which service old clients use it. */
static void member_lines(struct lines *l, const json_t *was, const json_t *is)
{
    const char *member;
    json_t *value;
    if (l->hidden > 0)
        return;
    json_object_foreach((json_t *)is, member, value)
    {
        if (strcmp(member, "hashes") != 0 && strcmp(member, "length") != 0)
            value_line("its", member, was, is, l->out);
    }
    json_object_foreach((json_t *)was, member, value)
    {
        if (json_object_get(is, member) == NULL)
            value_line("its", member, was, is, l->out);
    }
}

static int removed_line(void *lines, const char *path, const json_t *was, const json_t *is,
                        struct tm_err *e)
{
    (void)e;
    if (is == NULL)
        target_line(lines, "removed:", path, was);
    return 0;
}

static int changed_line(void *lines, const char *path, const json_t *was, const json_t *is,
                        struct tm_err *e)
{
    (void)e;
    if (is == NULL)
        return 0;
    if (was == NULL)
        target_line(lines, "added:", path, is);
    else if (json_equal(json_object_get(was, "hashes"), json_object_get(is, "hashes")) != 1)
        target_line(lines, "changed:", path, is);
    else
        target_line(lines, "same content, other custom metadata:", path, is);
    member_lines(lines, was, is);
    return 0;
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

static const json_t *named(const json_t *roles, const char *name)
{
    size_t i;
    const json_t *d;
    json_array_foreach(roles, i, d)
    {
        const char *n = tm_strictjson_str(d, "name");
        if (n != NULL && strcmp(n, name) == 0)
            return d;
    }
    return NULL;
}

static void delegation_line(const json_t *before, const json_t *after, size_t at,
                            struct tm_buf *out)
{
    static const char *const members[] = {"paths", "path_hash_prefixes", "terminating"};
    const json_t *d = json_array_get(json_object_get(after, "roles"), at);
    const json_t *roles = json_object_get(before, "roles");
    const char *name = tm_strictjson_str(d, "name");
    const json_t *old = named(roles, name);
    struct tm_buf label = {0};
    tm_buf_puts(&label, old == NULL ? "new delegation " : "delegation ");
    tuf_words_safe(name, &label);
    const char *text = tm_buf_str(&label);
    signer_lines(text, old, json_object_get(before, "keys"), d, json_object_get(after, "keys"),
                 out);
    for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++)
        value_line(text, members[m], old, d, out);
    const char *was_there = tm_strictjson_str(json_array_get(roles, at), "name");
    if (old != NULL && (was_there == NULL || strcmp(was_there, name) != 0))
        tm_buf_printf(out, "  %s: its place in the order of search changes\n", text);
    tm_buf_free(&label);
}

static void delegation_lines(const json_t *before, const json_t *after, struct tm_buf *out)
{
    const json_t *is = json_object_get(after, "roles");
    size_t i;
    const json_t *d;
    json_array_foreach(json_object_get(before, "roles"), i, d)
    {
        if (named(is, tm_strictjson_str(d, "name")) == NULL) {
            tm_buf_puts(out, "  delegation removed: ");
            tuf_words_safe(tm_strictjson_str(d, "name"), out);
            buf_putc(out, '\n');
        }
    }
    for (i = 0; i < json_array_size(is); i++)
        delegation_line(before, after, i, out);
}

static void bin_lines(const json_t *before, const json_t *after, struct tm_buf *out)
{
    const json_t *was = json_object_get(before, "succinct_roles");
    const json_t *is = json_object_get(after, "succinct_roles");
    if (is == NULL && was != NULL)
        tm_buf_puts(out, "  hash bins removed\n");
    if (is == NULL)
        return;
    signer_lines("hash bins", was, json_object_get(before, "keys"), is,
                 json_object_get(after, "keys"), out);
    value_line("hash bins", "bit_length", was, is, out);
    value_line("hash bins", "name_prefix", was, is, out);
}

static bool is_known(const char *member)
{
    for (size_t i = 0; i < sizeof(known_members) / sizeof(known_members[0]); i++) {
        if (strcmp(known_members[i], member) == 0)
            return true;
    }
    return false;
}

static void other_lines(const char *role, const json_t *before, const json_t *after,
                        struct tm_buf *out)
{
    const char *member;
    json_t *value;
    json_object_foreach((json_t *)after, member, value)
    {
        if (!is_known(member))
            value_line(role, member, before, after, out);
    }
    json_object_foreach((json_t *)before, member, value)
    {
        if (!is_known(member) && json_object_get(after, member) == NULL)
            value_line(role, member, before, after, out);
    }
    if (before != NULL) {
        value_line(role, "consistent_snapshot", before, after, out);
        value_line(role, "spec_version", before, after, out);
    }
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
    const json_t *was = before != NULL ? tuf_metadata_body(before) : NULL;
    const json_t *is = tuf_metadata_body(after);
    enum tuf_role type = tuf_metadata_role(after);
    version_lines(before, after, out);
    if (type == TUF_ROOT)
        root_lines(was, is, out);
    if (type == TUF_TARGETS) {
        const json_t *d0 = json_object_get(was, "delegations");
        const json_t *d1 = json_object_get(is, "delegations");
        target_lines(before, after, all, out);
        delegation_lines(d0, d1, out);
        bin_lines(d0, d1, out);
    }
    period_lines(tuf_role_name(type), was, is, out);
    other_lines(tuf_role_name(type), was, is, out);
}

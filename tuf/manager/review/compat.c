/* What of an event other clients cannot read, by the table of readers. */
#include <stdio.h>
#include <string.h>

#include "tuf/metadata/build.h"
#include "tuf/metadata/key.h"
#include "tuf/manager/review/rules.h"
#include "tuf/manager/policy/readers.h"

struct compat {
    const struct tuf_policy *policy; /* or NULL */
    struct tuf_findings *out;
    size_t count[TUF_FEATURE_COUNT];
    char first[TUF_FEATURE_COUNT][256];
};

static void found(struct compat *c, enum tuf_feature f, const char *where)
{
    if (c->count[f]++ == 0)
        snprintf(c->first[f], sizeof(c->first[f]), "%s", where);
}

/* Names that are new or change: what is published already is read or not. */
static int each_entry(void *arg, const char *name, const struct tuf_entry *was,
                      const struct tuf_entry *is, struct tm_err *e)
{
    (void)was;
    (void)e;
    for (int f = 0; is != NULL && f < TUF_FEATURE_COUNT; f++) {
        if (tuf_feature_in_name((enum tuf_feature)f, name))
            found(arg, (enum tuf_feature)f, name);
    }
    return 0;
}

static void look_at_keyids(struct compat *c, const struct tuf_keys *keys, const char *role)
{
    for (size_t i = 0; i < keys->count; i++) {
        char hash[TUF_KEYID_SIZE];
        if (tuf_key_hash(&keys->item[i], hash, NULL) != 0 || strcmp(hash, keys->item[i].keyid) != 0)
            found(c, TUF_FEATURE_KEYID, role);
    }
}

static void look_at_root(struct compat *c, const struct tuf_metadata *root)
{
    const struct tuf_keys *keys = &tuf_metadata_signed(root)->root.keys;
    for (size_t i = 0; i < keys->count; i++) {
        if (tuf_same_text(keys->item[i].scheme, "ecdsa-sha2-nistp384"))
            found(c, TUF_FEATURE_KEY_P384, "root");
    }
    look_at_keyids(c, keys, "root");
}

static int look_at_targets(struct compat *c, const struct tuf_event_role *r, struct tm_err *e)
{
    const struct tuf_delegations *d = &tuf_metadata_signed(r->proposed)->targets.delegations;
    if (tuf_metadata_canonical(r->proposed)->len > READERS_TARGETS_MAX)
        found(c, TUF_FEATURE_LONG_TARGETS, r->name);
    if (d->has_bins)
        found(c, TUF_FEATURE_BINS, r->name);
    look_at_keyids(c, &d->keys, r->name);
    for (size_t i = 0; i < d->roles.count; i++) {
        if (d->roles.item[i].has_prefixes)
            found(c, TUF_FEATURE_HASH_PREFIXES, d->roles.item[i].name);
    }
    return tuf_entries_compare(r->base, r->proposed, each_entry, c, e);
}

static void tell(struct compat *c, enum tuf_feature f)
{
    const char *refused = c->policy != NULL ? tuf_feature_refused(f, &c->policy->readers) : NULL;
    if (c->count[f] == 0)
        return;
    if (refused != NULL) {
        tuf_findings_error(c->out,
                           "%.250s: %s, which %s cannot read: the policy names it under 'readers'",
                           c->first[f], tuf_feature_words(f), refused);
    } else if (tuf_feature_is_told(f)) {
        tuf_findings_warn(c->out, "%.250s (%zu in all): %s, which fails in: %s", c->first[f],
                          c->count[f], tuf_feature_words(f), tuf_feature_fails(f));
    }
}

void tuf_rules_readers(const struct tuf_event *ev, const struct tuf_policy *policy,
                       struct tuf_findings *out)
{
    struct compat c = {.policy = policy, .out = out};
    struct tm_err e = {0};
    for (size_t i = 0; i < ev->count; i++) {
        const struct tuf_event_role *r = &ev->role[i];
        if (r->proposed == NULL)
            continue;
        if (tuf_metadata_role(r->proposed) == TUF_ROOT)
            look_at_root(&c, r->proposed);
        else if (look_at_targets(&c, r, &e) != 0)
            tuf_findings_warn(out, "%.100s: who can read it cannot be told: %.200s", r->name,
                              e.text);
    }
    for (int f = 0; f < TUF_FEATURE_COUNT; f++)
        tell(&c, (enum tuf_feature)f);
}

/* What of an event other clients cannot read, by the table of readers. */
#include <stdio.h>
#include <string.h>

#include "common/json/strictjson.h"
#include "tuf/metadata/build.h"
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
static int each_entry(void *arg, const char *name, const json_t *was, const json_t *is,
                      struct tm_err *e)
{
    (void)was;
    (void)e;
    for (int f = 0; is != NULL && f < TUF_FEATURE_COUNT; f++) {
        if (tuf_feature_in_name((enum tuf_feature)f, name))
            found(arg, (enum tuf_feature)f, name);
    }
    return 0;
}

static void look_at_root(struct compat *c, const struct tuf_metadata *root)
{
    const char *id;
    json_t *key;
    json_object_foreach(json_object_get(tuf_metadata_body(root), "keys"), id, key)
    {
        const char *scheme = tm_strictjson_str(key, "scheme");
        if (scheme != NULL && strcmp(scheme, "ecdsa-sha2-nistp384") == 0)
            found(c, TUF_FEATURE_KEY_P384, "root");
    }
}

static int look_at_targets(struct compat *c, const struct tuf_event_role *r, struct tm_err *e)
{
    const json_t *d = json_object_get(tuf_metadata_body(r->proposed), "delegations");
    struct tm_buf own = {0};
    const struct tm_buf *bytes = tuf_metadata_canonical(r->proposed, &own, e);
    size_t i;
    const json_t *role;
    if (bytes != NULL && bytes->len > READERS_TARGETS_MAX)
        found(c, TUF_FEATURE_LONG_TARGETS, r->name);
    tm_buf_free(&own);
    if (json_object_get(d, "succinct_roles") != NULL)
        found(c, TUF_FEATURE_BINS, r->name);
    json_array_foreach(json_object_get(d, "roles"), i, role)
    {
        if (json_is_array(json_object_get(role, "path_hash_prefixes")))
            found(c, TUF_FEATURE_HASH_PREFIXES, tm_strictjson_str(role, "name"));
    }
    return bytes != NULL ? tuf_entries_compare(r->base, r->proposed, each_entry, c, e) : -1;
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

#include "tuf/manager/publish/online.h"

#include <stdio.h>
#include <string.h>

#include "common/kms/kms.h"
#include "tuf/metadata/key.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/manager/policy/keyring.h"

void tuf_online_close(struct tuf_online *o)
{
    for (size_t i = 0; i < o->count; i++)
        tm_key_free(o->open[i].key);
    o->count = 0;
}

/* Files that the policy names are beside it unless absolute. */
static int open_key(const struct tuf_workspace *w, const struct tuf_policy_online *p,
                    struct tm_key **out, struct tm_err *e)
{
    char paths[3][PATH_MAX];
    struct tm_key_source s;
    tuf_policy_key_source(p, &s);
    const char **const files[] = {&s.file, &s.password_file, &s.pin_file};
    for (size_t i = 0; i < 3; i++) {
        if (*files[i] == NULL)
            continue;
        if (tuf_workspace_path(w, *files[i], paths[i], sizeof(paths[i]), e) != 0)
            return -1;
        *files[i] = paths[i];
    }
    s.far = tm_kms_here();
    *out = tm_key_open(&s, "online key", e);
    return *out != NULL ? 0 : tm_err_wrap(e, "online key '%s'", p->name);
}

static struct tm_key *find_key(struct tuf_online *o, const char *holder, struct tm_err *e)
{
    for (size_t i = 0; i < o->count; i++) {
        if (strcmp(o->open[i].holder, holder) == 0)
            return o->open[i].key;
    }
    const struct tuf_policy_online *p = tuf_policy_online_key(&o->w->policy, holder);
    struct tm_key *key = NULL;
    if (p == NULL)
        return tm_err_null(e, "the policy's 'online-keys' has no '%s'", holder);
    if (o->count == ONLINE_KEYS_MAX)
        return tm_err_null(e, "more than %d online keys", ONLINE_KEYS_MAX);
    if (open_key(o->w, p, &key, e) != 0)
        return NULL;
    snprintf(o->open[o->count].holder, sizeof(o->open[o->count].holder), "%s", holder);
    o->open[o->count++].key = key;
    return key;
}

/* Whose public key it is: a KEY of others' makes does not say. */
static const char *holder_of(const struct tuf_online *o, const struct tuf_public_key *key)
{
    const struct tuf_policy_online *p = o->w->policy.online.item;
    const char *owner = tuf_key_owner(key);
    char want[65];
    char have[65];
    if (tuf_policy_online_key(&o->w->policy, owner) != NULL ||
        tuf_key_fingerprint(key, want, NULL) != 0)
        return owner;
    for (size_t i = 0; i < o->w->policy.online.count; i++) {
        struct tuf_public_key own = {0};
        bool same = tuf_keyring_read(o->w->keys, p[i].name, &own, NULL) == 0 &&
                    tuf_key_fingerprint(&own, have, NULL) == 0 && strcmp(want, have) == 0;
        tuf_free_key(&own);
        if (same)
            return p[i].name;
    }
    return owner;
}

static int sign_by(struct tuf_online *o, struct tuf_metadata *m, const struct tuf_public_key *key,
                   struct tm_err *e)
{
    const char *holder = holder_of(o, key);
    struct tm_key *private_key = find_key(o, holder, e);
    if (private_key == NULL)
        return -1;
    return tuf_metadata_sign(m, key, tm_key_pkey(private_key), e) == 0
               ? 0
               : tm_err_wrap(e, "online key '%s'", holder);
}

int tuf_online_sign(struct tuf_online *o, struct tuf_metadata *m, const struct tuf_signers *by,
                    const char *role, struct tm_err *e)
{
    struct tm_err why = {0};
    int64_t made = 0;
    for (size_t i = 0; i < by->role->keyids.count; i++) {
        const struct tuf_public_key *key = tuf_keys_find(by->known, by->role->keyids.item[i]);
        if (key != NULL && sign_by(o, m, key, &why) == 0)
            made++;
    }
    if (made >= by->threshold)
        return 0;
    return tm_err_set(e, "%s: %lld of %lld online signatures: %s", role, (long long)made,
                      (long long)by->threshold, why.text);
}

void tuf_online_period_of(const struct tuf_metadata *root, const struct tuf_policy *p,
                          enum tuf_role role, struct tuf_online_period *out)
{
    const struct tuf_policy_role *r = tuf_policy_role(p, tuf_role_name(role));
    const struct tuf_periods *said = &tuf_metadata_signed(root)->root.roles.role[role].periods;
    int64_t expiry = said->expiry;
    int64_t signing = said->signing;
    bool good = expiry > 0 && signing > 0 && signing < expiry && expiry <= r->expiry / 1000;
    *out = (struct tuf_online_period){good ? expiry : r->expiry / 1000,
                                      good ? signing : r->signing / 1000};
}

int tuf_online_next(const struct tuf_online *o, enum tuf_role role, const struct tuf_metadata *root,
                    const struct tuf_metadata *live, int64_t now, struct tuf_signed *out,
                    struct tm_err *e)
{
    struct tuf_online_period period;
    int64_t version = live != NULL ? tuf_metadata_version(live) + 1 : 1;
    *out = (struct tuf_signed){.role = role};
    if (version > TUF_VERSION_MAX)
        return tm_err_set(e, "%s: version %lld is the last there can be", tuf_role_name(role),
                          (long long)version - 1);
    if (live == NULL && tuf_text_set(&out->spec_version, TUF_SPEC_VERSION) != 0)
        return tm_err_set(e, "out of memory");
    if (live != NULL && tuf_copy_signed(tuf_metadata_signed(live), out, e) != 0)
        return -1;
    tuf_online_period_of(root, &o->w->policy, role, &period);
    out->version = version;
    out->expires = now + period.expiry;
    return 0;
}

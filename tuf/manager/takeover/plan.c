/* Roles and holders of a repository that others began. */
#include "common/grow.h"
#include "tuf/manager/takeover/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tuf/manager/policy/policy.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/key.h"
#include "tuf/metadata/typesjson.h"

/* ---- holders ---- */

static struct tuf_taken_holder *find_holder(const struct tuf_plan *p, const char *fingerprint)
{
    for (size_t i = 0; i < p->holder_count; i++) {
        if (strcmp(p->holder[i].fingerprint, fingerprint) == 0)
            return &p->holder[i];
    }
    return NULL;
}

static bool name_is_free(const struct tuf_plan *p, const char *name)
{
    for (size_t i = 0; i < p->holder_count; i++) {
        if (strcmp(p->holder[i].name, name) == 0)
            return false;
    }
    return true;
}

static bool signs(const struct tuf_plan *p, enum tuf_role role, const char *keyid)
{
    const struct tuf_signed *s = tuf_metadata_signed(tuf_published_root(&p->live));
    return tuf_texts_have(&s->root.roles.role[role].keyids, keyid);
}

/* As its owner is called, else by what it signs, else by its keyid. */
static void name_holder(const struct tuf_plan *p, const struct tuf_taken_role *r,
                        const struct tuf_public_key *key, char out[KEYRING_NAME_MAX + 1])
{
    const char *owner = tuf_key_owner(key);
    enum tuf_role role;
    bool online = r->by == NULL && tuf_role_from_name(r->name, &role) == 0 &&
                  (role == TUF_SNAPSHOT || role == TUF_TIMESTAMP);
    char keyid[9];
    snprintf(keyid, sizeof(keyid), "%.8s", key->keyid);
    if (tuf_policy_name_ok(owner))
        snprintf(out, KEYRING_NAME_MAX + 1, "%s", owner);
    else if (online)
        snprintf(out, KEYRING_NAME_MAX + 1, "%s",
                 signs(p, TUF_SNAPSHOT, key->keyid) && signs(p, TUF_TIMESTAMP, key->keyid)
                     ? "online"
                     : r->name);
    else
        snprintf(out, KEYRING_NAME_MAX + 1, "key-%s", keyid);
    if (name_is_free(p, out))
        return;
    size_t keep = strlen(out) < KEYRING_NAME_MAX - 9 ? strlen(out) : KEYRING_NAME_MAX - 9;
    snprintf(out + keep, KEYRING_NAME_MAX + 1 - keep, "-%s", keyid);
    for (unsigned n = 2; !name_is_free(p, out) && n < 100; n++)
        snprintf(out, KEYRING_NAME_MAX + 1, "key-%s-%u", keyid, n);
}

static struct tuf_taken_holder *add_holder(struct tuf_plan *p, const struct tuf_taken_role *r,
                                           const struct tuf_public_key *key, const char *hex)
{
    struct tuf_taken_holder *h = find_holder(p, hex);
    if (h != NULL)
        return h;
    void *grown = realloc(p->holder, (p->holder_count + 1) * sizeof(*p->holder));
    if (grown == NULL)
        return NULL;
    p->holder = grown;
    h = &p->holder[p->holder_count];
    *h = (struct tuf_taken_holder){.key = key};
    snprintf(h->fingerprint, sizeof(h->fingerprint), "%s", hex);
    name_holder(p, r, key, h->name);
    p->holder_count++;
    return h;
}

static void mark(struct tuf_taken_holder *h, const struct tuf_taken_role *r)
{
    enum tuf_role role;
    if (r->by != NULL || tuf_role_from_name(r->name, &role) != 0)
        return;
    if (role == TUF_SNAPSHOT || role == TUF_TIMESTAMP)
        h->online = true;
    else
        h->top = true;
}

static bool holds(const struct tuf_taken_role *r, size_t holder)
{
    for (size_t i = 0; i < r->holder_count; i++) {
        if (r->holder[i] == holder)
            return true;
    }
    return false;
}

/* Who signs the role, in its order. */
static int take_holders(struct tuf_plan *p, struct tuf_taken_role *r, struct tm_err *e)
{
    const struct tuf_texts *ids = &r->keys->keyids;
    r->holder = calloc(ids->count + 1, sizeof(*r->holder));
    if (r->holder == NULL)
        return tm_err_set(e, "out of memory");
    for (size_t i = 0; i < ids->count; i++) {
        const struct tuf_public_key *key = tuf_keys_find(r->among, ids->item[i]);
        struct tm_err why = {0};
        char hex[65];
        if (key == NULL || tuf_key_fingerprint(key, hex, &why) != 0) {
            tuf_plan_loss(p, "role '%s': key %.16s... %s", r->name, ids->item[i],
                          key == NULL ? "is not among the keys" : why.text);
            continue;
        }
        struct tuf_taken_holder *h = add_holder(p, r, key, hex);
        if (h == NULL)
            return tm_err_set(e, "out of memory");
        if (holds(r, (size_t)(h - p->holder))) {
            tuf_plan_loss(p, "role '%s': key %.16s... is listed twice, under two keyids", r->name,
                          ids->item[i]);
            continue;
        }
        mark(h, r);
        r->holder[r->holder_count++] = (size_t)(h - p->holder);
    }
    if (r->keys->threshold > (int64_t)r->holder_count)
        tuf_plan_loss(p, "role '%s': threshold %" PRId64 ", but only %zu keys that can be used",
                      r->name, r->keys->threshold, r->holder_count);
    return 0;
}

/* ---- roles ---- */

static struct tuf_taken_role *add_role(struct tuf_plan *p, struct tm_err *e)
{
    return tm_grow(&p->role, &p->role_count, sizeof(*p->role), e);
}

static int take_top(struct tuf_plan *p, struct tm_err *e)
{
    /* Online keys first: one that signs all is called "online". */
    static const enum tuf_role order[TUF_ROLE_COUNT] = {TUF_SNAPSHOT, TUF_TIMESTAMP, TUF_ROOT,
                                                        TUF_TARGETS};
    const struct tuf_metadata *root = tuf_published_root(&p->live);
    const struct tuf_signed *s = tuf_metadata_signed(root);
    if (!tuf_root_consistent_snapshot(root))
        tuf_plan_loss(p, "root: consistent_snapshot is not true: clients ask for files whose names "
                         "have no version or hash, which are not made here");
    for (size_t i = 0; i < TUF_ROLE_COUNT; i++) {
        struct tuf_taken_role *r = add_role(p, e);
        if (r == NULL)
            return -1;
        r->name = tuf_role_name(order[i]);
        r->keys = &s->root.roles.role[order[i]];
        r->among = &s->root.keys;
        const struct tuf_metadata *m = tuf_published_role(&p->live, order[i]);
        r->m = m != NULL ? tuf_metadata_ref(m) : NULL;
        snprintf(r->directory, sizeof(r->directory), "targets");
        if (take_holders(p, r, e) != 0)
            return -1;
    }
    if (s->root.roles.mirrors != NULL)
        tuf_plan_note(p, "root has a role 'mirrors', which stays as it is");
    return 0;
}

static struct tuf_taken_role *taken(const struct tuf_plan *p, const char *name)
{
    for (size_t i = 0; i < p->role_count; i++) {
        if (strcmp(p->role[i].name, name) == 0)
            return &p->role[i];
    }
    return NULL;
}

/* Why a policy, which has one entry for a role, cannot say that `by` delegates to `r` as well, in
 * the form `d`; NULL: it can. */
static const char *unlike(const struct tuf_plan *p, const struct tuf_taken_role *r, const char *by,
                          const struct tuf_keys *among, const struct tuf_delegated_role *d)
{
    const struct tuf_texts *ids = &d->by.keyids;
    if (r->d == NULL)
        return "and is no delegation by paths in one of them";
    if (d->by.threshold != r->keys->threshold || ids->count != r->keys->keyids.count)
        return "with another number of keys or another threshold";
    for (size_t i = 0; i < ids->count; i++) {
        const struct tuf_public_key *key = tuf_keys_find(among, ids->item[i]);
        const struct tuf_public_key *same = tuf_keys_find(r->among, ids->item[i]);
        if (!tuf_texts_have(&r->keys->keyids, ids->item[i]) || key == NULL || same == NULL ||
            !tuf_same_key(key, same))
            return "with other keys: the policy has one set of holders for a role";
    }
    if (d->terminating != r->d->terminating || d->has_paths != r->d->has_paths ||
        !tuf_texts_equal(&d->paths, &r->d->paths) ||
        !tuf_texts_equal(&d->prefixes, &r->d->prefixes))
        return "with other paths";
    if (taken(p, by) > r)
        return "and the second is found after it, where the policy's order allows no delegator";
    return NULL;
}

/* One more role that delegates to one that is taken already. */
static int take_again(struct tuf_plan *p, struct tuf_taken_role *r, const char *by,
                      const struct tuf_keys *among, const struct tuf_delegated_role *d,
                      struct tm_err *e)
{
    const char *why = unlike(p, r, by, among, d);
    if (why == NULL)
        return tuf_texts_add(&r->also, by) == 0 ? 0 : tm_err_set(e, "out of memory");
    tuf_plan_loss(p, "role '%.100s' is delegated to by '%.100s' and by '%.100s', %s", r->name,
                  r->by != NULL ? r->by : "root", by, why);
    return 0;
}

static int take_delegated(struct tuf_plan *p, const char *by, const struct tuf_metadata *delegator,
                          const struct tuf_delegations *all, const struct tuf_delegated_role *d,
                          struct tm_err *e)
{
    char encoded[TUF_ROLE_NAME_MAX + 1];
    struct tuf_taken_role *r = taken(p, d->name);
    if (r != NULL)
        return take_again(p, r, by, &all->keys, d, e);
    r = add_role(p, e);
    if (r == NULL)
        return -1;
    *r = (struct tuf_taken_role){
        .name = d->name, .by = by, .keys = &d->by, .among = &all->keys, .d = d};
    if (!tuf_role_encode(d->name, encoded))
        tuf_plan_loss(p, "role '%.100s...': the name is too long", d->name);
    snprintf(r->directory, sizeof(r->directory), "delegated/%s", encoded);
    if (tuf_published_delegated_by(&p->live, delegator, d->name, &r->m, e) != 0)
        return -1;
    if (r->m == NULL)
        tuf_plan_note(p, "role '%.100s' has no metadata yet: its first version waits", d->name);
    return take_holders(p, r, e);
}

static int take_bins(struct tuf_plan *p, const char *by, const struct tuf_delegations *all,
                     struct tm_err *e)
{
    for (size_t i = 0; i < p->role_count; i++) {
        if (p->role[i].bins != NULL) {
            tuf_plan_loss(p, "there are hash bins below two roles; the policy has one place");
            return 0;
        }
    }
    if (all->bins.bits > POLICY_BITS_MAX)
        tuf_plan_loss(p, "hash bins of %" PRId64 " bits: at most %d are kept here", all->bins.bits,
                      POLICY_BITS_MAX);
    struct tuf_taken_role *r = add_role(p, e);
    if (r == NULL)
        return -1;
    *r = (struct tuf_taken_role){
        .name = "bins", .by = by, .keys = &all->bins.by, .among = &all->keys, .bins = &all->bins};
    snprintf(r->directory, sizeof(r->directory), "bins");
    return take_holders(p, r, e);
}

/* What one role delegates to. */
static int take_below(struct tuf_plan *p, const char *by, const struct tuf_metadata *m,
                      struct tm_err *e)
{
    const struct tuf_targets *t = &tuf_metadata_signed(m)->targets;
    if (!t->has_delegations)
        return 0;
    for (size_t i = 0; i < t->delegations.roles.count; i++) {
        if (take_delegated(p, by, m, &t->delegations, &t->delegations.roles.item[i], e) != 0)
            return -1;
    }
    return t->delegations.has_bins ? take_bins(p, by, &t->delegations, e) : 0;
}

static bool by_person(const struct tuf_plan *p, const struct tuf_taken_role *r)
{
    for (size_t i = 0; i < r->holder_count; i++) {
        if (!p->holder[r->holder[i]].online)
            return true;
    }
    return false;
}

/* A policy's delegated role is online keys' or people's. */
static void check_mixture(struct tuf_plan *p, const struct tuf_taken_role *r)
{
    size_t online = 0;
    for (size_t i = 0; i < r->holder_count; i++)
        online += p->holder[r->holder[i]].online;
    if (r->by != NULL && online > 0 && by_person(p, r))
        tuf_plan_loss(p,
                      "role '%.100s' is signed by keys of snapshot or timestamp and by others "
                      "too: the policy has either",
                      r->name);
}

static void name_keys(struct tuf_plan *p)
{
    for (size_t i = 0; i < p->holder_count; i++) {
        const struct tuf_taken_holder *h = &p->holder[i];
        const char *owner = tuf_key_owner(h->key);
        if (strcmp(owner, h->name) != 0)
            tuf_plan_note(p, "key %.16s...%s%.120s%s is called '%s' here", h->key->keyid,
                          owner[0] != '\0' ? " of '" : "", owner, owner[0] != '\0' ? "'" : "",
                          h->name);
        if (h->online && h->top)
            tuf_plan_note(p,
                          "'%s' signs root or targets, and snapshot or timestamp too: see "
                          "'shared-keys' in the policy",
                          h->name);
    }
}

int tuf_plan_make(struct tuf_plan *p, struct tm_err *e)
{
    if (take_top(p, e) != 0 || take_below(p, "targets", p->live.targets, e) != 0)
        return -1;
    /* Roles are appended meanwhile. */
    for (size_t i = TUF_ROLE_COUNT; i < p->role_count; i++) {
        const char *name = p->role[i].name;
        const struct tuf_metadata *m = p->role[i].m;
        if (m != NULL && take_below(p, name, m, e) != 0)
            return -1;
    }
    for (size_t i = 0; i < p->role_count; i++) {
        check_mixture(p, &p->role[i]);
        tuf_plan_periods(p, &p->role[i]);
    }
    name_keys(p);
    return 0;
}

void tuf_plan_free(struct tuf_plan *p)
{
    for (size_t i = 0; i < p->role_count; i++) {
        free(p->role[i].holder);
        tuf_texts_free(&p->role[i].also);
        tuf_metadata_free(p->role[i].m);
    }
    free(p->role);
    free(p->holder);
    tuf_published_free(&p->live);
    *p = (struct tuf_plan){0};
}

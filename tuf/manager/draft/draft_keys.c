#include "tuf/manager/draft/draft_keys.h"

#include <string.h>

#include "common/json/strictjson.h"
#include "tuf/metadata/edit.h"
#include "tuf/manager/policy/keyring.h"

/* A holder of the role, before this one, with the same public key. */
static const char *twin(const json_t *keys, const json_t *keyids, const json_t *key)
{
    char want[65];
    char have[65];
    size_t i;
    const json_t *id;
    if (tuf_keyring_fingerprint(key, want, NULL) != 0)
        return NULL;
    json_array_foreach(keyids, i, id)
    {
        const json_t *other = json_object_get(keys, json_string_value(id));
        if (other != NULL && tuf_keyring_fingerprint(other, have, NULL) == 0 &&
            strcmp(have, want) == 0)
            return tuf_keyring_owner(other);
    }
    return NULL;
}

static bool same_text(const json_t *a, const json_t *b)
{
    const char *x = tm_strictjson_str(json_object_get(a, "keyval"), "public");
    const char *y = tm_strictjson_str(json_object_get(b, "keyval"), "public");
    size_t n = x != NULL ? strlen(x) : 0;
    size_t m = y != NULL ? strlen(y) : 0;
    while (n > 0 && x[n - 1] == '\n')
        n--;
    while (m > 0 && y[m - 1] == '\n')
        m--;
    return n > 0 && n == m && memcmp(x, y, n) == 0;
}

static bool same_public_key(const json_t *a, const json_t *b)
{
    char x[65];
    char y[65];
    return same_text(a, b) || (tuf_keyring_fingerprint(a, x, NULL) == 0 &&
                               tuf_keyring_fingerprint(b, y, NULL) == 0 && strcmp(x, y) == 0);
}

/* The keyid under which `key` is published: for this role before (`ids`), or for another. */
static const char *published_id(const json_t *before, const json_t *ids, const json_t *key)
{
    size_t i;
    const json_t *id;
    const char *name;
    json_t *other;
    json_array_foreach(ids, i, id)
    {
        other = json_object_get(before, json_string_value(id));
        if (other != NULL && same_public_key(other, key))
            return json_string_value(id);
    }
    json_object_foreach((json_t *)before, name, other)
    {
        if (same_text(other, key))
            return name;
    }
    return NULL;
}

/* Others' KEYs have other members, and may have keyids by other rules. */
static bool stays(const json_t *published, const char *holder)
{
    const char *owner = tm_strictjson_str(published, KEYRING_OWNER);
    return owner == NULL || strcmp(owner, holder) == 0;
}

/* Takes over `key`. */
static int put_key(const json_t *before, const json_t *ids, const char *holder, json_t *keys,
                   json_t *keyids, json_t *key, struct tm_err *e)
{
    char keyid[TUF_KEYID_SIZE];
    const char *id = published_id(before, ids, key);
    json_t *published = id != NULL ? json_object_get(before, id) : NULL;
    if (published == NULL || !stays(published, holder))
        return tuf_keys_add(keys, keyids, key, keyid, e);
    json_decref(key);
    return json_object_set(keys, id, published) == 0 &&
                   json_array_append_new(keyids, json_string(id)) == 0
               ? 0
               : tm_err_set(e, "out of memory");
}

static int add_holder(const struct tuf_workspace *w, const struct tuf_policy_role *r,
                      const json_t *before, const json_t *ids, const char *holder, json_t *keys,
                      json_t *keyids, struct tm_err *e)
{
    json_t *key = tuf_keyring_load(w->keys, holder, e);
    if (key == NULL)
        return tm_err_wrap(e, "role '%s'", r->name);
    const char *other = twin(keys, keyids, key);
    if (other != NULL) {
        tm_err_set(e, "role '%s': '%s' and '%s' have the same key, which counts once", r->name,
                   other, holder);
        json_decref(key);
        return -1;
    }
    return put_key(before, ids, holder, keys, keyids, key, e);
}

int tuf_draft_signers(const struct tuf_workspace *w, const struct tuf_policy_role *r,
                      const json_t *before, json_t *keys, json_t *role, struct tm_err *e)
{
    json_t *ids = json_incref(json_object_get(role, "keyids"));
    json_t *keyids = json_array();
    int rc = keyids != NULL && json_object_set_new(role, "keyids", keyids) == 0 &&
                     json_object_set_new(role, "threshold", json_integer(r->threshold)) == 0
                 ? 0
                 : tm_err_set(e, "out of memory");
    for (size_t i = 0; i < r->holders.count && rc == 0; i++) {
        const char *holder = r->holders.item[i];
        if (!tuf_policy_is_revoked(&w->policy, holder))
            rc = add_holder(w, r, before, ids, holder, keys, keyids, e);
    }
    json_decref(ids);
    return rc;
}

int tuf_draft_keep_unused(const json_t *before, const json_t *used, json_t *keys, struct tm_err *e)
{
    const char *id;
    json_t *key;
    json_object_foreach((json_t *)before, id, key)
    {
        if (json_object_get(used, id) == NULL && json_object_set(keys, id, key) != 0)
            return tm_err_set(e, "out of memory");
    }
    return 0;
}

int tuf_draft_note_used(const json_t *role, json_t *used)
{
    size_t i;
    const json_t *id;
    int bad = 0;
    json_array_foreach(json_object_get(role, "keyids"), i, id)
    {
        bad |= json_object_set_new(used, json_string_value(id), json_true());
    }
    return bad;
}

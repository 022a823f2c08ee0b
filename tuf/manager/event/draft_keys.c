#include "tuf/manager/event/draft_keys.h"

#include <string.h>

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

static int add_holder(const struct tuf_workspace *w, const struct tuf_policy_role *r,
                      const char *holder, json_t *keys, json_t *keyids, struct tm_err *e)
{
    char keyid[TUF_KEYID_SIZE];
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
    return tuf_keys_add(keys, keyids, key, keyid, e);
}

int tuf_draft_signers(const struct tuf_workspace *w, const struct tuf_policy_role *r, json_t *keys,
                      json_t *role, struct tm_err *e)
{
    json_t *keyids = json_array();
    if (keyids == NULL || json_object_set_new(role, "keyids", keyids) != 0 ||
        json_object_set_new(role, "threshold", json_integer(r->threshold)) != 0)
        return tm_err_set(e, "out of memory");
    for (size_t i = 0; i < r->holders.count; i++) {
        const char *holder = r->holders.item[i];
        if (!tuf_policy_is_revoked(&w->policy, holder) &&
            add_holder(w, r, holder, keys, keyids, e) != 0)
            return -1;
    }
    return 0;
}

/* The form of each role's members, before anything else reads them. */
#include <string.h>

#include "common/json/strictjson.h"
#include "tuf/metadata/internal.h"

int tuf_check_integer(const json_t *obj, const char *name, int64_t min, int64_t max,
                      struct tm_err *e)
{
    const json_t *v = json_object_get(obj, name);
    if (!json_is_integer(v))
        return tm_err_set(e, "%s is missing or not an integer", name);
    if (json_integer_value(v) < min || json_integer_value(v) > max)
        return tm_err_set(e, "%s is %lld: %lld to %lld is allowed", name,
                          (long long)json_integer_value(v), (long long)min, (long long)max);
    return 0;
}

int tuf_check_texts(const json_t *list, const char *name, size_t max, bool unique, struct tm_err *e)
{
    size_t i;
    json_t *v;
    if (!json_is_array(list))
        return tm_err_set(e, "%s is missing or not an array", name);
    if (json_array_size(list) > max)
        return tm_err_set(e, "%s has more than %zu entries", name, max);
    json_t *seen = json_object();
    int rc = seen != NULL ? 0 : tm_err_set(e, "out of memory");
    json_array_foreach(list, i, v)
    {
        const char *text = json_string_value(v);
        if (rc != 0)
            break;
        if (text == NULL)
            rc = tm_err_set(e, "%s: entry %zu is not a string", name, i);
        else if (unique && json_object_get(seen, text) != NULL)
            rc = tm_err_set(e, "%s has '%.80s' twice", name, text);
        else if (unique && json_object_set_new(seen, text, json_true()) != 0)
            rc = tm_err_set(e, "out of memory");
    }
    json_decref(seen);
    return rc;
}

/* What a key must hold depends on its kind: one of an unknown kind, or broken, counts for nothing
 * where signatures are counted (tuf_key_decode). */
int tuf_check_keys(const json_t *keys, struct tm_err *e)
{
    const char *keyid;
    json_t *key;
    if (!json_is_object(keys))
        return tm_err_set(e, "keys is missing or not an object");
    json_object_foreach((json_t *)keys, keyid, key)
    {
        if (!json_is_object(key))
            return tm_err_set(e, "key '%.80s' is not an object", keyid);
    }
    return 0;
}

int tuf_check_signers(const json_t *role, const char *name, struct tm_err *e)
{
    if (!json_is_object(role))
        return tm_err_set(e, "role '%.100s' is missing or not an object", name);
    if (tuf_check_texts(json_object_get(role, "keyids"), "keyids", TUF_KEYIDS_MAX, true, e) != 0 ||
        tuf_check_integer(role, "threshold", 1, INT32_MAX, e) != 0)
        return tm_err_wrap(e, "role '%.100s'", name);
    return 0;
}

static int check_root(const json_t *body, struct tm_err *e)
{
    const json_t *consistent = json_object_get(body, "consistent_snapshot");
    const json_t *roles = json_object_get(body, "roles");
    if (consistent != NULL && !json_is_boolean(consistent))
        return tm_err_set(e, "consistent_snapshot is not true or false");
    if (tuf_check_keys(json_object_get(body, "keys"), e) != 0)
        return -1;
    if (!json_is_object(roles))
        return tm_err_set(e, "roles is missing or not an object");
    size_t others = json_object_get(roles, "mirrors") != NULL ? 1 : 0; /* optional, and unused */
    if (json_object_size(roles) != TUF_ROLE_COUNT + others)
        return tm_err_set(e, "roles must be root, timestamp, snapshot and targets, no others");
    for (int i = 0; i < TUF_ROLE_COUNT; i++) {
        const char *name = tuf_role_name((enum tuf_role)i);
        if (tuf_check_signers(json_object_get(roles, name), name, e) != 0)
            return -1;
    }
    return 0;
}

static int check_hashes(const json_t *hashes, struct tm_err *e)
{
    const char *algorithm;
    json_t *hex;
    if (!json_is_object(hashes) || json_object_size(hashes) == 0)
        return tm_err_set(e, "hashes is not an object, or empty");
    json_object_foreach((json_t *)hashes, algorithm, hex)
    {
        if (!json_is_string(hex))
            return tm_err_set(e, "hashes: '%.40s' is not a string", algorithm);
    }
    return 0;
}

static int check_meta_entry(const json_t *entry, struct tm_err *e)
{
    const json_t *hashes = json_object_get(entry, "hashes");
    if (!json_is_object(entry))
        return tm_err_set(e, "not an object");
    if (tuf_check_integer(entry, "version", 1, TUF_VERSION_MAX, e) != 0)
        return -1;
    if (json_object_get(entry, "length") != NULL &&
        tuf_check_integer(entry, "length", 0, INT64_MAX, e) != 0)
        return -1;
    return hashes != NULL ? check_hashes(hashes, e) : 0;
}

static int check_target_entry(const json_t *entry, struct tm_err *e)
{
    if (!json_is_object(entry))
        return tm_err_set(e, "not an object");
    if (tuf_check_integer(entry, "length", 0, INT64_MAX, e) != 0)
        return -1;
    return check_hashes(json_object_get(entry, "hashes"), e);
}

int tuf_check_entry(const json_t *entry, enum tuf_role role, const char *name, struct tm_err *e)
{
    if (role == TUF_TARGETS)
        return check_target_entry(entry, e) == 0 ? 0 : tm_err_wrap(e, "target '%.200s'", name);
    return check_meta_entry(entry, e) == 0 ? 0 : tm_err_wrap(e, "meta '%.100s'", name);
}

static int check_meta(const json_t *body, struct tm_err *e)
{
    const json_t *meta = json_object_get(body, "meta");
    const char *name;
    json_t *entry;
    if (!json_is_object(meta))
        return tm_err_set(e, "meta is missing or not an object");
    json_object_foreach((json_t *)meta, name, entry)
    {
        if (tuf_check_entry(entry, TUF_SNAPSHOT, name, e) != 0)
            return -1;
    }
    return 0;
}

static int check_timestamp(const json_t *body, struct tm_err *e)
{
    const json_t *meta = json_object_get(body, "meta");
    if (check_meta(body, e) != 0)
        return -1;
    if (json_object_get(meta, "snapshot.json") == NULL || json_object_size(meta) != 1)
        return tm_err_set(e, "meta must hold one entry, snapshot.json");
    return 0;
}

static int check_targets(const json_t *body, struct tm_err *e)
{
    const json_t *targets = json_object_get(body, "targets");
    const json_t *delegations = json_object_get(body, "delegations");
    const char *path;
    json_t *entry;
    if (!json_is_object(targets))
        return tm_err_set(e, "targets is missing or not an object");
    json_object_foreach((json_t *)targets, path, entry)
    {
        if (tuf_check_entry(entry, TUF_TARGETS, path, e) != 0)
            return -1;
    }
    if (delegations != NULL && tuf_check_delegations(delegations, e) != 0)
        return tm_err_wrap(e, "delegations");
    return 0;
}

int tuf_check_role_members(const json_t *body, enum tuf_role role, struct tm_err *e)
{
    static int (*const checks[TUF_ROLE_COUNT])(const json_t *, struct tm_err *) = {
        [TUF_ROOT] = check_root,
        [TUF_TIMESTAMP] = check_timestamp,
        [TUF_SNAPSHOT] = check_meta,
        [TUF_TARGETS] = check_targets,
    };
    return checks[role](body, e);
}

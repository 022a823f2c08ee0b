/* `delegations` of targets, and of roles below it: whom a role trusts for which paths. */
#include <string.h>

#include "tuf/manager/draft/draft_keys.h"

/* The old role object of this name, so that members we do not know stay. */
static json_t *old_delegation(const json_t *delegations, const char *name)
{
    size_t i;
    json_t *d;
    json_array_foreach(json_object_get(delegations, "roles"), i, d)
    {
        const char *n = json_string_value(json_object_get(d, "name"));
        if (n != NULL && strcmp(n, name) == 0)
            return json_deep_copy(d);
    }
    return json_pack("{s:s}", "name", name);
}

static json_t *texts(const struct tm_yamlmap_list *l)
{
    json_t *out = json_array();
    for (size_t i = 0; i < l->count && out != NULL; i++)
        json_array_append_new(out, json_string(l->item[i]));
    return out;
}

static json_t *delegation(const struct tuf_workspace *w, const struct tuf_policy_role *r,
                          const json_t *before, json_t *keys, struct tm_err *e)
{
    json_t *d = old_delegation(before, r->name);
    bool by_path = r->paths.count > 0;
    const char *other = by_path ? "path_hash_prefixes" : "paths";
    if (d == NULL || tuf_draft_signers(w, r, json_object_get(before, "keys"), keys, d, e) != 0) {
        json_decref(d);
        return NULL;
    }
    if (!json_is_null(json_object_get(d, other))) /* go-tuf writes null for what is not there */
        json_object_del(d, other);
    if (json_object_set_new(d, "terminating", json_boolean(r->terminating)) != 0 ||
        json_object_set_new(d, by_path ? "paths" : "path_hash_prefixes",
                            texts(by_path ? &r->paths : &r->hash_prefixes)) != 0) {
        json_decref(d);
        tm_err_set(e, "out of memory");
        return NULL;
    }
    return d;
}

static int set_bins(const struct tuf_workspace *w, const json_t *before, json_t *out, json_t *keys,
                    struct tm_err *e)
{
    json_t *old = json_object_get(before, "succinct_roles");
    json_t *s = old != NULL ? json_deep_copy(old) : json_object();
    if (s == NULL ||
        tuf_draft_signers(w, &w->policy.bins, json_object_get(before, "keys"), keys, s, e) != 0 ||
        json_object_set_new(s, "bit_length", json_integer(w->policy.bin_bits)) != 0 ||
        json_object_set_new(s, "name_prefix", json_string(w->policy.bin_prefix)) != 0) {
        json_decref(s);
        return -1;
    }
    return json_object_set_new(out, "succinct_roles", s) == 0 ? 0 : tm_err_set(e, "out of memory");
}

static int set_roles(const struct tuf_workspace *w, const char *delegator, const json_t *before,
                     json_t *out, json_t *keys, struct tm_err *e)
{
    const struct tuf_policy_role *r = w->policy.delegations.item;
    json_t *roles = json_array();
    if (json_object_set_new(out, "roles", roles) != 0)
        return tm_err_set(e, "out of memory");
    for (size_t i = 0; i < w->policy.delegations.count; i++) {
        if (strcmp(tuf_policy_delegator(&r[i]), delegator) != 0)
            continue;
        json_t *d = delegation(w, &r[i], before, keys, e);
        if (d == NULL || json_array_append_new(roles, d) != 0)
            return -1;
    }
    return 0;
}

static int keep_keys(const json_t *before, json_t *keys, struct tm_err *e)
{
    json_t *used = json_object();
    size_t i;
    const json_t *role;
    int bad =
        used == NULL || tuf_draft_note_used(json_object_get(before, "succinct_roles"), used) != 0;
    json_array_foreach(json_object_get(before, "roles"), i, role)
    {
        bad |= tuf_draft_note_used(role, used);
    }
    int rc = bad ? tm_err_set(e, "out of memory")
                 : tuf_draft_keep_unused(json_object_get(before, "keys"), used, keys, e);
    json_decref(used);
    return rc;
}

/* Some writers put an empty one into every role. */
static bool is_empty(const json_t *delegations)
{
    return json_object_get(delegations, "succinct_roles") == NULL &&
           json_array_size(json_object_get(delegations, "roles")) == 0;
}

int tuf_draft_delegations(const struct tuf_workspace *w, const char *delegator, json_t *signed_part,
                          struct tm_err *e)
{
    const json_t *before = json_object_get(signed_part, "delegations");
    const struct tuf_policy *p = &w->policy;
    bool bins = p->bin_bits > 0 && strcmp(tuf_policy_delegator(&p->bins), delegator) == 0;
    if (!tuf_policy_delegates(p, delegator)) {
        if (!is_empty(before))
            json_object_del(signed_part, "delegations");
        return 0;
    }
    json_t *out = before != NULL ? json_copy((json_t *)before) : json_object();
    json_t *keys = json_object();
    int rc = out != NULL && keys != NULL && json_object_set_new(out, "keys", keys) == 0
                 ? 0
                 : tm_err_set(e, "out of memory");
    json_object_del(out, bins ? "roles" : "succinct_roles");
    if (rc == 0)
        rc = bins ? set_bins(w, before, out, keys, e)
                  : set_roles(w, delegator, before, out, keys, e);
    if (rc == 0)
        rc = keep_keys(before, keys, e);
    if (rc == 0 && json_object_set(signed_part, "delegations", out) != 0)
        rc = tm_err_set(e, "out of memory");
    json_decref(out);
    return rc;
}

/* The form of `delegations`. */
#include <string.h>

#include "common/json/strictjson.h"
#include "tuf/metadata/delegation.h"
#include "tuf/metadata/internal.h"

#define ENTRIES_MAX 1000000 /* paths of one role; the file's size bounds them before */

/* Names become file names beside those of the four top-level roles. */
static int check_name(const char *name, struct tm_err *e)
{
    char encoded[TUF_ROLE_NAME_MAX + 1];
    enum tuf_role top;
    if (*name == '\0')
        return tm_err_set(e, "a role has an empty name");
    if (tuf_role_from_name(name, &top) == 0)
        return tm_err_set(e, "a delegated role is named '%s', as a top-level one", name);
    if (!tuf_role_encode(name, encoded))
        return tm_err_set(e, "the role name '%.40s…' is longer than %d bytes", name,
                          TUF_ROLE_NAME_MAX);
    return 0;
}

static int check_prefixes(const json_t *prefixes, struct tm_err *e)
{
    size_t i;
    json_t *v;
    if (tuf_check_texts(prefixes, "path_hash_prefixes", ENTRIES_MAX, false, e) != 0)
        return -1;
    json_array_foreach(prefixes, i, v)
    {
        const char *hex = json_string_value(v);
        if (strlen(hex) > 64 || strspn(hex, "0123456789abcdef") != strlen(hex))
            return tm_err_set(e, "path_hash_prefixes: '%.80s' is not the start of a SHA-256 in hex",
                              hex);
    }
    return 0;
}

static int check_role(const json_t *role, struct tm_err *e)
{
    const char *name = tm_strictjson_str(role, "name");
    const json_t *paths = tuf_delegated_member(role, "paths");
    const json_t *prefixes = tuf_delegated_member(role, "path_hash_prefixes");
    if (name == NULL)
        return tm_err_set(e, "a role without a name");
    if (check_name(name, e) != 0 || tuf_check_signers(role, name, e) != 0)
        return -1;
    if (!json_is_boolean(json_object_get(role, "terminating")))
        return tm_err_set(e, "role '%.100s': terminating is missing or not true or false", name);
    if ((paths == NULL) == (prefixes == NULL))
        return tm_err_set(e, "role '%.100s' needs either paths or path_hash_prefixes", name);
    if (paths != NULL ? tuf_check_texts(paths, "paths", ENTRIES_MAX, false, e) != 0
                      : check_prefixes(prefixes, e) != 0)
        return tm_err_wrap(e, "role '%.100s'", name);
    return 0;
}

static int check_roles(const json_t *roles, struct tm_err *e)
{
    size_t i;
    json_t *role;
    if (!json_is_array(roles))
        return tm_err_set(e, "roles is not an array");
    json_t *seen = json_object();
    int rc = seen != NULL ? 0 : tm_err_set(e, "out of memory");
    json_array_foreach(roles, i, role)
    {
        if (rc != 0 || (rc = check_role(role, e)) != 0)
            break;
        const char *name = tm_strictjson_str(role, "name");
        if (json_object_get(seen, name) != NULL)
            rc = tm_err_set(e, "two roles with the name '%.100s'", name);
        else if (json_object_set_new(seen, name, json_true()) != 0)
            rc = tm_err_set(e, "out of memory");
    }
    json_decref(seen);
    return rc;
}

static int check_succinct(const json_t *s, struct tm_err *e)
{
    char name[TUF_ROLE_NAME_MAX + 1];
    const char *prefix = tm_strictjson_str(s, "name_prefix");
    if (tuf_check_signers(s, "succinct_roles", e) != 0)
        return -1;
    if (tuf_check_integer(s, "bit_length", 1, TUF_SUCCINCT_BITS_MAX, e) != 0)
        return tm_err_wrap(e, "succinct_roles");
    if (prefix == NULL)
        return tm_err_set(e, "succinct_roles: name_prefix is missing or not a string");
    unsigned bits = (unsigned)json_integer_value(json_object_get(s, "bit_length"));
    if (tuf_succinct_name(prefix, bits, 0, name, sizeof(name)) != 0)
        return tm_err_set(e, "succinct_roles: name_prefix is too long");
    return check_name(name, e);
}

int tuf_check_delegations(const json_t *delegations, struct tm_err *e)
{
    const json_t *roles = json_object_get(delegations, "roles");
    const json_t *succinct = json_object_get(delegations, "succinct_roles");
    if (!json_is_object(delegations))
        return tm_err_set(e, "not an object");
    if (tuf_check_keys(json_object_get(delegations, "keys"), e) != 0)
        return -1;
    if ((roles == NULL) == (succinct == NULL))
        return tm_err_set(e, "needs either roles or succinct_roles");
    return roles != NULL ? check_roles(roles, e) : check_succinct(succinct, e);
}

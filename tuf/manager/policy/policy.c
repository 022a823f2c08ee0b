#include "tuf/manager/policy/policy.h"

#include <ctype.h>
#include <string.h>

#include "tuf/metadata/metadata.h"

static struct tuf_policy_role *find_role(const struct tm_yamlmap_entries *in, const char *name)
{
    struct tuf_policy_role *r = in->item;
    for (size_t i = 0; i < in->count; i++) {
        if (strcmp(r[i].name, name) == 0)
            return &r[i];
    }
    return NULL;
}

const struct tuf_policy_role *tuf_policy_role(const struct tuf_policy *p, const char *name)
{
    return find_role(&p->roles, name);
}

const struct tuf_policy_role *tuf_policy_delegation(const struct tuf_policy *p, const char *name)
{
    size_t prefix = p->bin_bits > 0 ? strlen(p->bin_prefix) : 0;
    if (prefix > 0 && strncmp(name, p->bin_prefix, prefix) == 0 && name[prefix] == '-')
        return &p->bins;
    return find_role(&p->delegations, name);
}

const char *tuf_policy_delegator(const struct tuf_policy_role *r, size_t i)
{
    if (i > 0)
        return i <= r->also_delegated_by.count ? r->also_delegated_by.item[i - 1] : NULL;
    return r->delegated_by != NULL ? r->delegated_by : tuf_role_name(TUF_TARGETS);
}

bool tuf_policy_is_below(const struct tuf_policy_role *r, const char *role)
{
    const char *name;
    for (size_t i = 0; (name = tuf_policy_delegator(r, i)) != NULL; i++) {
        if (strcmp(name, role) == 0)
            return true;
    }
    return false;
}

bool tuf_policy_delegates(const struct tuf_policy *p, const char *role)
{
    const struct tuf_policy_role *r = p->delegations.item;
    for (size_t i = 0; i < p->delegations.count; i++) {
        if (tuf_policy_is_below(&r[i], role))
            return true;
    }
    return p->bin_bits > 0 && tuf_policy_is_below(&p->bins, role);
}

static bool listed(const struct tm_yamlmap_list *l, const char *word)
{
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->item[i], word) == 0)
            return true;
    }
    return false;
}

bool tuf_policy_is_shared(const struct tuf_policy *p, const char *holder)
{
    return listed(&p->shared_keys, holder);
}

bool tuf_policy_trusts_online(const struct tuf_policy *p, const struct tuf_policy_role *r)
{
    bool shared = true;
    for (size_t i = 0; i < r->holders.count; i++)
        shared &= tuf_policy_is_shared(p, r->holders.item[i]);
    return shared || listed(&p->online_trust, r->name);
}

bool tuf_policy_writes(const struct tuf_policy *p, const char *word)
{
    return listed(&p->targets_for, word);
}

bool tuf_policy_is_revoked(const struct tuf_policy *p, const char *holder)
{
    return listed(&p->revoked, holder);
}

const struct tuf_policy_online *tuf_policy_online_key(const struct tuf_policy *p,
                                                      const char *holder)
{
    const struct tuf_policy_online *o = p->online.item;
    for (size_t i = 0; i < p->online.count; i++) {
        if (strcmp(o[i].name, holder) == 0)
            return &o[i];
    }
    return NULL;
}

bool tuf_policy_is_online(const struct tuf_policy *p, const struct tuf_policy_role *r)
{
    for (size_t i = 0; i < r->holders.count; i++) {
        if (tuf_policy_online_key(p, r->holders.item[i]) == NULL)
            return false;
    }
    return r->holders.count > 0;
}

size_t tuf_policy_live_holders(const struct tuf_policy *p, const struct tuf_policy_role *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->holders.count; i++)
        n += !tuf_policy_is_revoked(p, r->holders.item[i]);
    return n;
}

bool tuf_policy_name_ok(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > POLICY_NAME_MAX || name[0] == '.' || name[0] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)name[i]) && strchr("._-@", name[i]) == NULL)
            return false;
    }
    return true;
}

void tuf_policy_key_source(const struct tuf_policy_online *o, struct tm_key_source *out)
{
    *out = (struct tm_key_source){
        .file = o->file,
        .env = o->env,
        .password_file = o->password_file,
        .password_env = o->password_env,
        .pkcs11_module = o->pkcs11_module,
        .pkcs11_token = o->pkcs11_token,
        .pkcs11_key = o->pkcs11_key,
        .uri = o->uri,
        .pin_file = o->pin_file,
        .pin_env = o->pin_env,
    };
}

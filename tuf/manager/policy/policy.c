#include "tuf/manager/policy/policy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tuf/metadata/metadata.h"
#include "tuf/manager/policy/internal.h"

#define HOUR_MS INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)
#define PERIOD_MAX_MS (INT64_C(3650) * 24 * HOUR_MS)

#define ROW(text, kind, type, member, min, max) \
    { \
        text, kind, offsetof(type, member), min, max, NULL \
    }
#define TEXT(text, type, member) ROW(text, YAMLMAP_TEXT, type, member, 0, 0)
#define TEXTS(text, type, member) ROW(text, YAMLMAP_TEXTS, type, member, 0, 0)
#define BOOL(text, type, member) ROW(text, YAMLMAP_BOOL, type, member, 0, 0)
#define PERIOD(text, type, member) \
    ROW(text, YAMLMAP_DURATION, type, member, MINUTE_MS, PERIOD_MAX_MS)
#define END \
    { \
        NULL, YAMLMAP_TEXT, 0, 0, 0, NULL \
    }
#define SIGNING_RULES(type, in) \
    TEXTS("holders", type, in holders), \
        ROW("threshold", YAMLMAP_NUMBER, type, in threshold, 1, POLICY_THRESHOLD_MAX), \
        PERIOD("expiry", type, in expiry), PERIOD("signing", type, in signing)
#define ENTRIES(text, member, entry, table) \
    { \
        text, YAMLMAP_ENTRIES, offsetof(struct tuf_policy, member), 0, sizeof(entry), table \
    }

static const struct tm_yamlmap_key role_keys[] = {SIGNING_RULES(struct tuf_policy_role, ), END};

static const struct tm_yamlmap_key delegation_keys[] = {
    SIGNING_RULES(struct tuf_policy_role, ),
    TEXT("delegated-by", struct tuf_policy_role, delegated_by),
    TEXT("directory", struct tuf_policy_role, directory),
    TEXTS("paths", struct tuf_policy_role, paths),
    TEXTS("path-hash-prefixes", struct tuf_policy_role, hash_prefixes),
    BOOL("terminating", struct tuf_policy_role, terminating),
    END,
};

static const struct tm_yamlmap_key bin_keys[] = {
    SIGNING_RULES(struct tuf_policy, bins.),
    TEXT("delegated-by", struct tuf_policy, bins.delegated_by),
    TEXT("directory", struct tuf_policy, bins.directory),
    TEXT("prefix", struct tuf_policy, bin_prefix),
    ROW("bits", YAMLMAP_NUMBER, struct tuf_policy, bin_bits, 1, POLICY_BITS_MAX),
    END,
};

static const struct tm_yamlmap_key online_keys[] = {
    TEXT("file", struct tuf_policy_online, file),
    TEXT("env", struct tuf_policy_online, env),
    TEXT("password-file", struct tuf_policy_online, password_file),
    TEXT("password-env", struct tuf_policy_online, password_env),
    TEXT("pkcs11-module", struct tuf_policy_online, pkcs11_module),
    TEXT("pkcs11-token", struct tuf_policy_online, pkcs11_token),
    TEXT("pkcs11-key", struct tuf_policy_online, pkcs11_key),
    TEXT("pkcs11-pin-file", struct tuf_policy_online, pin_file),
    TEXT("pkcs11-pin-env", struct tuf_policy_online, pin_env),
    END,
};

static const struct tm_yamlmap_key custom_keys[] = {
    TEXT("usage", struct tuf_policy_custom, usage),
    TEXT("status", struct tuf_policy_custom, status),
    TEXT("uri", struct tuf_policy_custom, uri),
    END,
};

static const struct tm_yamlmap_key policy_keys[] = {
    TEXT("published", struct tuf_policy, published),
    TEXT("targets", struct tuf_policy, targets),
    ENTRIES("roles", roles, struct tuf_policy_role, role_keys),
    ENTRIES("delegations", delegations, struct tuf_policy_role, delegation_keys),
    {"bins", YAMLMAP_SECTION, 0, 0, 0, bin_keys},
    ENTRIES("online-keys", online, struct tuf_policy_online, online_keys),
    ENTRIES("custom", customs, struct tuf_policy_custom, custom_keys),
    ROW("first-root", YAMLMAP_NUMBER, struct tuf_policy, first_root, 1, INT32_MAX),
    TEXTS("shared-keys", struct tuf_policy, shared_keys),
    TEXTS("revoked", struct tuf_policy, revoked),
    TEXTS("readers", struct tuf_policy, readers),
    TEXTS("clients-act-on", struct tuf_policy, acted_on),
    END,
};

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

const char *tuf_policy_delegator(const struct tuf_policy_role *r)
{
    return r->delegated_by != NULL ? r->delegated_by : tuf_role_name(TUF_TARGETS);
}

bool tuf_policy_delegates(const struct tuf_policy *p, const char *role)
{
    const struct tuf_policy_role *r = p->delegations.item;
    for (size_t i = 0; i < p->delegations.count; i++) {
        if (strcmp(tuf_policy_delegator(&r[i]), role) == 0)
            return true;
    }
    return p->bin_bits > 0 && strcmp(tuf_policy_delegator(&p->bins), role) == 0;
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
        .pin_file = o->pin_file,
        .pin_env = o->pin_env,
    };
}

static int set_default(char **member, const char *value)
{
    if (*member == NULL)
        *member = strdup(value);
    return *member != NULL ? 0 : -1;
}

int tuf_policy_parse(const char *name, const char *text, size_t len, struct tuf_policy *out,
                     struct tm_err *e)
{
    *out = (struct tuf_policy){0};
    int rc = tm_yamlmap_read(name, text, len, policy_keys, out, e);
    if (rc == 0 &&
        (set_default(&out->published, "published") != 0 ||
         set_default(&out->targets, "targets") != 0 || set_default(&out->bin_prefix, "bin") != 0 ||
         (out->bins.name = strdup("bins")) == NULL))
        rc = tm_err_set(e, "out of memory");
    if (rc == 0 && tuf_policy_judge(out, e) != 0)
        rc = tm_err_wrap(e, "%s", name);
    if (rc != 0)
        tuf_policy_free(out);
    return rc;
}

void tuf_policy_free(struct tuf_policy *p)
{
    tm_yamlmap_free(policy_keys, p);
    free(p->bins.name);
    p->bins.name = NULL;
}

/* The policy's file. */
#include <stdlib.h>
#include <string.h>

#include "tuf/manager/policy/internal.h"

#define HOUR_MS INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)

#define ROW(text, kind, type, member, min, max) \
    { \
        text, kind, offsetof(type, member), min, max, NULL \
    }
#define TEXT(text, type, member) ROW(text, YAMLMAP_TEXT, type, member, 0, 0)
#define TEXTS(text, type, member) ROW(text, YAMLMAP_TEXTS, type, member, 0, 0)
#define BOOL(text, type, member) ROW(text, YAMLMAP_BOOL, type, member, 0, 0)
#define PERIOD(text, type, member) \
    ROW(text, YAMLMAP_DURATION, type, member, MINUTE_MS, POLICY_PERIOD_MAX_MS)
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
    TEXTS("also-delegated-by", struct tuf_policy_role, also_delegated_by),
    TEXT("directory", struct tuf_policy_role, directory),
    TEXTS("paths", struct tuf_policy_role, paths),
    TEXTS("path-hash-prefixes", struct tuf_policy_role, hash_prefixes),
    BOOL("terminating", struct tuf_policy_role, terminating),
    END,
};

static const struct tm_yamlmap_key bin_keys[] = {
    SIGNING_RULES(struct tuf_policy, bins.),
    TEXT("delegated-by", struct tuf_policy, bins.delegated_by),
    TEXTS("also-delegated-by", struct tuf_policy, bins.also_delegated_by),
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
    TEXT("key-uri", struct tuf_policy_online, uri),
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
    TEXTS("online-trust", struct tuf_policy, online_trust),
    TEXTS("revoked", struct tuf_policy, revoked),
    TEXTS("readers", struct tuf_policy, readers),
    TEXTS("targets-for", struct tuf_policy, targets_for),
    TEXTS("clients-act-on", struct tuf_policy, acted_on),
    END,
};

void tuf_policy_forget_key(struct tuf_policy_online *o)
{
    tm_yamlmap_free(online_keys, o);
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

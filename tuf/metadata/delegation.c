#include "tuf/metadata/delegation.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/internal.h"

int tuf_path_init(struct tuf_path *p, const char *text, struct tm_err *e)
{
    size_t len = strlen(text);
    if (len == 0 || len > TUF_TARGET_PATH_MAX)
        return tm_err_set(e, "a target's name has 1 to %d bytes", TUF_TARGET_PATH_MAX);
    p->text = text;
    if (EVP_Digest(text, len, p->hash, NULL, EVP_sha256(), NULL) != 1)
        return tm_err_openssl(e, "SHA-256");
    return 0;
}

int tuf_succinct_name(const char *prefix, unsigned bits, uint32_t bin, char *out, size_t size)
{
    int width = (int)(bits + 3) / 4; /* hex digits of 2^bits - 1 */
    int n = snprintf(out, size, "%s-%0*x", prefix, width, (unsigned)bin);
    return n >= 0 && (size_t)n < size ? 0 : -1;
}

uint32_t tuf_succinct_bin(const struct tuf_path *path, unsigned bits)
{
    const unsigned char *h = path->hash;
    uint32_t first = (uint32_t)h[0] << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];
    return first >> (32 - bits);
}

static bool paths_match(const json_t *paths, const char *path)
{
    size_t i;
    json_t *v;
    json_array_foreach(paths, i, v)
    {
        if (tuf_path_glob(json_string_value(v), path))
            return true;
    }
    return false;
}

static bool prefixes_match(const json_t *prefixes, const struct tuf_path *path)
{
    char hex[65];
    size_t i;
    json_t *v;
    tm_hex_encode(path->hash, sizeof(path->hash), hex);
    json_array_foreach(prefixes, i, v)
    {
        if (strncmp(hex, json_string_value(v), json_string_length(v)) == 0)
            return true;
    }
    return false;
}

const json_t *tuf_delegated_member(const json_t *role, const char *name)
{
    const json_t *v = json_object_get(role, name);
    return json_is_null(v) ? NULL : v;
}

static bool covers(const json_t *role, const struct tuf_path *path)
{
    const json_t *paths = tuf_delegated_member(role, "paths");
    return paths != NULL ? paths_match(paths, path->text)
                         : prefixes_match(tuf_delegated_member(role, "path_hash_prefixes"), path);
}

static void read_signers(const json_t *delegations, const json_t *role, struct tuf_signers *out)
{
    out->keys = json_object_get(delegations, "keys");
    out->keyids = json_object_get(role, "keyids");
    out->threshold = json_integer_value(json_object_get(role, "threshold"));
}

static void read_role(const json_t *delegations, const json_t *role, struct tuf_delegation *out)
{
    snprintf(out->name, sizeof(out->name), "%s", tm_strictjson_str(role, "name"));
    out->terminating = json_is_true(json_object_get(role, "terminating"));
    read_signers(delegations, role, &out->signers);
}

static bool read_bin(const json_t *delegations, const json_t *s, uint32_t bin,
                     struct tuf_delegation *out)
{
    unsigned bits = (unsigned)json_integer_value(json_object_get(s, "bit_length"));
    out->terminating = true;
    read_signers(delegations, s, &out->signers);
    return tuf_succinct_name(tm_strictjson_str(s, "name_prefix"), bits, bin, out->name,
                             sizeof(out->name)) == 0;
}

static const json_t *delegations_of(const struct tuf_metadata *targets)
{
    return json_object_get(targets->body, "delegations");
}

bool tuf_delegation_next(const struct tuf_metadata *targets, const struct tuf_path *path,
                         size_t *at, struct tuf_delegation *out)
{
    const json_t *d = delegations_of(targets);
    const json_t *s = json_object_get(d, "succinct_roles");
    const json_t *roles = json_object_get(d, "roles");
    if (s != NULL) {
        unsigned bits = (unsigned)json_integer_value(json_object_get(s, "bit_length"));
        return (*at)++ == 0 && read_bin(d, s, tuf_succinct_bin(path, bits), out);
    }
    while (*at < json_array_size(roles)) {
        const json_t *role = json_array_get(roles, (*at)++);
        if (!covers(role, path))
            continue;
        read_role(d, role, out);
        return true;
    }
    return false;
}

/* The number at the end of a bin's name, if writing that number gives the name again. */
static bool find_bin(const json_t *d, const json_t *s, const char *name, struct tuf_delegation *out)
{
    unsigned bits = (unsigned)json_integer_value(json_object_get(s, "bit_length"));
    const char *dash = strrchr(name, '-');
    if (dash == NULL)
        return false;
    unsigned long long bin = strtoull(dash + 1, NULL, 16);
    return bin < UINT64_C(1) << bits && read_bin(d, s, (uint32_t)bin, out) &&
           strcmp(out->name, name) == 0;
}

bool tuf_delegation_find(const struct tuf_metadata *targets, const char *name,
                         struct tuf_delegation *out)
{
    const json_t *d = delegations_of(targets);
    const json_t *s = json_object_get(d, "succinct_roles");
    size_t i;
    json_t *role;
    if (s != NULL)
        return find_bin(d, s, name, out);
    json_array_foreach(json_object_get(d, "roles"), i, role)
    {
        if (strcmp(tm_strictjson_str(role, "name"), name) != 0)
            continue;
        read_role(d, role, out);
        return true;
    }
    return false;
}

bool tuf_delegates(const struct tuf_metadata *targets)
{
    return json_is_object(delegations_of(targets));
}

struct search { /* roles to ask, in order */
    const struct tuf_metadata *asked[TUF_DELEGATORS_MAX];
    size_t count;
};

static int add_delegator(struct search *s, const struct tuf_metadata *m, struct tm_err *e)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->asked[i] == m)
            return 0;
    }
    if (s->count == TUF_DELEGATORS_MAX)
        return tm_err_set(e, "more than %d roles delegate to others", TUF_DELEGATORS_MAX);
    s->asked[s->count++] = m;
    return 0;
}

int tuf_delegation_search(const struct tuf_metadata *targets, const char *name,
                          tuf_delegated_fn get, void *arg, struct tuf_delegation *out,
                          struct tm_err *e)
{
    struct search s = {.asked = {targets}, .count = 1};
    for (size_t at = 0; at < s.count; at++) {
        const json_t *d = delegations_of(s.asked[at]);
        size_t i;
        json_t *role;
        if (tuf_delegation_find(s.asked[at], name, out))
            return 1;
        json_array_foreach(json_object_get(d, "roles"), i, role)
        {
            const struct tuf_metadata *m = NULL;
            struct tuf_delegation below;
            read_role(d, role, &below);
            if (get(arg, &below, &m, e) != 0)
                return -1;
            if (m != NULL && tuf_delegates(m) && add_delegator(&s, m, e) != 0)
                return -1;
        }
    }
    return 0;
}

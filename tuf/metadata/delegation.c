#include "tuf/metadata/delegation.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
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

static bool paths_match(const struct tuf_texts *paths, const char *path)
{
    for (size_t i = 0; i < paths->count; i++) {
        if (tuf_path_glob(paths->item[i], path))
            return true;
    }
    return false;
}

static bool prefixes_match(const struct tuf_texts *prefixes, const struct tuf_path *path)
{
    char hex[65];
    tm_hex_encode(path->hash, sizeof(path->hash), hex);
    for (size_t i = 0; i < prefixes->count; i++) {
        if (strncmp(hex, prefixes->item[i], strlen(prefixes->item[i])) == 0)
            return true;
    }
    return false;
}

static bool covers(const struct tuf_delegated_role *role, const struct tuf_path *path)
{
    return role->has_paths ? paths_match(&role->paths, path->text)
                           : prefixes_match(&role->prefixes, path);
}

static const struct tuf_delegations *delegations_of(const struct tuf_metadata *targets)
{
    return &targets->file.body.targets.delegations;
}

static void read_role(const struct tuf_metadata *targets, size_t at, struct tuf_delegation *out)
{
    const struct tuf_delegations *d = delegations_of(targets);
    const struct tuf_delegated_role *role = &d->roles.item[at];
    snprintf(out->name, sizeof(out->name), "%s", role->name);
    out->terminating = role->terminating;
    out->signers = (struct tuf_signers){&d->keys, &role->by, role->by.threshold};
}

static bool read_bin(const struct tuf_metadata *targets, uint32_t bin, struct tuf_delegation *out)
{
    const struct tuf_delegations *d = delegations_of(targets);
    const struct tuf_bins *s = &d->bins;
    out->terminating = true;
    out->signers = (struct tuf_signers){&d->keys, &s->by, s->by.threshold};
    return tuf_succinct_name(s->prefix, (unsigned)s->bits, bin, out->name, sizeof(out->name)) == 0;
}

bool tuf_delegation_next(const struct tuf_metadata *targets, const struct tuf_path *path,
                         size_t *at, struct tuf_delegation *out)
{
    const struct tuf_delegations *d = delegations_of(targets);
    if (d->has_bins)
        return (*at)++ == 0 &&
               read_bin(targets, tuf_succinct_bin(path, (unsigned)d->bins.bits), out);
    while (*at < d->roles.count) {
        size_t i = (*at)++;
        if (!covers(&d->roles.item[i], path))
            continue;
        read_role(targets, i, out);
        return true;
    }
    return false;
}

/* The number at the end of a bin's name, if writing that number gives the name again. */
static bool find_bin(const struct tuf_metadata *targets, const char *name,
                     struct tuf_delegation *out)
{
    const char *dash = strrchr(name, '-');
    if (dash == NULL)
        return false;
    unsigned long long bin = strtoull(dash + 1, NULL, 16);
    return bin < UINT64_C(1) << delegations_of(targets)->bins.bits &&
           read_bin(targets, (uint32_t)bin, out) && strcmp(out->name, name) == 0;
}

bool tuf_delegation_find(const struct tuf_metadata *targets, const char *name,
                         struct tuf_delegation *out)
{
    const struct tuf_delegations *d = delegations_of(targets);
    if (d->has_bins)
        return find_bin(targets, name, out);
    const struct tuf_delegated_role *role = tuf_delegated_role_find(&d->roles, name);
    if (role == NULL)
        return false;
    read_role(targets, (size_t)(role - d->roles.item), out);
    return true;
}

bool tuf_delegates(const struct tuf_metadata *targets)
{
    return targets->file.body.targets.has_delegations;
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
        if (tuf_delegation_find(s.asked[at], name, out))
            return 1;
        for (size_t i = 0; i < delegations_of(s.asked[at])->roles.count; i++) {
            const struct tuf_metadata *m = NULL;
            struct tuf_delegation below;
            read_role(s.asked[at], i, &below);
            if (get(arg, &below, &m, e) != 0)
                return -1;
            if (m != NULL && tuf_delegates(m) && add_delegator(&s, m, e) != 0)
                return -1;
        }
    }
    return 0;
}

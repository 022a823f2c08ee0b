#include "tuf/metadata/check.h"

#include <stdlib.h>
#include <string.h>

#include "tuf/metadata/delegation.h"

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts `text`. One that stands there twice, or NULL. */
static const char *twice(const char **text, size_t count)
{
    qsort(text, count, sizeof(*text), by_text);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(text[i - 1], text[i]) == 0)
            return text[i];
    }
    return NULL;
}

/* "1.0", "1.0.34": two or three numbers, the first of them 1. */
static int check_spec_version(const char *v, struct tm_err *e)
{
    unsigned parts = 1;
    bool digits = false;
    for (const char *p = v; *p != '\0'; p++) {
        if (*p == '.' && digits) {
            parts++;
            digits = false;
        } else if (*p >= '0' && *p <= '9') {
            digits = true;
        } else {
            parts = 0;
            break;
        }
    }
    if (!digits || parts < 2 || parts > 3)
        return tm_err_set(e, "spec_version '%.20s' is not of the form 1.0 or 1.0.34", v);
    if (strncmp(v, "1.", 2) != 0)
        return tm_err_set(e, "spec_version '%.20s': only 1.x is understood", v);
    return 0;
}

static int check_role_keys(const struct tuf_role_keys *r, const char *name, struct tm_err *e)
{
    const char *keyid[TUF_KEYIDS_MAX];
    for (size_t i = 0; i < r->keyids.count; i++)
        keyid[i] = r->keyids.item[i];
    const char *again = r->keyids.count > 0 ? twice(keyid, r->keyids.count) : NULL;
    if (again == NULL)
        return 0;
    return tm_err_set(e, "role '%.100s': keyids has '%.80s' twice", name, again);
}

static int check_root(const struct tuf_root *root, struct tm_err *e)
{
    for (int i = 0; i < TUF_ROLE_COUNT; i++) {
        if (check_role_keys(&root->roles.role[i], tuf_role_name((enum tuf_role)i), e) != 0)
            return -1;
    }
    return 0;
}

/* ---- delegations ---- */

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

static int check_prefixes(const struct tuf_texts *prefixes, struct tm_err *e)
{
    for (size_t i = 0; i < prefixes->count; i++) {
        const char *hex = prefixes->item[i];
        if (strlen(hex) > 64 || strspn(hex, "0123456789abcdef") != strlen(hex))
            return tm_err_set(e, "path_hash_prefixes: '%.80s' is not the start of a SHA-256 in hex",
                              hex);
    }
    return 0;
}

static int check_delegated(const struct tuf_delegated_role *d, struct tm_err *e)
{
    if (check_name(d->name, e) != 0 || check_role_keys(&d->by, d->name, e) != 0)
        return -1;
    if (d->has_paths == d->has_prefixes)
        return tm_err_set(e, "role '%.100s' needs either paths or path_hash_prefixes", d->name);
    return check_prefixes(&d->prefixes, e) == 0 ? 0 : tm_err_wrap(e, "role '%.100s'", d->name);
}

static int check_roles(const struct tuf_delegated_roles *roles, struct tm_err *e)
{
    const char **name = calloc(roles->count + 1, sizeof(*name));
    int rc = name != NULL ? 0 : tm_err_set(e, "out of memory");
    for (size_t i = 0; i < roles->count && rc == 0; i++) {
        name[i] = roles->item[i].name;
        rc = check_delegated(&roles->item[i], e);
    }
    const char *again = rc == 0 ? twice(name, roles->count) : NULL;
    if (again != NULL)
        rc = tm_err_set(e, "two roles with the name '%.100s'", again);
    free(name);
    return rc;
}

static int check_bins(const struct tuf_bins *bins, struct tm_err *e)
{
    char name[TUF_ROLE_NAME_MAX + 1];
    if (check_role_keys(&bins->by, "succinct_roles", e) != 0)
        return -1;
    if (tuf_succinct_name(bins->prefix, (unsigned)bins->bits, 0, name, sizeof(name)) != 0)
        return tm_err_set(e, "succinct_roles: name_prefix is too long");
    return check_name(name, e);
}

static int check_delegations(const struct tuf_delegations *d, struct tm_err *e)
{
    if (d->has_roles == d->has_bins)
        return tm_err_set(e, "needs either roles or succinct_roles");
    return d->has_roles ? check_roles(&d->roles, e) : check_bins(&d->bins, e);
}

/* ---- whole files ---- */

int tuf_check_signed(const struct tuf_signed *s, struct tm_err *e)
{
    if (check_spec_version(s->spec_version, e) != 0)
        return -1;
    if (s->role == TUF_ROOT)
        return check_root(&s->root, e);
    if (s->role == TUF_TARGETS && s->targets.has_delegations &&
        check_delegations(&s->targets.delegations, e) != 0)
        return tm_err_wrap(e, "delegations");
    return 0;
}

int tuf_check_signatures(const struct tuf_signatures *s, struct tm_err *e)
{
    const char *keyid[TUF_SIGNATURES_MAX];
    for (size_t i = 0; i < s->count; i++)
        keyid[i] = s->item[i].keyid;
    const char *again = s->count > 0 ? twice(keyid, s->count) : NULL;
    return again == NULL ? 0 : tm_err_set(e, "two signatures with keyid '%.80s'", again);
}

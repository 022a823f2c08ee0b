#include "tuf/manager/rehearse/rehearse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "tuf/manager/rehearse/internal.h"

const char *const tuf_rehearsal_names[TUF_REHEARSAL_KINDS] = {
    [TUF_REHEARSE_SCHEDULED] = "scheduled",
    [TUF_REHEARSE_EMERGENCY] = "emergency",
    [TUF_REHEARSE_HOLDER] = "holder",
    [TUF_REHEARSE_ONLINE] = "online",
};

int tuf_rehearsal_from_name(const char *name, enum tuf_rehearsal_kind *out)
{
    for (int k = 0; k < TUF_REHEARSAL_KINDS; k++) {
        if (strcmp(name, tuf_rehearsal_names[k]) == 0) {
            *out = (enum tuf_rehearsal_kind)k;
            return 0;
        }
    }
    return -1;
}

static int ceremony(struct tuf_copy *c, const char *what, const char *name)
{
    struct tm_err e = {0};
    int rc = tuf_copy_ceremony(c, name, &e);
    return tm_rehearsal_step(c->out, what, rc, rc != 0 ? &e : NULL);
}

/* ---- rotations ---- */

/* In every role that `from` holds. */
static int put_in_place(struct tm_yamlmap_entries *roles, const char *from, const char *to,
                        struct tm_err *e)
{
    struct tuf_policy_role *r = roles->item;
    for (size_t i = 0; i < roles->count; i++) {
        for (size_t k = 0; k < r[i].holders.count; k++) {
            char **holder = &r[i].holders.item[k];
            char *copy = strcmp(*holder, from) == 0 ? strdup(to) : NULL;
            if (copy == NULL && strcmp(*holder, from) == 0)
                return tm_err_set(e, "out of memory");
            if (copy == NULL)
                continue;
            free(*holder);
            *holder = copy;
        }
    }
    return 0;
}

/* A new name for one who holds `from`'s place from now on. */
static int replace(struct tuf_copy *c, const char *from, bool away, struct tm_err *e)
{
    char old[POLICY_NAME_MAX + 1];
    char name[POLICY_NAME_MAX + 1];
    struct tm_yamlmap_entries bins = {&c->w.policy.bins, c->w.policy.bin_bits > 0};
    snprintf(old, sizeof(old), "%s", from);
    snprintf(name, sizeof(name), "%.50s-next", old);
    const struct tuf_actor *was = tuf_copy_find(c, old);
    if (was == NULL || tuf_copy_actor(c, name, was->online, e) == NULL)
        return was == NULL ? tm_err_set(e, "the policy's holder '%s' is revoked", old) : -1;
    tuf_copy_find(c, old)->retired = true;
    tuf_copy_find(c, old)->away = away;
    if (put_in_place(&c->w.policy.roles, old, name, e) != 0 ||
        put_in_place(&c->w.policy.delegations, old, name, e) != 0)
        return -1;
    return put_in_place(&bins, old, name, e);
}

static int replace_all(struct tuf_copy *c, struct tm_err *e)
{
    const struct tuf_policy_role *root = tuf_policy_role(&c->w.policy, "root");
    int rc = 0;
    for (size_t i = 0; i < root->holders.count && rc == 0; i++) {
        if (tuf_copy_find(c, root->holders.item[i]) != NULL)
            rc = replace(c, root->holders.item[i], false, e);
    }
    return rc;
}

/* The first that is not revoked. */
static const char *holder_of(const struct tuf_copy *c, const char *role)
{
    const struct tuf_policy_role *r = tuf_policy_role(&c->w.policy, role);
    size_t i = 0;
    while (i + 1 < r->holders.count && tuf_copy_find(c, r->holders.item[i]) == NULL)
        i++;
    return r->holders.item[i];
}

static int change(struct tuf_copy *c, enum tuf_rehearsal_kind kind, struct tm_err *e)
{
    if (tuf_copy_target(c, REHEARSE_AFTER, "after the rotation\n", e) != 0)
        return -1;
    switch (kind) {
    case TUF_REHEARSE_SCHEDULED:
        return replace_all(c, e);
    case TUF_REHEARSE_EMERGENCY: /* what may be the thief's is withdrawn */
        return tuf_copy_target(c, REHEARSE_BEFORE, NULL, e) == 0
                   ? replace(c, holder_of(c, "root"), true, e)
                   : -1;
    case TUF_REHEARSE_HOLDER:
        return replace(c, holder_of(c, "root"), false, e);
    default:
        return replace(c, holder_of(c, "timestamp"), false, e);
    }
}

static int rotate(struct tuf_copy *c)
{
    static const char *const what[] = {
        [TUF_REHEARSE_SCHEDULED] = "every holder of root has a new key; the old and the new sign",
        [TUF_REHEARSE_EMERGENCY] =
            "a holder's key is replaced without its signature, and a target withdrawn",
        [TUF_REHEARSE_HOLDER] = "a holder leaves and another comes",
        [TUF_REHEARSE_ONLINE] = "the online key of timestamp is replaced",
    };
    struct tm_err e = {0};
    int rc = change(c, c->kind, &e);
    if (rc != 0)
        return tm_rehearsal_step(c->out, what[c->kind], rc, &e);
    return ceremony(c, what[c->kind], "rotation");
}

/* ---- the whole ---- */

int tuf_rehearse(const char *workspace, enum tuf_rehearsal_kind kind, int64_t now,
                 struct tm_rehearsal *out, struct tm_err *e)
{
    struct tuf_copy c = {.now = now, .kind = kind, .out = out};
    if (tm_rehearsal_begin(out, tuf_rehearsal_names[kind], now, e) != 0 ||
        tuf_copy_open(workspace, &c, e) != 0)
        return -1;
    out->passed = ceremony(&c, "the first root of the copy, by all its holders", "first") == 0 &&
                  tuf_copy_clients_before(&c) == 0 && rotate(&c) == 0 &&
                  tuf_copy_clients_after(&c) == 0 && tuf_copy_denials(&c) == 0;
    tuf_copy_close(&c);
    return 0;
}

int tuf_rehearsal_record(const char *workspace, const struct tm_rehearsal *r, const char *version,
                         struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf line = {0};
    int rc = tm_file_join(workspace, REHEARSALS_FILE, path, sizeof(path), e);
    if (rc == 0)
        rc = tm_rehearsal_line(r, version, &line, e);
    if (rc == 0)
        rc = tm_rehearsal_record(path, &line, e);
    tm_buf_free(&line);
    return rc;
}

int tuf_rehearsals_last(const char *workspace, struct tm_rehearsed out[TUF_REHEARSAL_KINDS],
                        struct tm_err *e)
{
    char path[PATH_MAX];
    return tm_file_join(workspace, REHEARSALS_FILE, path, sizeof(path), e) == 0
               ? tm_rehearsals_last(path, tuf_rehearsal_names, TUF_REHEARSAL_KINDS, out, e)
               : -1;
}

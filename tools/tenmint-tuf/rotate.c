/* holder add, remove, replace, and revoke: small edits of the policy; `propose` then makes the
 * event. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/nearest.h"
#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/session.h"
#include "tuf/manager/policy/keyring.h"

struct change {
    const char *add, *drop;             /* either may be NULL */
    const struct tm_key_source *online; /* where the added key lives when it is an online one */
    size_t roles;                       /* changed so far */
};

static bool lives_somewhere(const struct tm_key_source *s)
{
    return s->file != NULL || s->env != NULL || tm_key_source_is_elsewhere(s);
}

/* The list with the change; an added name takes the dropped one's place. False: nothing to do. */
static bool edit_list(const struct tm_yamlmap_list *from, struct change *c,
                      struct tm_yamlmap_list *to)
{
    bool has = false;
    bool dropped = false;
    for (size_t i = 0; i < from->count; i++)
        has |= c->add != NULL && strcmp(from->item[i], c->add) == 0;
    to->count = 0;
    for (size_t i = 0; i < from->count; i++) {
        bool drop = c->drop != NULL && strcmp(from->item[i], c->drop) == 0;
        if (!drop)
            to->item[to->count++] = from->item[i];
        else if (c->add != NULL && !has)
            to->item[to->count++] = (char *)c->add;
        dropped |= drop;
    }
    if (c->drop != NULL)
        return dropped;
    if (has)
        return false;
    to->item[to->count++] = (char *)c->add;
    return true;
}

/* What the edits of one change are, until all are made at once. */
struct edits {
    struct tuf_policy_holders *item;
    size_t count;
};

static int edit_role(const struct tuf_policy_role *r, struct change *c, struct edits *all,
                     struct tm_err *e)
{
    struct tm_yamlmap_list to = {.item = calloc(r->holders.count + 2, sizeof(char *))};
    if (to.item == NULL)
        return tm_err_set(e, "out of memory");
    if (edit_list(&r->holders, c, &to)) {
        all->item[all->count++] = (struct tuf_policy_holders){r->name, to};
        c->roles++;
    } else {
        free(to.item);
    }
    return 0;
}

static bool wanted(const char *role, int count, char **roles)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(roles[i], role) == 0)
            return true;
    }
    return count == 0;
}

static int edit_wanted(const struct tm_yamlmap_entries *roles, struct change *c, int count,
                       char **names, struct edits *all, struct tm_err *e)
{
    const struct tuf_policy_role *r = roles->item;
    for (size_t i = 0; i < roles->count; i++) {
        if (wanted(r[i].name, count, names) && edit_role(&r[i], c, all, e) != 0)
            return -1;
    }
    return 0;
}

/* Every role of the policy, or the named ones. */
static int edit_roles(const struct tuf_workspace *w, struct change *c, int count, char **roles,
                      struct tm_buf *text, struct tm_err *e)
{
    const struct tuf_policy *p = &w->policy;
    struct edits all = {.item =
                            calloc(p->roles.count + p->delegations.count + 1, sizeof(*all.item))};
    struct tm_buf out = {0};
    int rc = all.item != NULL ? 0 : tm_err_set(e, "out of memory");
    if (rc == 0)
        rc = edit_wanted(&p->roles, c, count, roles, &all, e);
    if (rc == 0)
        rc = edit_wanted(&p->delegations, c, count, roles, &all, e);
    if (rc == 0 && p->bin_bits > 0 && wanted("bins", count, roles))
        rc = edit_role(&p->bins, c, &all, e);
    if (rc == 0 && all.count > 0) {
        rc = tuf_policy_edit_holders(w->policy_file, (const char *)text->data, text->len, all.item,
                                     all.count, &out, e);
        struct tm_buf old = *text;
        *text = out;
        out = old;
    }
    tm_buf_free(&out);
    for (size_t i = 0; i < all.count; i++)
        free(all.item[i].holders.item);
    free(all.item);
    return rc;
}

static int check_roles(const struct tuf_policy *p, int count, char **roles, struct tm_err *e)
{
    for (int i = 0; i < count; i++) {
        if (tuf_policy_role(p, roles[i]) == NULL && tuf_policy_delegation(p, roles[i]) == NULL &&
            strcmp(roles[i], "bins") != 0)
            return tm_err_set(e, "the policy has no role '%.64s'", roles[i]);
    }
    return 0;
}

static int check_key(const struct tuf_workspace *w, const char *holder, struct tm_err *e)
{
    struct tuf_public_key key = {0};
    int rc = tuf_keyring_read(w->keys, holder, &key, e);
    tuf_free_key(&key);
    if (rc != 0) {
        tm_err_wrap(e, "import the key first (key import %.64s FILE)", holder);
        return tm_err_mark(e, ERR_BAD);
    }
    if (tuf_policy_is_revoked(&w->policy, holder))
        return tm_err_set(e, "'%s' is revoked: a new key goes under a new name", holder);
    return 0;
}

/* A path of the command line as the policy has it: from the workspace, or absolute. */
static int policy_path(const struct tuf_workspace *w, const char **path, char real[PATH_MAX],
                       struct tm_err *e)
{
    char dir[PATH_MAX];
    if (*path == NULL)
        return 0;
    if (realpath(*path, real) == NULL)
        return tm_err_errno(e, "'%s'", *path);
    if (realpath(w->dir, dir) == NULL)
        return tm_err_errno(e, "'%s'", w->dir);
    size_t n = strlen(dir);
    *path = strncmp(real, dir, n) == 0 && real[n] == '/' ? real + n + 1 : real;
    return 0;
}

static int edit_online(const struct tuf_workspace *w, const struct change *c, struct tm_buf *text,
                       struct tm_err *e)
{
    struct tm_key_source s = *c->online;
    struct tm_buf out = {0};
    char file[PATH_MAX], password[PATH_MAX], pin[PATH_MAX];
    if (tuf_policy_online_key(&w->policy, c->add) != NULL)
        return tm_err_set(e, "'%s' is in 'online-keys' already: change the policy by hand", c->add);
    if (policy_path(w, &s.file, file, e) != 0 ||
        policy_path(w, &s.password_file, password, e) != 0 ||
        policy_path(w, &s.pin_file, pin, e) != 0)
        return -1;
    int rc = tuf_policy_edit_online(w->policy_file, (const char *)text->data, text->len, c->add, &s,
                                    &out, e);
    struct tm_buf old = *text;
    *text = out;
    out = old;
    tm_buf_free(&out);
    return rc;
}

static void try_holders(const struct tm_yamlmap_list *l, const char *name, struct tm_nearest *near,
                        bool *found)
{
    for (size_t i = 0; i < l->count; i++) {
        *found |= strcmp(l->item[i], name) == 0;
        tm_nearest_try(near, l->item[i]);
    }
}

/* In an emergency a mistyped name must not look like a revocation. */
static int check_holder(const struct tuf_policy *p, const char *name, struct tm_err *e)
{
    const struct tuf_policy_role *r = p->roles.item;
    const struct tuf_policy_role *d = p->delegations.item;
    struct tm_nearest near;
    bool found = false;
    tm_nearest_init(&near, name);
    for (size_t i = 0; i < p->roles.count; i++)
        try_holders(&r[i].holders, name, &near, &found);
    for (size_t i = 0; i < p->delegations.count; i++)
        try_holders(&d[i].holders, name, &near, &found);
    try_holders(&p->bins.holders, name, &near, &found);
    if (found)
        return 0;
    return tm_err_set(e, "no role has the holder '%.64s'%s%s%s", name,
                      near.best != NULL ? "; did you mean '" : "",
                      near.best != NULL ? near.best : "", near.best != NULL ? "'?" : "");
}

/* Reads, edits, checks, writes the policy. `revoke`: a name for `revoked`, or NULL. */
static int apply(const char *dir, struct change *c, const char *revoke, int count, char **roles,
                 struct tm_err *e)
{
    struct tuf_workspace w;
    struct tm_buf text = {0};
    struct tm_buf out = {0};
    char real[PATH_MAX]; /* a link, as into a git checkout, stays one */
    if (tuf_workspace_open(dir, &w, e) != 0)
        return -1;
    int rc = tuf_workspace_lock(&w, LOCK_WAIT_MS, e);
    if (rc == 0 && realpath(w.policy_file, real) == NULL)
        rc = tm_err_errno(e, "'%s'", w.policy_file);
    if (rc == 0)
        rc = tm_file_read(w.policy_file, YAMLMAP_FILE_MAX, &text, e);
    if (rc == 0)
        rc = check_roles(&w.policy, count, roles, e);
    if (rc == 0 && c->add != NULL)
        rc = check_key(&w, c->add, e);
    if (rc == 0 && c->add != NULL && c->online != NULL)
        rc = edit_online(&w, c, &text, e);
    if (rc == 0 && revoke != NULL && tuf_policy_is_revoked(&w.policy, revoke))
        rc = tm_err_set(e, "'%s' is revoked already", revoke);
    if (rc == 0 && (revoke != NULL || c->drop != NULL))
        rc = check_holder(&w.policy, revoke != NULL ? revoke : c->drop, e);
    if (rc == 0 && c->drop != NULL && c->add != NULL && strcmp(c->drop, c->add) == 0)
        rc = tm_err_set(e, "'%s' cannot replace itself: a new key goes under a new name", c->add);
    if (rc == 0 && (c->add != NULL || c->drop != NULL))
        rc = edit_roles(&w, c, count, roles, &text, e);
    if (rc == 0 && c->roles == 0 && (c->add != NULL || c->drop != NULL))
        rc = tm_err_set(e,
                        c->drop != NULL ? "no such role has the holder '%.64s'"
                                        : "'%.64s' holds a key of every such role already",
                        c->drop != NULL ? c->drop : c->add);
    if (rc == 0 && revoke != NULL) {
        rc = tuf_policy_edit_revoke(w.policy_file, (const char *)text.data, text.len, revoke, &out,
                                    e);
        struct tm_buf old = text;
        text = out;
        out = old;
    }
    if (rc == 0)
        rc = tm_file_write_atomic(real, 0644, text.data, text.len, e);
    tm_buf_free(&text);
    tm_buf_free(&out);
    tuf_workspace_close(&w);
    return rc;
}

static int run(const struct cli_command *self, int argc, char **argv, bool add, bool drop)
{
    struct tm_key_source online = {0};
    const char *dir = NULL;
    const struct cli_option with_key[] = {KEY_OPTIONS(online), DIR_OPTION(dir), {0}};
    const struct cli_option without[] = {DIR_OPTION(dir), {0}};
    const struct cli_option *options = add ? with_key : without;
    struct tm_err e = {0};
    int count = 0;
    int names = add && drop ? 2 : 1;
    int rc = cli_parse_some(self, options, argc, argv, add && !drop ? 2 : names, 100, &count);
    if (rc != CLI_GO_ON)
        return rc;
    struct change c = {.drop = drop ? argv[0] : NULL,
                       .add = add ? argv[names - 1] : NULL,
                       .online = lives_somewhere(&online) ? &online : NULL};
    if (apply(dir != NULL ? dir : ".", &c, NULL, count - names, argv + names, &e) != 0)
        return cli_fail(CLI_FAILED, &e);
    printf("policy changed: %zu role%s\nnext: tenmint-tuf propose%s%s\n", c.roles,
           c.roles == 1 ? "" : "s", dir != NULL ? " --dir " : "", dir != NULL ? dir : "");
    return CLI_OK;
}

int command_holder_add(const struct cli_command *self, int argc, char **argv)
{
    return run(self, argc, argv, true, false);
}

int command_holder_remove(const struct cli_command *self, int argc, char **argv)
{
    return run(self, argc, argv, false, true);
}

int command_holder_replace(const struct cli_command *self, int argc, char **argv)
{
    return run(self, argc, argv, true, true);
}

static int propose_revocation(const char *dir, const char *holder, const char *reason,
                              const char *out)
{
    struct tuf_workspace w;
    struct tm_err e = {0};
    char name[POLICY_NAME_MAX + 1];
    char why[300];
    snprintf(name, sizeof(name), "revoke-%.50s", holder);
    snprintf(why, sizeof(why), "emergency: the key of %.64s is revoked%s%.180s", holder,
             reason != NULL ? ": " : "", reason != NULL ? reason : "");
    if (tuf_workspace_open(dir, &w, &e) != 0)
        return cli_fail(CLI_CONFIG, &e);
    int rc = session_propose(&w, name, why, NULL, out);
    tuf_workspace_close(&w);
    return rc;
}

int command_revoke(const struct cli_command *self, int argc, char **argv)
{
    struct tm_key_source online = {0};
    const char *dir = NULL, *by = NULL, *reason = NULL, *out = NULL;
    const struct cli_option options[] = {
        {"replace-by", CLI_TEXT, "NAME", "who takes the place; the key is imported already", &by},
        /* Where an online successor's private key lives. */
        KEY_OPTIONS(online),
        {"reason", CLI_TEXT, "TEXT", "what happened; every holder reads it", &reason},
        {"out", CLI_TEXT, "FILE", "where the event goes", &out},
        DIR_OPTION(dir),
        {0},
    };
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    struct change c = {.drop = by != NULL ? argv[0] : NULL,
                       .add = by,
                       .online = lives_somewhere(&online) ? &online : NULL};
    dir = dir != NULL ? dir : ".";
    if (apply(dir, &c, argv[0], 0, NULL, &e) != 0) {
        if (strstr(e.text, "nobody could ever sign") != NULL)
            tm_err_wrap(&e, "too few keys remain: name a successor with --replace-by, or lower the "
                            "threshold in the policy");
        return cli_fail(CLI_FAILED, &e);
    }
    printf("'%s' is revoked in the policy. What was signed with it stays valid until the new root "
           "reaches clients: publish soon.\n"
           "If a threshold of targets keys may be stolen, replace the online key too (holder "
           "replace online NEW --key FILE, then propose anew): else clients may be stuck at "
           "inflated versions.\n",
           argv[0]);
    return propose_revocation(dir, argv[0], reason, out);
}

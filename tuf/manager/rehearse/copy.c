/* The copy: the workspace's policy and targets, other keys, another place. */
#include <dirent.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/grow.h"
#include "tuf/manager/draft/draft.h"
#include "tuf/manager/policy/keyring.h"
#include "tuf/manager/publish/publish.h"
#include "tuf/manager/publish/tree.h"
#include "tuf/manager/rehearse/internal.h"

#define COPY_NAME ".rehearsal."
#define SWEEP_S 86400

int tuf_copy_path(const struct tuf_copy *c, const char *name, char out[PATH_MAX], struct tm_err *e)
{
    return tm_file_join(c->dir, name, out, PATH_MAX, e);
}

int tuf_copy_target(const struct tuf_copy *c, const char *name, const char *text, struct tm_err *e)
{
    char path[PATH_MAX];
    if (tm_file_join(c->w.policy.targets, name, path, sizeof(path), e) != 0)
        return -1;
    if (text == NULL)
        return unlink(path) == 0 ? 0 : tm_err_errno(e, "remove '%s'", path);
    return tm_file_write_passing(path, 0644, text, strlen(text), e);
}

/* ---- who acts ---- */

struct tuf_actor *tuf_copy_find(const struct tuf_copy *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->actor[i].name, name) == 0)
            return &c->actor[i];
    }
    return NULL;
}

/* Its private key becomes a file of the copy, wherever the policy has it. */
static int place_online(struct tuf_copy *c, const struct tuf_actor *a, struct tm_err *e)
{
    struct tuf_policy_online *o =
        (struct tuf_policy_online *)tuf_policy_online_key(&c->w.policy, a->name);
    char name[POLICY_NAME_MAX + 8];
    char path[PATH_MAX];
    tuf_policy_forget_key(o);
    snprintf(name, sizeof(name), "%s.key", a->name);
    if (tuf_copy_path(c, name, path, e) != 0 || tm_key_write_file(path, a->key, NULL, e) != 0)
        return -1;
    o->file = strdup(path);
    return o->file != NULL ? 0 : tm_err_set(e, "out of memory");
}

/* A place in `online-keys` for one that is not there. */
static int add_online(struct tuf_policy *p, const char *name, struct tm_err *e)
{
    struct tuf_policy_online *o = tm_grow(&p->online.item, &p->online.count, sizeof(*o), e);
    if (o == NULL)
        return -1;
    o->name = strdup(name);
    return o->name != NULL ? 0 : tm_err_set(e, "out of memory");
}

struct tuf_actor *tuf_copy_actor(struct tuf_copy *c, const char *name, bool online,
                                 struct tm_err *e)
{
    struct tuf_actor *a = tm_grow(&c->actor, &c->count, sizeof(*a), e);
    if (a == NULL)
        return NULL;
    a->key = EVP_EC_gen("P-256");
    a->online = online;
    snprintf(a->name, sizeof(a->name), "%s", name);
    if (a->key == NULL) {
        tm_err_openssl(e, "make a key");
        return NULL;
    }
    if (tuf_keyring_save(c->w.keys, a->name, a->key, false, e) != 0)
        return NULL;
    if (!online)
        return a;
    if (tuf_policy_online_key(&c->w.policy, a->name) == NULL &&
        add_online(&c->w.policy, a->name, e) != 0)
        return NULL;
    return place_online(c, a, e) == 0 ? a : NULL;
}

static int cast(struct tuf_copy *c, const struct tuf_policy_role *r, struct tm_err *e)
{
    for (size_t i = 0; i < r->holders.count; i++) {
        const char *name = r->holders.item[i];
        bool online = tuf_policy_online_key(&c->w.policy, name) != NULL;
        if (tuf_policy_is_revoked(&c->w.policy, name) || tuf_copy_find(c, name) != NULL)
            continue;
        if (tuf_copy_actor(c, name, online, e) == NULL)
            return -1;
    }
    return 0;
}

static int cast_all(struct tuf_copy *c, struct tm_err *e)
{
    const struct tuf_policy *p = &c->w.policy;
    const struct tuf_policy_role *r = p->roles.item;
    const struct tuf_policy_role *d = p->delegations.item;
    int rc = 0;
    for (size_t i = 0; i < p->roles.count && rc == 0; i++)
        rc = cast(c, &r[i], e);
    for (size_t i = 0; i < p->delegations.count && rc == 0; i++)
        rc = cast(c, &d[i], e);
    return rc == 0 && p->bin_bits > 0 ? cast(c, &p->bins, e) : rc;
}

/* ---- where ---- */

/* A folder of the policy as it is now, by hard links; from then on the policy names the copy. */
static int copy_folder(struct tuf_copy *c, char **folder, const char *name, struct tm_err *e)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    if (tuf_workspace_path(&c->w, *folder, from, sizeof(from), e) != 0 ||
        tuf_copy_path(c, name, to, e) != 0)
        return -1;
    if (access(from, F_OK) == 0 ? tuf_tree_link(from, to, NULL, e) != 0
                                : tm_file_mkdirs(to, 0755, e) != 0)
        return -1;
    free(*folder);
    *folder = strdup(to);
    return *folder != NULL ? 0 : tm_err_set(e, "out of memory");
}

static int copy_folders(struct tuf_copy *c, struct tm_err *e)
{
    struct tuf_policy *p = &c->w.policy;
    struct tuf_policy_role *d = p->delegations.item;
    char name[32];
    int rc = copy_folder(c, &p->targets, "targets", e);
    for (size_t i = 0; i < p->delegations.count && rc == 0; i++) {
        snprintf(name, sizeof(name), "delegated-%zu", i);
        rc = copy_folder(c, &d[i].directory, name, e);
    }
    return rc == 0 && p->bin_bits > 0 ? copy_folder(c, &p->bins.directory, "bins", e) : rc;
}

/* What a killed rehearsal left: one takes minutes at most. */
static void sweep(const char *dir, int64_t now)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        char path[PATH_MAX];
        struct stat st;
        if (strncmp(entry->d_name, COPY_NAME, strlen(COPY_NAME)) == 0 &&
            tm_file_join(dir, entry->d_name, path, sizeof(path), NULL) == 0 &&
            lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_mtime < now - SWEEP_S)
            tuf_tree_remove(path, NULL);
    }
    if (d != NULL)
        closedir(d);
}

int tuf_copy_open(const char *workspace, struct tuf_copy *c, struct tm_err *e)
{
    char real[PATH_MAX]; /* the policy takes paths from the workspace on */
    if (realpath(workspace, real) == NULL)
        return tm_err_errno(e, "'%s'", workspace);
    if (tuf_workspace_open(real, &c->w, e) != 0)
        return -1;
    sweep(real, c->now);
    /* In the workspace: hard links go no further than a file system. */
    if (tm_file_join(c->w.dir, COPY_NAME "XXXXXX", c->dir, sizeof(c->dir), e) != 0 ||
        mkdtemp(c->dir) == NULL) {
        tuf_workspace_close(&c->w);
        c->dir[0] = '\0';
        return tm_err_errno(e, "make a folder in '%s'", workspace);
    }
    c->w.policy.first_root = 0;
    if (tuf_copy_path(c, "keys", c->w.keys, e) != 0 ||
        tuf_copy_path(c, "published", c->w.published, e) != 0 ||
        tuf_copy_path(c, "transcript.jsonl", c->w.transcript, e) != 0 || copy_folders(c, e) != 0 ||
        cast_all(c, e) != 0 ||
        tuf_copy_target(c, REHEARSE_BEFORE, "before the rotation\n", e) != 0) {
        tuf_copy_close(c);
        return tm_err_wrap(e, "the copy of '%s'", workspace);
    }
    return 0;
}

void tuf_copy_close(struct tuf_copy *c)
{
    for (size_t i = 0; i < c->count; i++)
        EVP_PKEY_free(c->actor[i].key);
    free(c->actor);
    c->actor = NULL;
    c->count = 0;
    if (c->dir[0] != '\0')
        tuf_tree_remove(c->dir, NULL);
    tuf_workspace_close(&c->w);
}

/* ---- a ceremony ---- */

static int sign_all(const struct tuf_copy *c, struct tuf_event *ev, struct tm_err *e)
{
    char digest[65];
    int rc = tuf_event_digest(ev, digest, e);
    for (size_t i = 0; i < c->count && rc == 0; i++) {
        const struct tuf_actor *a = &c->actor[i];
        struct tuf_event_signer who = {0};
        bool may = false;
        for (size_t k = 0; k < ev->count; k++)
            may |= ev->role[k].proposed != NULL && tuf_event_may_sign(ev, ev->role[k].name, a->key);
        if (may && !a->online && !a->away)
            rc = tuf_event_sign(ev, a->key, digest, c->now, &who, e);
        tm_buf_free(&who.roles);
    }
    return rc;
}

int tuf_copy_ceremony(struct tuf_copy *c, const char *name, struct tm_err *e)
{
    static const char *const renew[] = {"root", "targets"};
    const struct tuf_draft_options o = {
        .name = name, .reason = "a rehearsal", .now = c->now, .renew = renew, .renew_count = 2};
    struct tuf_publish_report report;
    struct tuf_published live;
    struct tuf_event ev = {0};
    if (tuf_workspace_published(&c->w, &live, e) != 0)
        return -1;
    int rc = tuf_draft_make(&c->w, &live, &o, &ev, e);
    if (rc == 0)
        rc = tuf_draft_add_files(&c->w, &live, &ev, e);
    tuf_published_free(&live);
    if (rc == 0)
        rc = sign_all(c, &ev, e);
    const struct tuf_publish_options p = {.event = &ev, .now = c->now, .allow_gap = true};
    if (rc == 0)
        rc = tuf_publish_run(&c->w, &p, &report, e);
    tuf_event_free(&ev);
    return rc;
}

#include "tuf/manager/takeover/takeover.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "tuf/manager/draft/draft.h"
#include "tuf/manager/evidence/transcript.h"
#include "tuf/manager/publish/tree.h"
#include "tuf/manager/review/difference.h"
#include "tuf/manager/takeover/internal.h"
#include "tuf/metadata/key.h"

struct run {
    const struct tuf_takeover_options *o;
    struct tuf_plan plan;
    struct tuf_source source;
    char dir[PATH_MAX]; /* the workspace that is being made, beside its place */
    struct tm_err *e;
};

/* ---- reading ---- */

/* The chain goes on from the root that was given, whatever comes before it. */
static int begin_at_trusted(struct run *r, const char *tree)
{
    struct tuf_published *p = &r->plan.live;
    struct tuf_metadata *own = tuf_metadata_parse(r->o->trusted, r->o->trusted_len, TUF_ROOT, r->e);
    int rc = own != NULL ? 0 : tm_err_wrap(r->e, "the trusted root");
    int64_t version = own != NULL ? tuf_metadata_version(own) : 0;
    if (rc == 0)
        rc = tuf_published_load_from(tree, version, p, r->e);
    if (rc == 0 && (p->root_count == 0 || !tuf_metadata_equal(own, p->roots[0]))) {
        tm_err_set(r->e, "root %" PRId64 " of the repository is not the trusted one", version);
        rc = tm_err_mark(r->e, ERR_DANGER);
    }
    if (rc == 0 && version > 1)
        tuf_plan_note(&r->plan, "roots before %" PRId64 " are history that nobody trusts", version);
    tuf_metadata_free(own);
    return rc;
}

static void note_unread(struct run *r)
{
    struct tm_buf *lines = &r->plan.live.unread;
    char *rest = NULL;
    if (lines->len == 0 || tm_buf_str(lines) == NULL)
        return;
    for (char *line = strtok_r((char *)lines->data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        tuf_plan_note(&r->plan, "%s", line);
}

static int load(struct run *r)
{
    char tree[PATH_MAX];
    if (tuf_source_find(r->o, &r->source, r->e) != 0 ||
        tm_file_join(r->dir, "published", tree, sizeof(tree), r->e) != 0 ||
        tm_file_mkdirs(tree, 0755, r->e) != 0 || tuf_source_copy(&r->source, tree, r->e) != 0)
        return -1;
    int rc = r->o->trusted != NULL ? begin_at_trusted(r, tree)
                                   : tuf_published_look(tree, &r->plan.live, r->e);
    if (rc == 0 && r->plan.live.root_count == 0)
        rc = tuf_published_missing(r->o->from, r->e);
    note_unread(r);
    return rc;
}

/* ---- writing ---- */

static int write_keys(struct run *r)
{
    char keys[PATH_MAX];
    int rc = tm_file_join(r->dir, "keys", keys, sizeof(keys), r->e);
    for (size_t i = 0; i < r->plan.holder_count && rc == 0; i++) {
        const struct tuf_taken_holder *h = &r->plan.holder[i];
        struct tuf_key k = {0};
        rc = tuf_key_open(h->key, &k, r->e) == 0
                 ? tuf_keyring_save(keys, h->name, k.pkey, false, r->e)
                 : -1;
        tuf_key_free(&k);
    }
    return rc;
}

static int write_policy(struct run *r)
{
    struct tm_buf text = {0};
    struct tuf_policy policy;
    struct tm_err why = {0};
    char path[PATH_MAX];
    int rc = tuf_plan_policy(&r->plan, r->o->from, &text, r->e);
    if (rc == 0 && text.len > YAMLMAP_FILE_MAX)
        tuf_plan_loss(&r->plan, "the policy would have %zu bytes, more than a policy may have",
                      text.len);
    else if (rc == 0 &&
             tuf_policy_parse("policy", (const char *)text.data, text.len, &policy, &why) != 0)
        tuf_plan_loss(&r->plan, "%s", why.text);
    else if (rc == 0)
        tuf_policy_free(&policy);
    if (rc == 0)
        rc = tm_file_join(r->dir, "policy.yaml", path, sizeof(path), r->e);
    if (rc == 0)
        rc = tm_file_create(path, 0644, text.data, text.len, r->e);
    tm_buf_free(&text);
    return rc;
}

/* The evidence begins here: what was published before has no lines of ours. */
static int write_transcript(struct run *r)
{
    const struct tuf_published *p = &r->plan.live;
    struct tuf_line line = {0};
    char path[PATH_MAX];
    char hex[65];
    int rc = tm_file_join(r->dir, "transcript.jsonl", path, sizeof(path), r->e);
    for (int k = 0; k < TUF_ROLE_COUNT; k++)
        line.version[k] = tuf_metadata_version(tuf_published_role(p, (enum tuf_role)k));
    if (rc == 0)
        rc = tuf_metadata_sha256(tuf_published_root(p), hex, r->e);
    if (rc == 0)
        rc = tuf_line_set(&line.what, "taken-over", r->e);
    if (rc == 0)
        rc = tuf_line_set(&line.reason, r->o->from, r->e);
    if (rc == 0)
        rc = tuf_line_set(&line.root_sha256, hex, r->e);
    if (rc == 0)
        rc = tuf_transcript_append(path, &line, r->o->now, r->e);
    tuf_line_free(&line);
    return rc;
}

static int write_all(struct run *r)
{
    char path[PATH_MAX];
    if (write_policy(r) != 0 || write_keys(r) != 0 || write_transcript(r) != 0 ||
        tm_file_join(r->dir, "events", path, sizeof(path), r->e) != 0 ||
        tm_file_mkdirs(path, 0755, r->e) != 0)
        return -1;
    return tuf_plan_files(&r->plan, &r->source, r->dir, r->e);
}

/* ---- does the policy say what is published? ---- */

/* What the next version would change, though nobody asked for it. */
static void lose_difference(struct run *r, const char *role, const struct tuf_metadata *was,
                            const struct tuf_metadata *next)
{
    struct tm_buf lines = {0};
    char *rest = NULL;
    tuf_words_difference(was, next, true, &lines);
    if (tm_buf_str(&lines) == NULL || lines.len == 0) {
        tuf_plan_loss(&r->plan, "role '%s': its next version would have other members", role);
    } else {
        for (char *line = strtok_r((char *)lines.data, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest))
            tuf_plan_loss(&r->plan, "role '%s' would change: %s", role, line + strspn(line, " "));
    }
    tm_buf_free(&lines);
}

static void check_event(struct run *r, const struct tuf_event *ev)
{
    for (size_t i = 0; i < ev->count; i++) {
        const struct tuf_event_role *x = &ev->role[i];
        if (x->proposed == NULL || x->base == NULL)
            continue;
        if (tuf_draft_kept(x->proposed, x->base))
            tuf_plan_note(&r->plan, "role '%s' is in its signing period: `propose` begins with it",
                          x->name);
        else
            lose_difference(r, x->name, x->base, x->proposed);
    }
}

/* As `propose` and `publish` will see it. */
static int check_again(struct run *r)
{
    struct tuf_workspace w;
    struct tuf_event ev;
    struct tm_err why = {0};
    const struct tuf_draft_options o = {.name = "taken-over", .reason = "", .now = r->o->now};
    int rc = 0;
    if (tuf_workspace_open(r->dir, &w, r->e) != 0)
        return -1;
    if (tuf_draft_make(&w, &r->plan.live, &o, &ev, &why) != 0) {
        tuf_plan_loss(&r->plan, "%s", why.text);
    } else {
        check_event(r, &ev);
        tuf_event_free(&ev);
        rc = tuf_plan_online(&r->plan, &w, r->e);
    }
    tuf_workspace_close(&w);
    return rc;
}

/* ---- all of it ---- */

/* Beside its place, so that a rename puts it there. */
static int make_room(const char *dir, struct run *r)
{
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/')
        len--;
    if ((size_t)snprintf(r->dir, sizeof(r->dir), "%.*s.XXXXXX", (int)len, dir) >= sizeof(r->dir))
        return tm_err_set(r->e, "the path is too long");
    if (rmdir(dir) != 0 && errno != ENOENT)
        return tm_err_set(r->e, "'%s' exists: a workspace is made in a new folder", dir);
    if (tuf_tree_make_parent(r->dir, r->e) != 0)
        return -1;
    if (mkdtemp(r->dir) == NULL) {
        tm_err_errno(r->e, "make '%s'", r->dir);
        r->dir[0] = '\0';
        return -1;
    }
    return 0;
}

static int put_in_place(const char *dir, const struct run *r)
{
    if (chmod(r->dir, 0755) != 0 || rename(r->dir, dir) != 0)
        return tm_err_errno(r->e, "move the workspace to '%s'", dir);
    return 0;
}

static int make(const char *dir, struct run *r)
{
    struct tuf_takeover *out = r->plan.out;
    if (load(r) != 0 || tuf_plan_make(&r->plan, r->e) != 0)
        return -1;
    out->first_root = tuf_metadata_version(r->plan.live.roots[0]);
    out->newest_root = tuf_published_root_version(&r->plan.live);
    out->roles = r->plan.role_count;
    out->holders = r->plan.holder_count;
    if (out->loss_count == 0 && write_all(r) != 0)
        return -1;
    if (out->loss_count == 0 && check_again(r) != 0)
        return -1;
    return out->loss_count == 0 ? put_in_place(dir, r) : 0;
}

int tuf_takeover_run(const char *dir, const struct tuf_takeover_options *o,
                     struct tuf_takeover *out, struct tm_err *e)
{
    struct run r = {.o = o, .plan = {.out = out, .now = o->now}, .e = e};
    *out = (struct tuf_takeover){0};
    int rc = make_room(dir, &r);
    if (rc == 0)
        rc = make(dir, &r);
    if (r.dir[0] != '\0' && (rc != 0 || out->loss_count > 0))
        tuf_tree_remove(r.dir, NULL);
    tuf_plan_free(&r.plan);
    if (rc != 0)
        tuf_takeover_free(out);
    return rc;
}

void tuf_takeover_free(struct tuf_takeover *t)
{
    tm_buf_free(&t->losses);
    tm_buf_free(&t->notes);
    *t = (struct tuf_takeover){0};
}

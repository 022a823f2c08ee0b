#include "tuf/manager/state/legacy.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/grow.h"
#include "tuf/manager/state/names.h"
#include "tuf/metadata/digest.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/verify/trust/legacy_pem.h"
#include "tuf/verify/trust/second_root.h"

#define TRUSTED_ROOT_NAME "trusted_root.json"
#define PEM_MAX ((size_t)256 * 1024)

/* ---- written ---- */

struct sync {
    struct tuf_workspace *w;
    char dir[PATH_MAX]; /* of the top-level targets */
    struct tuf_legacy_pems pems;
    tuf_legacy_tell tell;
    void *arg;
};

static void say(const struct sync *s, const char *what, const char *name)
{
    char text[400];
    snprintf(text, sizeof(text), "%s the target %.255s", what, name);
    s->tell(s->arg, text);
}

static bool same_bytes(const struct tm_buf *a, const struct tm_buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static int write_one(const struct sync *s, const char *name, const struct tm_buf *text,
                     struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf was = {0};
    if (tm_file_join(s->dir, name, path, sizeof(path), e) != 0)
        return -1;
    bool same =
        tm_file_read(path, TRUSTED_ROOT_BYTES_MAX, &was, NULL) == 0 && same_bytes(&was, text);
    tm_buf_free(&was);
    if (same)
        return 0;
    say(s, "wrote", name);
    return tm_file_write_atomic(path, 0644, text->data, text->len, e);
}

static bool is_ours(const struct sync *s, const char *name)
{
    for (size_t i = 0; i < s->pems.count; i++) {
        if (strcmp(s->pems.item[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Whatever else older clients would take for such a file. */
static int remove_others(const struct sync *s, struct tm_err *e)
{
    char path[PATH_MAX];
    int rc = 0;
    const struct dirent *d;
    DIR *dir = opendir(s->dir);
    if (dir == NULL)
        return tm_err_errno(e, "open '%s'", s->dir);
    while (rc == 0 && (d = readdir(dir)) != NULL) {
        if (tuf_legacy_pem_usage(d->d_name) == NULL || is_ours(s, d->d_name))
            continue;
        rc = tm_file_join(s->dir, d->d_name, path, sizeof(path), e);
        if (rc == 0 && unlink(path) != 0)
            rc = tm_err_errno(e, "remove '%s'", path);
        if (rc == 0)
            say(s, "took away", d->d_name);
    }
    closedir(dir);
    return rc;
}

static int add_custom(struct tuf_policy *p, const struct tuf_legacy_pem *pem, struct tm_err *e)
{
    const struct tuf_policy_custom *c = p->customs.item;
    for (size_t i = 0; i < p->customs.count; i++) {
        if (strcmp(c[i].name, pem->name) == 0)
            return tm_err_set(e,
                              "the policy's 'custom' names '%s', which 'targets-for: [legacy-pem]' "
                              "writes by itself: take it out of 'custom'",
                              pem->name);
    }
    struct tuf_policy_custom *n = tm_grow(&p->customs.item, &p->customs.count, sizeof(*n), e);
    if (n == NULL)
        return -1;
    *n = (struct tuf_policy_custom){strdup(pem->name), strdup(pem->usage), strdup(pem->status),
                                    pem->uri[0] != '\0' ? strdup(pem->uri) : NULL};
    return n->name != NULL && n->usage != NULL && n->status != NULL
               ? 0
               : tm_err_set(e, "out of memory");
}

static int sync_pems(struct sync *s, const char *path, int64_t now, struct tm_err *e)
{
    struct tuf_trusted_root *root = tuf_trusted_root_load_strict(path, e);
    int rc = root != NULL ? tuf_legacy_pems_make(root, now * 1000, &s->pems, e) : -1;
    for (size_t i = 0; i < s->pems.count && rc == 0; i++) {
        rc = add_custom(&s->w->policy, &s->pems.item[i], e);
        if (rc == 0)
            rc = write_one(s, s->pems.item[i].name, &s->pems.item[i].text, e);
    }
    if (rc == 0)
        rc = remove_others(s, e);
    tuf_legacy_pems_free(&s->pems);
    tuf_trusted_root_free(root);
    return rc == 0 ? 0 : tm_err_wrap(e, "PEM targets of older clients");
}

/* The second trusted roots that the policy asks for. */
static int sync_roots(const struct sync *s, const char *path, struct tm_err *e)
{
    const struct tm_yamlmap_list *words = &s->w->policy.targets_for;
    struct tm_buf root = {0};
    struct tm_buf text = {0};
    int rc = tm_file_read_text(path, TRUSTED_ROOT_BYTES_MAX, &root, e);
    for (size_t i = 0; i < words->count && rc == 0; i++) {
        const struct tuf_second_root *second = tuf_second_root_named(words->item[i]);
        if (second == NULL)
            continue;
        tm_buf_reset(&text);
        rc = tuf_second_root_make(second, root.data, root.len, &text, e);
        if (rc == 0)
            rc = write_one(s, second->target, &text, e);
    }
    tm_buf_free(&root);
    tm_buf_free(&text);
    return rc;
}

int tuf_legacy_sync(struct tuf_workspace *w, int64_t now, tuf_legacy_tell tell, void *arg,
                    struct tm_err *e)
{
    struct sync s = {.w = w, .tell = tell, .arg = arg};
    char path[PATH_MAX];
    if (w->policy.targets_for.count == 0)
        return 0;
    if (tuf_workspace_path(w, w->policy.targets, s.dir, sizeof(s.dir), e) != 0 ||
        tm_file_join(s.dir, TRUSTED_ROOT_NAME, path, sizeof(path), e) != 0)
        return -1;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return 0;
    if (tuf_policy_writes(&w->policy, "legacy-pem") && sync_pems(&s, path, now, e) != 0)
        return -1;
    return sync_roots(&s, path, e);
}

/* ---- judged ---- */

static bool is_pinned(const struct tuf_entry *entry, const struct tm_buf *text)
{
    struct tuf_file_info info;
    tuf_entry_info(entry, &info);
    struct tuf_digest *d = tuf_digest_new(&info, NULL);
    bool same = d != NULL && tuf_digest_add(d, text->data, text->len, NULL) == 0 &&
                tuf_digest_check(d, NULL) == 0;
    tuf_digest_free(d);
    return same;
}

static int read_as_pinned(const char *dir, const char *file, const struct tuf_entry *entry,
                          size_t max, struct tm_buf *out)
{
    char path[PATH_MAX];
    out->len = 0;
    return tm_file_join(dir, file, path, sizeof(path), NULL) == 0 &&
                   tm_file_read(path, max, out, NULL) == 0 && is_pinned(entry, out)
               ? 0
               : -1;
}

/* The target as its entry pins it: in its folder, or published already. */
static int read_target(const struct tuf_workspace *w, const char *directory, const char *name,
                       const struct tuf_entry *entry, size_t max, struct tm_buf *out,
                       struct tm_err *e)
{
    char dir[PATH_MAX];
    struct tm_buf file = {0};
    const char *sha256 = tuf_hashes_find(&entry->hashes, "sha256");
    int rc = -1;
    if (directory != NULL && tuf_workspace_path(w, directory, dir, sizeof(dir), NULL) == 0)
        rc = read_as_pinned(dir, name, entry, max, out);
    if (rc != 0 && sha256 != NULL) {
        tuf_names_target(name, sha256, &file);
        rc = tm_buf_str(&file) != NULL
                 ? read_as_pinned(w->published, tm_buf_str(&file), entry, max, out)
                 : -1;
    }
    tm_buf_free(&file);
    return rc == 0 ? 0 : tm_err_set(e, "the target '%.200s' cannot be read as it is pinned", name);
}

struct check {
    const struct tuf_workspace *w;
    const struct tuf_metadata *targets; /* that hold the trusted root */
    struct tuf_trusted_root *root;      /* once it is needed */
    const char *directory;
    int64_t from_ms, to_ms;
    struct tuf_legacy_seen seen;
};

/* 1: there is one; 0: older clients' files have nothing to disagree with. */
static int need_root(struct check *c, struct tm_err *e)
{
    struct tuf_entry entry = {0};
    struct tm_buf text = {0};
    if (c->root != NULL)
        return 1;
    if (!tuf_entry_load(c->targets, TRUSTED_ROOT_NAME, &entry))
        return 0;
    if (read_target(c->w, c->w->policy.targets, TRUSTED_ROOT_NAME, &entry, TRUSTED_ROOT_BYTES_MAX,
                    &text, e) == 0 &&
        (c->root = tuf_trusted_root_parse(text.data, text.len, e)) == NULL)
        tm_err_wrap(e, TRUSTED_ROOT_NAME);
    tuf_free_entry(&entry);
    tm_buf_free(&text);
    return c->root != NULL ? 1 : -1;
}

static int check_entry(struct check *c, const char *name, const struct tuf_entry *entry,
                       struct tm_err *e)
{
    struct tm_buf text = {0};
    const struct tuf_sigstore_custom *said =
        entry->has_custom && entry->custom.has_sigstore ? &entry->custom.sigstore : NULL;
    struct tuf_legacy_claim claim = {.name = name,
                                     .usage = said != NULL ? said->usage : NULL,
                                     .status = said != NULL ? said->status : NULL};
    if (tuf_custom_is_ambiguous(entry))
        return tm_err_set(
            e,
            "the target '%.200s': its custom metadata has a member in another case, which older "
            "clients read as the one they know: write it as it is known, or take it out",
            name);
    if (claim.usage == NULL && tuf_legacy_pem_usage(name) == NULL)
        return 0;
    int rc = need_root(c, e);
    if (rc == 1)
        rc = read_target(c->w, c->directory, name, entry, PEM_MAX, &text, e);
    else if (rc == 0)
        return 0;
    claim.text = text.data;
    claim.len = text.len;
    if (rc == 0)
        rc = tuf_legacy_pem_judge(c->root, &claim, c->from_ms, c->to_ms, &c->seen, e);
    tm_buf_free(&text);
    return rc;
}

/* A target by its name; it is there. */
static int read_named(const struct check *c, const char *name, struct tm_buf *out, struct tm_err *e)
{
    struct tuf_entry entry = {0};
    int rc =
        tuf_entry_load(c->targets, name, &entry)
            ? read_target(c->w, c->w->policy.targets, name, &entry, TRUSTED_ROOT_BYTES_MAX, out, e)
            : tm_err_set(e, "there is no target '%s'", name);
    tuf_free_entry(&entry);
    return rc;
}

static bool is_target(const struct check *c, const char *name)
{
    struct tuf_entry entry = {0};
    bool is = tuf_entry_load(c->targets, name, &entry);
    tuf_free_entry(&entry);
    return is;
}

/* That it says what trusted_root.json does, byte by byte, where it is published or asked for. */
static int check_second(const struct check *c, const struct tuf_second_root *second,
                        struct tm_err *e)
{
    struct tm_buf root = {0};
    struct tm_buf want = {0};
    struct tm_buf is = {0};
    bool asked = tuf_policy_writes(&c->w->policy, second->word);
    if (!is_target(c, second->target) && (!asked || !is_target(c, TRUSTED_ROOT_NAME)))
        return 0;
    int rc = read_named(c, TRUSTED_ROOT_NAME, &root, e);
    if (rc == 0)
        rc = tuf_second_root_make(second, root.data, root.len, &want, e);
    if (rc == 0)
        rc = read_named(c, second->target, &is, e);
    if (rc == 0 && !same_bytes(&is, &want))
        rc = tm_err_set(e,
                        "the target '%s' is not as %s has it: `trust` and `propose` write it "
                        "while 'targets-for' has %s; else take it out",
                        second->target, TRUSTED_ROOT_NAME, second->word);
    tm_buf_free(&root);
    tm_buf_free(&want);
    tm_buf_free(&is);
    return rc;
}

/* What is asked of the targets as a whole. */
static int check_whole(struct check *c, struct tm_err *e)
{
    int rc = 0;
    if (tuf_policy_writes(&c->w->policy, "legacy-pem")) {
        rc = need_root(c, e);
        rc = rc == 1 ? tuf_legacy_pems_complete(c->root, &c->seen, e) : rc;
    }
    for (const struct tuf_second_root *s = tuf_second_roots; s->word != NULL && rc == 0; s++)
        rc = check_second(c, s, e);
    return rc;
}

int tuf_legacy_check(const struct tuf_workspace *w, const struct tuf_metadata *targets,
                     const struct tuf_metadata *m, const char *directory, int64_t from, int64_t to,
                     struct tm_err *e)
{
    struct check c = {.w = w,
                      .targets = targets,
                      .directory = directory,
                      .from_ms = from * 1000,
                      .to_ms = to * 1000};
    struct tm_buf name = {0};
    int rc = 0;
    for (size_t i = 0; i < tuf_entries_count(m) && rc == 0; i++) {
        struct tuf_entry entry = {0};
        rc = tuf_entry_get(m, i, &name, &entry, e);
        if (rc == 0)
            rc = check_entry(&c, tm_buf_str(&name), &entry, e);
        tuf_free_entry(&entry);
    }
    if (rc == 0 && m == targets)
        rc = check_whole(&c, e);
    tuf_trusted_root_free(c.root);
    tm_buf_free(&name);
    return rc;
}

#include "tools/tenmint-tuf/trust_files.h"

#include <dirent.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/pem.h"
#include "tuf/manager/state/legacy.h"

#define TRUSTED_ROOT_NAME "trusted_root.json"
#define SIGNING_CONFIG_NAME "signing_config.v0.2.json"

static const struct trust_kind kinds[] = {
    {"ca", TRUST_CA, SERVICE_CA, true},
    {"tsa", TRUST_TSA, SERVICE_TSA, true},
    {"ctlog", TRUST_CTLOG, SERVICE_KIND_COUNT, true},
    {"log", TRUST_TLOG, SERVICE_TLOG, true},
    {"oidc", TRUST_CA, SERVICE_OIDC, false},
};

const struct trust_kind *trust_kind_of(const struct cli_command *self)
{
    const char *dash = strchr(self->name, '-');
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (dash != NULL && strcmp(kinds[i].suffix, dash + 1) == 0)
            return &kinds[i];
    }
    return &kinds[0];
}

void trust_files_close(struct trust_files *f)
{
    tuf_trusted_root_free(f->root);
    tuf_trusted_root_free(f->before);
    tuf_signing_config_free(f->config);
    if (f->has_workspace)
        tuf_workspace_close(&f->w);
}

/* The folder: given, or the targets of the workspace, which nobody else changes while we edit. */
static int find_folder(const char *dir, const char *folder, bool edit, struct trust_files *f,
                       struct tm_err *e)
{
    if (folder != NULL) {
        if ((size_t)snprintf(f->folder, sizeof(f->folder), "%s", folder) >= sizeof(f->folder))
            return tm_err_set(e, "the path is too long");
        return 0;
    }
    if (tuf_workspace_open(dir != NULL ? dir : ".", &f->w, e) != 0)
        return -1;
    f->has_workspace = true;
    if (edit && tuf_workspace_lock(&f->w, LOCK_WAIT_MS, e) != 0)
        return -1;
    return tuf_workspace_path(&f->w, f->w.policy.targets, f->folder, sizeof(f->folder), e);
}

int trust_files_open(const char *dir, const char *folder, bool edit, struct trust_files *f,
                     struct tm_err *e)
{
    *f = (struct trust_files){0};
    if (find_folder(dir, folder, edit, f, e) != 0 ||
        (edit && tm_file_mkdirs(f->folder, 0755, e) != 0) ||
        tm_file_join(f->folder, TRUSTED_ROOT_NAME, f->root_path, sizeof(f->root_path), e) != 0 ||
        tm_file_join(f->folder, SIGNING_CONFIG_NAME, f->config_path, sizeof(f->config_path), e) !=
            0)
        return -1;
    bool has_root = access(f->root_path, F_OK) == 0;
    bool has_config = access(f->config_path, F_OK) == 0;
    f->root = has_root ? tuf_trusted_root_load_strict(f->root_path, e) : tuf_trusted_root_new(e);
    f->before = f->root == NULL ? NULL
                : has_root      ? tuf_trusted_root_load_strict(f->root_path, e)
                                : tuf_trusted_root_new(e);
    if (f->before != NULL)
        f->config = has_config ? tuf_signing_config_load_strict(f->config_path, e)
                               : tuf_signing_config_new(e);
    return f->config != NULL ? 0 : -1;
}

static int write_root(const struct trust_files *f, struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tuf_trusted_root_write(f->root, &text, e);
    if (rc == 0)
        rc = tm_file_write_atomic(f->root_path, 0644, text.data, text.len, e);
    tm_buf_free(&text);
    return rc;
}

static int write_config(const struct trust_files *f, struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tuf_signing_config_write(f->config, &text, e);
    if (rc == 0)
        rc = tm_file_write_atomic(f->config_path, 0644, text.data, text.len, e);
    tm_buf_free(&text);
    return rc;
}

/* Whether a PEM file holds the certificate. */
static bool holds(const char *path, const X509 *cert)
{
    struct tm_buf text = {0};
    bool found = false;
    X509 *one;
    BIO *in = tm_file_read_text(path, TRUST_MATERIAL_MAX, &text, NULL) == 0 && text.len > 0
                  ? BIO_new_mem_buf(text.data, (int)text.len)
                  : NULL;
    while (in != NULL && (one = PEM_read_bio_X509(in, NULL, tm_pem_no_password, NULL)) != NULL) {
        found |= X509_cmp(one, cert) == 0;
        X509_free(one);
    }
    BIO_free(in);
    ERR_clear_error();
    tm_buf_free(&text);
    return found;
}

static bool is_trusted(const struct tuf_trusted_root *r, enum tuf_trust_list list, const X509 *cert)
{
    const struct tuf_trust_entry *t;
    for (size_t i = 0; (t = tuf_trusted_root_entry(r, list, i)) != NULL; i++) {
        if (X509_cmp(sk_X509_value(t->chain, 0), cert) == 0)
            return true;
    }
    return false;
}

/* Older tools go by PEM targets, and would go on to trust what is removed. */
static void tell_copies(const struct trust_files *f, const X509 *cert, struct talk *t)
{
    struct dirent **names = NULL;
    char path[PATH_MAX];
    char text[NAME_MAX + 128];
    int count = scandir(f->folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof(text),
                 "the target %s still holds the removed certificate: older clients trust it by "
                 "that file",
                 names[i]->d_name);
        if (names[i]->d_name[0] != '.' &&
            tm_file_join(f->folder, names[i]->d_name, path, sizeof(path), NULL) == 0 &&
            holds(path, cert))
            talk_note(t, text);
        free(names[i]);
    }
    free(names);
}

static void tell_removed(const struct trust_files *f, struct talk *talk)
{
    static const enum tuf_trust_list lists[] = {TRUST_CA, TRUST_TSA};
    const struct tuf_trust_entry *t;
    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; (t = tuf_trusted_root_entry(f->before, lists[l], i)) != NULL; i++) {
            const X509 *cert = sk_X509_value(t->chain, 0);
            if (!is_trusted(f->root, lists[l], cert))
                tell_copies(f, cert, talk);
        }
    }
}

int trust_files_save(struct trust_files *f, bool confirmed, struct talk *t, struct tm_err *e)
{
    char next[PATH_MAX + 64];
    tuf_trusted_root_diff(f->before, f->root, session_now() * 1000, talk_change, t);
    if (t->danger && !confirmed)
        return tm_err_set(e, "nothing was written: add --confirm to do that");
    if (f->root_changed && write_root(f, e) != 0)
        return -1;
    if (f->config_changed && write_config(f, e) != 0)
        return f->root_changed ? tm_err_wrap(e, "'%s' is written, but", f->root_path) : -1;
    if (f->root_changed)
        talk_wrote(t, f->root_path);
    if (f->config_changed)
        talk_wrote(t, f->config_path);
    tuf_trusted_root_lint(f->root, tm_clock_wall_ms(), talk_note, t);
    if (f->has_workspace && tuf_legacy_sync(&f->w, session_now(), talk_step, t, e) != 0)
        return -1;
    tell_removed(f, t);
    snprintf(next, sizeof(next), "next: tenmint-tuf propose --dir %s", f->w.dir);
    if (f->has_workspace)
        talk_step(t, next);
    return 0;
}

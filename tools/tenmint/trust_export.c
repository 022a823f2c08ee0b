/* tenmint trust export: verified trust in the forms that other verifiers take. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "tools/tenmint/commands.h"
#include "tools/tenmint/trust.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/verify/trust/export.h"

#define TARGET_MAX ((size_t)64 << 20)
#define METADATA_MAX ((size_t)64 << 20)
#define FORMS_MAX 16

struct line {
    struct trust_source source;
    const char *out, *mirror, *name, *issuer, *subject;
};

struct gathered {
    struct tuf_client *client;
    char dir[PATH_MAX];
    struct tuf_trusted_root *trust;
    struct tm_buf root, config;
    struct tm_buf mirror;         /* its address */
    struct tuf_export_file *file; /* names and data owned */
    size_t count;
};

static void free_all(struct gathered *g)
{
    for (size_t i = 0; i < g->count; i++) {
        free((char *)g->file[i].name);
        free((void *)g->file[i].data);
    }
    free(g->file);
    tuf_trusted_root_free(g->trust);
    tm_buf_free(&g->root);
    tm_buf_free(&g->config);
    tm_buf_free(&g->mirror);
    tuf_client_close(g->client);
}

static void tell(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "note: %s\n", text);
}

/* ---- the mirror's files ---- */

/* Takes the bytes of `data`. */
static int add_file(struct gathered *g, const char *name, struct tm_buf *data, struct tm_err *e)
{
    struct tuf_export_file *grown = realloc(g->file, (g->count + 1) * sizeof(*grown));
    char *copy = strdup(name);
    if (grown != NULL)
        g->file = grown;
    if (grown == NULL || copy == NULL) {
        free(copy);
        return tm_err_set(e, "out of memory");
    }
    g->file[g->count++] = (struct tuf_export_file){copy, data->data, data->len};
    *data = (struct tm_buf){0};
    return 0;
}

static int add_cached(struct gathered *g, const char *cached, const char *name, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf data = {0};
    int rc = tm_file_join(g->dir, cached, path, sizeof(path), e);
    if (rc == 0)
        rc = tm_file_read(path, METADATA_MAX, &data, e);
    if (rc == 0)
        rc = add_file(g, name, &data, e);
    tm_buf_free(&data);
    return rc;
}

/* As a mirror with consistent snapshots calls them; those without have no version in the name. */
static int add_role(struct gathered *g, enum tuf_role role, bool versioned, struct tm_err *e)
{
    char cached[64];
    char name[96];
    const struct tuf_metadata *m = tuf_client_role(g->client, role);
    snprintf(cached, sizeof(cached), "%s.json", tuf_role_name(role));
    snprintf(name, sizeof(name), "%s", cached);
    if (versioned)
        snprintf(name, sizeof(name), "%" PRId64 ".%s", tuf_metadata_version(m), cached);
    return add_cached(g, cached, name, e);
}

static int add_target(struct gathered *g, const char *path, const struct tuf_entry *entry,
                      bool hashed, struct tm_err *e)
{
    struct tm_buf name = {0};
    struct tm_buf data = {0};
    const char *base = strrchr(path, '/');
    const char *hash = tuf_hashes_find(&entry->hashes, "sha256");
    size_t folder = base != NULL ? (size_t)(base + 1 - path) : 0;
    if (hashed && hash != NULL)
        tm_buf_printf(&name, "targets/%.*s%s.%s", (int)folder, path, hash, path + folder);
    else
        tm_buf_printf(&name, "targets/%s", path);
    int rc = tm_buf_str(&name) != NULL ? 0 : tm_err_set(e, "out of memory");
    if (rc == 0)
        rc = tuf_client_read(g->client, path, TARGET_MAX, &data, e);
    if (rc == 0)
        rc = add_file(g, tm_buf_str(&name), &data, e);
    tm_buf_free(&name);
    tm_buf_free(&data);
    return rc;
}

static int add_targets(struct gathered *g, bool hashed, struct tm_err *e)
{
    const struct tuf_metadata *m = tuf_client_role(g->client, TUF_TARGETS);
    struct tm_buf name = {0};
    int rc = 0;
    if (tuf_metadata_signed(m)->targets.has_delegations)
        tell(NULL, "targets of delegated roles are left out");
    for (size_t i = 0; i < tuf_entries_count(m) && rc == 0; i++) {
        struct tuf_entry entry = {0};
        rc = tuf_entry_get(m, i, &name, &entry, e);
        if (rc == 0)
            rc = add_target(g, tm_buf_str(&name), &entry, hashed, e);
        tuf_free_entry(&entry);
    }
    tm_buf_free(&name);
    return rc;
}

static int gather_files(struct gathered *g, struct tm_err *e)
{
    const struct tuf_metadata *root = tuf_client_role(g->client, TUF_ROOT);
    bool consistent = tuf_metadata_signed(root)->root.consistent_snapshot;
    int64_t newest = tuf_metadata_version(root);
    char name[64];
    char cached[96];
    for (int64_t v = 1; v < newest; v++) { /* those that this cache has come by */
        snprintf(name, sizeof(name), "%" PRId64 ".root.json", v);
        snprintf(cached, sizeof(cached), "root_history/%s", name);
        add_cached(g, cached, name, NULL);
    }
    return add_role(g, TUF_ROOT, true, e) == 0 && add_role(g, TUF_TIMESTAMP, false, e) == 0 &&
                   add_role(g, TUF_SNAPSHOT, consistent, e) == 0 &&
                   add_role(g, TUF_TARGETS, consistent, e) == 0 &&
                   add_targets(g, consistent, e) == 0
               ? 0
               : -1;
}

/* ---- the command ---- */

static int gather(const struct line *l, const struct tuf_export_form *f, struct gathered *g,
                  struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf text = {0};
    if (trust_dir(&l->source, g->dir, sizeof(g->dir), e) != 0 ||
        (g->client = trust_refreshed(&l->source, e)) == NULL)
        return -1;
    int rc = tuf_client_read(g->client, "trusted_root.json", TRUSTED_ROOT_BYTES_MAX, &text, e);
    if (rc == 0 && (g->trust = tuf_trusted_root_parse(text.data, text.len, e)) == NULL)
        rc = tm_err_wrap(e, "the TUF target 'trusted_root.json'");
    if (rc == 0)
        rc = tm_file_join(g->dir, "root.json", path, sizeof(path), e);
    if (rc == 0)
        rc = tm_file_read(path, TUF_ROOT_BYTES_MAX, &g->root, e);
    if (rc == 0 && (f->needs & TUF_EXPORT_FILES) != 0)
        rc = gather_files(g, e);
    if (rc == 0 && (f->needs & TUF_EXPORT_CONFIG) != 0)
        rc = trust_client_config(g->client, &g->config, e);
    if (rc == 0 && (f->needs & TUF_EXPORT_MIRROR) != 0)
        rc = l->mirror != NULL ? (tm_buf_puts(&g->mirror, l->mirror), 0)
                               : trust_web_mirror(&l->source, &g->mirror, e);
    tm_buf_free(&text);
    return rc;
}

static const char *or_else(const char *given, const char *placeholder)
{
    return given != NULL ? given : placeholder;
}

static int write_form(const struct line *l, const struct tuf_export_form *f, struct gathered *g,
                      struct tm_err *e)
{
    struct tm_buf out = {0};
    const struct tuf_export x = {.trust = g->trust,
                                 .now_ms = tm_clock_wall_ms(),
                                 .name = or_else(l->name, "tenmint"),
                                 .issuer = or_else(l->issuer, "https://issuer.example.com"),
                                 .subject = or_else(l->subject, "dev@example.com"),
                                 .mirror = tm_buf_str(&g->mirror),
                                 .root = g->root.data,
                                 .root_len = g->root.len,
                                 .file = g->file,
                                 .count = g->count,
                                 .client_config = &g->config,
                                 .note = tell};
    int rc = f->write(&x, &out, e);
    if (rc == 0 && l->out != NULL)
        rc = tm_file_write_atomic(l->out, 0644, out.data, out.len, e);
    else if (rc == 0 && (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0))
        rc = tm_err_errno(e, "write to standard output");
    tm_buf_free(&out);
    return rc;
}

static const struct tuf_export_form *find_form(const char *name)
{
    size_t i = 0;
    while (strcmp(tuf_export_forms[i].name, name) != 0)
        i++;
    return &tuf_export_forms[i];
}

int command_trust_export(const struct cli_command *self, int argc, char **argv)
{
    struct line l = {0};
    const char *names[FORMS_MAX + 1] = {NULL};
    struct cli_choice form = {.of = names};
    const struct cli_option options[] = {
        {"form", CLI_CHOICE, "FORM",
         "policy-controller, policy-controller-repository, policy-controller-keys, kyverno, "
         "connaisseur, pem, client-trust-config or mirror-tar",
         &form},
        {"out", CLI_TEXT, "FILE", "write it here (standard output)", &l.out},
        {"name", CLI_TEXT, "NAME", "of the manifest or validator (tenmint)", &l.name},
        {"issuer", CLI_TEXT, "URL", "whose tokens the snippet accepts (a placeholder)", &l.issuer},
        {"identity", CLI_TEXT, "NAME", "whose signatures it accepts (a placeholder)", &l.subject},
        {"mirror", CLI_TEXT, "URL", "of the metadata, in the manifest (the first http mirror)",
         &l.mirror},
        TRUST_OPTIONS(&l.source),
        {0}};
    struct gathered g = {0};
    struct tm_err e = {0};
    for (size_t i = 0; i < tuf_export_form_count && i < FORMS_MAX; i++)
        names[i] = tuf_export_forms[i].name;
    int code = cli_parse(self, options, argc, argv, 0);
    if (code != CLI_GO_ON)
        return code;
    if (!form.given) {
        tm_err_set(&e, "trust export: --form FORM is missing");
        return cli_fail(CLI_USAGE, &e);
    }
    const struct tuf_export_form *f = find_form(form.value);
    int rc = gather(&l, f, &g, &e);
    if (rc == 0)
        rc = write_form(&l, f, &g, &e);
    free_all(&g);
    return rc == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
}

/* The configuration's text with the next log in it: only what changes, comments stay. */
#include <stdio.h>
#include <string.h>

#include "common/yamledit.h"
#include "tools/tenmint-ca/check/check.h"
#include "tools/tenmint-ca/rotate/config_edit.h"
#include "tools/tenmint-ca/rotate/log_rotate.h"

#define PATH_KEYS 4 /* of a value, at most */

struct edit {
    const struct log_rotation *r;
    struct tm_buf text, spare;
    int rc;
    struct tm_err *e;
};

/* `below`: keys of a section, NULL at their end. NULL as the value: nothing is set. */
static void set(struct edit *d, const char *const *below, const char *entry, const char *key,
                const char *value)
{
    const char *path[PATH_KEYS + 1] = {NULL};
    size_t n = 0;
    for (; *below != NULL; below++)
        path[n++] = *below;
    if (entry != NULL)
        path[n++] = entry;
    path[n] = key;
    if (d->rc != 0 || value == NULL)
        return;
    tm_buf_reset(&d->spare);
    const char *text = tm_buf_str(&d->text);
    d->rc = text == NULL
                ? tm_err_set(d->e, "out of memory")
                : tm_yamledit_set(d->r->file, text, d->text.len, path, value, &d->spare, d->e);
    struct tm_buf swap = d->text;
    d->text = d->spare;
    d->spare = swap;
}

/* From the configuration's folder, if it is there: as `init` writes them. */
static const char *relative(const struct log_rotation *r, const char *path)
{
    size_t folder = (size_t)(strrchr(r->file, '/') - r->file) + 1;
    return strncmp(path, r->file, folder) == 0 ? path + folder : path;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static void set_log(struct edit *d)
{
    const struct log_rotation *r = d->r;
    const char *const *section = r->kind->section;
    const struct ca_config_key *k = r->now.key;
    char anchor[PATH_MAX];
    set(d, section, NULL, "directory", relative(r, r->dir));
    set(d, section, NULL, "origin", strcmp(r->origin, r->now.origin) != 0 ? r->origin : NULL);
    set(d, section, NULL, "prefix", r->prefix);
    set(d, section, NULL, "key", k->file != NULL ? relative(r, r->next.key) : NULL);
    set(d, section, NULL, "pkcs11-key", k->module != NULL ? r->next.device.pkcs11_key : NULL);
    set(d, section, NULL, "key-uri", k->uri != NULL ? r->next.device.uri : NULL);
    set(d, section, NULL, "key-uri-file", k->uri_file != NULL ? relative(r, r->next.uri) : NULL);
    if (d->rc == 0 && r->now.anchor != NULL) /* the old one's would contradict the new log */
        d->rc = log_rotate_follow(r->now.anchor, '-', r->name, anchor, sizeof(anchor), d->e);
    set(d, section, NULL, "anchor", r->now.anchor != NULL ? relative(r, anchor) : NULL);
}

static void set_others(struct edit *d)
{
    const struct log_rotation *r = d->r;
    const char *old = base_name(r->now.directory);
    const char *const pages[] = {"pages", "logs", NULL};
    const struct ca_config_pages_log *l = log_rotate_shown(r);
    char entry[LOG_ROTATE_TEXT], url[LOG_ROTATE_TEXT + sizeof(LOG_ROTATE_API)];
    set(d, r->kind->retired, old, "directory", relative(r, r->now.directory));
    set(d, r->kind->retired, old, "public-key", relative(r, r->old_public));
    set(d, r->kind->retired, old, "prefix", r->now.prefix);
    if (l == NULL || d->rc != 0)
        return;
    d->rc = log_rotate_follow(l->name, '-', r->name, entry, LOG_ROTATE_TEXT, d->e);
    snprintf(url, sizeof(url), "%s%s", r->url, r->signatures ? LOG_ROTATE_API : "");
    set(d, pages, entry, "directory", relative(r, r->dir));
    set(d, pages, entry, "public-key", relative(r, r->next.public));
    set(d, pages, entry, "url", url);
}

static int make(void *ctx, struct tm_buf *text, struct tm_buf *next, struct tm_err *e)
{
    struct edit d = {.r = ctx, .text = *text, .e = e};
    *text = (struct tm_buf){0};
    set_log(&d);
    set_others(&d);
    *next = d.text;
    tm_buf_free(&d.spare);
    return d.rc;
}

/* It must mean what was asked for, and a server take it. */
static int check(void *ctx, const struct ca_config *config, struct tm_err *e)
{
    const struct log_rotation *r = ctx;
    struct log_rotation after = {.signatures = r->signatures, .config = *config};
    log_rotate_take_now(&after);
    bool good = strcmp(after.now.directory, r->dir) == 0 &&
                strcmp(after.now.origin, r->origin) == 0 &&
                strcmp(after.now.prefix, r->prefix) == 0 &&
                after.now.retired->count == r->now.retired->count + 1;
    return good ? check_server_edit(r->file, &r->config, config, e)
                : tm_yamledit_refused(r->file, e);
}

int log_rotate_activate(struct log_rotation *r, struct tm_err *e)
{
    const struct config_edit d = {r->file, &r->config, r->kind->may, make, check, r};
    return config_edit(&d, e);
}

/*
 * log rotate: the next log of certificates, or shard of the signature log, in two runs of one
 * command. The first makes it beside the present one, for verifiers to learn of; with --activate
 * the configuration is edited, which a running server takes up at SIGHUP. Either may be run again.
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/config/config.h"
#include "common/file.h"
#include "common/http/http.h"
#include "common/kms/kms.h"
#include "common/yamledit.h"
#include "tools/tenmint-ca/audit_note.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/log_create.h"
#include "tools/tenmint-ca/owner.h"
#include "tools/tenmint-ca/setup.h"

#define API "/api/v2" /* what clients of Rekor v2 append to a log's address */
#define TEXT 512
#define PATH_KEYS 4 /* of a value in the configuration, at most */

/* What differs between the two kinds of logs. */
struct kind {
    const char *what;
    const char *section[3], *retired[3];
    const char *add, *add_options, *retire; /* tenmint-tuf trust … */
};

static const struct kind kinds[] = {
    {"log of certificates",
     {"ct", "embedded", NULL},
     {"ct", "retired", NULL},
     "add-ctlog",
     " --offline",
     "retire-ctlog"},
    {"signature log",
     {"signature-log", NULL},
     {"signature-log", "retired", NULL},
     "add-log",
     " --api-version 2 --offline",
     "retire-log"},
};

struct log_now { /* as configured; borrowed */
    const char *directory, *origin, *prefix, *anchor;
    const struct ca_config_key *key;
    const struct tm_yamlmap_entries *retired;
    size_t witnesses;
};

struct rotation {
    const char *name; /* of the next: a period, such as 2027 */
    const char *wanted_origin, *public_key, *label, *uri, *user;
    bool signatures, activate;
    char *file; /* the configuration; owned */
    struct ca_config config;
    const struct kind *kind;
    struct log_now now;
    char dir[PATH_MAX], origin[TEXT], prefix[TEXT], old_public[PATH_MAX];
    char url[TEXT], old_url[TEXT]; /* where clients find them */
    char new_label[TEXT];
    struct log_create next;
};

/* ---- names ---- */

/* `text` without a last part "SEPARATOR DIGITS", which an earlier rotation gave it. */
static size_t stem(const char *text, size_t len, char separator)
{
    size_t at = len;
    while (at > 0 && isdigit((unsigned char)text[at - 1]))
        at--;
    return at < len && at > 0 && text[at - 1] == separator ? at - 1 : len;
}

static int fits(int n, size_t size, struct tm_err *e)
{
    return n >= 0 && (size_t)n < size ? 0 : tm_err_set(e, "a name or path is too long");
}

/* "log" and "log-2026" are followed by "log-2027". */
static int follow(const char *text, char separator, const char *name, char *out, size_t size,
                  struct tm_err *e)
{
    int len = (int)stem(text, strlen(text), separator);
    return fits(snprintf(out, size, "%.*s%c%s", len, text, separator, name), size, e);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

/* A shard is served at its own path: "/2027/api/v2". */
static int shard_prefix(struct rotation *r, struct tm_err *e)
{
    size_t len = strlen(r->now.prefix);
    if (!ends_with(r->now.prefix, API))
        return tm_err_set(e, "the signature log's prefix '%s' does not end with " API,
                          r->now.prefix);
    len -= strlen(API);
    return fits(snprintf(r->prefix, TEXT, "%.*s/%s" API, (int)stem(r->now.prefix, len, '/'),
                         r->now.prefix, r->name),
                TEXT, e);
}

/* The address that the pages give for the old log says how clients reach this server. */
static const struct ca_config_pages_log *shown(const struct rotation *r)
{
    for (size_t i = 0; i < r->config.pages.logs.count; i++) {
        const struct ca_config_pages_log *l = ca_config_pages_log_at(&r->config.pages, i);
        if (strcmp(l->directory, r->now.directory) == 0)
            return l;
    }
    return NULL;
}

static int name_urls(struct rotation *r, struct tm_err *e)
{
    const struct ca_config_pages_log *l = shown(r);
    const char *tail = r->signatures ? API : "";
    char base[TEXT];
    int rc;
    if (l != NULL && l->url != NULL && r->wanted_origin == NULL && ends_with(l->url, r->now.prefix))
        rc = fits(
            snprintf(base, TEXT, "%.*s", (int)(strlen(l->url) - strlen(r->now.prefix)), l->url),
            TEXT, e);
    else
        rc = fits(snprintf(base, TEXT, "https://%.*s", (int)strcspn(r->origin, "/"), r->origin),
                  TEXT, e);
    int len = (int)(strlen(r->prefix) - strlen(tail));
    int old_len = (int)(strlen(r->now.prefix) - strlen(tail));
    if (rc == 0)
        rc = fits(snprintf(r->url, TEXT, "%s%.*s", base, len, r->prefix), TEXT, e);
    return rc == 0
               ? fits(snprintf(r->old_url, TEXT, "%s%.*s", base, old_len, r->now.prefix), TEXT, e)
               : -1;
}

static int name_all(struct rotation *r, struct tm_err *e)
{
    int rc = follow(r->now.directory, '-', r->name, r->dir, sizeof(r->dir), e);
    if (rc == 0 && r->wanted_origin != NULL)
        rc = fits(snprintf(r->origin, TEXT, "%s", r->wanted_origin), TEXT, e);
    else if (rc == 0 && r->signatures)
        rc = fits(snprintf(r->origin, TEXT, "%s", r->now.origin), TEXT, e);
    else if (rc == 0)
        rc = follow(r->now.origin, '/', r->name, r->origin, TEXT, e);
    if (rc == 0)
        rc = r->signatures ? shard_prefix(r, e)
                           : follow(r->now.prefix, '/', r->name, r->prefix, TEXT, e);
    if (rc == 0)
        rc = tm_http_prefix_check("the next log's path", r->prefix, e);
    if (rc == 0)
        rc = name_urls(r, e);
    if (rc == 0 && r->public_key != NULL)
        rc = realpath(r->public_key, r->old_public) != NULL
                 ? 0
                 : tm_err_errno(e, "--public-key '%s'", r->public_key);
    else if (rc == 0)
        rc = fits(snprintf(r->old_public, PATH_MAX, "%s.pem", r->now.directory), PATH_MAX, e);
    r->next.dir = r->dir;
    r->next.origin = r->origin;
    r->next.signatures = r->signatures;
    return rc == 0 ? log_create_names(&r->next, e) : -1;
}

/* ---- what there is ---- */

static void take_now(struct rotation *r)
{
    const struct ca_config *c = &r->config;
    r->kind = &kinds[r->signatures];
    if (r->signatures)
        r->now = (struct log_now){c->signatures.directory,
                                  c->signatures.origin,
                                  ca_config_siglog_prefix(c),
                                  c->signatures.anchor,
                                  &c->signatures.key,
                                  &c->signatures.retired,
                                  c->signatures.witness.list.count};
    else
        r->now = (struct log_now){c->ct.embedded.directory,
                                  c->ct.embedded.origin,
                                  ca_config_embedded_prefix(c),
                                  c->ct.embedded.anchor,
                                  &c->ct.embedded.key,
                                  &c->ct.retired,
                                  c->ct.embedded.witness.list.count};
}

/* The next key is where the present one is. */
static int choose_key(struct rotation *r, struct tm_err *e)
{
    const struct ca_config_key *k = r->now.key;
    struct log_create *n = &r->next;
    if (k->uri_file != NULL)
        return tm_err_set(e,
                          "%s: the key of the %s is named by 'key-uri-file': make the next log by "
                          "`log create`, and change the file and the configuration by hand",
                          r->file, r->kind->what);
    if ((r->uri != NULL) != (k->uri != NULL))
        return tm_err_set(e,
                          r->uri != NULL
                              ? "--key-uri: the present key is not named by a URI (%s)"
                              : "--key-uri URI names the next key: the present one is named by one "
                                "(%s)",
                          r->file);
    if (r->label != NULL && k->module == NULL)
        return tm_err_set(e, "--pkcs11-key: the present key is not in a token (%s)", r->file);
    if (k->uri != NULL) {
        n->device = (struct tm_key_source){.uri = r->uri, .far = tm_kms_here()};
    } else if (k->module != NULL) {
        n->device = ca_config_key_source(k);
        if (follow(k->label, '-', r->name, r->new_label, sizeof(r->new_label), e) != 0)
            return -1;
        n->device.pkcs11_key = r->label != NULL ? r->label : r->new_label;
    } else {
        n->password_file = k->password_file;
        n->password_env = k->password_env;
    }
    return 0;
}

static int look(struct rotation *r, const char *file, struct tm_err *e)
{
    r->file = realpath(file, NULL); /* a link stays a link */
    if (r->file == NULL)
        return tm_err_errno(e, "configuration '%s'", file);
    if (ca_config_load(r->file, &r->config, e) != 0) {
        free(r->file);
        r->file = NULL;
        return -1;
    }
    take_now(r);
    if (r->now.directory == NULL)
        return tm_err_set(e, "'%s' has no %s", r->file, r->kind->what);
    return 0;
}

/* ---- the configuration's text ---- */

struct edit {
    const struct rotation *r;
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
static const char *relative(const struct rotation *r, const char *path)
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
    const struct rotation *r = d->r;
    const char *const *section = r->kind->section;
    const struct ca_config_key *k = r->now.key;
    char anchor[PATH_MAX];
    set(d, section, NULL, "directory", relative(r, r->dir));
    set(d, section, NULL, "origin", strcmp(r->origin, r->now.origin) != 0 ? r->origin : NULL);
    set(d, section, NULL, "prefix", r->prefix);
    set(d, section, NULL, "key", k->file != NULL ? relative(r, r->next.key) : NULL);
    set(d, section, NULL, "pkcs11-key", k->module != NULL ? r->next.device.pkcs11_key : NULL);
    set(d, section, NULL, "key-uri", r->uri);
    if (d->rc == 0 && r->now.anchor != NULL) /* the old one's would contradict the new log */
        d->rc = follow(r->now.anchor, '-', r->name, anchor, sizeof(anchor), d->e);
    set(d, section, NULL, "anchor", r->now.anchor != NULL ? relative(r, anchor) : NULL);
}

static void set_others(struct edit *d)
{
    const struct rotation *r = d->r;
    const char *old = base_name(r->now.directory);
    const char *const pages[] = {"pages", "logs", NULL};
    const struct ca_config_pages_log *l = shown(r);
    char entry[TEXT], url[TEXT];
    set(d, r->kind->retired, old, "directory", relative(r, r->now.directory));
    set(d, r->kind->retired, old, "public-key", relative(r, r->old_public));
    set(d, r->kind->retired, old, "prefix", r->now.prefix);
    if (l == NULL || d->rc != 0)
        return;
    d->rc = follow(l->name, '-', r->name, entry, TEXT, d->e);
    if (d->rc == 0)
        d->rc = fits(snprintf(url, TEXT, "%s%s", r->url, r->signatures ? API : ""), TEXT, d->e);
    set(d, pages, entry, "directory", relative(r, r->dir));
    set(d, pages, entry, "public-key", relative(r, r->next.public));
    set(d, pages, entry, "url", url);
}

struct seen {
    const struct kind *kind;
    bool other; /* something else changed */
};

static void on_change(void *arg, const char *key, enum tm_yamlmap_change change)
{
    struct seen *s = arg;
    bool ct = s->kind == &kinds[0];
    (void)change;
    s->other |= strncmp(key, ct ? "ct.embedded." : "signature-log.", ct ? 12 : 14) != 0 &&
                strncmp(key, "ct.retired.", ct ? 11 : 99) != 0 &&
                strncmp(key, "pages.logs.", 11) != 0;
}

/* It must load, mean what was asked for, and nothing else must have changed. */
static int check(const struct edit *d, struct tm_err *e)
{
    const struct rotation *r = d->r;
    struct rotation after = {.signatures = r->signatures};
    struct seen s = {.kind = r->kind};
    if (ca_config_parse(r->file, (const char *)d->text.data, d->text.len, &after.config, e) != 0)
        return tm_err_wrap(e, "the configuration would not load after that");
    take_now(&after);
    ca_config_diff(&r->config, &after.config, on_change, &s);
    bool good = !s.other && strcmp(after.now.directory, r->dir) == 0 &&
                strcmp(after.now.origin, r->origin) == 0 &&
                strcmp(after.now.prefix, r->prefix) == 0 &&
                after.now.retired->count == r->now.retired->count + 1;
    ca_config_free(&after.config);
    return good ? 0 : tm_err_set(e, "'%s' is written in a way that is not edited here", r->file);
}

static int activate(struct rotation *r, struct tm_err *e)
{
    struct edit d = {.r = r, .e = e};
    int lock = owner_lock(r->file, e);
    d.rc = lock >= 0 ? tm_file_read_text(r->file, YAMLMAP_FILE_MAX, &d.text, e) : -1;
    set_log(&d);
    set_others(&d);
    if (d.rc == 0)
        d.rc = check(&d, e);
    if (d.rc == 0)
        d.rc = owner_replace(r->file, &d.text, e);
    if (lock >= 0)
        close(lock);
    tm_buf_free(&d.text);
    tm_buf_free(&d.spare);
    return d.rc;
}

/* ---- the command ---- */

static int need(const char *path, const char *remedy, struct tm_err *e)
{
    return access(path, R_OK) == 0 ? 0 : tm_err_errno(e, "'%s' (%s)", path, remedy);
}

static int run(struct rotation *r, struct tm_err *e)
{
    struct setup_paths room;
    char checkpoint[PATH_MAX];
    if (strcmp(r->dir, r->now.directory) == 0)
        return tm_err_set(e, "'%s' is in the configuration already: SIGHUP takes it up", r->dir);
    if (tm_file_join(r->dir, "checkpoint", checkpoint, sizeof(checkpoint), e) != 0)
        return -1;
    if (!r->activate)
        return setup_check_origin("origin", r->origin, e) != 0 ||
                       setup_absolute(&r->next.device, &room, e) != 0
                   ? -1
                   : log_create_make(&r->next, e);
    return need(checkpoint, "first run this without --activate", e) != 0 ||
                   need(r->next.public, "first run this without --activate", e) != 0 ||
                   need(r->old_public, "the old log's public key: name it by --public-key", e) != 0
               ? -1
               : activate(r, e);
}

static void note(const struct rotation *r)
{
    struct tm_err e = {0};
    const struct ca_audit_event ev = {.kind = AUDIT_ROTATION,
                                      .reason =
                                          r->activate ? "next log put in service" : "next log made",
                                      .detail = r->dir,
                                      .before = r->now.directory,
                                      .after = r->dir};
    if (audit_note_in(&r->config, &ev, &e) != 0)
        fprintf(stderr, "tenmint-ca: the audit trail does not have it: %s\n", e.text);
}

static void print_done(const struct rotation *r)
{
    const char *flag = r->signatures ? " --signatures" : "";
    if (r->activate) {
        printf("in service from the next SIGHUP on (systemctl reload tenmint-ca): %s at %s;\n"
               "the old log is served as it ends, and takes no more entries: %s\n"
               "then let it end for clients, and hold a ceremony:\n"
               "  tenmint-tuf trust %s %s --confirm\n",
               r->dir, r->url, r->old_url, r->kind->retire, r->old_url);
        return;
    }
    printf("wrote %s, %s\n"
           "let clients know it, and hold a ceremony (trusted root%s):\n"
           "  tenmint-tuf trust %s --url %s --key %s%s%s\n"
           "when every verifier has refreshed (one life of the timestamp):\n"
           "  tenmint-ca log rotate %s %s%s --activate\n",
           r->dir, r->next.public, r->signatures ? " and signing configuration" : "", r->kind->add,
           r->url, r->next.public, r->kind->add_options, r->signatures ? " --start TIME" : "",
           r->file, r->name, flag);
    if (r->signatures && r->now.witnesses > 0 && strcmp(r->origin, r->now.origin) == 0)
        fprintf(stderr, "warning: witnesses know a log by its origin: a shard with witnesses needs "
                        "one of its own (--origin)\n");
}

static int check_words(const struct rotation *r, struct tm_err *e)
{
    size_t len = strlen(r->name);
    if (len == 0 || len > 32 || strspn(r->name, "0123456789") != len)
        return tm_err_set(e, "log rotate: NAME is a period in digits, such as 2027 or 202701");
    if (r->activate && r->user != NULL)
        return tm_err_set(e, "log rotate: --user goes with making the log, not with --activate");
    if (!r->activate && r->public_key != NULL)
        return tm_err_set(e, "log rotate: --public-key goes with --activate");
    return 0;
}

int command_log_rotate(const struct cli_command *self, int argc, char **argv)
{
    struct rotation r = {0};
    const struct cli_option options[] = {
        {"signatures", CLI_FLAG, NULL, "the log of signatures, not that of certificates",
         &r.signatures},
        {"activate", CLI_FLAG, NULL, "put it into the configuration, and the old one to 'retired'",
         &r.activate},
        {"origin", CLI_TEXT, "NAME", "its name for ever (as the old one's, with NAME)",
         &r.wanted_origin},
        {"public-key", CLI_TEXT, "FILE", "with --activate: the old log's (its directory and .pem)",
         &r.public_key},
        {"pkcs11-key", CLI_TEXT, "LABEL",
         "the new key's label, where the key is in a token (the old one, with NAME)", &r.label},
        {"key-uri", CLI_TEXT, "URI", "the new key, which exists, where the key is named so",
         &r.uri},
        OWNER_OPTION(r.user),
        {NULL, CLI_FLAG, NULL, NULL, NULL},
    };
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 2, 2, &count);
    if (rc != CLI_GO_ON)
        return rc;
    r.name = argv[1];
    if (check_words(&r, &e) != 0 || owner_find(r.user, &r.next.owner, &e) != 0)
        return cli_fail(CLI_USAGE, &e);
    if (look(&r, argv[0], &e) != 0) {
        rc = CLI_CONFIG;
    } else {
        rc = choose_key(&r, &e) != 0 || name_all(&r, &e) != 0 ? CLI_CONFIG
             : run(&r, &e) != 0                               ? CLI_FAILED
                                                              : CLI_OK;
    }
    if (rc == CLI_OK) {
        note(&r);
        print_done(&r);
    }
    if (r.file != NULL)
        ca_config_free(&r.config);
    free(r.file);
    return rc == CLI_OK ? CLI_OK : cli_fail(rc, &e);
}

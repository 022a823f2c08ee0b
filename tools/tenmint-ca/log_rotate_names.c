/* What log rotate finds, and what the next log is called. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/http.h"
#include "common/kms/kms.h"
#include "tools/tenmint-ca/log_rotate.h"

static const struct log_rotate_kind kinds[] = {
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

int log_rotate_follow(const char *text, char separator, const char *name, char *out, size_t size,
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
static int shard_prefix(struct log_rotation *r, struct tm_err *e)
{
    size_t len = strlen(r->now.prefix);
    if (!ends_with(r->now.prefix, LOG_ROTATE_API))
        return tm_err_set(e, "the signature log's prefix '%s' does not end with " LOG_ROTATE_API,
                          r->now.prefix);
    len -= strlen(LOG_ROTATE_API);
    return fits(snprintf(r->prefix, LOG_ROTATE_TEXT, "%.*s/%s" LOG_ROTATE_API,
                         (int)stem(r->now.prefix, len, '/'), r->now.prefix, r->name),
                LOG_ROTATE_TEXT, e);
}

/* The address that the pages give for the old log says how clients reach this server. */
const struct ca_config_pages_log *log_rotate_shown(const struct log_rotation *r)
{
    for (size_t i = 0; i < r->config.pages.logs.count; i++) {
        const struct ca_config_pages_log *l = ca_config_pages_log_at(&r->config.pages, i);
        if (strcmp(l->directory, r->now.directory) == 0)
            return l;
    }
    return NULL;
}

static int name_urls(struct log_rotation *r, struct tm_err *e)
{
    const struct ca_config_pages_log *l = log_rotate_shown(r);
    const char *tail = r->signatures ? LOG_ROTATE_API : "";
    char base[LOG_ROTATE_TEXT];
    int rc;
    if (l != NULL && l->url != NULL && r->wanted_origin == NULL && ends_with(l->url, r->now.prefix))
        rc = fits(snprintf(base, LOG_ROTATE_TEXT, "%.*s",
                           (int)(strlen(l->url) - strlen(r->now.prefix)), l->url),
                  LOG_ROTATE_TEXT, e);
    else
        rc = fits(snprintf(base, LOG_ROTATE_TEXT, "https://%.*s", (int)strcspn(r->origin, "/"),
                           r->origin),
                  LOG_ROTATE_TEXT, e);
    int len = (int)(strlen(r->prefix) - strlen(tail));
    int old_len = (int)(strlen(r->now.prefix) - strlen(tail));
    if (rc == 0)
        rc = fits(snprintf(r->url, LOG_ROTATE_TEXT, "%s%.*s", base, len, r->prefix),
                  LOG_ROTATE_TEXT, e);
    return rc == 0
               ? fits(snprintf(r->old_url, LOG_ROTATE_TEXT, "%s%.*s", base, old_len, r->now.prefix),
                      LOG_ROTATE_TEXT, e)
               : -1;
}

static int name_all(struct log_rotation *r, struct tm_err *e)
{
    int rc = log_rotate_follow(r->now.directory, '-', r->name, r->dir, sizeof(r->dir), e);
    if (rc == 0 && r->wanted_origin != NULL)
        rc = fits(snprintf(r->origin, LOG_ROTATE_TEXT, "%s", r->wanted_origin), LOG_ROTATE_TEXT, e);
    else if (rc == 0 && r->signatures)
        rc = fits(snprintf(r->origin, LOG_ROTATE_TEXT, "%s", r->now.origin), LOG_ROTATE_TEXT, e);
    else if (rc == 0)
        rc = log_rotate_follow(r->now.origin, '/', r->name, r->origin, LOG_ROTATE_TEXT, e);
    if (rc == 0)
        rc = r->signatures
                 ? shard_prefix(r, e)
                 : log_rotate_follow(r->now.prefix, '/', r->name, r->prefix, LOG_ROTATE_TEXT, e);
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

void log_rotate_take_now(struct log_rotation *r)
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
static int choose_key(struct log_rotation *r, struct tm_err *e)
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
        if (log_rotate_follow(k->label, '-', r->name, r->new_label, sizeof(r->new_label), e) != 0)
            return -1;
        n->device.pkcs11_key = r->label != NULL ? r->label : r->new_label;
    } else {
        n->password_file = k->password_file;
        n->password_env = k->password_env;
    }
    return 0;
}

int log_rotate_plan(struct log_rotation *r, struct tm_err *e)
{
    return choose_key(r, e) == 0 ? name_all(r, e) : -1;
}

int log_rotate_look(struct log_rotation *r, const char *file, struct tm_err *e)
{
    r->file = realpath(file, NULL); /* a link stays a link */
    if (r->file == NULL)
        return tm_err_errno(e, "configuration '%s'", file);
    if (ca_config_load(r->file, &r->config, e) != 0) {
        free(r->file);
        r->file = NULL;
        return -1;
    }
    log_rotate_take_now(r);
    if (r->now.directory == NULL)
        return tm_err_set(e, "'%s' has no %s", r->file, r->kind->what);
    return 0;
}

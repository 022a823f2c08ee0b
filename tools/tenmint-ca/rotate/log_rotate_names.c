/* What log rotate finds, and what the next log is called. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/log/engine/reader.h"
#include "common/file.h"
#include "common/http/http.h"
#include "common/kms/kms.h"
#include "tools/tenmint-ca/rotate/log_rotate.h"

static const struct log_rotate_kind kinds[] = {
    {"log of certificates",
     {"ct", "embedded", NULL},
     {"ct", "retired", NULL},
     {"ct.embedded.", "ct.retired.", "pages.logs.", NULL},
     "add-ctlog",
     " --offline",
     "retire-ctlog"},
    {"signature log",
     {"signature-log", NULL},
     {"signature-log", "retired", NULL},
     {"signature-log.", "pages.logs.", NULL},
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

/* A log that is made keeps its own; else as asked for, or by the present one's. */
static int name_origin(struct log_rotation *r, struct tm_err *e)
{
    struct ca_log_identity made;
    const char *origin = r->wanted_origin;
    if (r->activate && ca_log_dir_identity(r->dir, &made, NULL) == 0) {
        origin = made.origin;
        if (r->wanted_origin != NULL && strcmp(r->wanted_origin, made.origin) != 0)
            return tm_err_set(e, "the log was made with the origin '%s', not '%s'", made.origin,
                              r->wanted_origin);
    }
    if (origin == NULL && r->signatures)
        origin = r->now.origin;
    return origin != NULL
               ? fits(snprintf(r->origin, LOG_ROTATE_TEXT, "%s", origin), LOG_ROTATE_TEXT, e)
               : log_rotate_follow(r->now.origin, '/', r->name, r->origin, LOG_ROTATE_TEXT, e);
}

static int name_all(struct log_rotation *r, struct tm_err *e)
{
    int rc = log_rotate_follow(r->now.directory, '-', r->name, r->dir, sizeof(r->dir), e);
    if (rc == 0)
        rc = name_origin(r, e);
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

/* What the first run was told of its key: `given` must be that, or is left out. *name: NULL where
 * neither says it, as after a run of a version that kept nothing. */
static int remember(struct log_rotation *r, const char *file, const char *given, const char **name,
                    struct tm_err *e)
{
    struct tm_buf line = {0};
    *name = given;
    if (!r->activate || access(file, F_OK) != 0)
        return 0;
    int rc = tm_file_read(file, sizeof(r->kept), &line, e);
    const char *text = rc == 0 ? tm_buf_str(&line) : NULL;
    size_t len = text != NULL ? strcspn(text, "\n") : 0;
    if (rc == 0 && (len == 0 || len >= sizeof(r->kept) || len + 1 != line.len))
        rc = tm_err_set(e, "'%s' is not one line that names a key", file);
    if (rc == 0) {
        memcpy(r->kept, text, len);
        r->kept[len] = '\0';
        *name = r->kept;
        if (given != NULL && strcmp(given, r->kept) != 0)
            rc = tm_err_set(e, "the log was made with the key '%s', not '%s'", r->kept, given);
    }
    tm_buf_free(&line);
    return rc;
}

static int choose_uri(struct log_rotation *r, struct tm_err *e)
{
    const char *name;
    if (remember(r, r->next.uri, r->uri, &name, e) != 0)
        return -1;
    if (name == NULL)
        return tm_err_set(
            e, "--key-uri URI names the next key: the present one is named by one (%s)", r->file);
    r->next.device = (struct tm_key_source){.uri = name, .far = tm_kms_here()};
    return 0;
}

static int choose_label(struct log_rotation *r, const struct ca_config_key *k, struct tm_err *e)
{
    const char *name;
    if (log_rotate_follow(k->label, '-', r->name, r->new_label, sizeof(r->new_label), e) != 0 ||
        remember(r, r->next.label, r->label, &name, e) != 0)
        return -1;
    r->next.device = ca_config_key_source(k);
    r->next.device.pkcs11_key = name != NULL ? name : r->new_label;
    return 0;
}

/* The next key is where the present one is. */
static int choose_key(struct log_rotation *r, struct tm_err *e)
{
    const struct ca_config_key *k = r->now.key;
    struct log_create *n = &r->next;
    bool by_uri = k->uri != NULL || k->uri_file != NULL;
    if (r->uri != NULL && !by_uri)
        return tm_err_set(e, "--key-uri: the present key is not named by a URI (%s)", r->file);
    if (r->label != NULL && k->module == NULL)
        return tm_err_set(e, "--pkcs11-key: the present key is not in a token (%s)", r->file);
    if (by_uri)
        return choose_uri(r, e);
    if (k->module != NULL)
        return choose_label(r, k, e);
    n->password_file = k->password_file;
    n->password_env = k->password_env;
    return 0;
}

int log_rotate_plan(struct log_rotation *r, struct tm_err *e)
{
    return name_all(r, e) == 0 ? choose_key(r, e) : -1;
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

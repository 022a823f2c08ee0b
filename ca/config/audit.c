/* audit-store: the audit trail's database and its log of heads. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/config/internal.h"
#include "common/file.h"
#include "common/utf8.h"

#define DAY (24 * HOUR)
#define DSN_MAX 4096

const struct tm_yamlmap_key ca_config_audit_keys[] = {
    TEXT(audit, "store", store),
    PATH(audit, "directory", directory),
    PATH(audit, "dsn-file", dsn_file),
    TEXT(audit, "node", node),
    TIME(audit, "retention", retention, 0, 100 * 366 * DAY),
    PATH(audit, "archive", archive),
    TIME(audit, "head-interval", head_interval, SECOND, 7 * DAY),
    TEXT(audit, "origin", origin),
    PATH(audit, "anchor", anchor),
    KEY_ROWS(audit),
    WITNESS_ROWS(audit),
    YAMLMAP_END,
};

static const char *const stores[] = {"sqlite", "postgresql", NULL};

static int check_heads(const struct ca_config_audit *c, struct tm_err *e)
{
    if (c->origin == NULL)
        return ca_config_key_is_given(&c->key) || c->anchor != NULL || c->witness.list.count > 0
                   ? tm_err_set(e, "audit-store: 'key', 'anchor' and 'witnesses' are of the log of "
                                   "heads, which needs 'origin'")
                   : 0;
    if (ca_log_origin_check(c->origin, e) != 0)
        return tm_err_wrap(e, "audit-store");
    return ca_config_check_key("audit-store", &c->key, e) != 0 ||
                   ca_config_check_witnesses(&c->witness, e) != 0
               ? -1
               : 0;
}

int ca_config_check_audit(const char *name, const struct ca_config_audit *c, struct tm_err *e)
{
    bool any = c->directory != NULL || c->dsn_file != NULL || c->origin != NULL;
    int which = c->store != NULL ? ca_config_word(stores, c->store) : -1;
    const char *fault = NULL;
    if (c->store == NULL && !any)
        return 0;
    if (which < 0)
        fault = "'store' must be one of sqlite, postgresql";
    else if (c->directory == NULL)
        fault = "'directory' is missing: where commands leave their events, and more";
    else if ((which == 1) != (c->dsn_file != NULL))
        fault = "'dsn-file' belongs to 'store: postgresql', which needs it";
    else if (c->node != NULL && (*c->node == '\0' || strlen(c->node) > 200))
        fault = "'node' must have 1 to 200 bytes";
    else if (c->node != NULL && !tm_utf8_is_clean(c->node, strlen(c->node)))
        fault = "'node' holds a control or an invisible character";
    else if (c->archive != NULL && c->retention == 0)
        fault = "'archive' is where old records go, but there is no 'retention'";
    if (fault != NULL)
        return tm_err_set(e, "%s: audit-store: %s", name, fault);
    return check_heads(c, e) == 0 ? 0 : tm_err_wrap(e, "%s", name);
}

static int read_dsn(const char *path, struct tm_buf *out, struct tm_err *e)
{
    if (tm_file_read_secret(path, DSN_MAX, out, e) != 0)
        return tm_err_wrap(e, "audit-store: dsn-file");
    while (out->len > 0 && out->data[out->len - 1] == '\n')
        out->len--;
    return tm_buf_str(out) != NULL && strlen(tm_buf_str(out)) == out->len && out->len > 0
               ? 0
               : tm_err_set(e, "audit-store: dsn-file '%s' holds no connection string", path);
}

static void name_node(const struct ca_config_audit *c, char out[256])
{
    if (c->node != NULL || gethostname(out, 256) != 0)
        snprintf(out, 256, "%s", c->node != NULL ? c->node : "localhost");
    out[255] = '\0';
}

static void fill_heads(const struct ca_config_audit *c, const struct ca_config_audit_places *p,
                       struct ca_kept_options *o)
{
    *o = (struct ca_kept_options){.directory = p->heads,
                                  .origin = c->origin,
                                  .anchor = c->anchor,
                                  .key = ca_config_key_source(&c->key),
                                  .checkpoint_interval_ms =
                                      c->head_interval < MINUTE ? c->head_interval : MINUTE};
    ca_config_witness(&c->witness, o);
}

int ca_config_audit(const struct ca_config *config, struct ca_config_audit_places *p,
                    struct ca_audit_keeper_options *o, struct ca_kept_options *heads,
                    struct tm_err *e)
{
    const struct ca_config_audit *c = &config->audit_store;
    *p = (struct ca_config_audit_places){0};
    *o = (struct ca_audit_keeper_options){0};
    if (tm_file_join(c->directory, CA_CONFIG_AUDIT_DATABASE, p->database, sizeof(p->database), e) !=
            0 ||
        tm_file_join(c->directory, CA_CONFIG_AUDIT_SPOOL, p->spool, sizeof(p->spool), e) != 0 ||
        tm_file_join(c->directory, CA_CONFIG_AUDIT_HEADS, p->heads, sizeof(p->heads), e) != 0 ||
        (c->dsn_file != NULL && read_dsn(c->dsn_file, &p->dsn, e) != 0))
        return -1;
    name_node(c, p->node);
    fill_heads(c, p, heads);
    o->place.file = c->dsn_file == NULL ? p->database : NULL;
    o->place.dsn = c->dsn_file != NULL ? tm_buf_str(&p->dsn) : NULL;
    o->node = p->node;
    o->spool = p->spool;
    o->head_interval_ms = c->head_interval;
    o->retention_ms = c->retention;
    o->archive = c->archive;
    return 0;
}

void ca_config_audit_free(struct ca_config_audit_places *p)
{
    tm_buf_free_secret(&p->dsn);
}

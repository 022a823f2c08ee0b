/* audit init: the folder that a configuration's audit-store names, its spool, and the log of heads
 * with its key. What is there already stays. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/log/engine/create.h"
#include "common/kms/kms.h"
#include "common/file.h"
#include "tools/tenmint-ca/audit/audit.h"
#include "tools/tenmint-ca/init/audit_init.h"
#include "tools/tenmint-ca/setup.h"

static int make_folder(const char *path, mode_t mode, const struct owner *o, struct tm_err *e)
{
    if (tm_file_mkdirs(path, mode, e) != 0)
        return -1;
    return chmod(path, mode) == 0 ? owner_give(o, path, e) : tm_err_errno(e, "chmod '%s'", path);
}

/* Beside the log's folder, for whoever verifies. */
static int public_path(const char *heads, char *out, size_t size, struct tm_err *e)
{
    return snprintf(out, size, "%s.pem", heads) < (int)size
               ? 0
               : tm_err_set(e, "'%s': the path is too long", heads);
}

static int make_heads(const struct ca_config *c, const char *heads, const struct owner *o,
                      struct tm_err *e)
{
    const struct ca_config_audit *a = &c->audit_store;
    struct tm_key_source source = ca_config_key_source(&a->key);
    source.far = tm_kms_here();
    bool device = tm_key_source_is_elsewhere(&source);
    char public[PATH_MAX];
    struct tm_buf password = {0};
    struct ca_log_new n = {.directory = heads,
                           .origin = a->origin,
                           .device = device ? &source : NULL,
                           .key_file = a->key.file,
                           .public_file = public};
    int rc = public_path(heads, public, sizeof(public), e);
    if (rc == 0 && !device)
        rc =
            tm_key_read_secret(source.password_file, source.password_env, "password", &password, e);
    if (rc == 0) {
        n.password = password.len > 0 ? tm_buf_str(&password) : NULL;
        rc = ca_log_create_new(&n, ca_audit_heads_create, e);
    }
    tm_buf_free_secret(&password);
    if (rc == 0)
        rc = owner_give(o, heads, e);
    return rc == 0 && !device ? owner_give(o, a->key.file, e) : rc;
}

int audit_init(const struct ca_config *c, const struct owner *o, struct tm_err *e)
{
    struct ca_config_audit_places p;
    struct ca_audit_keeper_options k;
    struct ca_kept_options heads;
    int rc = ca_config_audit(c, &p, &k, &heads, e);
    if (rc == 0)
        rc = make_folder(c->audit_store.directory, 0750, o, e);
    if (rc == 0)
        rc = make_folder(p.spool, 0770, o, e);
    if (rc == 0 && c->audit_store.archive != NULL)
        rc = make_folder(c->audit_store.archive, 0750, o, e);
    if (rc == 0 && c->audit_store.origin != NULL && access(p.heads, F_OK) != 0)
        rc = make_heads(c, p.heads, o, e);
    ca_config_audit_free(&p);
    return rc == 0 ? 0 : tm_err_wrap(e, "audit-store");
}

void audit_init_put_config(const char *origin, const struct tm_key_source *key, const char *anchor,
                           struct tm_buf *out)
{
    tm_buf_printf(out,
                  "\n# What was issued, refused and changed, by whom: `tenmint-ca audit query`.\n"
                  "audit-store:\n"
                  "  store: sqlite\n"
                  "  directory: audit\n"
                  "  origin: '%s'\n",
                  origin);
    if (setup_elsewhere(key) != NULL)
        setup_put_device(out, "  ", key);
    else
        tm_buf_puts(out, "  key: audit.key\n  password-file: password\n");
    setup_put_anchor(out, "  ", anchor, "audit");
}

int command_audit_init(const struct cli_command *self, int argc, char **argv)
{
    const char *config = NULL;
    const char *user = NULL;
    const struct cli_option options[] = {
        AUDIT_CONFIG_OPTION(config),
        OWNER_OPTION(user),
        {0},
    };
    struct ca_config c;
    struct owner owner;
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 0);
    if (rc != CLI_GO_ON)
        return rc;
    if (owner_find(user, &owner, &e) != 0)
        return cli_fail(CLI_USAGE, &e);
    config = config != NULL ? config : AUDIT_CONFIG_DEFAULT;
    if (ca_config_load(config, &c, &e) != 0)
        return cli_fail(CLI_CONFIG, &e);
    if (c.audit_store.store == NULL) {
        tm_err_set(&e, "'%s' has no 'audit-store': name its store and directory first", config);
        rc = CLI_CONFIG;
    } else {
        rc = audit_init(&c, &owner, &e) == 0 ? CLI_OK : CLI_FAILED;
    }
    if (rc == CLI_OK)
        printf("%s is ready\n", c.audit_store.directory);
    if (rc == CLI_OK && c.audit_store.origin != NULL)
        printf("verifiers of heads need %s/" CA_CONFIG_AUDIT_HEADS ".pem\n",
               c.audit_store.directory);
    ca_config_free(&c);
    return rc == CLI_OK ? CLI_OK : cli_fail(rc, &e);
}

/* log create: a further log, for a new key or a new period; it is put in service by hand. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/ct/ctlog.h"
#include "ca/log/engine/create.h"
#include "ca/log/signatures/siglog.h"
#include "common/kms/kms.h"
#include "common/http/http.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/log_create.h"
#include "tools/tenmint-ca/owner.h"
#include "tools/tenmint-ca/setup.h"
#include "tools/tenmint-log/print.h"

/* A path of its own keeps a shard where clients know it, also when the next one has begun. */
static int check_shard(const struct log_create *n, struct tm_err *e)
{
    char prefix[256];
    if (n->shard == NULL)
        return 0;
    if (!n->signatures)
        return tm_err_set(e, "log create: --shard goes with --signatures; the path of a log of "
                             "certificates is in its origin");
    if ((size_t)snprintf(prefix, sizeof(prefix), "/%s", n->shard) >= sizeof(prefix))
        return tm_err_set(e, "log create: --shard is too long");
    return tm_http_prefix_check("--shard", prefix, e);
}

static int check(const struct log_create *n, struct tm_err *e)
{
    if (n->origin == NULL)
        return tm_err_set(e, "log create: --origin NAME is needed: a name that no log had before");
    if (n->signatures && strpbrk(n->origin, "/:") != NULL)
        return tm_err_set(e, "log create: the origin of a signature log is the bare host name of "
                             "its address, such as rekor.example.com: clients look for that");
    if (check_shard(n, e) != 0 || setup_check_origin("origin", n->origin, e) != 0 ||
        setup_check_device(&n->device, "pkcs11-key", n->device.pkcs11_key, e) != 0)
        return -1;
    int ways =
        (n->device.pkcs11_module != NULL) + (n->device.uri != NULL) + (n->password_file != NULL);
    if (ways != 1)
        return tm_err_set(e, "log create: the key needs either --password-file FILE, a token by "
                             "the --pkcs11 options, or --key-uri");
    return 0;
}

int log_create_names(struct log_create *n, struct tm_err *e)
{
    size_t len = strlen(n->dir);
    while (len > 1 && n->dir[len - 1] == '/')
        len--;
    if (snprintf(n->key, sizeof(n->key), "%.*s.key", (int)len, n->dir) >= (int)sizeof(n->key) ||
        snprintf(n->public, sizeof(n->public), "%.*s.pem", (int)len, n->dir) >=
            (int)sizeof(n->public))
        return tm_err_set(e, "the path is too long");
    return 0;
}

int log_create_make(const struct log_create *n, struct tm_err *e)
{
    struct tm_buf password = {0};
    bool device = setup_elsewhere(&n->device) != NULL;
    struct ca_log_new o = {.directory = n->dir,
                           .origin = n->origin,
                           .device = device ? &n->device : NULL,
                           .key_file = n->key,
                           .public_file = n->public};
    int rc = device
                 ? 0
                 : tm_key_read_secret(n->password_file, n->password_env, "password", &password, e);
    if (rc == 0 && !device && password.len == 0)
        rc = tm_err_set(e, "the password in '%s' is empty",
                        n->password_file != NULL ? n->password_file : n->password_env);
    if (rc == 0)
        rc = setup_claim_directory(n->dir, 0755, e);
    if (rc == 0) {
        o.password = device ? NULL : tm_buf_str(&password);
        rc = ca_log_create_new(&o, n->signatures ? ca_siglog_create : ca_ctlog_create, e);
    }
    tm_buf_free_secret(&password);
    if (rc == 0)
        rc = owner_give(&n->owner, n->dir, e);
    if (rc == 0 && !device)
        rc = owner_give(&n->owner, n->key, e);
    return rc;
}

/* What stands behind the host is where it is served, by default. */
static const char *prefix_of(const char *origin)
{
    const char *slash = strchr(origin, '/');
    return slash != NULL ? slash : "/log";
}

/* A log of signatures has its own section, at its top level. */
static void put_section(struct tm_buf *out, const struct log_create *n, const char **indent)
{
    *indent = n->signatures ? "  " : "    ";
    tm_buf_puts(out,
                "let verifiers know it before it is used (it cannot be asked yet: --offline):\n");
    if (n->signatures)
        tm_buf_printf(
            out,
            "  tenmint-tuf trust add-log --url https://%s%s%s --key %s --api-version 2 --offline\n",
            n->origin, n->shard != NULL ? "/" : "", n->shard != NULL ? n->shard : "", n->public);
    else
        tm_buf_printf(out, "  tenmint-tuf trust add-ctlog --url https://%s --key %s --offline\n",
                      n->origin, n->public);
    tm_buf_printf(
        out,
        "then put this in place of the server's '%s', and the old log under its 'retired' "
        "with the prefix that it had%s:\n%s",
        n->signatures ? "signature-log" : "embedded",
        n->signatures ? " (/api/v2, if none is named)" : "",
        n->signatures ? "signature-log:\n" : "  embedded:\n");
}

/* As the configuration wants it, with paths that hold from anywhere. */
static int print_done(const struct log_create *n, struct tm_err *e)
{
    char dir[PATH_MAX], key[PATH_MAX], password[PATH_MAX];
    struct tm_buf out = {0};
    const char *indent = NULL;
    bool device = setup_elsewhere(&n->device) != NULL;
    if (realpath(n->dir, dir) == NULL ||
        (!device &&
         (realpath(n->key, key) == NULL || realpath(n->password_file, password) == NULL)))
        return tm_err_errno(e, "'%s'", n->dir);
    tm_buf_printf(&out, "wrote %s, %s%s%s\n", n->dir, device ? "" : n->key, device ? "" : ", ",
                  n->public);
    if (n->device.pkcs11_module != NULL)
        tm_buf_printf(&out, "made its key '%s' in token '%s'; it cannot be read out of it\n",
                      n->device.pkcs11_key, n->device.pkcs11_token);
    put_section(&out, n, &indent);
    setup_put_yaml(&out, indent, "directory", dir);
    setup_put_yaml(&out, indent, "origin", n->origin);
    if (!n->signatures)
        setup_put_yaml(&out, indent, "prefix", prefix_of(n->origin));
    else if (n->shard != NULL)
        tm_buf_printf(&out, "%sprefix: '/%s/api/v2'\n", indent, n->shard);
    if (device) {
        setup_put_device(&out, indent, &n->device);
    } else {
        setup_put_yaml(&out, indent, "key", key);
        setup_put_yaml(&out, indent, "password-file", password);
    }
    const char *text = tm_buf_str(&out);
    int rc =
        text != NULL && fputs(text, stdout) >= 0 ? log_flush(e) : tm_err_set(e, "out of memory");
    tm_buf_free(&out);
    return rc;
}

int command_log_create(const struct cli_command *self, int argc, char **argv)
{
    struct log_create n = {.device.far = tm_kms_here()};
    const char *user = NULL;
    const struct cli_option options[] = {
        {"origin", CLI_TEXT, "NAME",
         "its name for ever, which no log had before, e.g. ca.example.com/log/2027", &n.origin},
        {"signatures", CLI_FLAG, NULL, "a log of signatures (Rekor v2's API), not of certificates",
         &n.signatures},
        {"shard", CLI_TEXT, "PATH",
         "of signatures: its own path at the origin, e.g. 2027, where clients find it", &n.shard},
        {"password-file", CLI_TEXT, "FILE", "encrypts its key, DIR.key; may be the CA's",
         &n.password_file},
        SETUP_DEVICE_OPTIONS(n.device),
        {"pkcs11-key", CLI_TEXT, "LABEL", "the new key, a label that is free",
         &n.device.pkcs11_key},
        {"key-uri", CLI_TEXT, "URI",
         "its key, which exists: awskms:, vault:, gcpkms:, azurekv: or "
         "pkcs11:",
         &n.device.uri},
        OWNER_OPTION(user),
        {NULL, CLI_FLAG, NULL, NULL, NULL},
    };
    struct setup_paths room;
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 1, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    n.dir = argv[0];
    if (check(&n, &e) != 0 || owner_find(user, &n.owner, &e) != 0)
        return cli_fail(CLI_USAGE, &e);
    if (log_create_names(&n, &e) != 0 || setup_absolute(&n.device, &room, &e) != 0 ||
        log_create_make(&n, &e) != 0 || print_done(&n, &e) != 0)
        return cli_fail(CLI_FAILED, &e);
    return CLI_OK;
}

/* init: a root, an intermediate and a configuration in a new directory. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "ca/ct/embedded.h"
#include "ca/signer/create.h"
#include "common/b64.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/key/key.h"
#include "tools/tenmint-ca/commands.h"

static const char config_head[] =
    "# tenmint-ca: written by `tenmint-ca init`. Every key: config/tenmint-ca.yaml in the source.\n"
    "listen: 127.0.0.1:5555\n"
    "metrics-listen: 127.0.0.1:2112\n"
    "\n"
    "ca:\n"
    "  chain: chain.pem\n";

static const char config_file_key[] = "  backend: file\n"
                                      "  key: intermediate.key\n"
                                      "  password-file: password\n";

static const char config_tail[] = "\n"
                                  "issuers-file: issuers.yaml\n";

static const char config_log[] = "\nct:\n"
                                 "  embedded:\n"
                                 "    directory: log\n"
                                 "    origin: '%s'\n"
                                 "    key: log.key\n"
                                 "    password-file: password\n";

struct plan {
    const char *dir, *organization, *key_type;
    const char *log_origin;   /* NULL: no embedded log */
    struct key_source device; /* pkcs11_module NULL: the key is a file */
};

static const char issuers_text[] =
    "# Who may get a certificate: the token issuers that are trusted, in Fulcio's format.\n"
    "# Every job of every repository that the issuer serves is accepted: what a job may sign\n"
    "# is for the verifier to decide, by the identity in the certificate.\n"
    "oidc-issuers:\n"
    "  https://token.actions.githubusercontent.com:\n"
    "    issuer-url: https://token.actions.githubusercontent.com\n"
    "    client-id: sigstore\n"
    "    type: ci-provider\n"
    "    ci-provider: github-workflow\n"
    "ci-issuer-metadata:\n"
    "  github-workflow:\n"
    "    default-template-values:\n"
    "      url: \"https://github.com\"\n"
    "    extension-templates:\n"
    "      github-workflow-trigger: event_name\n"
    "      github-workflow-sha: sha\n"
    "      github-workflow-name: workflow\n"
    "      github-workflow-repository: repository\n"
    "      github-workflow-ref: ref\n"
    "      build-signer-uri: \"{{ .url }}/{{ .job_workflow_ref }}\"\n"
    "      build-signer-digest: job_workflow_sha\n"
    "      runner-environment: runner_environment\n"
    "      source-repository-uri: \"{{ .url }}/{{ .repository }}\"\n"
    "      source-repository-digest: sha\n"
    "      source-repository-ref: ref\n"
    "      source-repository-identifier: repository_id\n"
    "      source-repository-owner-uri: \"{{ .url }}/{{ .repository_owner }}\"\n"
    "      source-repository-owner-identifier: repository_owner_id\n"
    "      build-config-uri: \"{{ .url }}/{{ .workflow_ref }}\"\n"
    "      build-config-digest: workflow_sha\n"
    "      build-trigger: event_name\n"
    "      run-invocation-uri: \"{{ .url }}/{{ .repository }}/actions/runs/{{ .run_id }}/attempts/"
    "{{ .run_attempt }}\"\n"
    "      source-repository-visibility-at-signing: repository_visibility\n"
    "    subject-alternative-name-template: \"{{ .url }}/{{ .job_workflow_ref }}\"\n";

static int write_one(const char *dir, const char *name, mode_t mode, const void *data, size_t len,
                     struct err *e)
{
    char path[PATH_MAX];
    if (file_join(dir, name, path, sizeof(path), e) != 0)
        return -1;
    return file_create(path, mode, data, len, e);
}

/* 256 random bits as 43 characters. */
static int make_password(struct buf *out, struct err *e)
{
    unsigned char bytes[32];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return err_openssl(e, "make a password");
    b64_encode(B64_URL_BARE, bytes, sizeof(bytes), out);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return buf_str(out) != NULL ? 0 : err_set(e, "out of memory");
}

/* An existing CA must never be written over, not even in part. */
static int claim_directory(const char *dir, struct err *e)
{
    if (file_mkdirs(dir, 0700, e) != 0)
        return -1;
    DIR *d = opendir(dir);
    if (d == NULL)
        return err_errno(e, "open directory '%s'", dir);
    int rc = 0;
    for (struct dirent *entry = readdir(d); entry != NULL && rc == 0; entry = readdir(d)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = err_set(e, "directory '%s' is not empty", dir);
    }
    closedir(d);
    return rc;
}

/* As a single-quoted YAML scalar, in which only the quote itself needs care. */
static void put_yaml(struct buf *out, const char *key, const char *value)
{
    if (value == NULL)
        return;
    buf_printf(out, "  %s: '", key);
    for (; *value != '\0'; value++)
        buf_puts(out, *value == '\'' ? "\'\'" : (const char[]){*value, '\0'});
    buf_puts(out, "'\n");
}

static int write_config(const struct plan *p, struct err *e)
{
    struct buf out = {0};
    buf_puts(&out, config_head);
    if (p->device.pkcs11_module == NULL) {
        buf_puts(&out, config_file_key);
    } else {
        buf_puts(&out, "  backend: pkcs11\n");
        put_yaml(&out, "pkcs11-module", p->device.pkcs11_module);
        put_yaml(&out, "pkcs11-token", p->device.pkcs11_token);
        put_yaml(&out, "pkcs11-key", p->device.pkcs11_key);
        put_yaml(&out, "pkcs11-pin-file", p->device.pin_file);
        put_yaml(&out, "pkcs11-pin-env", p->device.pin_env);
    }
    buf_puts(&out, config_tail);
    if (p->log_origin != NULL)
        buf_printf(&out, config_log, p->log_origin);
    int rc = buf_failed(&out) ? err_set(e, "out of memory")
                              : write_one(p->dir, "tenmint-ca.yaml", 0644, out.data, out.len, e);
    buf_free(&out);
    return rc;
}

/* A name that no other log has. */
static int make_up_origin(struct plan *p, char out[64], struct err *e)
{
    unsigned long long r = 0;
    if (RAND_bytes((unsigned char *)&r, sizeof(r)) != 1)
        return err_openssl(e, "make a name for the log");
    snprintf(out, 64, "tenmint.invalid/%016llx", r);
    p->log_origin = out;
    return 0;
}

static int make_log(const struct plan *p, const char *password, struct err *e)
{
    char directory[PATH_MAX];
    char key[PATH_MAX];
    char public[PATH_MAX];
    if (file_join(p->dir, "log", directory, sizeof(directory), e) != 0 ||
        file_join(p->dir, "log.key", key, sizeof(key), e) != 0 ||
        file_join(p->dir, "log.pem", public, sizeof(public), e) != 0)
        return -1;
    return ct_embedded_create(directory, p->log_origin, key, public, password, e);
}

static int init(const struct plan *p, struct err *e)
{
    struct buf password = {0};
    int rc = claim_directory(p->dir, e);
    if (rc == 0)
        rc = make_password(&password, e);
    if (rc == 0)
        rc = write_one(p->dir, "password", 0600, password.data, password.len, e);
    if (rc == 0) {
        struct create_options o = {.directory = p->dir,
                                   .organization = p->organization,
                                   .key_type = p->key_type,
                                   .password = buf_str(&password),
                                   .device = p->device.pkcs11_module != NULL ? &p->device : NULL,
                                   .now_s = clock_wall_ms() / 1000};
        rc = create_ca(&o, e);
    }
    if (rc == 0 && p->log_origin != NULL)
        rc = make_log(p, buf_str(&password), e);
    if (rc == 0)
        rc = write_one(p->dir, "issuers.yaml", 0644, issuers_text, sizeof(issuers_text) - 1, e);
    if (rc == 0)
        rc = write_config(p, e);
    buf_free_secret(&password);
    return rc;
}

/* The configuration outlives this working directory: its paths must not start here. */
static int make_absolute(const char **path, char out[PATH_MAX], struct err *e)
{
    if (*path == NULL)
        return 0;
    if (realpath(*path, out) == NULL)
        return err_errno(e, "'%s'", *path);
    *path = out;
    return 0;
}

/* A submission prefix without its scheme; it is quoted in the configuration. */
static int check_origin(const char *origin, struct err *e)
{
    bool ok = origin == NULL || (origin[0] != '\0' && strstr(origin, "://") == NULL);
    for (const char *c = origin != NULL ? origin : ""; *c != '\0'; c++)
        ok = ok && *c > 0x20 && *c < 0x7f && strchr("'\"+\\", *c) == NULL;
    return ok ? 0 : err_set(e, "--log-origin is a host and a path, such as ca.example.com/log");
}

static int check_device(struct key_source *d, struct err *e)
{
    const char *const words[] = {d->pkcs11_token, d->pkcs11_key, d->pin_file, d->pin_env};
    bool any = false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        any = any || words[i] != NULL;
        for (const char *c = words[i] != NULL ? words[i] : ""; *c != '\0'; c++) {
            if ((unsigned char)*c < 0x20 || *c == 0x7f)
                return err_set(e, "a --pkcs11 option holds a control character");
        }
    }
    if (d->pkcs11_module == NULL && !any)
        return 0;
    if (d->pkcs11_module == NULL || d->pkcs11_token == NULL || d->pkcs11_key == NULL)
        return err_set(e,
                       "a key in a token needs --pkcs11-module, --pkcs11-token and --pkcs11-key");
    if ((d->pin_file == NULL) == (d->pin_env == NULL))
        return err_set(e, "give the PIN by --pkcs11-pin-file or by --pkcs11-pin-env");
    return 0;
}

static void print_done(const struct plan *p)
{
    printf(
        "wrote %s\n"
        "  root.pem          give this to verifiers\n"
        "  root.key          move it offline, with a copy of password: the server never needs it\n"
        "  chain.pem         intermediate and root\n",
        p->dir);
    if (p->device.pkcs11_module == NULL)
        printf("  intermediate.key  the server's key, encrypted with password\n");
    if (p->log_origin != NULL)
        printf("  log/              the transparency log, '%s'\n"
               "  log.key           its key, encrypted with password\n"
               "  log.pem           its public key: give this to verifiers\n",
               p->log_origin);
    printf("  issuers.yaml      whose tokens are accepted: GitHub Actions\n"
           "  tenmint-ca.yaml   the server's configuration\n");
    if (p->device.pkcs11_module != NULL)
        printf("made the server's key '%s' in token '%s'; it cannot be read out of it\n",
               p->device.pkcs11_key, p->device.pkcs11_token);
    printf("start it: tenmint-ca serve --config %s/tenmint-ca.yaml\n", p->dir);
}

int command_init(const struct cli_command *self, int argc, char **argv)
{
    struct plan p = {0};
    bool no_log = false;
    const struct cli_option options[] = {
        {"organization", CLI_TEXT, "NAME", "O of both certificates (tenmint)", &p.organization},
        {"key-type", CLI_TEXT, "TYPE", "of both keys: p256 (default), p384, rsa or ed25519",
         &p.key_type},
        {"log-origin", CLI_TEXT, "NAME",
         "the built-in log's name for ever, e.g. ca.example.com/log; else one is made up",
         &p.log_origin},
        {"no-log", CLI_FLAG, NULL, "make no built-in transparency log", &no_log},
        {"pkcs11-module", CLI_TEXT, "PATH", "make the server's key in a token: its module",
         &p.device.pkcs11_module},
        {"pkcs11-token", CLI_TEXT, "LABEL", "the token, which must exist", &p.device.pkcs11_token},
        {"pkcs11-key", CLI_TEXT, "LABEL", "the new key, a label that is free",
         &p.device.pkcs11_key},
        {"pkcs11-pin-file", CLI_TEXT, "FILE", "holds the token's PIN", &p.device.pin_file},
        {"pkcs11-pin-env", CLI_TEXT, "NAME", "environment variable that holds the PIN",
         &p.device.pin_env},
        {NULL, CLI_FLAG, NULL, NULL, NULL},
    };
    char origin[64];
    char module[PATH_MAX];
    char pin[PATH_MAX];
    struct err e = {0};
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 1, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    p.dir = argv[0];
    if (no_log && p.log_origin != NULL)
        err_set(&e, "--no-log and --log-origin exclude each other");
    else if (!no_log && p.log_origin == NULL)
        (void)make_up_origin(&p, origin, &e);
    if (e.text[0] != '\0' || check_device(&p.device, &e) != 0 ||
        check_origin(p.log_origin, &e) != 0)
        return cli_fail(CLI_USAGE, &e);
    if (make_absolute(&p.device.pkcs11_module, module, &e) != 0 ||
        make_absolute(&p.device.pin_file, pin, &e) != 0 || init(&p, &e) != 0)
        return cli_fail(CLI_FAILED, &e);
    print_done(&p);
    return CLI_OK;
}

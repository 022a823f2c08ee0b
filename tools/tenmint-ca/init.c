/* init: a root, an intermediate and a configuration in a new directory. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "ca/signer/create.h"
#include "common/b64.h"
#include "common/clock.h"
#include "common/file.h"
#include "tools/tenmint-ca/commands.h"

static const char config_text[] =
    "# tenmint-ca: written by `tenmint-ca init`. Every key: config/tenmint-ca.yaml in the source.\n"
    "listen: 127.0.0.1:5555\n"
    "metrics-listen: 127.0.0.1:2112\n"
    "\n"
    "ca:\n"
    "  backend: file\n"
    "  chain: chain.pem\n"
    "  key: intermediate.key\n"
    "  password-file: password\n"
    "\n"
    "issuers-file: issuers.yaml\n";

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

static int init(const char *dir, const char *organization, const char *key_type, struct err *e)
{
    struct buf password = {0};
    int rc = claim_directory(dir, e);
    if (rc == 0)
        rc = make_password(&password, e);
    if (rc == 0)
        rc = write_one(dir, "password", 0600, password.data, password.len, e);
    if (rc == 0) {
        struct create_options o = {.directory = dir,
                                   .organization = organization,
                                   .key_type = key_type,
                                   .password = buf_str(&password),
                                   .now_s = clock_wall_ms() / 1000};
        rc = create_ca(&o, e);
    }
    if (rc == 0)
        rc = write_one(dir, "issuers.yaml", 0644, issuers_text, sizeof(issuers_text) - 1, e);
    if (rc == 0)
        rc = write_one(dir, "tenmint-ca.yaml", 0644, config_text, sizeof(config_text) - 1, e);
    buf_free_secret(&password);
    return rc;
}

int command_init(const struct cli_command *self, int argc, char **argv)
{
    const char *organization = NULL;
    const char *key_type = NULL;
    const struct cli_option options[] = {
        {"organization", CLI_TEXT, "NAME", "O of both certificates (tenmint)", &organization},
        {"key-type", CLI_TEXT, "TYPE", "of both keys: p256 (default), p384, rsa or ed25519",
         &key_type},
        {NULL, CLI_FLAG, NULL, NULL, NULL},
    };
    struct err e = {0};
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 1, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    if (init(argv[0], organization, key_type, &e) != 0)
        return cli_fail(CLI_FAILED, &e);
    printf(
        "wrote %s\n"
        "  root.pem          give this to verifiers\n"
        "  root.key          move it offline, with a copy of password: the server never needs it\n"
        "  chain.pem         intermediate and root\n"
        "  intermediate.key  the server's key, encrypted with password\n"
        "  issuers.yaml      whose tokens are accepted: GitHub Actions\n"
        "  tenmint-ca.yaml   the server's configuration\n"
        "start it: tenmint-ca serve --config %s/tenmint-ca.yaml\n",
        argv[0], argv[0]);
    return CLI_OK;
}

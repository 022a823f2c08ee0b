/*
 * tsa rotate: the timestamp authority's next key and certificate, below the same intermediate, in
 * two runs of one command. The first makes them in a folder beside the configuration, whole or not
 * at all; with --activate the configuration is edited, which a running server takes up at SIGHUP.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/signer/create.h"
#include "common/certs.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/key/uri.h"
#include "common/kms/kms.h"
#include "common/yamledit.h"
#include "tools/tenmint-ca/audit/audit_note.h"
#include "tools/tenmint-ca/check/check.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/init/init_stage.h"
#include "tools/tenmint-ca/owner.h"
#include "tools/tenmint-ca/rotate/config_edit.h"
#include "tools/tenmint-ca/rotate/log_rotate.h"
#include "tools/tenmint-ca/serve/sigstore.h"

#define NAMED "key.txt" /* of a pair that waits: what the configuration will call its key */

struct rotation {
    const char *name; /* of the next: a period, such as 2029 */
    const char *issuer_key, *password_file, *key_type, *label, *uri, *user;
    bool activate;
    struct owner owner;
    char *file; /* the configuration, owned */
    struct ca_config config;
    size_t folder;      /* how much of `file` is the folder that it is in, with the slash */
    char dir[PATH_MAX]; /* of the next pair, in that folder */
    char named[KEY_URI_MAX + 1]; /* the next key, as the configuration has it */
};

/* Which key of the section says where the key is. */
static const char *key_row(const struct ca_config_key *k)
{
    return k->module != NULL ? "pkcs11-key" : k->uri != NULL ? "key-uri" : "key";
}

static int in_folder(const struct rotation *r, const char *name, char out[PATH_MAX],
                     struct tm_err *e)
{
    return snprintf(out, PATH_MAX, "%.*s%s", (int)r->folder, r->file, name) < PATH_MAX
               ? 0
               : tm_err_set(e, "'%s': the path is too long", name);
}

static int check_place(const struct rotation *r, struct tm_err *e)
{
    const struct ca_config_key *k = &r->config.tsa.key;
    if (r->config.tsa.chain == NULL)
        return tm_err_set(e, "'%s' has no timestamp authority", r->file);
    if (k->module == NULL && k->uri == NULL && k->file == NULL)
        return tm_err_set(e, "the authority's key is in no file, in no token and has no 'key-uri': "
                             "put the next one and its chain into the configuration");
    if (r->uri != NULL && k->uri == NULL)
        return tm_err_set(e, "--key-uri: the present key is not named by 'key-uri' (%s)", r->file);
    if (r->label != NULL && k->module == NULL)
        return tm_err_set(e, "--pkcs11-key: the present key is not in a token (%s)", r->file);
    return !r->activate && k->uri != NULL && r->uri == NULL
               ? tm_err_set(e, "--key-uri URI names the next key: the present one is named so (%s)",
                            r->file)
               : 0;
}

static int look(struct rotation *r, const char *file, struct tm_err *e)
{
    char name[80];
    r->file = realpath(file, NULL); /* a link stays a link */
    if (r->file == NULL)
        return tm_err_errno(e, "'%s'", file);
    if (ca_config_load(r->file, &r->config, e) != 0) {
        free(r->file);
        r->file = NULL;
        return -1;
    }
    r->folder = (size_t)(strrchr(r->file, '/') - r->file) + 1;
    snprintf(name, sizeof(name), "tsa-%s", r->name);
    return check_place(r, e) == 0 ? in_folder(r, name, r->dir, e) : -1;
}

/* ---- the next pair ---- */

static int open_issuer(const struct rotation *r, struct tm_key **key, struct tm_err *e)
{
    char path[PATH_MAX];
    if (in_folder(r, CREATE_TSA_INTERMEDIATE_KEY, path, e) != 0)
        return -1;
    struct tm_key_source source = {.file = r->issuer_key != NULL ? r->issuer_key : path,
                                   .password_file = r->password_file};
    if (tm_key_uri_is(source.file))
        source = (struct tm_key_source){.uri = source.file, .far = tm_kms_here()};
    else if (access(source.file, F_OK) != 0)
        return tm_err_errno(e,
                            "intermediate key '%s' (where is it kept? name it by "
                            "--intermediate-key)",
                            source.file);
    *key = tm_key_open(&source, "timestamp intermediate key", e);
    return *key != NULL ? 0 : -1;
}

/* Where the present key is. */
static int choose_key(struct rotation *r, struct tm_key_source *device, struct tm_err *e)
{
    const struct ca_config_key *k = &r->config.tsa.key;
    *device = (struct tm_key_source){0};
    if (k->uri != NULL) {
        *device = (struct tm_key_source){.uri = r->uri, .far = tm_kms_here()};
        snprintf(r->named, sizeof(r->named), "%s", r->uri);
    } else if (k->module != NULL) {
        *device = ca_config_key_source(k);
        if (r->label != NULL)
            snprintf(r->named, sizeof(r->named), "%s", r->label);
        else if (log_rotate_follow(k->label, '-', r->name, r->named, sizeof(r->named), e) != 0)
            return -1;
        device->pkcs11_key = r->named;
    } else {
        snprintf(r->named, sizeof(r->named), "tsa-%s/" CREATE_TSA_KEY, r->name);
    }
    return 0;
}

static int fill(const struct rotation *r, const char *dir, const struct tm_key_source *device,
                const struct tm_key *issuer, const char *password, struct tm_err *e)
{
    char path[PATH_MAX];
    const struct ca_create_options o = {.directory = dir,
                                        .key_type = r->key_type,
                                        .password = password,
                                        .device =
                                            tm_key_source_is_elsewhere(device) ? device : NULL,
                                        .now_s = tm_clock_wall_ms() / 1000};
    STACK_OF(X509) *chain = tm_certs_load(r->config.tsa.chain, e);
    int rc = chain != NULL ? ca_create_tsa_next(&o, chain, tm_key_pkey(issuer), e) : -1;
    sk_X509_pop_free(chain, X509_free);
    if (rc == 0)
        rc = tm_file_join(dir, NAMED, path, sizeof(path), e);
    if (rc == 0)
        rc = tm_file_create(path, 0644, r->named, strlen(r->named), e);
    if (rc == 0 && chmod(dir, 0755) != 0)
        rc = tm_err_errno(e, "'%s'", dir);
    return rc == 0 ? owner_give(&r->owner, dir, e) : -1;
}

static int make_in(const struct rotation *r, const struct tm_key_source *device,
                   const struct tm_key *issuer, const char *password, struct tm_err *e)
{
    struct init_stage stage;
    enum init_stage_state state = init_stage_begin(&stage, r->dir, e);
    if (state == INIT_STAGE_TAKEN)
        return tm_err_wrap(e, "it is made already, and --activate puts it in service");
    if (state != INIT_STAGE_BEGUN)
        return -1;
    if (fill(r, stage.dir, device, issuer, password, e) == 0)
        return init_stage_commit(&stage, e);
    init_stage_drop(&stage);
    return -1;
}

static int make_next(struct rotation *r, struct tm_err *e)
{
    struct tm_buf password = {0};
    struct tm_key_source device;
    struct tm_key *issuer = NULL;
    int rc = choose_key(r, &device, e);
    if (rc == 0 && r->password_file == NULL)
        r->password_file = r->config.tsa.key.password_file;
    if (rc == 0)
        rc = open_issuer(r, &issuer, e);
    if (rc == 0 && !tm_key_source_is_elsewhere(&device))
        rc = tm_key_read_secret(r->password_file, r->config.tsa.key.password_env, "password",
                                &password, e);
    if (rc == 0)
        rc = make_in(r, &device, issuer, tm_buf_str(&password), e);
    tm_key_free(issuer);
    tm_buf_free_secret(&password);
    return rc;
}

/* ---- in service ---- */

static int make_text(void *ctx, struct tm_buf *text, struct tm_buf *next, struct tm_err *e)
{
    const struct rotation *r = ctx;
    char chain[PATH_MAX];
    const char *const chain_path[] = {"timestamp-authority", "chain", NULL};
    const char *const key_path[] = {"timestamp-authority", key_row(&r->config.tsa.key), NULL};
    struct tm_buf half = {0};
    snprintf(chain, sizeof(chain), "tsa-%s/" CREATE_TSA_CHAIN, r->name);
    int rc = tm_yamledit_set(r->file, tm_buf_str(text), text->len, chain_path, chain, &half, e);
    if (rc == 0)
        rc = tm_yamledit_set(r->file, tm_buf_str(&half), half.len, key_path, r->named, next, e);
    tm_buf_free(&half);
    return rc;
}

/* A server must take it. */
static int check_text(void *ctx, const struct ca_config *after, struct tm_err *e)
{
    const struct rotation *r = ctx;
    struct tm_key *key = NULL;
    struct ca_tsa *tsa = sigstore_tsa_new(after, NULL, tm_kms_here(), &key, e);
    int rc = tsa != NULL ? check_server_edit(r->file, &r->config, after, e) : -1;
    ca_tsa_free(tsa);
    tm_key_free(key);
    return rc;
}

static int activate(struct rotation *r, struct tm_err *e)
{
    static const char *const may[] = {"timestamp-authority.chain", "timestamp-authority.key",
                                      "timestamp-authority.pkcs11-key",
                                      "timestamp-authority.key-uri", NULL};
    const struct config_edit d = {r->file, &r->config, may, make_text, check_text, r};
    char path[PATH_MAX];
    struct tm_buf named = {0};
    if (tm_file_join(r->dir, NAMED, path, sizeof(path), e) != 0)
        return -1;
    if (access(path, F_OK) != 0)
        return tm_err_errno(e, "'%s' (first run this without --activate)", path);
    int rc = tm_file_read(path, KEY_URI_MAX, &named, e);
    if (rc == 0)
        snprintf(r->named, sizeof(r->named), "%.*s", (int)named.len, (const char *)named.data);
    tm_buf_free(&named);
    return rc == 0 ? config_edit(&d, e) : -1;
}

/* ---- the command ---- */

static void note(const struct rotation *r)
{
    const struct ca_audit_event ev = {.kind = AUDIT_ROTATION,
                                      .reason = r->activate ? "timestamp key put in service"
                                                            : "next timestamp key made",
                                      .detail = r->dir,
                                      .after = r->named};
    audit_note_done(&r->config, &ev);
}

static void print_done(const struct rotation *r)
{
    if (r->activate)
        printf("in service from the next SIGHUP on (systemctl reload tenmint-ca): %s\n"
               "what the retired one signed stays good as long as its chain is in the trusted "
               "root\n",
               r->dir);
    else
        printf("wrote %s\nlet clients know it, and hold a ceremony:\n"
               "  tenmint-tuf trust add-tsa --chain %s/" CREATE_TSA_CHAIN " --url URL\n"
               "when every verifier has refreshed (one life of the timestamp):\n"
               "  tenmint-ca tsa rotate %s %s --activate\n",
               r->dir, r->dir, r->file, r->name);
}

static int check_words(const struct rotation *r, struct tm_err *e)
{
    size_t len = strlen(r->name);
    bool makes = r->issuer_key != NULL || r->key_type != NULL || r->label != NULL ||
                 r->uri != NULL || r->user != NULL || r->password_file != NULL;
    if (len == 0 || len > 32 || strspn(r->name, "0123456789") != len)
        return tm_err_set(e, "tsa rotate: NAME is a period in digits, such as 2029 or 202901");
    return r->activate && makes
               ? tm_err_set(e,
                            "tsa rotate: --activate takes no other option; the first run took them")
               : 0;
}

int command_tsa_rotate(const struct cli_command *self, int argc, char **argv)
{
    struct rotation r = {0};
    struct cli_choice key_type = {.of = cli_key_types};
    const struct cli_option options[] = {
        {"activate", CLI_FLAG, NULL, "put it into the configuration", &r.activate},
        {"intermediate-key", CLI_TEXT, "FILE",
         "the intermediate's key (tsa-intermediate.key beside FILE), or its pkcs11: URI",
         &r.issuer_key},
        {"password-file", CLI_TEXT, "FILE", "password of both keys (that of the present key)",
         &r.password_file},
        {"key-type", CLI_CHOICE, "TYPE", "of the new key: p256 (default), p384, rsa or ed25519",
         &key_type},
        {"pkcs11-key", CLI_TEXT, "LABEL",
         "the new key's label, where the key is in a token (the old one, with NAME)", &r.label},
        {"key-uri", CLI_TEXT, "URI", "the new key, which exists, where the key is named so",
         &r.uri},
        OWNER_OPTION(r.user),
        {0},
    };
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 2);
    if (rc != CLI_GO_ON)
        return rc;
    r.name = argv[1];
    r.key_type = key_type.value;
    if (check_words(&r, &e) != 0 || owner_find(r.user, &r.owner, &e) != 0)
        return cli_fail(CLI_USAGE, &e);
    if (look(&r, argv[0], &e) != 0)
        rc = CLI_CONFIG;
    else
        rc = (r.activate ? activate : make_next)(&r, &e) == 0 ? CLI_OK : CLI_FAILED;
    if (rc == CLI_OK) {
        note(&r);
        print_done(&r);
    }
    if (r.file != NULL)
        ca_config_free(&r.config);
    free(r.file);
    return rc == CLI_OK ? CLI_OK : cli_fail(rc, &e);
}

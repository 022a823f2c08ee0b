/* init: a root, an intermediate and a configuration in a new directory. */
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "ca/log/ct/ctlog.h"
#include "ca/log/engine/create.h"
#include "ca/signer/create.h"
#include "common/b64.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/key/key.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/audit_init.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/init_all.h"
#include "tools/tenmint-ca/init_found.h"
#include "tools/tenmint-ca/init_keys.h"
#include "tools/tenmint-ca/init_stage.h"
#include "tools/tenmint-ca/owner.h"
#include "tools/tenmint-ca/setup.h"

#define WAIT_FOR_ANOTHER_MS 120000 /* keys of a slow token, many times over */

static const char config_head[] =
    "# tenmint-ca: written by `tenmint-ca init`. Every key: config/tenmint-ca.yaml in the source.\n"
    "listen: %s\n"
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
                                 "    origin: '%s'\n";

static const char config_log_key[] = "    key: log.key\n"
                                     "    password-file: password\n";

/* In a file, so that a rotation can replace it. */
static const char config_uri_key[] = "  backend: uri\n"
                                     "  key-uri-file: intermediate.uri\n";

#define ORIGIN_TEXT 512

struct plan {
    const char *dir, *organization, *key_type;
    const char *log_origin;            /* NULL: no embedded log */
    char made_up[64];                  /* a name for it that no other has, or "" */
    char audit_origin[ORIGIN_TEXT];    /* of the log of audit heads */
    struct tm_key_source device;       /* of the CA key; pkcs11_module NULL: the key is a file */
    struct tm_key_source root_device;  /* of the root's, likewise */
    bool request;                      /* no root of ours: a request for the CA's certificate */
    struct tm_key_source log_device;   /* of the log's, likewise */
    struct tm_key_source audit_device; /* of the log of audit heads, likewise */
    struct owner owner;                /* of what the server alone may read, or writes */
    struct init_all all;               /* --all */
    bool if_missing;                   /* what is there already is checked and left as it is */
    const char *named_origin;          /* NULL: log_origin is made up */
    const struct init_keys *keys;      /* the options that say where they are */
};

static const char issuers_text[] =
    "# Who may get a certificate: the token issuers that are trusted, in Fulcio's format.\n"
    "# Every job of every repository that the issuer serves is accepted: what a job may sign\n"
    "# is for the verifier to decide, by the identity in the certificate.\n"
    "oidc-issuers:\n"
    "  https://token.actions.githubusercontent.com:\n"
    "    issuer-url: https://token.actions.githubusercontent.com\n"
    "    client-id: sigstore\n"
    "    type: github-workflow\n";

static int write_one(const char *dir, const char *name, mode_t mode, const void *data, size_t len,
                     struct tm_err *e)
{
    char path[PATH_MAX];
    if (tm_file_join(dir, name, path, sizeof(path), e) != 0)
        return -1;
    return tm_file_create(path, mode, data, len, e);
}

/* 256 random bits as 43 characters. */
static int make_password(struct tm_buf *out, struct tm_err *e)
{
    unsigned char bytes[32];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return tm_err_openssl(e, "make a password");
    tm_b64_encode(B64_URL_BARE, bytes, sizeof(bytes), out);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return tm_buf_str(out) != NULL ? 0 : tm_err_set(e, "out of memory");
}

static int write_uri(const struct plan *p, struct tm_err *e)
{
    struct tm_buf line = {0};
    tm_buf_printf(&line, "%s\n", p->device.uri);
    int rc = write_one(p->dir, "intermediate.uri", 0644, line.data, line.len, e);
    tm_buf_free(&line);
    return rc;
}

static int write_config(const struct plan *p, struct tm_err *e)
{
    struct tm_buf out = {0};
    tm_buf_printf(&out, config_head, p->all.url != NULL ? p->all.listen : "127.0.0.1:5555");
    if (!tm_key_source_is_elsewhere(&p->device)) {
        tm_buf_puts(&out, config_file_key);
    } else {
        tm_buf_puts(&out, p->device.uri != NULL ? config_uri_key : "  backend: pkcs11\n");
        if (p->device.uri == NULL)
            setup_put_device(&out, "  ", &p->device);
    }
    tm_buf_puts(&out, config_tail);
    audit_init_put_config(p->audit_origin, &p->audit_device, &out);
    if (p->log_origin != NULL) {
        tm_buf_printf(&out, config_log, p->log_origin);
        if (!tm_key_source_is_elsewhere(&p->log_device))
            tm_buf_puts(&out, config_log_key);
        setup_put_device(&out, "    ", &p->log_device);
    }
    if (p->all.url != NULL)
        init_all_put_config(&p->all, &out);
    int rc = p->device.uri != NULL ? write_uri(p, e) : 0;
    if (rc == 0)
        rc = buf_failed(&out) ? tm_err_set(e, "out of memory")
                              : write_one(p->dir, "tenmint-ca.yaml", 0644, out.data, out.len, e);
    tm_buf_free(&out);
    return rc;
}

static int make_up_origin(struct plan *p, struct tm_err *e)
{
    unsigned long long r = 0;
    if (RAND_bytes((unsigned char *)&r, sizeof(r)) != 1)
        return tm_err_openssl(e, "make a name for the log");
    snprintf(p->made_up, sizeof(p->made_up), "tenmint.invalid/%016llx", r);
    return 0;
}

/* As `audit init` does it, by the configuration that was just written. */
static int make_audit(const struct plan *p, struct tm_err *e)
{
    char path[PATH_MAX];
    struct ca_config c;
    if (tm_file_join(p->dir, "tenmint-ca.yaml", path, sizeof(path), e) != 0 ||
        ca_config_load(path, &c, e) != 0)
        return -1;
    int rc = audit_init(&c, &p->owner, e);
    ca_config_free(&c);
    return rc;
}

static int make_log(const struct plan *p, const char *password, struct tm_err *e)
{
    char directory[PATH_MAX];
    char key[PATH_MAX];
    char public[PATH_MAX];
    if (tm_file_join(p->dir, "log", directory, sizeof(directory), e) != 0 ||
        tm_file_join(p->dir, "log.key", key, sizeof(key), e) != 0 ||
        tm_file_join(p->dir, "log.pem", public, sizeof(public), e) != 0)
        return -1;
    const struct ca_log_new n = {.directory = directory,
                                 .origin = p->log_origin,
                                 .device = setup_elsewhere(&p->log_device),
                                 .key_file = key,
                                 .password = password,
                                 .public_file = public};
    return ca_log_create_new(&n, ca_ctlog_create, e);
}

/* The root's key stays with root, and so do the files that say what the server does. */
static int give_files(const struct plan *p, struct tm_err *e)
{
    static const char *const names[] = {"password", "intermediate.key", "log.key", "log",
                                        "siglog",   "siglog.key",       "tsa.key", "pages"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[PATH_MAX];
        if (tm_file_join(p->dir, names[i], path, sizeof(path), e) != 0 ||
            owner_give(&p->owner, path, e) != 0)
            return -1;
    }
    return owner_admit(&p->owner, p->dir, e);
}

static int make_all(const struct plan *p, struct tm_err *e)
{
    struct tm_buf password = {0};
    int rc = make_password(&password, e);
    if (rc == 0)
        rc = write_one(p->dir, "password", 0600, password.data, password.len, e);
    if (rc == 0) {
        struct ca_create_options o = {.directory = p->dir,
                                      .organization = p->organization,
                                      .key_type = p->key_type,
                                      .password = tm_buf_str(&password),
                                      .device = setup_elsewhere(&p->device),
                                      .root_device = setup_elsewhere(&p->root_device),
                                      .now_s = tm_clock_wall_ms() / 1000};
        rc = p->request ? ca_create_request(&o, NULL, e) : ca_create_ca(&o, e);
    }
    if (rc == 0 && p->log_origin != NULL)
        rc = make_log(p, tm_buf_str(&password), e);
    if (rc == 0 && p->all.url != NULL)
        rc = init_all_make(&p->all, p->dir, tm_buf_str(&password), tm_clock_wall_ms() / 1000, e);
    if (rc == 0)
        rc = write_one(p->dir, "issuers.yaml", 0644, issuers_text, sizeof(issuers_text) - 1, e);
    if (rc == 0)
        rc = write_config(p, e);
    if (rc == 0)
        rc = make_audit(p, e);
    if (rc == 0)
        rc = give_files(p, e);
    tm_buf_free_secret(&password);
    return rc;
}

/* So much is made with --all that it must not stop in the middle. */
static enum init_stage_state init_staged(const struct plan *p, struct tm_err *e)
{
    struct init_stage stage;
    struct plan inner = *p;
    enum init_stage_state state = init_stage_begin(&stage, p->dir, e);
    if (state != INIT_STAGE_BEGUN)
        return state;
    if (stage.cleared)
        printf("an earlier init was cut off: its unfinished '%s' is removed, and made anew\n",
               stage.dir);
    inner.dir = stage.dir;
    if (make_all(&inner, e) != 0) {
        init_stage_drop(&stage);
        return INIT_STAGE_FAILED;
    }
    return init_stage_commit(&stage, e);
}

/* Of several that begin at once one makes it, and the others wait for that. */
static enum init_stage_state init_if_missing(const struct plan *p, struct tm_err *e)
{
    int64_t until = tm_clock_mono_ms() + WAIT_FOR_ANOTHER_MS;
    for (;;) {
        *e = (struct tm_err){0};
        enum init_stage_state state = init_staged(p, e);
        if (state != INIT_STAGE_BUSY || tm_clock_mono_ms() >= until)
            return state;
        (void)poll(NULL, 0, 100);
    }
}

/* What is in the way is what was asked for, or it is said what is wrong with it. */
static int keep_found(const struct plan *p)
{
    struct init_wanted wanted = {.dir = p->dir,
                                 .all = p->all.url != NULL,
                                 .no_log = p->log_origin == NULL,
                                 .log_origin = p->named_origin,
                                 .signature_origin = p->all.url != NULL ? p->all.host : NULL,
                                 .url = p->all.url,
                                 .organization = p->organization,
                                 .key_type = p->key_type,
                                 .key = {[INIT_KEY_CA] = &p->device,
                                         [INIT_KEY_ROOT] = &p->root_device,
                                         [INIT_KEY_LOG] = &p->log_device,
                                         [INIT_KEY_AUDIT] = &p->audit_device,
                                         [INIT_KEY_SIGNATURES] = &p->all.signatures,
                                         [INIT_KEY_TIMESTAMPS] = &p->all.timestamps}};
    struct tm_err e = {0};
    for (int i = 0; i < INIT_KEYS; i++)
        wanted.key_option[i] = init_keys_option(p->keys, i);
    if (init_found_check(&wanted, &e) != 0)
        return cli_fail(CLI_CONFIG, &e);
    printf("'%s' is there and whole: nothing was made\n", p->dir);
    return CLI_OK;
}

static int make_in_place(const struct plan *p, struct tm_err *e)
{
    return setup_claim_directory(p->dir, 0700, e) == 0 ? make_all(p, e) : -1;
}

static void print_authority(const struct plan *p)
{
    printf("wrote %s\n", p->dir);
    if (p->request) {
        printf("  " CREATE_REQUEST "  have it signed; chain.pem comes of what is given back\n");
        return;
    }
    printf("  root.pem          give this to verifiers\n");
    if (!tm_key_source_is_elsewhere(&p->root_device))
        printf("  root.key          move it offline, with a copy of password: the server never "
               "needs it\n");
    printf("  chain.pem         intermediate and root\n");
}

/* No other storage can be guessed, and beside the log an anchor would be restored with it. */
static void print_no_anchor(const struct plan *p)
{
    if (p->log_origin != NULL)
        printf("NO ANCHOR: an old copy of a log, restored, would go on where that ended, and sign "
               "another\n  history. Name a file on other storage in tenmint-ca.yaml: 'anchor' of "
               "ct.embedded%s,\n  audit-store; or have 'witnesses' cosign\n",
               p->all.url != NULL ? ", signature-log" : "");
}

static void print_done(const struct plan *p)
{
    print_authority(p);
    if (!tm_key_source_is_elsewhere(&p->device))
        printf("  intermediate.key  the server's key, encrypted with password\n");
    if (p->log_origin != NULL)
        printf("  log/              the transparency log, '%s'\n"
               "%s"
               "  log.pem           its public key: give this to verifiers\n",
               p->log_origin,
               !tm_key_source_is_elsewhere(&p->log_device)
                   ? "  log.key           its key, encrypted with password\n"
                   : "");
    printf("  issuers.yaml      whose tokens are accepted: GitHub Actions\n"
           "  tenmint-ca.yaml   the server's configuration\n");
    printf("  audit/            the audit trail; give audit/heads.pem to auditors\n");
    if (p->all.url != NULL)
        init_all_print(&p->all, p->dir);
    if (p->device.uri != NULL)
        printf("the server's key is %s, in intermediate.uri\n", p->device.uri);
    if (p->device.pkcs11_module != NULL)
        printf("made the server's key '%s' in token '%s'; it cannot be read out of it\n",
               p->device.pkcs11_key, p->device.pkcs11_token);
    if (p->log_device.pkcs11_module != NULL)
        printf("made the log's key '%s' in token '%s', likewise\n", p->log_device.pkcs11_key,
               p->log_device.pkcs11_token);
    if (p->owner.given)
        printf("gave user '%s' its password, keys and log; root.key and the configuration stay "
               "root's\n",
               p->owner.name);
    if (p->root_device.pkcs11_module != NULL)
        printf("made the root's key '%s' in token '%s', likewise: rotate has --root-key for it\n",
               p->root_device.pkcs11_key, p->root_device.pkcs11_token);
    if (p->request)
        printf("then: tenmint-ca rotate %s --certificate FILE\n", p->dir);
    print_no_anchor(p);
    printf("start it: tenmint-ca serve --config %s/tenmint-ca.yaml\n", p->dir);
}

static int init(const struct plan *p)
{
    struct tm_err e = {0};
    enum init_stage_state state = p->if_missing        ? init_if_missing(p, &e)
                                  : p->all.url != NULL ? init_staged(p, &e)
                                                       : make_in_place(p, &e);
    if (state == INIT_STAGE_TAKEN && p->if_missing)
        return keep_found(p);
    if (state != INIT_STAGE_BEGUN)
        return cli_fail(CLI_FAILED, &e);
    print_done(p);
    return CLI_OK;
}

/* A request has neither a root nor, until it is answered, a chain to publish. */
static int check_request(const struct plan *p, const struct init_keys *k, struct tm_err *e)
{
    if (!p->request)
        return 0;
    if (p->all.url != NULL || p->if_missing)
        return tm_err_set(e, "--csr goes neither with --all nor with --if-missing: `rotate --csr` "
                             "afterwards puts a CA below another root");
    return init_keys_option(k, INIT_KEY_ROOT) == NULL
               ? 0
               : tm_err_set(e, "--csr makes no root, whose key --root-key would be");
}

static int check_all(struct plan *p, bool all, bool no_log, struct tm_err *e)
{
    if (all != (p->all.url != NULL))
        return tm_err_set(e, all ? "--all needs --url URL, where clients will find the services"
                                 : "--url goes with --all");
    if (!all)
        return 0;
    if (no_log)
        return tm_err_set(e, "--all and --no-log exclude each other");
    p->all.organization = p->organization;
    p->all.key_type = p->key_type;
    if (init_all_read_url(&p->all, e) != 0)
        return -1;
    if (p->log_origin == NULL)
        p->log_origin = p->all.log_origin;
    return 0;
}

static int check_log_words(struct plan *p, bool no_log, const struct init_keys *k, struct tm_err *e)
{
    const char *wanted = p->log_origin != NULL ? "log-origin" : init_keys_option(k, INIT_KEY_LOG);
    if (no_log && wanted != NULL)
        return tm_err_set(e, "--no-log and --%s exclude each other", wanted);
    p->named_origin = p->log_origin;
    if (p->log_origin != NULL)
        return setup_check_origin("log-origin", p->log_origin, e);
    if (make_up_origin(p, e) != 0)
        return -1;
    p->log_origin = no_log ? NULL : p->made_up;
    return 0;
}

/* Below the address of all, or below the log's name. */
static int name_audit(struct plan *p, struct tm_err *e)
{
    const char *above = p->all.url != NULL    ? p->all.authority
                        : *p->made_up != '\0' ? p->made_up
                                              : p->log_origin;
    int n = snprintf(p->audit_origin, sizeof(p->audit_origin), "%s/audit", above);
    return n < (int)sizeof(p->audit_origin) && ca_log_origin_check(p->audit_origin, e) == 0
               ? 0
               : tm_err_set(e, "the log's name is too long: '%s/audit' is to name the audit trail",
                            above);
}

int command_init(const struct cli_command *self, int argc, char **argv)
{
    struct plan p = {0};
    struct cli_choice key_type = {.of = cli_key_types};
    struct init_keys keys = {0};
    struct tm_key_source *const places[INIT_KEYS] = {
        [INIT_KEY_CA] = &p.device,
        [INIT_KEY_ROOT] = &p.root_device,
        [INIT_KEY_LOG] = &p.log_device,
        [INIT_KEY_AUDIT] = &p.audit_device,
        [INIT_KEY_SIGNATURES] = &p.all.signatures,
        [INIT_KEY_TIMESTAMPS] = &p.all.timestamps,
    };
    bool no_log = false;
    bool all = false;
    const char *user = NULL;
    const struct cli_option options[] = {
        {"organization", CLI_TEXT, "NAME", "O of both certificates (tenmint)", &p.organization},
        {"key-type", CLI_CHOICE, "TYPE", "of both keys: p256 (default), p384, rsa or ed25519",
         &key_type},
        {"log-origin", CLI_TEXT, "NAME",
         "the built-in log's name for ever, e.g. ca.example.com/log; else one is made up",
         &p.log_origin},
        {"all", CLI_FLAG, NULL,
         "a whole private Sigstore: also a signature log, a timestamp authority, a TUF repository",
         &all},
        {"url", CLI_TEXT, "URL", "with --all: where clients find it, https://sigstore.example.com",
         &p.all.url},
        {"if-missing", CLI_FLAG, NULL,
         "what is there already is checked, as check-config does, and left as it is",
         &p.if_missing},
        {"csr", CLI_FLAG, NULL,
         "no root: a request for a root that is not ours, DIR/" CREATE_REQUEST, &p.request},
        {"no-log", CLI_FLAG, NULL, "make no built-in transparency log", &no_log},
        INIT_KEY_OPTIONS(keys),
        OWNER_OPTION(user),
        {NULL, CLI_FLAG, NULL, NULL, NULL},
    };
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 1, 1, &count);
    if (rc != CLI_GO_ON)
        return rc;
    p.dir = argv[0];
    p.key_type = key_type.value;
    p.keys = &keys;
    if (check_all(&p, all, no_log, &e) != 0 || check_request(&p, &keys, &e) != 0 ||
        check_log_words(&p, no_log, &keys, &e) != 0 || name_audit(&p, &e) != 0 ||
        init_keys_choose(&keys, all, places, &e) != 0 || owner_find(user, &p.owner, &e) != 0)
        return cli_fail(CLI_USAGE, &e);
    if (init_keys_absolute(&keys, places, &e) != 0)
        return cli_fail(CLI_FAILED, &e);
    return init(&p);
}

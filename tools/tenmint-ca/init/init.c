/* init: a root, an intermediate and a configuration in a new directory. */
#include <limits.h>
#include <poll.h>
#include <stdio.h>

#include <openssl/rand.h>

#include "ca/log/engine/create.h"
#include "ca/signer/create.h"
#include "common/clock.h"
#include "common/key/key.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/init/init_all.h"
#include "tools/tenmint-ca/init/init_anchor.h"
#include "tools/tenmint-ca/init/init_make.h"
#include "tools/tenmint-ca/init/init_keys.h"
#include "tools/tenmint-ca/init/init_stage.h"
#include "tools/tenmint-ca/owner.h"
#include "tools/tenmint-ca/setup.h"

#define WAIT_FOR_ANOTHER_MS 120000 /* keys of a slow token, many times over */

static int make_up_origin(struct init_plan *p, struct tm_err *e)
{
    unsigned long long r = 0;
    if (RAND_bytes((unsigned char *)&r, sizeof(r)) != 1)
        return tm_err_openssl(e, "make a name for the log");
    snprintf(p->made_up, sizeof(p->made_up), "tenmint.invalid/%016llx", r);
    return 0;
}

/* So much is made with --all that it must not stop in the middle. */
static enum init_stage_state init_staged(const struct init_plan *p, struct tm_err *e)
{
    struct init_stage stage;
    struct init_plan inner = *p;
    enum init_stage_state state = init_stage_begin(&stage, p->dir, e);
    if (state != INIT_STAGE_BEGUN)
        return state;
    if (stage.cleared)
        printf("an earlier init was cut off: its unfinished '%s' is removed, and made anew\n",
               stage.dir);
    inner.dir = stage.dir;
    if (init_make(&inner, e) != 0) {
        init_stage_drop(&stage);
        return INIT_STAGE_FAILED;
    }
    return init_stage_commit(&stage, e);
}

/* Of several that begin at once one makes it, and the others wait for that. */
static enum init_stage_state init_if_missing(const struct init_plan *p, struct tm_err *e)
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
static int keep_found(const struct init_plan *p)
{
    struct tm_err e = {0};
    struct init_asked said;
    const char *option[INIT_KEYS];
    for (int i = 0; i < INIT_KEYS; i++)
        option[i] = init_keys_option(p->keys, i);
    int rc = init_make_asked(p, false, &said, &e);
    if (rc == 0)
        rc = init_asked_check(p->dir, &said, p->log_origin == NULL, option, &e);
    init_asked_free(&said);
    if (rc != 0)
        return cli_fail(CLI_CONFIG, &e);
    printf("'%s' is there and whole: nothing was made\n", p->dir);
    return CLI_OK;
}

static int make_in_place(const struct init_plan *p, struct tm_err *e)
{
    return setup_claim_directory(p->dir, 0700, e) == 0 ? init_make(p, e) : -1;
}

static void print_authority(const struct init_plan *p)
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
static void print_no_anchor(const struct init_plan *p)
{
    if (p->log_origin != NULL && *p->anchor == '\0')
        printf("NO ANCHOR: an old copy of a log, restored, would go on where that ended, and sign "
               "another\n  history. Name a folder on other storage (--anchor), or, in "
               "tenmint-ca.yaml, a file there: 'anchor'\n  of ct.embedded%s, audit-store; or have "
               "'witnesses' cosign\n",
               p->all.url != NULL ? ", signature-log" : "");
}

static void print_done(const struct init_plan *p)
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
    if (*p->anchor != '\0')
        printf(
            "the logs' newest checkpoints are kept in %s: no backup may bring it back with them\n",
            p->anchor);
    print_no_anchor(p);
    printf("start it: tenmint-ca serve --config %s/tenmint-ca.yaml\n", p->dir);
}

static int init(const struct init_plan *p)
{
    struct tm_err e = {0};
    enum init_stage_state state = p->if_missing        ? init_if_missing(p, &e)
                                  : p->all.url != NULL ? init_staged(p, &e)
                                                       : make_in_place(p, &e);
    if (state == INIT_STAGE_TAKEN && p->if_missing)
        return keep_found(p);
    if (state != INIT_STAGE_BEGUN || init_anchor_put(p, &e) != 0)
        return cli_fail(CLI_FAILED, &e);
    print_done(p);
    return CLI_OK;
}

/* A request has neither a root nor, until it is answered, a chain to publish. */
static int check_request(const struct init_plan *p, const struct init_keys *k, struct tm_err *e)
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

static int check_all(struct init_plan *p, bool all, bool no_log, struct tm_err *e)
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

static int check_log_words(struct init_plan *p, bool no_log, const struct init_keys *k,
                           struct tm_err *e)
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
static int name_audit(struct init_plan *p, struct tm_err *e)
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

/* `out`: from the root, as a line of the configuration. */
static int find_anchor(const char *folder, char out[PATH_MAX], struct tm_err *e)
{
    if (folder == NULL)
        return 0;
    if (realpath(folder, out) == NULL)
        return tm_err_errno(e, "--anchor '%s'", folder);
    for (const char *c = out; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return tm_err_set(e, "--anchor: the path holds a control character");
    }
    return 0;
}

int command_init(const struct cli_command *self, int argc, char **argv)
{
    struct init_plan p = {0};
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
    const char *anchor = NULL;
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
        {"anchor", CLI_TEXT, "DIR",
         "an empty folder on other storage, where logs keep their newest checkpoints", &anchor},
        {"if-missing", CLI_FLAG, NULL,
         "what is there already is checked, as check-config does, and left as it is",
         &p.if_missing},
        {"csr", CLI_FLAG, NULL,
         "no root: a request for a root that is not ours, DIR/" CREATE_REQUEST, &p.request},
        {"no-log", CLI_FLAG, NULL, "make no built-in transparency log", &no_log},
        INIT_KEY_OPTIONS(keys),
        OWNER_OPTION(user),
        {0},
    };
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    p.place = p.dir = argv[0];
    p.key_type = key_type.value;
    p.keys = &keys;
    if (check_all(&p, all, no_log, &e) != 0 || check_request(&p, &keys, &e) != 0 ||
        check_log_words(&p, no_log, &keys, &e) != 0 || name_audit(&p, &e) != 0 ||
        init_keys_choose(&keys, all, places, &e) != 0 || owner_find(user, &p.owner, &e) != 0)
        return cli_fail(CLI_USAGE, &e);
    if (find_anchor(anchor, p.anchor, &e) != 0 || init_keys_absolute(&keys, places, &e) != 0)
        return cli_fail(CLI_FAILED, &e);
    return init(&p);
}

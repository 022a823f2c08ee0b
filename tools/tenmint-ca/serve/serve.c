/* serve: from the command line to the first generation of the service. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/config/proxies.h"
#include "ca/log/ct/ctlog.h"
#include "ca/log/engine/create.h"
#include "common/file.h"
#include "oidc/principal/types.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/serve/generations.h"

#define TRIAL_ORIGIN "localhost/log"

struct flags {
    const char *config, *issuer, *client_id, *issuers, *listen, *metrics_listen;
    const char *log;
    struct cli_list proxies;
    struct cli_choice client_address, issuer_type;
    struct cli_amount workers;
    struct cli_choice key_type;
    bool ephemeral;
    char temporary[64]; /* directory of an ephemeral CA's log; "": none */
};

/* A double-quoted scalar; the flags hold URLs and words, anything else is refused. */
static int plain(const char *flag, const char *value, struct tm_err *e)
{
    for (const char *p = value; *p != '\0'; p++) {
        if ((unsigned char)*p <= 0x20 || *p == '"' || *p == '\\' || (unsigned char)*p >= 0x7f)
            return tm_err_set(e, "--%s: unexpected character in the value", flag);
    }
    return 0;
}

/* The issuer list that the flags stand for, in Fulcio's YAML. */
static int issuers_text(const struct flags *f, struct tm_buf *out, struct tm_err *e)
{
    const char *type = f->issuer_type.value;
    const char *client = f->client_id != NULL ? f->client_id : "sigstore";
    if (plain("issuer", f->issuer, e) != 0 || plain("client-id", client, e) != 0)
        return -1;
    tm_buf_printf(out,
                  "oidc-issuers:\n"
                  "  \"%s\":\n"
                  "    issuer-url: \"%s\"\n"
                  "    client-id: \"%s\"\n"
                  "    type: \"%s\"\n",
                  f->issuer, f->issuer, client, type);
    return tm_buf_str(out) != NULL ? 0 : tm_err_set(e, "out of memory");
}

static int replace(char **slot, const char *value, struct tm_err *e)
{
    if (value == NULL)
        return 0;
    free(*slot);
    *slot = strdup(value);
    return *slot != NULL ? 0 : tm_err_set(e, "out of memory");
}

/* A log for a trial: its key lies unencrypted beside it. */
static int trial_log(const char *dir, struct ca_config *c, struct tm_err *e)
{
    char key[PATH_MAX];
    char public[PATH_MAX];
    if (snprintf(key, sizeof(key), "%s.key", dir) >= (int)sizeof(key) ||
        snprintf(public, sizeof(public), "%s.pem", dir) >= (int)sizeof(public))
        return tm_err_set(e, "--log: the path is too long");
    const struct ca_log_new n = {
        .directory = dir, .origin = TRIAL_ORIGIN, .key_file = key, .public_file = public};
    if (access(key, F_OK) != 0 && ca_log_create_new(&n, ca_ctlog_create, e) != 0)
        return tm_err_wrap(e, "--log");
    return replace(&c->ct.embedded.directory, dir, e) != 0 ||
                   replace(&c->ct.embedded.key.file, key, e) != 0 ||
                   replace(&c->ct.embedded.origin, TRIAL_ORIGIN, e) != 0
               ? -1
               : 0;
}

/* An ephemeral CA's log lasts as long as the CA. */
static int temporary_log(struct flags *f, struct ca_config *c, struct tm_err *e)
{
    char dir[sizeof(f->temporary) + 4];
    const char *tmp = getenv("TMPDIR");
    if (tmp == NULL || snprintf(f->temporary, sizeof(f->temporary), "%s/tenmint-ca.XXXXXX", tmp) >=
                           (int)sizeof(f->temporary))
        snprintf(f->temporary, sizeof(f->temporary), "/tmp/tenmint-ca.XXXXXX");
    if (mkdtemp(f->temporary) == NULL) {
        f->temporary[0] = '\0';
        return tm_err_errno(e, "make a directory for the ephemeral log");
    }
    snprintf(dir, sizeof(dir), "%s/log", f->temporary);
    return trial_log(dir, c, e);
}

static void remove_temporary(struct flags *f)
{
    if (f->temporary[0] != '\0')
        (void)tm_file_remove_tree(f->temporary, NULL);
    f->temporary[0] = '\0';
}

/* The defaults with an ephemeral CA. */
static int configure_trial(struct flags *f, struct generation *g, struct tm_err *e)
{
    struct ca_config *c = &g->config;
    if (ca_config_default(c, e) != 0 || replace(&c->ca.backend, "ephemeral", e) != 0 ||
        replace(&c->ca.ephemeral_type, f->key_type.value, e) != 0 ||
        replace(&c->issuers_file, f->issuers, e) != 0 ||
        (f->issuer != NULL && issuers_text(f, &g->issuers, e) != 0))
        return -1;
    return f->log != NULL ? trial_log(f->log, c, e) : temporary_log(f, c, e);
}

/* Twice, of the same text: what the file alone says is what changes of it are held against. */
static int configure_file(const char *path, struct generation *g, struct tm_err *e)
{
    if (tm_file_read_text(path, YAMLMAP_FILE_MAX, &g->text, e) != 0 ||
        ca_config_parse(path, (const char *)g->text.data, g->text.len, &g->file, e) != 0)
        return -1;
    return ca_config_parse(path, (const char *)g->text.data, g->text.len, &g->config, e);
}

/* What the command line has wins. */
static int use_flags(const struct flags *f, struct ca_config *c, struct tm_err *e)
{
    if (replace(&c->listen, f->listen, e) != 0 ||
        replace(&c->metrics_listen, f->metrics_listen, e) != 0)
        return -1;
    if (f->workers.given)
        c->workers = f->workers.value;
    return ca_config_use_proxies(c, f->proxies.item, f->proxies.count, f->client_address.value, e);
}

static struct changes_unused_list unused_keys(const struct flags *f, struct changes_unused *room)
{
    const struct {
        bool given;
        struct changes_unused is;
    } all[] = {
        {f->listen != NULL, {"listen", "--listen of the command line"}},
        {f->metrics_listen != NULL, {"metrics-listen", "--metrics-listen of the command line"}},
        {f->proxies.count > 0, {"proxies.addresses", "--proxies of the command line"}},
        {f->client_address.value != NULL,
         {"proxies.client-address", "--client-address of the command line"}},
        {f->workers.given, {"workers", "--workers of the command line"}},
    };
    struct changes_unused_list list = {.item = room};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i].given)
            room[list.count++] = all[i].is;
    }
    return list;
}

static int check_flags(const struct flags *f, struct tm_err *e)
{
    if (f->config != NULL &&
        (f->ephemeral || f->issuer != NULL || f->issuers != NULL || f->issuer_type.given ||
         f->client_id != NULL || f->key_type.given || f->log != NULL))
        return tm_err_set(e, "serve: --config and --ephemeral with its options exclude each other");
    if (f->config == NULL && !f->ephemeral)
        return tm_err_set(e, "serve: --config FILE is missing (or --ephemeral for a trial)");
    if (f->ephemeral && (f->issuer == NULL) == (f->issuers == NULL))
        return tm_err_set(e, "serve: --ephemeral needs either --issuer URL or --issuers FILE");
    return 0;
}

static int read_generation(void *flags, struct generation *g, struct tm_err *e)
{
    struct flags *f = flags;
    *g = (struct generation){0};
    int rc = f->config != NULL ? configure_file(f->config, g, e) : configure_trial(f, g, e);
    if (rc == 0)
        rc = use_flags(f, &g->config, e);
    if (rc != 0)
        generation_free(g);
    return rc;
}

int command_serve(const struct cli_command *self, int argc, char **argv)
{
    struct flags f = {.workers = {.max = 256},
                      .key_type = {.of = cli_key_types},
                      .issuer_type = {.value = "github-workflow", .nth = oidc_type_name},
                      .client_address = {.of = ca_config_proxy_ways}};
    const struct cli_option options[] = {
        {"config", CLI_TEXT, "FILE", "server configuration", &f.config},
        {"listen", CLI_TEXT, "HOST:PORT", "API address, over the configuration's; port 0: any",
         &f.listen},
        {"metrics-listen", CLI_TEXT, "HOST:PORT", "metrics address, over the configuration's",
         &f.metrics_listen},
        {"proxies", CLI_NAMES, "ADDRESS,...",
         "addresses or networks of proxies, over the configuration's", &f.proxies},
        {"client-address", CLI_CHOICE, "WAY",
         "how they name the client: proxy-protocol, x-forwarded-for or forwarded",
         &f.client_address},
        {"workers", CLI_NUMBER, "N", "threads, over the configuration's; 0: one per processor",
         &f.workers},
        {"ephemeral", CLI_FLAG, NULL, "no configuration: a CA key in memory, for trials",
         &f.ephemeral},
        {"issuer", CLI_TEXT, "URL", "ephemeral: the one trusted token issuer", &f.issuer},
        {"issuer-type", CLI_CHOICE, "TYPE", "ephemeral: its type (github-workflow)",
         &f.issuer_type},
        {"client-id", CLI_TEXT, "AUDIENCE", "ephemeral: audience of its tokens (sigstore)",
         &f.client_id},
        {"issuers", CLI_TEXT, "FILE", "ephemeral: an issuer list instead of --issuer", &f.issuers},
        {"key-type", CLI_CHOICE, "TYPE", "ephemeral: p256 (default), p384, rsa or ed25519",
         &f.key_type},
        {"log", CLI_TEXT, "DIR",
         "ephemeral: its log in DIR, kept, with DIR.key and DIR.pem; made if missing", &f.log},
        {0},
    };
    struct generation first;
    struct changes_unused unused[CHANGES_UNUSED_MAX];
    struct tm_err e = {0};
    int rc = cli_parse(self, options, argc, argv, 0);
    if (rc != CLI_GO_ON)
        return rc;
    if (check_flags(&f, &e) != 0)
        return cli_fail(CLI_USAGE, &e);
    if (read_generation(&f, &first, &e) != 0) {
        remove_temporary(&f);
        return cli_fail(f.config != NULL ? CLI_CONFIG : CLI_USAGE, &e);
    }
    const struct generations_options o = {.read = read_generation,
                                          .arg = &f,
                                          .config_file = f.config,
                                          .unused = unused_keys(&f, unused)};
    rc = generations_run(&o, &first);
    remove_temporary(&f);
    return rc;
}

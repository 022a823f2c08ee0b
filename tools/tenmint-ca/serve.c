/* serve: start, wait for signals, reload, drain. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "ca/log/ct/ctlog.h"
#include "ca/log/engine/create.h"
#include "common/file.h"
#include "common/ipc/loop.h"
#include "common/sandbox/sandbox.h"
#include "common/sink.h"
#include "tools/tenmint-ca/changes.h"
#include "tools/tenmint-ca/commands.h"
#include "tools/tenmint-ca/roles.h"
#include "tools/tenmint-ca/setup.h"

#define TRIAL_ORIGIN "localhost/log"

struct flags {
    const char *config, *issuer, *issuer_type, *client_id, *issuers, *listen, *metrics_listen;
    const char *log;
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
    return *value != '\0' ? 0 : tm_err_set(e, "--%s: the value is empty", flag);
}

/* The issuer list that the flags stand for, in Fulcio's YAML. */
static int issuers_text(const struct flags *f, struct tm_buf *out, struct tm_err *e)
{
    const char *type = f->issuer_type != NULL ? f->issuer_type : "github-workflow";
    const char *client = f->client_id != NULL ? f->client_id : "sigstore";
    if (plain("issuer", f->issuer, e) != 0 || plain("issuer-type", type, e) != 0 ||
        plain("client-id", client, e) != 0)
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

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_temporary(struct flags *f)
{
    if (f->temporary[0] != '\0')
        (void)nftw(f->temporary, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    f->temporary[0] = '\0';
}

/* The configuration: a file, or the defaults with an ephemeral CA. Listening flags win. */
static int configure(struct flags *f, struct ca_config *c, struct tm_buf *issuers, struct tm_err *e)
{
    int rc;
    if (f->config != NULL) {
        rc = ca_config_load(f->config, c, e);
        if (rc != 0)
            return -1;
    } else {
        rc = ca_config_default(c, e);
        if (rc == 0)
            rc = replace(&c->ca.backend, "ephemeral", e);
        if (rc == 0)
            rc = replace(&c->ca.ephemeral_type, f->key_type.value, e);
        if (rc == 0)
            rc = replace(&c->issuers_file, f->issuers, e);
        if (rc == 0 && f->issuer != NULL)
            rc = issuers_text(f, issuers, e);
        if (rc == 0)
            rc = f->log != NULL ? trial_log(f->log, c, e) : temporary_log(f, c, e);
    }
    if (rc == 0)
        rc = replace(&c->listen, f->listen, e);
    if (rc == 0)
        rc = replace(&c->metrics_listen, f->metrics_listen, e);
    if (f->workers.given)
        c->workers = f->workers.value;
    if (rc != 0)
        ca_config_free(c);
    return rc;
}

static int check_flags(const struct flags *f, struct tm_err *e)
{
    if (f->config != NULL &&
        (f->ephemeral || f->issuer != NULL || f->issuers != NULL || f->issuer_type != NULL ||
         f->client_id != NULL || f->key_type.given || f->log != NULL))
        return tm_err_set(e, "serve: --config and --ephemeral with its options exclude each other");
    if (f->config == NULL && !f->ephemeral)
        return tm_err_set(e, "serve: --config FILE is missing (or --ephemeral for a trial)");
    if (f->ephemeral && (f->issuer == NULL) == (f->issuers == NULL))
        return tm_err_set(e, "serve: --ephemeral needs either --issuer URL or --issuers FILE");
    return 0;
}

/* The front opens no files, and may not even look at them: it gets these, open and looked at. */
static int give_file(const struct roles *r, const char *path, enum role_file what, struct tm_err *e)
{
    bool secret = what == FILE_KEY;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return tm_err_errno(e, "tls: %s: open '%s'", secret ? "TLS key" : "certificate", path);
    if (tm_file_check_open(fd, path, secret, e) != 0) {
        close(fd);
        return tm_err_wrap(e, "tls");
    }
    tm_process_give(r->group, ROLE_FRONT, what, fd);
    return 0;
}

static int give_tls(const struct roles *r, struct tm_err *e)
{
    const struct ca_config_tls *tls = &r->config->tls;
    return give_file(r, tls->certificate, FILE_CERTIFICATE, e) == 0 &&
                   give_file(r, tls->key, FILE_KEY, e) == 0
               ? 0
               : -1;
}

static bool tls_changed(struct roles *r)
{
    bool certificate = tm_file_stamp_renew(r->config->tls.certificate, &r->tls_certificate_seen);
    bool key = tm_file_stamp_renew(r->config->tls.key, &r->tls_key_seen);
    return certificate || key;
}

static void reload_tls(struct roles *r, bool force)
{
    struct tm_err e = {0};
    if (r->config->tls.certificate == NULL || (!tls_changed(r) && !force) || give_tls(r, &e) == 0)
        return;
    ca_metrics_reload(r->metrics, false);
    jlog(r->log, JLOG_ERROR, "TLS certificate not reloaded, the old one stays",
         JLOG_STR("detail", e.text), JLOG_END);
}

static void reload(struct roles *r, bool force)
{
    reload_tls(r, force);
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        if (r->started[i].reload != NULL)
            tm_process_reload(r->group, i, force);
    }
}

static void notify_reload(struct roles *r)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
                     (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
    if (r->config_file != NULL)
        changes_of_config(r->config_file, r->config_read, r->log);
    reload(r, true);
    (void)sd_notify(0, "READY=1");
}

/* Until SIGTERM or SIGINT; or one of the processes has ended, and the others cannot go on. */
static int watch(struct roles *r, const char **signal)
{
    for (;;) {
        struct tm_process_news news;
        tm_process_wait(r->group, r->config->reload_interval, &news);
        if (news.event == PROCESS_ENDED) {
            jlog(r->log, JLOG_ERROR, "a process of the server has ended, and the server with it",
                 JLOG_STR("process", news.role), JLOG_STR("detail", news.how.text), JLOG_END);
            return CLI_FAILED;
        }
        if (news.event == PROCESS_TIME)
            reload(r, false);
        else if (news.signal == SIGHUP)
            notify_reload(r);
        else {
            *signal = news.signal == SIGTERM ? "TERM" : "INT";
            return CLI_OK;
        }
    }
}

/* The sockets are the parent's to open: a port below 1024 is root's. */
static int listen_for(const struct roles *r, const char *address, enum role_file what,
                      const char *name, struct tm_err *e)
{
    int fd = -1;
    if (address == NULL)
        return 0;
    if (tm_http_listen_open(address, &fd, e) != 0)
        return tm_err_wrap(e, "%s", name);
    tm_process_give(r->group, ROLE_FRONT, what, fd);
    return 0;
}

static int start_front(struct roles *r, struct tm_err *e)
{
    const struct ca_config *c = r->config;
    if (c->tls.certificate != NULL) {
        (void)tls_changed(r);
        if (give_tls(r, e) != 0)
            return CLI_CONFIG;
    }
    if (listen_for(r, c->listen, FILE_LISTEN, "listen", e) != 0 ||
        listen_for(r, c->metrics_listen, FILE_METRICS, "metrics-listen", e) != 0)
        return CLI_FAILED;
    return tm_process_step(r->group, ROLE_FRONT, 0, e);
}

static int start(struct roles *r, struct tm_err *e)
{
    r->metrics = ca_metrics_new();
    r->output = tm_sink_own(STDOUT_FILENO);
    tm_ipc_on_breach(roles_breach);
    if (r->metrics == NULL || tm_sandbox_begin(e) != 0 || roles_link(r, e) != 0 ||
        tm_process_fork(r->group, e) != 0)
        return CLI_FAILED;
    roles_forget_secrets(r->config, ROLE_COUNT);
    int code = CLI_OK;
    for (unsigned i = 0; i < ROLE_FRONT && code == CLI_OK; i++)
        code = tm_process_step(r->group, i, 0, e);
    return code == CLI_OK ? start_front(r, e) : code;
}

/* It signals and waits, hands over files, and compares the configuration's with what it was. An
 * ephemeral CA's log is removed in the end. */
static unsigned parent_rights(const struct roles *r)
{
    unsigned rights = SANDBOX_READ | SANDBOX_PROCESSES;
    bool writes = r->config_file == NULL || r->config->audit_file != NULL;
    return writes ? rights | SANDBOX_WRITE : rights;
}

static void warn_of_root_key(const struct roles *r)
{
    char path[PATH_MAX];
    if (setup_root_beside(r->config->ca.chain, path))
        jlog(r->log, JLOG_WARN, "the root key lies beside the server's files: move it offline",
             JLOG_STR("file", path), JLOG_END);
}

/* A drain may take its time, and so may what follows it. */
#define END_SLACK_MS 30000

static int run(const struct ca_config *c, const char *issuers, const char *file,
               const struct ca_config *file_read)
{
    struct roles r = {
        .config = c, .issuers = issuers, .config_file = file, .config_read = file_read};
    struct tm_err e = {0};
    const char *signal_name = NULL;
    signal(SIGPIPE, SIG_IGN);
    /* Each reads a file, once: not when the first date is written or the first JSON read. */
    tzset();
    json_object_seed(0);
    int rc = start(&r, &e);
    /* It has a thread: not before the processes have parted. */
    r.log = tm_jlog_new(STDOUT_FILENO, ca_config_log_level(c));
    if (rc != CLI_OK)
        (void)cli_fail(rc, &e);
    if (rc == CLI_OK) {
        warn_of_root_key(&r);
        rc = tm_sandbox_calls(parent_rights(&r), &e) == 0 ? CLI_OK : cli_fail(CLI_FAILED, &e);
    }
    if (rc == CLI_OK) {
        (void)sd_notify(0, "READY=1");
        rc = watch(&r, &signal_name);
        (void)sd_notify(0, "STOPPING=1");
    }
    if (signal_name != NULL &&
        tm_process_end(r.group, signal_name, c->timeouts.drain + END_SLACK_MS) != 0)
        rc = CLI_FAILED;
    tm_process_group_free(r.group);
    ca_metrics_free(r.metrics);
    tm_jlog_free(r.log);
    return rc;
}

int command_serve(const struct cli_command *self, int argc, char **argv)
{
    struct flags f = {.workers = {.max = 256}, .key_type = {.of = cli_key_types}};
    const struct cli_option options[] = {
        {"config", CLI_TEXT, "FILE", "server configuration", &f.config},
        {"listen", CLI_TEXT, "HOST:PORT", "API address, over the configuration's; port 0: any",
         &f.listen},
        {"metrics-listen", CLI_TEXT, "HOST:PORT", "metrics address, over the configuration's",
         &f.metrics_listen},
        {"workers", CLI_NUMBER, "N", "threads, over the configuration's; 0: one per processor",
         &f.workers},
        {"ephemeral", CLI_FLAG, NULL, "no configuration: a CA key in memory, for trials",
         &f.ephemeral},
        {"issuer", CLI_TEXT, "URL", "ephemeral: the one trusted token issuer", &f.issuer},
        {"issuer-type", CLI_TEXT, "TYPE", "ephemeral: its type (github-workflow)", &f.issuer_type},
        {"client-id", CLI_TEXT, "AUDIENCE", "ephemeral: audience of its tokens (sigstore)",
         &f.client_id},
        {"issuers", CLI_TEXT, "FILE", "ephemeral: an issuer list instead of --issuer", &f.issuers},
        {"key-type", CLI_CHOICE, "TYPE", "ephemeral: p256 (default), p384, rsa or ed25519",
         &f.key_type},
        {"log", CLI_TEXT, "DIR",
         "ephemeral: its log in DIR, kept, with DIR.key and DIR.pem; made if missing", &f.log},
        {NULL, CLI_FLAG, NULL, NULL, NULL},
    };
    struct ca_config c;
    struct tm_buf issuers = {0};
    struct tm_err e = {0};
    int count = 0;
    int rc = cli_parse(self, options, argc, argv, 0, 0, &count);
    if (rc != CLI_GO_ON)
        return rc;
    if (check_flags(&f, &e) != 0)
        return cli_fail(CLI_USAGE, &e);
    if (configure(&f, &c, &issuers, &e) != 0) {
        tm_buf_free(&issuers);
        remove_temporary(&f);
        return cli_fail(f.config != NULL ? CLI_CONFIG : CLI_USAGE, &e);
    }
    struct ca_config file_read; /* without the flags, to compare a changed file with */
    if (f.config != NULL && ca_config_load(f.config, &file_read, &e) != 0)
        f.config = NULL; /* it was replaced this moment */
    rc = run(&c, issuers.len > 0 ? tm_buf_str(&issuers) : NULL, f.config, &file_read);
    if (f.config != NULL)
        ca_config_free(&file_read);
    remove_temporary(&f);
    tm_buf_free(&issuers);
    ca_config_free(&c);
    return rc;
}

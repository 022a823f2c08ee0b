#include "tools/tenmint-ca/serve/parent.h"

#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/ipc/loop.h"
#include "common/sandbox/sandbox.h"
#include "common/sink.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/serve/roles.h"
#include "tools/tenmint-ca/setup.h"

/* A drain may take its time, and so may what follows it. */
#define END_SLACK_MS 30000

/* Read by the C library in the fetch process, which has them by what they were at its start. */
static const char *const resolver_files[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
                                             "/etc/gai.conf"};
#define RESOLVER_FILES (sizeof(resolver_files) / sizeof(resolver_files[0]))

struct parent {
    const struct parent_options *o;
    struct roles roles;
    struct tm_jlog *log;
    struct tm_file_stamp tls_certificate_seen, tls_key_seen, resolver_seen[RESOLVER_FILES];
};

static void say(const struct parent *p, enum parent_word word)
{
    const char c = (char)word;
    (void)tm_file_write_all(p->o->words_fd, &c, 1);
}

/* ---- what the front gets ---- */

/* The front opens no files, and may not even look at them: it gets these, open and looked at. */
static int give_file(const struct parent *p, const char *path, enum role_file what,
                     struct tm_err *e)
{
    bool secret = what == FILE_KEY;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return tm_err_errno(e, "tls: %s: open '%s'", secret ? "TLS key" : "certificate", path);
    if (tm_file_check_open(fd, path, secret, e) != 0) {
        close(fd);
        return tm_err_wrap(e, "tls");
    }
    tm_process_give(p->roles.group, ROLE_FRONT, what, fd);
    return 0;
}

static int give_tls(const struct parent *p, struct tm_err *e)
{
    const struct ca_config_tls *tls = &p->o->config->tls;
    return give_file(p, tls->certificate, FILE_CERTIFICATE, e) == 0 &&
                   give_file(p, tls->key, FILE_KEY, e) == 0
               ? 0
               : -1;
}

static bool tls_changed(struct parent *p)
{
    const struct ca_config_tls *tls = &p->o->config->tls;
    bool certificate = tm_file_stamp_renew(tls->certificate, &p->tls_certificate_seen);
    bool key = tm_file_stamp_renew(tls->key, &p->tls_key_seen);
    return certificate || key;
}

static void reload_tls(struct parent *p, bool force)
{
    struct tm_err e = {0};
    if (p->o->config->tls.certificate == NULL || (!tls_changed(p) && !force) ||
        give_tls(p, &e) == 0)
        return;
    ca_metrics_reload(p->o->metrics, false);
    jlog(p->log, JLOG_ERROR, "TLS certificate not reloaded, the old one stays",
         JLOG_STR("detail", e.text), JLOG_END);
}

static void give_copy(const struct parent *p, int fd, enum role_file what)
{
    int own = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
    if (own >= 0)
        tm_process_give(p->roles.group, ROLE_FRONT, what, own);
}

/* ---- start ---- */

static int start_front(struct parent *p, struct tm_err *e)
{
    if (p->o->config->tls.certificate != NULL) {
        (void)tls_changed(p);
        if (give_tls(p, e) != 0)
            return CLI_CONFIG;
    }
    give_copy(p, p->o->api_fd, FILE_LISTEN);
    give_copy(p, p->o->metrics_fd, FILE_METRICS);
    give_copy(p, p->o->tickets_fd, FILE_TICKETS);
    return tm_process_step(p->roles.group, ROLE_FRONT, 0, e);
}

static int start(struct parent *p, struct tm_err *e)
{
    struct roles *r = &p->roles;
    tm_ipc_on_breach(roles_breach);
    if (tm_sandbox_begin(e) != 0 || roles_link(r, e) != 0 || tm_process_fork(r->group, e) != 0)
        return CLI_FAILED;
    roles_forget_secrets(r->config, ROLE_COUNT);
    int code = CLI_OK;
    for (unsigned i = 0; i < ROLE_FRONT && code == CLI_OK; i++)
        code = tm_process_step(r->group, i, 0, e);
    return code == CLI_OK ? start_front(p, e) : code;
}

/* It signals and waits, and opens files for its processes. */
static unsigned rights(const struct ca_config *c)
{
    unsigned r = SANDBOX_READ | SANDBOX_PROCESSES;
    return c->audit_file != NULL ? r | SANDBOX_WRITE : r;
}

static void warn_of_root_key(const struct parent *p)
{
    char path[PATH_MAX];
    if (setup_root_beside(p->o->config->ca.chain, path))
        jlog(p->log, JLOG_WARN, "the root key lies beside the server's files: move it offline",
             JLOG_STR("file", path), JLOG_END);
}

/* ---- life ---- */

static bool resolver_changed(struct parent *p)
{
    bool changed = false;
    for (size_t i = 0; i < RESOLVER_FILES; i++) {
        struct tm_file_stamp was = p->resolver_seen[i];
        bool other = tm_file_stamp_renew(resolver_files[i], &p->resolver_seen[i]);
        const struct tm_file_stamp *now = &p->resolver_seen[i];
        /* One that is written over in place is still the file that the process may read. */
        changed =
            changed || (other && now->ino != 0 && (now->ino != was.ino || now->dev != was.dev));
    }
    return changed;
}

/* True: all have answered. */
static bool reload(struct parent *p, bool force)
{
    bool all = true;
    reload_tls(p, force);
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        all = tm_process_reload(p->roles.group, i, force) && all;
    if (resolver_changed(p))
        say(p, PARENT_ANEW);
    return all;
}

/* Until SIGTERM or SIGINT; or one of the processes has ended, and the others cannot go on. */
static int watch(struct parent *p, const char **signal)
{
    int64_t look = p->o->config->reload_interval; /* 0: on SIGHUP only */
    int64_t every =
        p->o->alive_ms > 0 && (look == 0 || p->o->alive_ms < look) ? p->o->alive_ms : look;
    int64_t due = tm_clock_mono_ms() + look;
    for (;;) {
        struct tm_process_news news;
        tm_process_wait(p->roles.group, every, &news);
        if (news.event == PROCESS_ENDED) {
            jlog(p->log, JLOG_ERROR, "a process of the server has ended, and the server with it",
                 JLOG_STR("process", news.role), JLOG_STR("detail", news.how.text), JLOG_END);
            return CLI_FAILED;
        }
        if (news.event == PROCESS_SIGNAL && news.signal != SIGHUP) {
            *signal = news.signal == SIGTERM ? "TERM" : "INT";
            return CLI_OK;
        }
        bool forced = news.event == PROCESS_SIGNAL;
        bool looks = forced || (look > 0 && tm_clock_mono_ms() >= due);
        if (!looks || reload(p, forced))
            say(p, PARENT_ALIVE);
        if (looks)
            due = tm_clock_mono_ms() + look;
        if (forced)
            say(p, PARENT_READY);
    }
}

static int live(struct parent *p)
{
    struct tm_err e = {0};
    const char *signal_name = NULL;
    warn_of_root_key(p);
    (void)resolver_changed(p);
    if (tm_sandbox_calls(rights(p->o->config), &e) != 0)
        return cli_fail(CLI_FAILED, &e);
    say(p, PARENT_READY);
    int rc = watch(p, &signal_name);
    if (signal_name != NULL && tm_process_end(p->roles.group, signal_name,
                                              p->o->config->timeouts.drain + END_SLACK_MS) != 0)
        rc = CLI_FAILED;
    return rc;
}

int parent_run(const struct parent_options *o)
{
    const int parents[] = {o->api_fd, o->metrics_fd, o->tickets_fd, o->tokens_fd, o->words_fd};
    struct parent p = {.o = o,
                       .roles = {.config = o->config,
                                 .issuers = o->issuers,
                                 .metrics = o->metrics,
                                 .output = tm_sink_own(STDOUT_FILENO),
                                 .tokens_fd = o->tokens_fd,
                                 .parents = parents,
                                 .parents_count = sizeof(parents) / sizeof(parents[0])}};
    struct tm_err e = {0};
    /* Each reads a file, once: not when the first date is written or the first JSON read. */
    tzset();
    json_object_seed(0);
    int rc = start(&p, &e);
    /* It has a thread: not before the processes have parted. */
    p.log = tm_jlog_new(STDOUT_FILENO, ca_config_log_level(o->config));
    rc = rc == CLI_OK ? live(&p) : cli_fail(rc, &e);
    tm_process_group_free(p.roles.group);
    tm_jlog_free(p.log);
    return rc;
}

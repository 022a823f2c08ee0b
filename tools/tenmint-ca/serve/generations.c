#include "tools/tenmint-ca/serve/generations.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "ca/api/once.h"
#include "common/clock.h"
#include "common/http/http.h"
#include "common/jlog.h"
#include "common/process/process.h"
#include "common/sandbox/sandbox.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/check/check.h"
#include "tools/tenmint-ca/serve/in_force.h"
#include "tools/tenmint-ca/serve/listening.h"
#include "tools/tenmint-ca/serve/parent.h"

#define TRY_MS 60000       /* a check: a token may not answer */
#define END_SLACK_MS 90000 /* a parent ends its processes, each within its own time */
#define CUT_MS 5000        /* a start that is not wanted any more */
#define REST_MS 10000      /* processes whose parent has ended end, too */
#define AGAIN_MS 5000      /* between tries to serve what was in force */
#define REFUSED_MS 60000   /* a generation that was asked for, and was not possible then */

struct serving {
    struct generation g;
    struct listening socket[LISTEN_COUNT]; /* where it listens */
    int tokens_fd;                         /* memory of used tokens; -1: they are not remembered */
};

struct generations {
    const struct generations_options *o;
    struct serving now;
    struct ca_metrics *metrics;
    uint64_t watchdog_us; /* 0: nobody waits for signs of life */
    int tickets_fd;       /* keys by which clients resume TLS sessions with the next generation */
    int signal_fd;
    int runtime_fd; /* folder for what is in force; -1: none */
    struct changes_unused_list unused;
    pid_t parent;  /* 0: none runs */
    int words;     /* of the parent; -1: none, or it has closed them */
    bool ready;    /* the parent has been so */
    bool ending;   /* a signal has asked for the end */
    bool anew;     /* a next generation is wanted */
    bool reload;   /* files are to be read again */
    bool cut;      /* the parent is killed from here */
    bool alone;    /* no process of ours is left */
    int64_t due;   /* when a next generation is wanted again; 0: never */
    int exit_code; /* of the last parent */
};

void generation_free(struct generation *g)
{
    ca_config_free(&g->config);
    ca_config_free(&g->file);
    tm_buf_free(&g->text);
    tm_buf_free(&g->issuers);
}

/* Its thread ends before a process is forked. */
static struct tm_jlog *begin_log(const struct generations *s)
{
    return tm_jlog_new(STDOUT_FILENO, ca_config_log_level(&s->now.g.config));
}

static void say(const struct generations *s, enum tm_jlog_level level, const char *message,
                const char *detail)
{
    struct tm_jlog *log = begin_log(s);
    jlog(log, level, message, detail != NULL ? JLOG_STR("detail", detail) : JLOG_END, JLOG_END);
    tm_jlog_free(log);
}

/* A generation serves: for who looks for the reason why a key has no effect. */
static void tell_in_force(const struct generations *s)
{
    struct tm_err e = {0};
    const struct generation *g = &s->now.g;
    if (listen_is_elsewhere(&s->now.socket[LISTEN_API], g->config.listen))
        say(s, JLOG_WARN,
            "'listen' is not used: the service manager gives a socket at another address",
            g->config.listen);
    if (in_force_put(s->runtime_fd, s->o->config_file, &g->text, &s->unused, &e) != 0)
        say(s, JLOG_WARN, "check-config will not know what is in force", e.text);
}

/* ---- a parent's life, seen from here ---- */

/* `starter`: the process that forked this one; in a container it may be process 1. */
static int be_parent(struct generations *s, int words, pid_t starter)
{
    struct tm_err e = {0};
    const struct parent_options o = {
        .config = &s->now.g.config,
        .issuers = s->now.g.issuers.len > 0 ? (const char *)s->now.g.issuers.data : NULL,
        .metrics = s->metrics,
        .api_fd = s->now.socket[LISTEN_API].fd,
        .metrics_fd = s->now.socket[LISTEN_METRICS].fd,
        .tickets_fd = s->tickets_fd,
        .tokens_fd = s->now.tokens_fd,
        .words_fd = words,
        .alive_ms = (int64_t)(s->watchdog_us / 3000)};
    /* Who kills us by force means all. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
        tm_err_errno(&e, "end with the process that started this one");
        return cli_fail(CLI_FAILED, &e);
    }
    if (getppid() != starter) {
        tm_err_set(&e, "the process that started this one has ended");
        return cli_fail(CLI_FAILED, &e);
    }
    close(s->signal_fd);
    if (s->runtime_fd >= 0)
        close(s->runtime_fd);
    return parent_run(&o);
}

static int begin_parent(struct generations *s, struct tm_err *e)
{
    int words[2];
    pid_t self = getpid();
    if (pipe2(words, O_CLOEXEC) != 0)
        return tm_err_errno(e, "make a pipe");
    s->ready = false;
    s->parent = fork();
    if (s->parent == 0) {
        close(words[0]);
        exit(be_parent(s, words[1], self));
    }
    close(words[1]);
    if (s->parent < 0) {
        close(words[0]);
        s->parent = 0;
        return tm_err_errno(e, "start the service");
    }
    s->words = words[0];
    return 0;
}

/* A parent that serves says so itself; one that begins or ends is waited for here. */
static void tell_alive(const struct generations *s)
{
    if (s->watchdog_us > 0)
        (void)sd_notify(0, "WATCHDOG=1");
}

static void hear(struct generations *s)
{
    char word[64];
    ssize_t n = read(s->words, word, sizeof(word));
    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        close(s->words);
        s->words = -1;
    }
    for (ssize_t i = 0; i < n; i++) {
        if (word[i] == PARENT_READY) {
            s->ready = true;
            (void)sd_notify(0, "READY=1");
        }
        s->anew = s->anew || word[i] == PARENT_ANEW;
    }
    if (n > 0)
        tell_alive(s);
}

static void hear_signals(struct generations *s)
{
    struct signalfd_siginfo i;
    while (read(s->signal_fd, &i, sizeof(i)) == (ssize_t)sizeof(i)) {
        if (i.ssi_signo == SIGHUP) {
            s->reload = true;
        } else if (i.ssi_signo != SIGCHLD) {
            s->ending = true;
            (void)sd_notify(0, "STOPPING=1");
            if (s->parent != 0)
                (void)kill(s->parent, (int)i.ssi_signo);
        }
    }
}

static void say_killed(const struct generations *s, int signal)
{
    struct tm_jlog *log = begin_log(s);
    char how[64];
    snprintf(how, sizeof(how), "was killed by signal %d (%s)", signal, strsignal(signal));
    jlog(log, JLOG_ERROR, "a process of the server has ended, and the server with it",
         JLOG_STR("process", "parent"), JLOG_STR("detail", how), JLOG_END);
    tm_jlog_free(log);
}

static void parent_ended(struct generations *s, int status)
{
    s->parent = 0;
    s->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : CLI_FAILED;
    if (WIFSIGNALED(status) && !s->cut)
        say_killed(s, WTERMSIG(status));
    if (s->words >= 0)
        hear(s);
    if (s->words >= 0)
        close(s->words);
    s->words = -1;
}

/* The processes of a parent that ended before them are ours. */
static void reap(struct generations *s)
{
    int status = 0;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == s->parent)
            parent_ended(s, status);
    }
    s->alone = pid < 0;
}

/* Something has happened, or `timeout_ms` (-1: none) are over. */
static void wait_for_news(struct generations *s, int timeout_ms)
{
    struct pollfd p[] = {{.fd = s->signal_fd, .events = POLLIN},
                         {.fd = s->words, .events = POLLIN}};
    (void)poll(p, 2, timeout_ms);
    if (p[1].revents != 0)
        hear(s);
    hear_signals(s);
    reap(s);
}

/* Killed with their parent, each ends in its own time (one may wait for a disk), and has the lock
 * of a log until then. */
static void wait_for_rest(struct generations *s)
{
    int64_t until = tm_clock_mono_ms() + REST_MS;
    for (reap(s); !s->alone && tm_clock_mono_ms() < until; tell_alive(s))
        wait_for_news(s, 1000);
}

/* Takes its processes along. */
static void cut(struct generations *s)
{
    if (s->parent == 0)
        return;
    s->cut = kill(s->parent, SIGKILL) == 0;
    while (s->parent != 0)
        wait_for_news(s, 1000);
    s->cut = false;
}

/* Starts a parent and waits until it is ready, at most `limit_ms` (0: as long as who started us
 * lets it). -1: it is not, and has ended. */
static int start(struct generations *s, int64_t limit_ms, struct tm_err *e)
{
    int64_t until = limit_ms > 0 ? tm_clock_mono_ms() + limit_ms : INT64_MAX;
    bool ending = s->ending;
    if (begin_parent(s, e) != 0)
        return -1;
    while (s->parent != 0 && !s->ready && tm_clock_mono_ms() < until) {
        wait_for_news(s, 1000);
        tell_alive(s);
        if (s->ending && !ending && tm_clock_mono_ms() + CUT_MS < until)
            until = tm_clock_mono_ms() + CUT_MS; /* it hears no signal before it has started */
        ending = s->ending;
    }
    bool late = s->parent != 0 && !s->ready;
    if (late)
        cut(s);
    if (late && s->ending)
        s->exit_code = CLI_OK; /* as asked: nothing was served yet that could be lost */
    else if (late)
        return tm_err_set(e, "its processes did not start within %lld s (timeouts 'start')",
                          (long long)limit_ms / 1000);
    return s->ready ? 0 : tm_err_set(e, "its processes do not start (code %d)", s->exit_code);
}

static void stop(struct generations *s)
{
    int64_t until = tm_clock_mono_ms() + s->now.g.config.timeouts.drain + END_SLACK_MS;
    (void)kill(s->parent, SIGTERM);
    for (; s->parent != 0 && tm_clock_mono_ms() < until; tell_alive(s))
        wait_for_news(s, 1000);
    cut(s);
    wait_for_rest(s);
}

/* ---- one generation after the other ---- */

static bool check_goes_on(void *generations)
{
    struct generations *s = generations;
    tell_alive(s);
    hear_signals(s);
    return !s->ending;
}

static int try_config(struct generations *s, struct tm_err *e)
{
    const struct check_wait w = {.limit_ms = TRY_MS, .goes_on = check_goes_on, .ctx = s};
    return check_server_apart(s->o->config_file, &w, e);
}

static void free_serving(struct serving *x)
{
    generation_free(&x->g);
    listen_close(x->socket);
    if (x->tokens_fd >= 0)
        close(x->tokens_fd);
}

/* Has the processes look at their files, and say what changed in these. */
static int hang_up(struct generations *s)
{
    s->ready = false;
    if (s->parent != 0 && kill(s->parent, SIGHUP) != 0)
        return CLI_FAILED;
    while (s->parent != 0 && !s->ready && !s->ending)
        wait_for_news(s, -1);
    return CLI_OK;
}

/* A key or a token may be away for a while: the sockets stay open, and what waits in them. */
static int fall_back(struct generations *s)
{
    struct tm_err e = {0};
    for (;;) {
        wait_for_rest(s);
        if (s->ending)
            return s->exit_code;
        if (start(s, s->now.g.config.timeouts.start, &e) == 0)
            return CLI_OK;
        if (!s->ending)
            say(s, JLOG_ERROR, "what was in force does not start either: it is tried again",
                e.text);
        int64_t until = tm_clock_mono_ms() + AGAIN_MS;
        for (; !s->ending && tm_clock_mono_ms() < until; tell_alive(s))
            wait_for_news(s, 1000);
    }
}

/* The last one's, if it knows all that the next one has to: a server that shared its tokens does
 * not remember those of the others. */
static int open_tokens(const struct serving *last, struct serving *next, struct tm_err *e)
{
    const struct ca_config_limits *was = &last->g.config.limits, *c = &next->g.config.limits;
    bool knows = last->tokens_fd >= 0 && (was->store == NULL || c->store != NULL);
    if (!c->single_use_tokens)
        return 0;
    if (!knows)
        return (next->tokens_fd = ca_once_memory_open(e)) >= 0 ? 0 : -1;
    next->tokens_fd = fcntl(last->tokens_fd, F_DUPFD_CLOEXEC, 3);
    return next->tokens_fd >= 0 ? 0 : tm_err_errno(e, "memory for used tokens");
}

static void refuse(const struct generations *s, const struct tm_err *e)
{
    ca_metrics_reload(s->metrics, false);
    say(s, JLOG_ERROR, "configuration refused, what was in force stays", e->text);
}

/* What was takes over again if the next one's processes do not start. */
static int replace(struct generations *s, const struct generation *next)
{
    struct tm_err e = {0};
    struct serving before = s->now;
    struct serving after = {.g = *next, .tokens_fd = -1};
    if (listen_open(before.socket, &next->config, after.socket, &e) != 0 ||
        open_tokens(&before, &after, &e) != 0) {
        free_serving(&after);
        refuse(s, &e);
        return CLI_OK;
    }
    stop(s);
    s->now = after;
    if (!s->ending && start(s, after.g.config.timeouts.start, &e) == 0) {
        free_serving(&before);
        ca_metrics_reload(s->metrics, true);
        say(s, JLOG_INFO, "the next generation serves", NULL);
        tell_in_force(s);
        return CLI_OK;
    }
    s->now = before;
    free_serving(&after);
    if (s->ending)
        return s->exit_code;
    ca_metrics_reload(s->metrics, false);
    say(s, JLOG_ERROR, "the next generation does not start: what was in force serves again",
        e.text);
    return fall_back(s);
}

static void notify_reloading(void)
{
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)tm_clock_mono_ms() * 1000);
}

/* What differs is tried, and so is what is to serve `anew`: a key may be away. Where nothing is
 * to change, the processes only look at their files again. */
static bool read_again(struct generations *s, bool anew, struct generation *next, bool *differs)
{
    struct tm_err e = {0};
    if (s->o->read(s->o->arg, next, &e) == 0) {
        struct tm_jlog *log = begin_log(s);
        *differs = changes_of_config(&s->now.g.file, &next->file, &s->unused, log) > 0;
        tm_jlog_free(log);
        if ((!*differs && !anew) || try_config(s, &e) == 0)
            return true;
        generation_free(next);
    }
    if (!s->ending)
        refuse(s, &e);
    return false;
}

/* SIGHUP, or a parent that asks for a next generation. */
static int renew(struct generations *s)
{
    struct generation next;
    bool anew = s->anew || s->due != 0;
    bool differs = false;
    s->anew = s->reload = false;
    notify_reloading();
    bool readable = s->o->config_file != NULL && read_again(s, anew, &next, &differs);
    s->due = anew && !readable && s->o->config_file != NULL ? tm_clock_mono_ms() + REFUSED_MS : 0;
    int rc = hang_up(s);
    if (!readable)
        return rc;
    if (rc == CLI_OK && s->parent != 0 && !s->ending && (anew || differs))
        return replace(s, &next);
    generation_free(&next);
    return rc;
}

static int serve(struct generations *s)
{
    struct tm_err e = {0};
    if (start(s, 0, &e) != 0)
        return s->exit_code != CLI_OK || s->ending ? s->exit_code : cli_fail(CLI_FAILED, &e);
    tell_in_force(s);
    int rc = CLI_OK;
    while (s->parent != 0 && rc == CLI_OK) {
        wait_for_news(s, s->due != 0 ? 1000 : -1);
        s->anew = s->anew || (s->due != 0 && tm_clock_mono_ms() >= s->due);
        if (s->parent != 0 && !s->ending && (s->anew || s->reload))
            rc = renew(s);
    }
    return rc == CLI_OK ? s->exit_code : rc;
}

/* On what the service manager gives, or as configured. */
static int listen_first(struct generations *s, struct tm_err *e)
{
    struct listening sockets[LISTEN_COUNT];
    if (listen_take_given(s->now.socket, e) != 0 ||
        listen_open(s->now.socket, &s->now.g.config, sockets, e) != 0)
        return -1;
    listen_close(s->now.socket);
    memcpy(s->now.socket, sockets, sizeof(sockets));
    listen_add_unused(s->now.socket, &s->unused);
    return open_tokens(&s->now, &s->now, e);
}

int generations_run(const struct generations_options *o, struct generation *first)
{
    struct generations s = {.o = o,
                            .now = {*first, {{.fd = -1}, {.fd = -1}}, -1},
                            .runtime_fd = -1,
                            .unused = o->unused,
                            .metrics = ca_metrics_new(),
                            .tickets_fd = tm_http_tickets_memory(),
                            .signal_fd = -1,
                            .words = -1};
    struct tm_err e = {0};
    signal(SIGPIPE, SIG_IGN);
    (void)sd_watchdog_enabled(0, &s.watchdog_us);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (in_force_begin(&s.runtime_fd, &e) != 0)
        say(&s, JLOG_WARN, "check-config will not know what is in force", e.text);
    bool begun = s.metrics != NULL && tm_sandbox_begin(&e) == 0 &&
                 tm_sandbox_no_programs(&e) == 0 && (s.signal_fd = tm_process_signals(&e)) >= 0 &&
                 listen_first(&s, &e) == 0;
    int rc = begun ? serve(&s) : cli_fail(CLI_FAILED, &e);
    const int fds[] = {s.signal_fd, s.tickets_fd, s.runtime_fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    ca_metrics_free(s.metrics);
    free_serving(&s.now);
    return rc;
}

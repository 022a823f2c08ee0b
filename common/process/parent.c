/* The parent's side. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/process/internal.h"

#define RELOAD_MS 10000
#define KILLED_MS 5000 /* to wait for the end of what was killed */

struct tm_process_group *tm_process_group_new(const struct tm_process_role *role, size_t count,
                                              void *ctx, struct tm_err *e)
{
    struct tm_process_group *g = count <= PROCESS_ROLES_MAX ? calloc(1, sizeof(*g)) : NULL;
    if (g == NULL)
        return tm_err_null(e, "out of memory");
    g->role = role;
    g->count = count;
    g->ctx = ctx;
    g->signal_fd = -1;
    g->reload_ms = RELOAD_MS;
    pthread_mutex_init(&g->ask_lock, NULL);
    return g;
}

void tm_process_opens(struct tm_process_group *g, tm_process_open_fn open_for)
{
    g->open_for = open_for;
}

int tm_process_link(struct tm_process_group *g, unsigned a, unsigned b, struct tm_err *e)
{
    if (g->wires == PROCESS_LINKS_MAX)
        return tm_err_set(e, "more than %d channels between processes", PROCESS_LINKS_MAX);
    struct tm_process_wire *w = &g->wire[g->wires];
    if (tm_ipc_pair(w->fd, e) != 0)
        return -1;
    w->role[0] = a;
    w->role[1] = b;
    return (int)g->wires++;
}

static void close_pair(const int fd[2])
{
    for (int side = 0; side < 2; side++) {
        if (fd[side] >= 0)
            close(fd[side]);
    }
}

/* The parent's ends of a child's channels. */
static int take_ends(struct tm_process_one *one, int control, int asks, struct tm_err *e)
{
    one->control = tm_ipc_channel_new(control, &tm_process_protocol, e);
    if (one->control == NULL) {
        if (asks >= 0)
            close(asks);
        return -1;
    }
    tm_ipc_channel_hear(one->control, IPC_HEAR(CTL_DONE));
    return asks >= 0 ? tm_process_asks_begin(one, asks, e) : 0;
}

static int fork_one(struct tm_process_group *g, unsigned i, struct tm_err *e)
{
    int fd[2];
    int ask[2] = {-1, -1};
    pid_t parent = getpid();
    if (tm_ipc_pair(fd, e) != 0)
        return -1;
    if (g->open_for != NULL && tm_ipc_pair(ask, e) != 0) {
        close_pair(fd);
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(fd[0]);
        if (ask[0] >= 0)
            close(ask[0]);
        tm_process_child(g, i, fd[1], ask[1], parent);
    }
    if (pid < 0) {
        tm_err_errno(e, "start the %s process", g->role[i].name);
        close_pair(fd);
        close_pair(ask);
        return -1;
    }
    close(fd[1]);
    if (ask[1] >= 0)
        close(ask[1]);
    g->one[i].pid = pid;
    return take_ends(&g->one[i], fd[0], ask[0], e);
}

int tm_process_signals(struct tm_err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    int fd = sigprocmask(SIG_BLOCK, &set, NULL) == 0
                 ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)
                 : -1;
    return fd >= 0 ? fd : tm_err_errno(e, "wait for signals");
}

int tm_process_fork(struct tm_process_group *g, struct tm_err *e)
{
    g->signal_fd = tm_process_signals(e);
    if (g->signal_fd < 0)
        return -1;
    for (unsigned i = 0; i < g->count; i++) {
        if (g->role[i].start != NULL && fork_one(g, i, e) != 0)
            return -1;
    }
    for (size_t i = 0; i < g->wires; i++) {
        close(g->wire[i].fd[0]);
        close(g->wire[i].fd[1]);
    }
    g->wires = 0;
    return 0;
}

static void describe(int status, struct tm_err *out)
{
    if (WIFEXITED(status))
        tm_err_set(out, "ended with code %d", WEXITSTATUS(status));
    else if (WTERMSIG(status) == SIGSYS)
        tm_err_set(out, "was killed: it tried a system call that it had given up");
    else
        tm_err_set(out, "was killed by signal %d (%s)", WTERMSIG(status),
                   strsignal(WTERMSIG(status)));
}

/* Collects who has ended; the first one is the news. */
static void reap(struct tm_process_group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        int status = 0;
        if (g->one[i].pid == 0 || waitpid(g->one[i].pid, &status, WNOHANG) != g->one[i].pid)
            continue;
        g->one[i].pid = 0;
        if (g->ended.role != NULL)
            continue;
        g->ended.event = PROCESS_ENDED;
        g->ended.role = g->role[i].name;
        describe(status, &g->ended.how);
    }
}

/* Waits for the role's answer to the last question. 1: it came; 0: the time is over; -1: somebody
 * has ended. */
static int await(struct tm_process_group *g, unsigned role, int64_t timeout_ms,
                 struct tm_process_done *done)
{
    struct tm_ipc_channel *c = g->one[role].control;
    int64_t until = tm_clock_mono_ms() + timeout_ms;
    unsigned type = 0;
    for (;;) {
        int rc = tm_ipc_next(c, &type, done, sizeof(*done), NULL);
        if (rc == 1 && done->question == g->questions)
            return 1;
        if (rc == 1)
            continue; /* to one that nobody waits for any more */
        int64_t left = until - tm_clock_mono_ms();
        if (rc < 0 || (timeout_ms > 0 && left <= 0))
            return rc;
        short events = tm_ipc_flush(c) == 1 ? POLLIN | POLLOUT : POLLIN;
        int ms = timeout_ms > 0 && left < 100 ? (int)left : 100;
        rc = tm_process_poll(g, tm_ipc_channel_fd(c), events, ms) != 0 ? tm_ipc_fill(c, NULL) : 0;
        reap(g);
        if (rc < 0) {
            for (int i = 0; i < 50 && g->one[role].pid != 0; i++) {
                (void)poll(NULL, 0, 20); /* its channel ended, so will it */
                reap(g);
            }
            return -1;
        }
        if (g->ended.role != NULL && rc == 0)
            return -1;
    }
}

int tm_process_step(struct tm_process_group *g, unsigned role, unsigned step, struct tm_err *e)
{
    const struct tm_process_number n = {step, ++g->questions};
    struct tm_process_done done;
    if (g->role[role].start == NULL)
        return 0;
    if (tm_ipc_put(g->one[role].control, CTL_STEP, &n, e) != 0)
        return 1;
    if (await(g, role, 0, &done) != 1) {
        tm_err_set(e, "the %s process %s", g->ended.role != NULL ? g->ended.role : "",
                   g->ended.how.text);
        return 1;
    }
    if (done.code != 0)
        tm_err_set(e, "%s", done.why != NULL ? done.why : "the start failed");
    return (int)done.code;
}

bool tm_process_reload(struct tm_process_group *g, unsigned role, bool force)
{
    const struct tm_process_number n = {force, ++g->questions};
    struct tm_process_done done;
    if (g->one[role].pid == 0)
        return true; /* there is no such process, or its end is the next news */
    return tm_ipc_put(g->one[role].control, CTL_RELOAD, &n, NULL) == 0 &&
           await(g, role, g->reload_ms, &done) == 1;
}

void tm_process_give(struct tm_process_group *g, unsigned role, unsigned what, int fd)
{
    const struct tm_process_file f = {what, fd};
    (void)tm_ipc_put(g->one[role].control, CTL_GIVE, &f, NULL);
}

void tm_process_wait(struct tm_process_group *g, int64_t timeout_ms, struct tm_process_news *out)
{
    int64_t until = tm_clock_mono_ms() + timeout_ms;
    *out = (struct tm_process_news){.event = PROCESS_TIME};
    for (;;) {
        struct signalfd_siginfo s;
        reap(g);
        if (g->ended.role != NULL) {
            *out = g->ended;
            return;
        }
        int64_t left = until - tm_clock_mono_ms();
        if (timeout_ms > 0 && left <= 0)
            return;
        (void)tm_process_poll(g, g->signal_fd, POLLIN, timeout_ms > 0 ? (int)left : -1);
        while (read(g->signal_fd, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
            if (s.ssi_signo == SIGCHLD)
                continue;
            out->event = PROCESS_SIGNAL;
            out->signal = (int)s.ssi_signo;
            return;
        }
    }
}

/* Until the child has ended, or the time is over. */
static int wait_for(struct tm_process_group *g, struct tm_process_one *one, int64_t timeout_ms)
{
    int64_t until = tm_clock_mono_ms() + timeout_ms;
    int status = 0;
    for (;;) {
        pid_t got = waitpid(one->pid, &status, WNOHANG);
        if (got == one->pid || (got < 0 && errno != EINTR)) {
            one->pid = 0;
            return got > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
        }
        if (tm_clock_mono_ms() >= until)
            return -1;
        (void)tm_process_poll(g, -1, 0, 5);
    }
}

static int kill_one(struct tm_process_group *g, struct tm_process_one *one)
{
    if (one->pid == 0)
        return 0;
    (void)kill(one->pid, SIGKILL);
    (void)wait_for(g, one, KILLED_MS);
    return -1;
}

int tm_process_end(struct tm_process_group *g, const char *signal, int64_t timeout_ms)
{
    const struct tm_process_text t = {signal};
    int rc = 0;
    for (size_t i = g->count; i > 0; i--) {
        struct tm_process_one *one = &g->one[i - 1];
        if (one->pid == 0)
            continue;
        if (tm_ipc_put(one->control, CTL_STOP, &t, NULL) != 0 || tm_ipc_flush(one->control) != 0 ||
            wait_for(g, one, timeout_ms) != 0)
            rc = -1;
        (void)kill_one(g, one);
    }
    return rc;
}

void tm_process_group_free(struct tm_process_group *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->count; i++)
        (void)kill_one(g, &g->one[i]);
    for (size_t i = 0; i < g->count; i++) {
        tm_ipc_channel_free(g->one[i].control);
        tm_ipc_channel_free(g->one[i].asks);
    }
    pthread_mutex_destroy(&g->ask_lock);
    for (size_t i = 0; i < g->wires; i++) {
        close(g->wire[i].fd[0]);
        close(g->wire[i].fd[1]);
    }
    if (g->signal_fd >= 0)
        close(g->signal_fd);
    free(g);
}

pid_t tm_process_pid(const struct tm_process_group *g, unsigned role)
{
    return g->one[role].pid;
}

/* Files that the parent opens for a role: both sides. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/process/internal.h"

#define ANSWER_MS 10000 /* the parent may be waiting for another process */

enum { ASK_OPEN, ASK_OPENED };

struct question {
    uint64_t id;
    const char *path;
    uint64_t append;
};
struct answer {
    uint64_t id;    /* the question's */
    uint64_t error; /* errno; 0: it is open */
    int fd;
};

static const struct tm_ipc_field question_fields[] = {
    TM_IPC_FIELD(struct question, id, IPC_U64, 0),
    TM_IPC_FIELD(struct question, path, IPC_TEXT, PATH_MAX),
    TM_IPC_FIELD(struct question, append, IPC_U64, 0),
};
static const struct tm_ipc_field answer_fields[] = {
    TM_IPC_FIELD(struct answer, id, IPC_U64, 0),
    TM_IPC_FIELD(struct answer, error, IPC_U64, 0),
    TM_IPC_FIELD(struct answer, fd, IPC_FD, 0),
};
static const struct tm_ipc_form forms[] = {
    [ASK_OPEN] = TM_IPC_FORM(struct question, question_fields),
    [ASK_OPENED] = TM_IPC_FORM(struct answer, answer_fields),
};
static const struct tm_ipc_protocol protocol = {forms, sizeof(forms) / sizeof(forms[0]),
                                                PATH_MAX + 64};

/* ---- the child ---- */

int tm_process_ask_begin(struct tm_process_group *g, int fd, struct tm_err *e)
{
    g->ask = tm_ipc_channel_new(fd, &protocol, e);
    if (g->ask == NULL)
        return -1;
    tm_ipc_channel_hear(g->ask, IPC_HEAR(ASK_OPENED));
    return 0;
}

/* 0: no answer came. */
static int await_answer(struct tm_process_group *g, struct answer *a)
{
    int64_t until = tm_clock_mono_ms() + ANSWER_MS;
    unsigned type = 0;
    for (;;) {
        int rc = tm_ipc_next(g->ask, &type, a, sizeof(*a), NULL);
        if (rc == 1 && a->id == g->asked)
            return 1;
        if (rc == 1 && a->fd >= 0)
            close(a->fd); /* who had asked for it waits no more */
        if (rc == 1)
            continue;
        int64_t left = until - tm_clock_mono_ms();
        struct pollfd p = {.fd = tm_ipc_channel_fd(g->ask), .events = POLLIN};
        if (rc < 0 || left <= 0 || tm_ipc_flush(g->ask) < 0)
            return 0;
        (void)poll(&p, 1, (int)left);
        if (tm_ipc_fill(g->ask, NULL) < 0)
            return 0;
    }
}

int tm_process_open(struct tm_process_group *g, const char *path, bool append)
{
    struct answer a = {.error = EACCES, .fd = -1};
    if (g->ask == NULL) {
        errno = EACCES;
        return -1;
    }
    pthread_mutex_lock(&g->ask_lock);
    const struct question q = {++g->asked, path, append};
    if (tm_ipc_put(g->ask, ASK_OPEN, &q, NULL) != 0 || await_answer(g, &a) == 0)
        a = (struct answer){.error = EIO, .fd = -1};
    pthread_mutex_unlock(&g->ask_lock);
    errno = (int)a.error;
    return a.fd;
}

/* ---- the parent ---- */

int tm_process_asks_begin(struct tm_process_one *one, int fd, struct tm_err *e)
{
    one->asks = tm_ipc_channel_new(fd, &protocol, e);
    if (one->asks == NULL)
        return -1;
    tm_ipc_channel_hear(one->asks, IPC_HEAR(ASK_OPEN));
    return 0;
}

static void answer_one(struct tm_process_group *g, unsigned role)
{
    struct tm_process_one *one = &g->one[role];
    struct question q;
    unsigned type = 0;
    int rc;
    (void)tm_ipc_fill(one->asks, NULL); /* at its end the control channel ends, too */
    while ((rc = tm_ipc_next(one->asks, &type, &q, sizeof(q), NULL)) == 1) {
        errno = EACCES;
        int fd = q.path != NULL ? g->open_for(g->ctx, role, q.path, q.append != 0) : -1;
        const struct answer a = {q.id, fd < 0 ? (uint64_t)errno : 0, fd};
        (void)tm_ipc_put(one->asks, ASK_OPENED, &a, NULL);
    }
    (void)tm_ipc_flush(one->asks);
    if (rc < 0 && one->pid != 0)
        (void)kill(one->pid, SIGKILL);
}

short tm_process_poll(struct tm_process_group *g, int own, short events, int timeout_ms)
{
    struct pollfd p[PROCESS_POLL_MAX] = {{.fd = own, .events = events}};
    for (unsigned i = 0; i < g->count; i++) {
        bool asks = g->one[i].asks != NULL && g->one[i].pid != 0;
        p[i + 1] = (struct pollfd){asks ? tm_ipc_channel_fd(g->one[i].asks) : -1, POLLIN, 0};
    }
    if (poll(p, g->count + 1, timeout_ms) <= 0)
        return 0;
    for (unsigned i = 0; i < g->count; i++) {
        if (p[i + 1].revents != 0)
            answer_one(g, i);
    }
    return p[0].revents;
}

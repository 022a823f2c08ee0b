/* A child's life: it does what the parent says until that ends. */
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/ipc/loop.h"
#include "common/process/internal.h"
#include "common/sandbox/sandbox.h"

static const struct tm_ipc_field number_fields[] = {
    TM_IPC_FIELD(struct tm_process_number, n, IPC_U64, 0),
    TM_IPC_FIELD(struct tm_process_number, question, IPC_U64, 0),
};
static const struct tm_ipc_field file_fields[] = {
    TM_IPC_FIELD(struct tm_process_file, what, IPC_U64, 0),
    TM_IPC_FIELD(struct tm_process_file, fd, IPC_FD, 0),
};
static const struct tm_ipc_field text_fields[] = {
    TM_IPC_FIELD(struct tm_process_text, text, IPC_TEXT, 64),
};
static const struct tm_ipc_field done_fields[] = {
    TM_IPC_FIELD(struct tm_process_done, code, IPC_U64, 0),
    TM_IPC_FIELD(struct tm_process_done, why, IPC_TEXT, ERR_TEXT_MAX),
    TM_IPC_FIELD(struct tm_process_done, question, IPC_U64, 0),
};
static const struct tm_ipc_form forms[] = {
    [CTL_STEP] = TM_IPC_FORM(struct tm_process_number, number_fields),
    [CTL_RELOAD] = TM_IPC_FORM(struct tm_process_number, number_fields),
    [CTL_GIVE] = TM_IPC_FORM(struct tm_process_file, file_fields),
    [CTL_STOP] = TM_IPC_FORM(struct tm_process_text, text_fields),
    [CTL_DONE] = TM_IPC_FORM(struct tm_process_done, done_fields),
};
const struct tm_ipc_protocol tm_process_protocol = {forms, sizeof(forms) / sizeof(forms[0]), 4096};

struct child {
    struct tm_process_group *group;
    const struct tm_process_role *role;
};

static void say_done(struct tm_ipc_channel *c, const struct tm_process_number *asked, int code,
                     const struct tm_err *e)
{
    const struct tm_process_done d = {(uint64_t)code, code != 0 ? e->text : NULL, asked->question};
    (void)tm_ipc_put(c, CTL_DONE, &d, NULL);
    (void)tm_ipc_flush(c);
}

static void on_message(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    const struct child *x = ctx;
    void *own = x->group->ctx;
    const struct tm_process_number *n = msg;
    const struct tm_process_file *f = msg;
    const struct tm_process_text *t = msg;
    struct tm_err e = {0};
    if (type == CTL_STEP) {
        int code = x->role->start(own, (unsigned)n->n, &e);
        say_done(c, n, code, &e);
    } else if (type == CTL_RELOAD) {
        if (x->role->reload != NULL)
            x->role->reload(own, n->n != 0);
        say_done(c, n, 0, &e);
    } else if (type == CTL_GIVE && x->role->given != NULL) {
        x->role->given(own, (unsigned)f->what, f->fd);
    } else if (type == CTL_STOP) {
        x->role->stop(own, t->text != NULL ? t->text : "");
        /* What libraries do at an exit, the process may have no right to. A sanitized build looks
         * for leaks there. */
        if (tm_sandbox_enforced())
            _exit(0);
        exit(0);
    }
}

/* The parent is gone, and with it the service. */
static void on_over(void *ctx, struct tm_ipc_channel *c, const struct tm_err *why)
{
    (void)ctx;
    (void)c;
    (void)why;
    _exit(1);
}

/* Ends of channels that are others' would keep those alive. */
static void close_others(struct tm_process_group *g, unsigned role)
{
    for (size_t i = 0; i < g->wires; i++) {
        for (int side = 0; side < 2; side++) {
            if (g->wire[i].role[side] == role)
                continue;
            close(g->wire[i].fd[side]);
            g->wire[i].fd[side] = -1;
        }
    }
    for (size_t i = 0; i < g->count; i++) {
        tm_ipc_channel_free(g->one[i].control);
        tm_ipc_channel_free(g->one[i].asks);
        g->one[i].control = g->one[i].asks = NULL;
    }
    close(g->signal_fd);
}

void tm_process_child(struct tm_process_group *g, unsigned role, int control, int ask, pid_t parent)
{
    struct tm_err e = {0};
    struct child x = {g, &g->role[role]};
    g->self = role;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        _exit(1);
    close_others(g, role);
    struct tm_ipc_channel *c = tm_ipc_channel_new(control, &tm_process_protocol, &e);
    if (c != NULL)
        tm_ipc_channel_hear(c, ~IPC_HEAR(CTL_DONE));
    struct tm_ipc_loop *l = c != NULL ? tm_ipc_loop_new(NULL, NULL, 0, &e) : NULL;
    const struct tm_ipc_port port = {
        .channel = c, .message = on_message, .over = on_over, .ctx = &x};
    if (l == NULL || tm_ipc_loop_add(l, &port, &e) != 0 ||
        (ask >= 0 && tm_process_ask_begin(g, ask, &e) != 0))
        _exit(1);
    tm_ipc_loop_run(l);
    _exit(1); /* not reached: the loop ends by exit */
}

unsigned tm_process_self(const struct tm_process_group *g)
{
    return g->self;
}

int tm_process_take(struct tm_process_group *g, int link)
{
    struct tm_process_wire *w = link >= 0 ? &g->wire[link] : NULL;
    for (int side = 0; w != NULL && side < 2; side++) {
        if (w->role[side] == g->self && w->fd[side] >= 0) {
            int fd = w->fd[side];
            w->fd[side] = -1;
            return fd;
        }
    }
    return -1;
}

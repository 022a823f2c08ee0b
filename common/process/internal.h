/* What parent.c and child.c share. */
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include "common/ipc/channel.h"
#include "common/process/process.h"

enum { CTL_STEP, CTL_RELOAD, CTL_GIVE, CTL_STOP, CTL_DONE };

struct tm_process_number { /* STEP: which; RELOAD: whether forced */
    uint64_t n;
    uint64_t question; /* the answer names it: one that comes too late is no other's */
};
struct tm_process_file {
    uint64_t what;
    int fd;
};
struct tm_process_text { /* STOP: a signal's name */
    const char *text;
};
struct tm_process_done { /* the answer to STEP and RELOAD */
    uint64_t code;
    const char *why;
    uint64_t question;
};

extern const struct tm_ipc_protocol tm_process_protocol;

struct tm_process_wire {
    unsigned role[2];
    int fd[2];
};

struct tm_process_one {
    pid_t pid; /* 0: does not run */
    struct tm_ipc_channel *control;
    struct tm_ipc_channel *asks; /* to have files opened; NULL: nobody opens any */
};

struct tm_process_group {
    const struct tm_process_role *role;
    size_t count;
    void *ctx;
    struct tm_process_one one[PROCESS_ROLES_MAX];
    struct tm_process_wire wire[PROCESS_LINKS_MAX];
    size_t wires;
    int signal_fd;
    int64_t reload_ms;  /* who takes longer is not waited for: the others are to reload, too */
    uint64_t questions; /* that the parent has put */
    tm_process_open_fn open_for; /* NULL: the parent opens nothing */
    unsigned self;               /* in a child, and what follows */
    struct tm_ipc_channel *ask;
    pthread_mutex_t ask_lock; /* one question at a time */
    uint64_t asked;
    struct tm_process_news ended; /* the first that did; role NULL: none */
};

/* child.c: the whole life of a child; `control` and `ask` are its ends. */
void tm_process_child(struct tm_process_group *g, unsigned role, int control, int ask, pid_t parent)
    __attribute__((noreturn));

/* open.c. In a child: takes its end. In the parent: makes one's channel of `fd`. -1 with `e`
 * set. */
int tm_process_ask_begin(struct tm_process_group *g, int fd, struct tm_err *e);
int tm_process_asks_begin(struct tm_process_one *one, int fd, struct tm_err *e);

#define PROCESS_POLL_MAX (PROCESS_ROLES_MAX + 1)
/* Waits for `own` (-1: only for the time), and opens what roles ask for meanwhile; who asks in
 * another form is killed. Returns what happened to `own`. */
short tm_process_poll(struct tm_process_group *g, int own, short events, int timeout_ms);

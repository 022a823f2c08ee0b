/* What parent.c and child.c share. */
#ifndef TENMINT_COMMON_PROCESS_INTERNAL_H
#define TENMINT_COMMON_PROCESS_INTERNAL_H

#include <sys/types.h>

#include "common/ipc/channel.h"
#include "common/process/process.h"

enum { CTL_STEP, CTL_RELOAD, CTL_GIVE, CTL_STOP, CTL_DONE };

struct tm_process_number { /* STEP: which; RELOAD: whether forced */
    uint64_t n;
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
};

extern const struct tm_ipc_protocol tm_process_protocol;

struct tm_process_wire {
    unsigned role[2];
    int fd[2];
};

struct tm_process_one {
    pid_t pid; /* 0: does not run */
    struct tm_ipc_channel *control;
};

struct tm_process_group {
    const struct tm_process_role *role;
    size_t count;
    void *ctx;
    struct tm_process_one one[PROCESS_ROLES_MAX];
    struct tm_process_wire wire[PROCESS_LINKS_MAX];
    size_t wires;
    int signal_fd;
    unsigned self;                /* in a child */
    struct tm_process_news ended; /* the first that did; role NULL: none */
};

/* child.c: the whole life of a child; `control` is its end. */
void tm_process_child(struct tm_process_group *g, unsigned role, int control, pid_t parent)
    __attribute__((noreturn));

#endif

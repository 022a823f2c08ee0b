/*
 * A service of several processes. The parent makes the channels between them, starts them, tells
 * them to read their files again, and ends them; it does nothing else. A process that ends by
 * itself ends the service; a parent that ends takes its processes along.
 *
 *     g = tm_process_group_new(roles, count, ctx, e);     link = tm_process_link(g, A, B, e);
 *     tm_process_fork(g, e);                              in a child this does not return
 *     tm_process_step(g, A, 0, e); …                      each role's start, in the order wanted
 *     tm_process_wait(g, interval, &event);               a signal, a time, or a process that ended
 *     tm_process_end(g, "TERM", timeout_ms);              the last role first
 *
 * Nothing secret is to be in memory before tm_process_fork, and no thread may run.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

#define PROCESS_ROLES_MAX 12
#define PROCESS_LINKS_MAX 128

struct tm_process_group;

struct tm_process_role {
    const char *name;
    /* All in the role's process, on its first thread, one at a time. `ctx` is the group's. */
    int (*start)(void *ctx, unsigned step, struct tm_err *e); /* 0, or an exit code with `e` set;
                                                                NULL: there is no such process */
    void (*reload)(void *ctx, bool force);                    /* or NULL */
    void (*given)(void *ctx, unsigned what, int fd);          /* or NULL; takes the descriptor */
    void (*stop)(void *ctx, const char *signal);              /* then the process exits with 0 */
};

struct tm_process_group *tm_process_group_new(const struct tm_process_role *role, size_t count,
                                              void *ctx, struct tm_err *e);
/* Kills what still runs. NULL is fine. */
void tm_process_group_free(struct tm_process_group *g);

/* From now on SIGTERM, SIGINT, SIGHUP and SIGCHLD are read from the descriptor that comes back, the
 * caller's, which does not block. -1 with `e` set. */
int tm_process_signals(struct tm_err *e);

/* A channel between two roles, before the fork. Its number, or -1. */
int tm_process_link(struct tm_process_group *g, unsigned a, unsigned b, struct tm_err *e);

/* In a child: which role it is. */
unsigned tm_process_self(const struct tm_process_group *g);

/* In a child: its end of a link, once. -1: it has none of it. */
int tm_process_take(struct tm_process_group *g, int link);

/*
 * Files for roles that may open none any more: a role asks (tm_process_open), and the parent opens
 * what `open_for` thinks is that role's: a descriptor, or -1 with errno. In the parent, on its
 * thread, while it waits. Before the fork.
 */
typedef int (*tm_process_open_fn)(void *ctx, unsigned role, const char *path, bool append);
void tm_process_opens(struct tm_process_group *g, tm_process_open_fn open_for);

/* In a child, any thread: as open(2), to read or to append to. -1 with errno. */
int tm_process_open(struct tm_process_group *g, const char *path, bool append);

/* Starts a process for each role. Blocks SIGTERM, SIGINT, SIGHUP and SIGCHLD in all of them. */
int tm_process_fork(struct tm_process_group *g, struct tm_err *e);

/* Has the role do this step of its start, and waits for it. 0, or an exit code with `e` set. */
int tm_process_step(struct tm_process_group *g, unsigned role, unsigned step, struct tm_err *e);

/* Has the role read its files again, if they changed or with `force`, and waits until it has.
 * False: it did not answer within 10 s. */
bool tm_process_reload(struct tm_process_group *g, unsigned role, bool force);

/* Hands an open file to a role; before a reload or a step that needs it. Takes `fd`. */
void tm_process_give(struct tm_process_group *g, unsigned role, unsigned what, int fd);

enum tm_process_event { PROCESS_SIGNAL, PROCESS_TIME, PROCESS_ENDED };
struct tm_process_news {
    enum tm_process_event event;
    int signal;        /* SIGNAL */
    const char *role;  /* ENDED */
    struct tm_err how; /* ENDED: "was killed by signal 9 (Killed)" */
};
/* `timeout_ms` 0: no time. */
void tm_process_wait(struct tm_process_group *g, int64_t timeout_ms, struct tm_process_news *out);

/* Asks the roles to stop, the last one first, and waits for each up to `timeout_ms` before it kills
 * it. 0; -1: one had to be killed, or did not end well. */
int tm_process_end(struct tm_process_group *g, const char *signal, int64_t timeout_ms);

pid_t tm_process_pid(const struct tm_process_group *g, unsigned role);

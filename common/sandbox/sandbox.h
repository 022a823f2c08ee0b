/*
 * What a process gives up before it touches input. In this order, each once:
 *
 *     tm_sandbox_begin(e)          no new rights, no core file, no look into it by others
 *     … open what only root may open …
 *     tm_sandbox_user(user, e)     another user's rights, if it is root
 *     tm_sandbox_paths(…)          only these files from now on (Landlock); before any thread
 *     … start, open what is needed …
 *     tm_sandbox_calls(rights, e)  only these system calls, in all threads (seccomp)
 *
 * A system call that was given up kills the whole process (SIGSYS). Landlock is taken where the
 * kernel has it, seccomp is required. A build with sanitizers, which read and map what they like,
 * has neither: tm_sandbox_enforced() tells, nothing switches it at run time. A process that was
 * started with LD_PRELOAD keeps SANDBOX_READ.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

enum tm_sandbox_right { /* beyond memory, threads, time, and descriptors that it has */
                        SANDBOX_READ = 1 << 0, /* open files to read them, list directories */
                        SANDBOX_WRITE = 1
                                        << 1, /* make, write, lock, rename, remove and sync files */
                        SANDBOX_ACCEPT = 1
                                         << 2, /* take connections of sockets that listen already */
                        SANDBOX_CONNECT = 1 << 3, /* look up names, connect to anybody */
                        SANDBOX_LOCAL =
                            1 << 4, /* connect to sockets of this machine (a token's daemon) */
                        SANDBOX_LOAD = 1 << 5,      /* load shared objects */
                        SANDBOX_PROCESSES = 1 << 6, /* signal and wait for processes; start none */
                        SANDBOX_CLOCK = 1 << 7,     /* ask how well the clock is kept: it has no
                                                       right to set it */
};

enum tm_sandbox_use {
    SANDBOX_USE_READ,
    SANDBOX_USE_WRITE,   /* and read */
    SANDBOX_USE_REPLACE, /* a directory: to make, write and rename files in it, and not to read them
                          */
    SANDBOX_USE_LIST,    /* a directory: its names, and to sync them; not what it holds */
};

struct tm_sandbox_path {
    const char *path; /* a file, or a directory with all below; what does not exist is skipped */
    enum tm_sandbox_use use;
};

bool tm_sandbox_enforced(void);

int tm_sandbox_begin(struct tm_err *e);

/* `user`: NULL keeps the user; of root's rights only those over files then stay. -1 too when it is
 * not there, or may not be taken. */
int tm_sandbox_user(const char *user, struct tm_err *e);

int tm_sandbox_paths(const struct tm_sandbox_path *path, size_t count, struct tm_err *e);

int tm_sandbox_calls(unsigned rights, struct tm_err *e);

/* For who starts the processes, and must leave them what they need: that none of them, nor itself,
 * runs a program, looks into another process or changes the machine. */
int tm_sandbox_no_programs(struct tm_err *e);

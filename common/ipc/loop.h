/*
 * A thread that serves channels: it waits for messages, hands each to its handler, and sends what
 * the handlers have put, all of a round at once. Other threads give it work by tm_ipc_loop_post.
 */
#pragma once

#include <stdbool.h>

#include "common/ipc/channel.h"

#define IPC_LOOP_CHANNELS 40 /* of one loop */
#define IPC_MESSAGE_MAX 256  /* bytes of a form's struct */

struct tm_ipc_loop;

struct tm_ipc_port { /* a channel and who hears it; on the loop's thread */
    struct tm_ipc_channel *channel;
    /* What `msg` points to lasts until the return; its descriptor is the handler's to close. */
    void (*message)(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg);
    /* The other process has ended, or broke the protocol (`why`): nothing more comes. Once. */
    void (*over)(void *ctx, struct tm_ipc_channel *c, const struct tm_err *why);
    void *ctx;
};

/* What this process does, before the port is told, when a message on any of its loops is not as the
 * protocol has it: the service's processes end then. To be set once, before the first loop; nothing
 * is done otherwise. */
void tm_ipc_on_breach(void (*breach)(const struct tm_err *why));

/* Reads what has come, and calls the port. False: the channel is over, which `over` was told. */
bool tm_ipc_port_read(const struct tm_ipc_port *p);

/* `tick`, or NULL, is called about every `tick_ms`, on the loop's thread. */
struct tm_ipc_loop *tm_ipc_loop_new(void (*tick)(void *ctx), void *ctx, int tick_ms,
                                    struct tm_err *e);
/* Runs the tasks that are left, once it has ended: for who is freed before it. */
void tm_ipc_loop_tasks(struct tm_ipc_loop *l);
/* Runs the tasks that are left. Not its channels; NULL is fine. */
void tm_ipc_loop_free(struct tm_ipc_loop *l);

/* Has `round` called after each round of messages and tasks, on the loop's thread: what they have
 * put on channels of others is sent then, all of a round at once. Before it runs. */
void tm_ipc_loop_round(struct tm_ipc_loop *l, void (*round)(void *ctx), void *ctx);

/* Before it runs. */
int tm_ipc_loop_add(struct tm_ipc_loop *l, const struct tm_ipc_port *port, struct tm_err *e);

/* Serves on this thread until tm_ipc_loop_stop. */
void tm_ipc_loop_run(struct tm_ipc_loop *l);
void tm_ipc_loop_stop(struct tm_ipc_loop *l); /* any thread */

/* A thread of its own that runs it. */
int tm_ipc_loop_start(struct tm_ipc_loop *l, struct tm_err *e);
void tm_ipc_loop_join(struct tm_ipc_loop *l); /* stops it; fine when it was not started */

/* One channel with a loop of its own: who asks one other process, and who answers it. */
struct tm_ipc_lone {
    struct tm_ipc_loop *loop;
    struct tm_ipc_channel *channel;
};
/* Takes `fd`; hears what `hears` (IPC_HEAR) says; `port` without its channel. Its thread begins by
 * tm_ipc_loop_start(). -1 with `e` set: it is closed. */
int tm_ipc_lone_open(struct tm_ipc_lone *l, int fd, const struct tm_ipc_protocol *protocol,
                     unsigned hears, const struct tm_ipc_port *port, struct tm_err *e);
void tm_ipc_lone_close(struct tm_ipc_lone *l); /* zeros are fine */

struct tm_ipc_task { /* a member of who is to be called; queued once at a time */
    struct tm_ipc_task *next;
    void (*run)(struct tm_ipc_task *task);
};
/* Calls task->run on the loop's thread, soon. Any thread. */
void tm_ipc_loop_post(struct tm_ipc_loop *l, struct tm_ipc_task *task);

/* Sends now what other threads have put on one of its channels; the loop sends what the socket
 * does not take. Any thread. */
void tm_ipc_loop_flush(struct tm_ipc_loop *l, struct tm_ipc_channel *c);

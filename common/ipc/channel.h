/*
 * One end of a channel between two processes: a stream socket that carries messages of the forms
 * of a protocol (common/ipc/form.h), each after a header with its length and its form. Many
 * messages go by one system call, in both directions.
 *
 * Writing is for any thread, reading for one. Neither ever blocks: what the socket does not take
 * waits in memory, up to a limit.
 */
#pragma once

#include "common/ipc/form.h"

#define IPC_FRAME_MAX ((size_t)1 << 20)    /* bytes of a message, where a protocol says nothing */
#define IPC_WAITING_MAX ((size_t)32 << 20) /* bytes that wait for the other process */

struct tm_ipc_protocol { /* static; both ends have the same */
    const struct tm_ipc_form *form;
    size_t count;
    size_t frame_max; /* bytes of a message; more ends the channel. 0: IPC_FRAME_MAX */
};

struct tm_ipc_channel;

/* Two connected sockets, non-blocking and close-on-exec. */
int tm_ipc_pair(int fd[2], struct tm_err *e);

/* Takes `fd`, also on failure. NULL with `e` set. */
struct tm_ipc_channel *tm_ipc_channel_new(int fd, const struct tm_ipc_protocol *p,
                                          struct tm_err *e);
/* Only these forms are the other side's to send, a bit for each: another breaks the protocol.
 * Without this all are. */
#define IPC_HEAR(type) (1ULL << (type))
void tm_ipc_channel_hear(struct tm_ipc_channel *c, uint64_t forms);
void tm_ipc_channel_free(struct tm_ipc_channel *c); /* NULL is fine */
int tm_ipc_channel_fd(const struct tm_ipc_channel *c);

/* Queues a message of form `type`. Its descriptor is the channel's from now on, also on failure.
 * -1: too long, or the other process does not keep up. Any thread. */
int tm_ipc_put(struct tm_ipc_channel *c, unsigned type, const void *msg, struct tm_err *e);

/* Sends what the socket takes. 1: some is left, wait for POLLOUT; 0: nothing is; -1: the channel
 * is over. Any thread. */
int tm_ipc_flush(struct tm_ipc_channel *c);

/* Reads what has arrived. 1: something has; 0: nothing now; -1: the channel is over. */
int tm_ipc_fill(struct tm_ipc_channel *c, struct tm_err *e);
bool tm_ipc_ended(const struct tm_ipc_channel *c); /* the other process has: that was why */

/* The next whole message that has been read: its form, and its struct in `msg`, which has `room`
 * bytes, at least the largest form's. What it points to lasts until the next call; its descriptor
 * is the caller's. 1: one; 0: none; -1: the other side breaks the protocol: drop the channel. */
int tm_ipc_next(struct tm_ipc_channel *c, unsigned *type, void *msg, size_t room, struct tm_err *e);

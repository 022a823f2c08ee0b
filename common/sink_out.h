/* Inside common/sink only: the descriptor, and what kind of thing it leads to. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/file.h"
#include "common/sink.h"

struct tm_sink_out {
    int fd;
    bool own;    /* to be closed */
    bool direct; /* a write never waits: EAGAIN */
    bool socket;
    bool regular; /* a file that can be synced */
    char *path;   /* owned; NULL: the descriptor came from outside */
};

int tm_sink_out_open(struct tm_sink_out *o, int fd, const char *path, struct tm_err *e);
void tm_sink_out_close(struct tm_sink_out *o);

/* With a path: opens it anew when it leads to another file, and sets *fresh. -1 with errno. */
int tm_sink_out_reopen(struct tm_sink_out *o, bool *fresh);

/* Until it takes something, or an error would show; false: not within `ms`. */
bool tm_sink_out_wait(const struct tm_sink_out *o, int ms);

/* A part of it, or -1 with errno. */
ssize_t tm_sink_out_write(const struct tm_sink_out *o, const void *data, size_t len);

/* 0, or an errno. Nothing to do is 0. */
int tm_sink_out_sync(const struct tm_sink_out *o);

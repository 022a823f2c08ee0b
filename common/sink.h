/*
 * Lines for whoever reads them: a file, a pipe, a terminal, journald's socket. Nobody who writes a
 * line waits for the reader. What the reader does not take at once is queued, up to a bound, and a
 * thread writes it when it can.
 *
 * A line may be put (dropped and counted when there is no room) or promised: then it is told when
 * it is safely out, which is written, and for a regular file also on disk (one sync for all that
 * wait). While nothing gets out, promises fail at once; what is queued is tried again and again,
 * so that a sink that works again is used again by itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct tm_sink; /* safe to use from several threads */

/*
 * What a sink is to be given in place of `fd`, before a process gives up the right to open it. A
 * pipe or terminal that others hold too must not become non-blocking for them: that flag belongs
 * to the open description, and the kernel gives us one of our own. Without it each line waits for
 * the sink's thread. `fd` itself where it needs none, or there is none to have.
 */
int tm_sink_own(int fd);

struct tm_sink_options {
    int fd;              /* the caller's, open as long as the sink; not looked at with `path` */
    const char *path;    /* or NULL. A file that is made if missing (0640), appended to, and opened
                            anew once the path leads to another file (log rotation). Copied. */
    size_t max_bytes;    /* of lines that wait; puts may use half of it. 0: 1 MiB */
    int64_t patience_ms; /* without progress, until promises fail. 0: two seconds */
    bool gather;         /* promised lines go out together, by tm_sink_flush */
};

/* Starts the thread, with all signals blocked in it. NULL with `e` set. */
struct tm_sink *tm_sink_new(const struct tm_sink_options *o, struct tm_err *e);

/* Writes what is queued for up to a second, breaks the promises that are left. A thread that the
 * kernel holds in a write is left behind, with what it needs. NULL is fine. */
void tm_sink_free(struct tm_sink *s);

/* `line` ends in a newline. False: dropped, and counted. Never waits for the reader. */
bool tm_sink_put(struct tm_sink *s, const void *line, size_t len);

struct tm_sink_promise;

enum tm_sink_status {
    SINK_KEPT,   /* the line is safely out */
    SINK_WAIT,   /* `wake` will be called once; then ask tm_sink_kept */
    SINK_BROKEN, /* it is not, or nobody can know; `e` says why. It may still get out later. */
};

/* On SINK_WAIT, *promise is the caller's until tm_sink_promise_free, and wake(arg) is called
 * exactly once, on any thread, also if the promise is freed before. */
enum tm_sink_status tm_sink_promise(struct tm_sink *s, const void *line, size_t len,
                                    void (*wake)(void *arg), void *arg,
                                    struct tm_sink_promise **promise, struct tm_err *e);
/* After the wake: SINK_KEPT or SINK_BROKEN. */
enum tm_sink_status tm_sink_kept(const struct tm_sink_promise *p, struct tm_err *e);
/* Of a sink that gathers: writes what was promised since the last time, as far as the reader takes
 * it at once; the thread does the rest. Whoever promises calls it soon. Any thread. */
void tm_sink_flush(struct tm_sink *s);
void tm_sink_promise_free(struct tm_sink_promise *p); /* NULL is fine */

/* Breaks all promises, those to come too: before whoever would be woken is freed. */
void tm_sink_break(struct tm_sink *s);

/* Whether lines get out: false with `e` set after a failed write, and when the reader has taken
 * nothing for the sink's patience. A promise would be broken at once. */
bool tm_sink_works(struct tm_sink *s, struct tm_err *e);

struct tm_sink_stats {
    uint64_t dropped; /* puts that found no room */
    uint64_t broken;  /* promises */
    size_t waiting;   /* bytes in the queue */
};
void tm_sink_stats(struct tm_sink *s, struct tm_sink_stats *out);

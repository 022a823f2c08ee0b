/* What far.c and lane.c share: a far exchange, and the lane that it belongs to. All that is done
 * with an exchange is done on its lane's thread, but for a wake. */
#pragma once

#include <stdatomic.h>

#include "common/http/far_internal.h"

struct tm_http_lane {
    struct tm_http_far_server *server;
    struct tm_ipc_loop *loop;
    struct tm_ipc_channel *channel;
    struct tm_http_far *first; /* all that are not answered */
    size_t count, bodies;
};

enum tm_http_far_wait { NOT_WAITING, BEGUN, PARKED, EXPIRED };

struct tm_http_far {
    struct tm_ipc_task task; /* first: a wake's way to the lane's thread */
    struct tm_http_lane *lane;
    struct tm_http_far *prev, *next; /* in lane->first */
    uint64_t id;
    enum tm_http_method method;
    bool http2;
    int64_t started_us, deadline_ms;
    const struct tm_http_route *route;
    const struct tm_http_mount *mount;
    const char *mount_name;
    struct tm_buf text; /* what the next four point into */
    const char *path, *remote;
    const char *header[FAR_HEADERS];
    const char *argument[FAR_ARGUMENTS];
    struct tm_buf body;
    void *state;
    void (*release)(void *state);
    enum tm_http_far_wait wait;
    bool over;        /* answered, or nobody waits for it */
    atomic_uint refs; /* the lane's, and a waiter's */
    /* The reply. */
    bool made;
    unsigned status;
    const char *type;
    struct tm_buf headers, reply;
    const struct tm_buf *borrowed; /* a canned reply's body */
    int file;
    uint64_t size;
    bool passed; /* file and reply are for the front to make the body of */
};

static inline struct tm_http_exchange *tm_http_far_exchange(struct tm_http_far *f)
{
    return (struct tm_http_exchange *)((uintptr_t)f | 1);
}

/* A copy of what was asked, not yet in the lane's list; `wake` runs on its thread when a waiter is
 * called. NULL: out of memory. The lane's until its last tm_http_far_unref. */
struct tm_http_far *tm_http_far_new(struct tm_http_lane *l, const struct tm_http_ask *a,
                                    void (*wake)(struct tm_ipc_task *task));
void tm_http_far_unref(struct tm_http_far *f);

/* What was said before is taken back. */
void tm_http_far_begin_reply(struct tm_http_far *f, unsigned status, const char *type);

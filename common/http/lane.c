/* Where far exchanges are served: a lane is a channel with its thread. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/http/far_lane.h"
#include "common/http/mount.h"

#define TICK_MS 250
#define BODIES_MAX ((size_t)64 << 20) /* bytes, of a lane's requests together */
#define AT_ONCE_MAX 8192              /* exchanges of a lane; a front has fewer connections */

struct tm_http_far_server {
    struct tm_http_options o;
    struct tm_http_lane lane[HTTP_FAR_CHANNELS_MAX];
    size_t count;
};

/* Out of the lane's list; its state goes, and the lane's reference. */
static void end(struct tm_http_far *f)
{
    struct tm_http_lane *l = f->lane;
    f->over = true;
    if (f->prev != NULL)
        f->prev->next = f->next;
    else
        l->first = f->next;
    if (f->next != NULL)
        f->next->prev = f->prev;
    l->count--;
    l->bodies -= f->body.len;
    void (*release)(void *) = f->release;
    f->release = NULL;
    if (release != NULL)
        release(f->state);
    tm_http_far_unref(f);
}

static void answer(struct tm_http_lane *l, const struct tm_http_answer *a)
{
    struct tm_err e = {0};
    if (tm_ipc_put(l->channel, FAR_HTTP_ANSWER, a, &e) == 0)
        return;
    const struct tm_http_answer less = {.id = a->id, .status = 500, .file = -1};
    (void)tm_ipc_put(l->channel, FAR_HTTP_ANSWER, &less, NULL);
}

static void send_reply(struct tm_http_far *f)
{
    const struct tm_buf *body = f->borrowed != NULL ? f->borrowed : &f->reply;
    struct tm_http_answer a = {.id = f->id,
                               .status = f->status,
                               .type = f->type,
                               .file = f->file,
                               .size = f->size,
                               .passed = f->passed,
                               .headers = tm_buf_str(&f->headers)};
    if (a.file < 0 || f->passed)
        a.body = (struct tm_ipc_bytes){body->data, body->len};
    if (!f->made || buf_failed(body)) {
        a = (struct tm_http_answer){.id = f->id, .status = 500, .file = -1};
    } else {
        f->file = -1; /* the channel's */
    }
    answer(f->lane, &a);
    end(f);
}

static void handle(struct tm_http_far *f)
{
    const struct tm_http_options *o = &f->lane->server->o;
    enum tm_http_result rc = f->mount != NULL
                                 ? f->mount->handle(f->mount->ctx, tm_http_far_exchange(f))
                                 : f->route->handle(o->ctx, tm_http_far_exchange(f));
    if (rc == HTTP_WAIT)
        f->wait = PARKED;
    else
        send_reply(f);
}

static void on_wake(struct tm_ipc_task *task)
{
    struct tm_http_far *f = (struct tm_http_far *)(void *)task;
    if (!f->over && f->wait == PARKED) {
        f->wait = NOT_WAITING;
        handle(f);
    }
    tm_http_far_unref(f);
}

static void on_tick(void *ctx)
{
    struct tm_http_lane *l = ctx;
    int64_t now = tm_clock_mono_ms();
    struct tm_http_far *next = NULL;
    for (struct tm_http_far *f = l->first; f != NULL; f = next) {
        next = f->next;
        if (f->wait != PARKED || now < f->deadline_ms)
            continue;
        f->wait = EXPIRED;
        handle(f);
    }
}

/* Which row of the tables; false: none. */
static bool match(struct tm_http_far *f)
{
    const struct tm_http_options *o = &f->lane->server->o;
    enum tm_http_method want = f->method == HTTP_HEAD ? HTTP_GET : f->method;
    for (size_t i = 0; i < o->route_count; i++) {
        if (strcmp(o->routes[i].path, f->path) == 0 && o->routes[i].method == want) {
            f->route = &o->routes[i];
            return true;
        }
    }
    f->mount = tm_http_mount_find(o, f->path, &f->mount_name);
    return f->mount != NULL && (want == HTTP_GET || want == HTTP_POST);
}

/* What has waited in the channel for too long is not begun: work that comes in faster than it can
 * be done would be late all of it. */
static bool is_late(const struct tm_http_lane *l, const struct tm_http_ask *a)
{
    int64_t limit_us = l->server->o.queue_limit_ms * 1000;
    return a->method == HTTP_POST && tm_clock_mono_us() - (int64_t)a->asked_us > limit_us;
}

static void on_ask(struct tm_http_lane *l, const struct tm_http_ask *a)
{
    bool room = l->count < AT_ONCE_MAX && a->body.len <= BODIES_MAX - l->bodies;
    struct tm_http_far *f = room && !is_late(l, a) ? tm_http_far_new(l, a, on_wake) : NULL;
    if (f == NULL) {
        const struct tm_http_answer busy = {.id = a->id, .status = 503, .file = -1};
        answer(l, &busy);
        return;
    }
    f->deadline_ms = tm_clock_mono_ms() + l->server->o.wait_timeout_ms;
    f->next = l->first;
    if (f->next != NULL)
        f->next->prev = f;
    l->first = f;
    l->count++;
    l->bodies += f->body.len;
    if (match(f)) {
        handle(f);
        return;
    }
    tm_http_far_begin_reply(f, 404, NULL); /* a front that asks for what is not here */
    send_reply(f);
}

static void on_gone(struct tm_http_lane *l, uint64_t id)
{
    for (struct tm_http_far *f = l->first; f != NULL; f = f->next) {
        if (f->id == id) {
            end(f);
            return;
        }
    }
}

static void on_message(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    (void)c;
    const struct tm_http_gone *g = msg;
    if (type == FAR_HTTP_ASK)
        on_ask(ctx, msg);
    else
        on_gone(ctx, g->id);
}

static void end_lane(struct tm_http_lane *l)
{
    while (l->first != NULL)
        end(l->first);
}

static void on_over(void *ctx, struct tm_ipc_channel *c, const struct tm_err *why)
{
    (void)c;
    (void)why;
    end_lane(ctx);
}

static int open_lane(struct tm_http_far_server *s, int fd, struct tm_err *e)
{
    struct tm_http_lane *l = &s->lane[s->count];
    l->server = s;
    l->channel = tm_ipc_channel_new(fd, &tm_http_far_protocol, e);
    if (l->channel == NULL)
        return -1;
    s->count++;
    tm_ipc_channel_hear(l->channel, IPC_HEAR(FAR_HTTP_ASK) | IPC_HEAR(FAR_HTTP_GONE));
    const struct tm_ipc_port port = {
        .channel = l->channel, .message = on_message, .over = on_over, .ctx = l};
    l->loop = tm_ipc_loop_new(on_tick, l, TICK_MS, e);
    if (l->loop != NULL && s->o.round != NULL)
        tm_ipc_loop_round(l->loop, s->o.round, s->o.round_ctx);
    return l->loop != NULL ? tm_ipc_loop_add(l->loop, &port, e) : -1;
}

struct tm_http_far_server *tm_http_far_server_new(const int *fd, size_t count,
                                                  const struct tm_http_options *o, struct tm_err *e)
{
    struct tm_http_far_server *s = calloc(1, sizeof(*s));
    if (s == NULL || count > HTTP_FAR_CHANNELS_MAX) {
        free(s);
        return tm_err_null(e, "out of memory");
    }
    s->o = *o;
    for (size_t i = 0; i < count; i++) {
        if (open_lane(s, fd[i], e) == 0)
            continue;
        tm_http_far_server_free(s);
        return NULL;
    }
    return s;
}

int tm_http_far_server_start(struct tm_http_far_server *s, struct tm_err *e)
{
    for (size_t i = 0; i < s->count; i++) {
        if (tm_ipc_loop_start(s->lane[i].loop, e) != 0)
            return -1;
    }
    return 0;
}

void tm_http_far_server_stop(struct tm_http_far_server *s)
{
    for (size_t i = 0; s != NULL && i < s->count; i++) {
        tm_ipc_loop_join(s->lane[i].loop);
        end_lane(&s->lane[i]);
    }
}

void tm_http_far_server_free(struct tm_http_far_server *s)
{
    if (s == NULL)
        return;
    tm_http_far_server_stop(s);
    for (size_t i = 0; i < s->count; i++) {
        tm_ipc_loop_free(s->lane[i].loop); /* runs what late wakes have posted */
        tm_ipc_channel_free(s->lane[i].channel);
    }
    free(s);
}

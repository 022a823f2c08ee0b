/* Exchanges whose connections another process serves. A lane is a channel with its thread; an
 * exchange belongs to one lane, and all that is done with it is done there, but for a wake. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http/far_internal.h"

#define TICK_MS 250
#define BODIES_MAX ((size_t)64 << 20) /* bytes, of a lane's requests together */
#define AT_ONCE_MAX 8192              /* exchanges of a lane; a front has fewer connections */

struct lane {
    struct tm_http_far_server *server;
    struct tm_ipc_loop *loop;
    struct tm_ipc_channel *channel;
    struct tm_http_far *first; /* all that are not answered */
    size_t count, bodies;
};

struct tm_http_far_server {
    struct tm_http_options o;
    struct lane lane[HTTP_FAR_CHANNELS_MAX];
    size_t count;
};

enum wait { NOT_WAITING, BEGUN, PARKED, EXPIRED };

struct tm_http_far {
    struct tm_ipc_task task; /* first: a wake's way to the lane's thread */
    struct lane *lane;
    struct tm_http_far *prev, *next; /* in lane->first */
    uint64_t id;
    enum tm_http_method method;
    bool http2;
    int64_t started_us, deadline_ms;
    const struct tm_http_route *route;
    const struct tm_http_mount *mount;
    struct tm_buf text; /* what the next four point into */
    const char *path, *remote;
    const char *header[FAR_HEADERS];
    const char *argument[FAR_ARGUMENTS];
    struct tm_buf body;
    void *state;
    void (*release)(void *state);
    enum wait wait;
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

static struct tm_http_exchange *exchange_of(struct tm_http_far *f)
{
    return (struct tm_http_exchange *)((uintptr_t)f | 1);
}

static void unref(struct tm_http_far *f)
{
    if (atomic_fetch_sub(&f->refs, 1) != 1)
        return;
    if (f->file >= 0)
        close(f->file);
    tm_buf_free_secret(&f->text); /* a token may be there, or in the body */
    tm_buf_free_secret(&f->body);
    tm_buf_free(&f->headers);
    tm_buf_free(&f->reply);
    free(f);
}

/* ---- what handlers see ---- */

const char *tm_http_far_header(struct tm_http_far *f, const char *name)
{
    for (size_t i = 0; i < FAR_HEADERS; i++) {
        if (strcasecmp(tm_http_far_headers[i], name) == 0)
            return f->header[i];
    }
    return NULL;
}

enum tm_http_method tm_http_far_method_of(const struct tm_http_far *f)
{
    return f->method;
}

bool tm_http_far_is_http2(const struct tm_http_far *f)
{
    return f->http2;
}

const char *tm_http_far_path(const struct tm_http_far *f)
{
    return f->path;
}

const char *tm_http_far_mount_name(const struct tm_http_far *f)
{
    return f->path + strlen(f->mount->prefix) + 1;
}

const char *tm_http_far_query(struct tm_http_far *f, const char *name)
{
    for (size_t i = 0; i < FAR_ARGUMENTS; i++) {
        if (strcmp(tm_http_far_arguments[i], name) == 0)
            return f->argument[i];
    }
    return NULL;
}

const struct tm_buf *tm_http_far_body(const struct tm_http_far *f)
{
    return &f->body;
}

const char *tm_http_far_remote(const struct tm_http_far *f)
{
    return f->remote;
}

int64_t tm_http_far_elapsed_us(const struct tm_http_far *f)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 - f->started_us;
}

void tm_http_far_set_state(struct tm_http_far *f, void *state, void (*release)(void *state))
{
    f->state = state;
    f->release = release;
}

void *tm_http_far_state(const struct tm_http_far *f)
{
    return f->state;
}

static void begin_reply(struct tm_http_far *f, unsigned status, const char *type)
{
    if (f->file >= 0)
        close(f->file);
    f->file = -1;
    f->size = 0;
    f->passed = false;
    f->made = true;
    f->status = status;
    f->type = type;
    f->borrowed = NULL;
    tm_buf_free(&f->reply);
    tm_buf_reset(&f->headers);
}

void tm_http_far_reply(struct tm_http_far *f, unsigned status, const char *content_type,
                       struct tm_buf *body)
{
    begin_reply(f, status, content_type);
    f->reply = *body;
    *body = (struct tm_buf){0};
}

void tm_http_far_reply_canned(struct tm_http_far *f, unsigned status, const char *content_type,
                              const struct tm_buf *body)
{
    begin_reply(f, status, content_type);
    f->borrowed = body;
}

void tm_http_far_reply_fd(struct tm_http_far *f, unsigned status, const char *content_type, int fd,
                          uint64_t size)
{
    begin_reply(f, status, content_type);
    f->file = fd;
    f->size = size;
}

void tm_http_far_reply_header(struct tm_http_far *f, const char *name, const char *value)
{
    if (!f->made || strchr(value, '\n') != NULL)
        return;
    tm_buf_printf(&f->headers, "%s: %s\n", name, value);
}

void tm_http_far_reply_trailer(struct tm_http_far *f, const char *name, const char *value)
{
    if (!f->made || strchr(value, '\n') != NULL)
        return;
    tm_buf_printf(&f->headers, "!%s: %s\n", name, value);
}

/* All of it at once. */
static int produce_all(const struct tm_http_source *source, struct tm_buf *out)
{
    struct tm_buf piece = {0};
    int rc;
    while ((rc = source->produce(source->ctx, &piece)) > 0 && out->len <= FAR_HTTP_BODY_MAX) {
        tm_buf_append(out, piece.data, piece.len);
        tm_buf_reset(&piece);
    }
    tm_buf_free(&piece);
    return rc == 0 && !buf_failed(out) ? 0 : -1;
}

void tm_http_far_reply_stream(struct tm_http_far *f, unsigned status, const char *content_type,
                              const struct tm_http_source *source)
{
    begin_reply(f, status, content_type);
    f->passed = source->pass != NULL;
    f->made = (f->passed ? source->pass(source->ctx, &f->file, &f->reply)
                         : produce_all(source, &f->reply)) == 0;
    if (source->release != NULL)
        source->release(source->ctx);
}

void *tm_http_far_wait_begin(struct tm_http_far *f)
{
    atomic_fetch_add(&f->refs, 1);
    f->wait = BEGUN;
    return exchange_of(f);
}

void tm_http_far_wait_cancel(struct tm_http_far *f)
{
    f->wait = NOT_WAITING;
    unref(f);
}

void tm_http_far_wake(struct tm_http_far *f)
{
    tm_ipc_loop_post(f->lane->loop, &f->task);
}

bool tm_http_far_wait_expired(const struct tm_http_far *f)
{
    return f->wait == EXPIRED;
}

/* ---- the lane ---- */

/* Out of the lane's list; its state goes, and the lane's reference. */
static void end(struct tm_http_far *f)
{
    struct lane *l = f->lane;
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
    unref(f);
}

static void answer(struct lane *l, const struct tm_http_answer *a)
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
    enum tm_http_result rc = f->mount != NULL ? f->mount->handle(f->mount->ctx, exchange_of(f))
                                              : f->route->handle(o->ctx, exchange_of(f));
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
    unref(f);
}

static void on_tick(void *ctx)
{
    struct lane *l = ctx;
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
    size_t longest = 0;
    for (size_t i = 0; i < o->route_count; i++) {
        if (strcmp(o->routes[i].path, f->path) == 0 && o->routes[i].method == want) {
            f->route = &o->routes[i];
            return true;
        }
    }
    for (size_t i = 0; i < o->mount_count; i++) {
        size_t len = strlen(o->mounts[i].prefix);
        if (len > longest && strncmp(f->path, o->mounts[i].prefix, len) == 0 &&
            f->path[len] == '/') {
            f->mount = &o->mounts[i];
            longest = len;
        }
    }
    return longest > 0 && (want == HTTP_GET || want == HTTP_POST);
}

/* Into f->text, as an offset for now: the buffer moves while it grows. */
static void keep(struct tm_http_far *f, const char **slot, const char *text)
{
    *slot = NULL;
    if (text == NULL)
        return;
    *slot = (const char *)(f->text.len + 1);
    tm_buf_append(&f->text, text, strlen(text) + 1);
}

static void settle(const struct tm_http_far *f, const char **slot)
{
    if (*slot != NULL)
        *slot = (const char *)f->text.data + ((uintptr_t)*slot - 1);
}

static struct tm_http_far *far_new(struct lane *l, const struct tm_http_ask *a)
{
    struct tm_http_far *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return NULL;
    f->task.run = on_wake;
    f->lane = l;
    f->id = a->id;
    f->method = a->method < HTTP_METHOD_COUNT ? (enum tm_http_method)a->method : HTTP_OTHER;
    f->http2 = a->http2 != 0;
    f->started_us = (int64_t)a->started_us;
    f->deadline_ms = tm_clock_mono_ms() + l->server->o.wait_timeout_ms;
    f->file = -1;
    atomic_init(&f->refs, 1);
    keep(f, &f->path, a->path != NULL ? a->path : "");
    keep(f, &f->remote, a->remote != NULL ? a->remote : "");
    for (size_t i = 0; i < FAR_HEADERS; i++)
        keep(f, &f->header[i], a->header[i]);
    for (size_t i = 0; i < FAR_ARGUMENTS; i++)
        keep(f, &f->argument[i], a->argument[i]);
    tm_buf_append(&f->body, a->body.data, a->body.len);
    if (buf_failed(&f->text) || buf_failed(&f->body)) {
        unref(f);
        return NULL;
    }
    settle(f, &f->path);
    settle(f, &f->remote);
    for (size_t i = 0; i < FAR_HEADERS; i++)
        settle(f, &f->header[i]);
    for (size_t i = 0; i < FAR_ARGUMENTS; i++)
        settle(f, &f->argument[i]);
    return f;
}

/* What has waited in the channel for too long is not begun: work that comes in faster than it can
 * be done would be late all of it. */
static bool is_late(const struct lane *l, const struct tm_http_ask *a)
{
    int64_t limit_us = l->server->o.queue_limit_ms * 1000;
    return a->method == HTTP_POST && tm_clock_mono_us() - (int64_t)a->asked_us > limit_us;
}

static void on_ask(struct lane *l, const struct tm_http_ask *a)
{
    bool room = l->count < AT_ONCE_MAX && a->body.len <= BODIES_MAX - l->bodies;
    struct tm_http_far *f = room && !is_late(l, a) ? far_new(l, a) : NULL;
    if (f == NULL) {
        const struct tm_http_answer busy = {.id = a->id, .status = 503, .file = -1};
        answer(l, &busy);
        return;
    }
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
    begin_reply(f, 404, NULL); /* a front that asks for what is not here */
    send_reply(f);
}

static void on_gone(struct lane *l, uint64_t id)
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

static void end_lane(struct lane *l)
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
    struct lane *l = &s->lane[s->count];
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
        tm_err_set(e, "out of memory");
        return NULL;
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

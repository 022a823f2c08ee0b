/* The front's side: requests go out, and the workers read the replies, each those of one channel.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http/far_internal.h"

#define ROUND_MAX 8 /* asks that go together: the other process is not to wait for many */

struct relayed { /* one request; the exchange's state */
    struct tm_http_relay *relay;
    struct wire *wire;
    uint64_t id;
    /* wire->lock: */
    void *waiter; /* to be called; NULL: it was */
    bool answered;
    unsigned status;
    const char *type;
    struct tm_buf headers, body;
    int file;
    uint64_t size;
    bool passed;
    /* Of a page of several processes: */
    struct tm_http_relay *rest[HTTP_RELAY_ALL_MAX]; /* who is to be asked yet */
    size_t rest_count;
    struct tm_buf page, page_headers; /* what the ones before have answered */
    unsigned page_status;             /* 0: this is the first */
    const char *page_type;
};

struct slot {
    struct relayed *request;  /* NULL: free */
    uint32_t turn, next_free; /* the latter plus one */
};

struct wire { /* a channel */
    struct tm_ipc_channel *channel;
    int events; /* epoll with the channel: what a worker watches */
    atomic_uint pending;
    pthread_mutex_t lock; /* guards what follows */
    struct slot *slot;
    uint32_t count, first_free;
    atomic_uint unsent; /* asks that wait for the end of a round */
    bool stuck;         /* the socket takes no more now */
    bool over;
};

struct tm_http_relay {
    struct wire wire[HTTP_FAR_CHANNELS_MAX];
    size_t count;
    struct tm_http_relay_options o;
};

/* Content types are kept for ever, so they are known here. */
static const char *known_type(const char *type)
{
    static const char *const types[] = {"application/json",
                                        "application/pem-certificate-chain",
                                        "application/pkix-cert",
                                        "application/x-pem-file",
                                        "application/timestamp-reply",
                                        "application/grpc",
                                        "text/html; charset=utf-8",
                                        "text/plain; charset=utf-8",
                                        "text/plain; version=0.0.4; charset=utf-8"};
    for (size_t i = 0; type != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i], type) == 0)
            return types[i];
    }
    return type != NULL ? "application/octet-stream" : NULL;
}

/* With the lock. */
static struct relayed *release_slot(struct wire *w, uint64_t id)
{
    uint32_t at = (uint32_t)id;
    if (at >= w->count || w->slot[at].request == NULL || w->slot[at].turn != id >> 32)
        return NULL;
    struct slot *s = &w->slot[at];
    struct relayed *r = s->request;
    s->request = NULL;
    s->turn++;
    s->next_free = w->first_free;
    w->first_free = at + 1;
    atomic_fetch_sub_explicit(&w->pending, 1, memory_order_relaxed);
    return r;
}

/* With the lock. */
static int claim_slot(struct wire *w, struct relayed *r)
{
    if (w->over)
        return -1;
    if (w->first_free == 0) {
        uint32_t more = w->count > 0 ? 2 * w->count : 64;
        struct slot *all = realloc(w->slot, more * sizeof(*all));
        if (all == NULL)
            return -1;
        memset(all + w->count, 0, (more - w->count) * sizeof(*all));
        w->slot = all;
        for (uint32_t i = w->count; i < more; i++) {
            all[i].next_free = w->first_free;
            w->first_free = i + 1;
        }
        w->count = more;
    }
    uint32_t at = w->first_free - 1;
    w->first_free = w->slot[at].next_free;
    w->slot[at].request = r;
    r->id = (uint64_t)w->slot[at].turn << 32 | at;
    atomic_fetch_add_explicit(&w->pending, 1, memory_order_relaxed);
    return 0;
}

static void on_message(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    (void)c;
    struct wire *w = ctx;
    const struct tm_http_answer *a = msg;
    (void)type; /* one is heard */
    void *waiter = NULL;
    pthread_mutex_lock(&w->lock);
    struct relayed *r = release_slot(w, a->id);
    if (r != NULL) {
        r->answered = true;
        r->status = (unsigned)a->status;
        r->type = known_type(a->type);
        tm_buf_puts(&r->headers, a->headers != NULL ? a->headers : "");
        tm_buf_append(&r->body, a->body.data, a->body.len);
        r->file = a->file;
        r->size = a->size;
        r->passed = a->passed != 0;
        waiter = r->waiter;
        r->waiter = NULL;
    }
    pthread_mutex_unlock(&w->lock);
    if (r == NULL && a->file >= 0)
        close(a->file);
    if (waiter != NULL)
        tm_http_wake(waiter);
}

/* The other process has ended, and the service will: until then nothing waits. */
static void on_over(void *ctx, struct tm_ipc_channel *c, const struct tm_err *why)
{
    (void)c;
    (void)why;
    struct wire *w = ctx;
    pthread_mutex_lock(&w->lock);
    w->over = true;
    for (uint32_t i = 0; i < w->count; i++) {
        struct relayed *r = w->slot[i].request;
        void *waiter = r != NULL ? r->waiter : NULL;
        if (r != NULL)
            r->waiter = NULL;
        if (waiter != NULL)
            tm_http_wake(waiter);
    }
    pthread_mutex_unlock(&w->lock);
}

/* Sends what was put; what the socket does not take is sent when it does. */
static void flush(struct wire *w)
{
    pthread_mutex_lock(&w->lock);
    bool stuck = tm_ipc_flush(w->channel) == 1;
    if (stuck != w->stuck && !w->over) {
        struct epoll_event ev = {.events = EPOLLIN | (stuck ? EPOLLOUT : 0)};
        (void)epoll_ctl(w->events, EPOLL_CTL_MOD, tm_ipc_channel_fd(w->channel), &ev);
    }
    w->stuck = stuck;
    pthread_mutex_unlock(&w->lock);
}

static void send_unsent(struct wire *w)
{
    if (atomic_load_explicit(&w->unsent, memory_order_relaxed) > 0 &&
        atomic_exchange(&w->unsent, 0) > 0)
        flush(w);
}

void tm_http_relay_round(void *relay)
{
    struct tm_http_relay *r = relay;
    for (size_t i = 0; i < r->count; i++)
        send_unsent(&r->wire[i]);
}

/* On the thread of the worker that watches this wire. */
static void on_ready(void *ctx)
{
    struct wire *w = ctx;
    const struct tm_ipc_port port = {
        .channel = w->channel, .message = on_message, .over = on_over, .ctx = w};
    pthread_mutex_lock(&w->lock);
    bool stuck = w->stuck;
    pthread_mutex_unlock(&w->lock);
    if (stuck)
        flush(w);
    if (!tm_ipc_port_read(&port))
        (void)epoll_ctl(w->events, EPOLL_CTL_DEL, tm_ipc_channel_fd(w->channel), NULL);
}

static int open_wire(struct tm_http_relay *r, int fd, struct tm_err *e)
{
    struct wire *w = &r->wire[r->count];
    struct epoll_event ev = {.events = EPOLLIN};
    w->events = -1;
    pthread_mutex_init(&w->lock, NULL);
    w->channel = tm_ipc_channel_new(fd, &tm_http_far_protocol, e);
    r->count++;
    if (w->channel == NULL)
        return -1;
    tm_ipc_channel_hear(w->channel, IPC_HEAR(FAR_HTTP_ANSWER));
    w->events = epoll_create1(EPOLL_CLOEXEC);
    if (w->events < 0 || epoll_ctl(w->events, EPOLL_CTL_ADD, fd, &ev) != 0)
        return tm_err_errno(e, "watch a channel");
    return 0;
}

struct tm_http_relay *tm_http_relay_new(const int *fd, size_t count,
                                        const struct tm_http_relay_options *o, struct tm_err *e)
{
    struct tm_http_relay *r = calloc(1, sizeof(*r));
    if (r == NULL || count > HTTP_FAR_CHANNELS_MAX) {
        free(r);
        return tm_err_null(e, "out of memory");
    }
    r->o = *o;
    for (size_t i = 0; i < count; i++) {
        if (open_wire(r, fd[i], e) != 0) {
            tm_http_relay_free(r);
            return NULL;
        }
    }
    return r;
}

size_t tm_http_relay_sides(struct tm_http_relay *r, struct tm_http_side *out)
{
    for (size_t i = 0; i < r->count; i++)
        out[i] = (struct tm_http_side){r->wire[i].events, (unsigned)i, on_ready, &r->wire[i]};
    return r->count;
}

void tm_http_relay_free(struct tm_http_relay *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->count; i++) {
        struct wire *w = &r->wire[i];
        if (w->events >= 0)
            close(w->events);
        tm_ipc_channel_free(w->channel);
        free(w->slot);
        pthread_mutex_destroy(&w->lock);
    }
    free(r);
}

/* The client went away, or got its reply. */
static void relayed_free(void *arg)
{
    struct relayed *q = arg;
    struct wire *w = q->wire;
    pthread_mutex_lock(&w->lock);
    bool waiting = release_slot(w, q->id) == q;
    void *waiter = q->waiter;
    q->waiter = NULL;
    pthread_mutex_unlock(&w->lock);
    if (waiting) {
        const struct tm_http_gone gone = {q->id};
        (void)tm_ipc_put(w->channel, FAR_HTTP_GONE, &gone, NULL);
        flush(w);
    }
    if (waiter != NULL)
        tm_http_wake(waiter); /* each that was begun is called */
    if (q->file >= 0)
        close(q->file);
    tm_buf_free(&q->headers);
    tm_buf_free(&q->body);
    tm_buf_free(&q->page);
    tm_buf_free(&q->page_headers);
    free(q);
}

/* The one that this thread reads, unless another is clearly less busy: then a reply comes back
 * without another thread. */
static struct wire *choose_wire(struct tm_http_relay *r, const struct tm_http_exchange *x)
{
    struct wire *best = &r->wire[tm_http_worker_of(x) % r->count];
    unsigned pending = atomic_load_explicit(&best->pending, memory_order_relaxed);
    for (size_t i = 0; i < r->count; i++) {
        unsigned n = atomic_load_explicit(&r->wire[i].pending, memory_order_relaxed);
        if (n + 1 < pending) {
            best = &r->wire[i];
            pending = n;
        }
    }
    return best;
}

static int send_ask(const struct relayed *q, struct tm_http_exchange *x, const struct tm_buf *body)
{
    int64_t now_us = tm_clock_mono_us();
    struct tm_http_ask a = {.id = q->id,
                            .method = (uint64_t)tm_http_method_of(x),
                            .http2 = tm_http_is_http2(x),
                            .started_us = (uint64_t)(now_us - tm_http_elapsed_us(x)),
                            .asked_us = (uint64_t)now_us,
                            .path = tm_http_path(x),
                            .remote = tm_http_remote(x)};
    for (size_t i = 0; i < FAR_HEADERS; i++)
        a.header[i] = tm_http_header(x, tm_http_far_headers[i]);
    for (size_t i = 0; i < FAR_ARGUMENTS; i++)
        a.argument[i] = tm_http_query(x, tm_http_far_arguments[i]);
    if (body != NULL)
        a.body = (struct tm_ipc_bytes){body->data, body->len};
    int rc = tm_ipc_put(q->wire->channel, FAR_HTTP_ASK, &a, NULL);
    if (rc == 0 && atomic_fetch_add(&q->wire->unsent, 1) + 1 >= ROUND_MAX)
        send_unsent(q->wire);
    return rc;
}

static struct relayed *relayed_new(struct tm_http_relay *r, const struct tm_http_exchange *x)
{
    struct relayed *q = calloc(1, sizeof(*q));
    if (q != NULL)
        *q = (struct relayed){.relay = r, .wire = choose_wire(r, x), .id = UINT64_MAX, .file = -1};
    return q;
}

static enum tm_http_result ask(struct relayed *q, struct tm_http_exchange *x,
                               const struct tm_buf *body)
{
    struct tm_http_relay *r = q->relay;
    tm_http_set_state(x, q, relayed_free);
    void *waiter = tm_http_wait_begin(x);
    pthread_mutex_lock(&q->wire->lock);
    int rc = claim_slot(q->wire, q);
    if (rc == 0)
        q->waiter = waiter;
    pthread_mutex_unlock(&q->wire->lock);
    if (rc == 0 && send_ask(q, x, body) == 0)
        return HTTP_WAIT;
    pthread_mutex_lock(&q->wire->lock);
    bool unsent = rc != 0 || (release_slot(q->wire, q->id) == q && q->waiter != NULL);
    q->waiter = unsent ? NULL : q->waiter;
    pthread_mutex_unlock(&q->wire->lock);
    if (!unsent)
        return HTTP_WAIT; /* it was woken meanwhile, and comes again */
    tm_http_wait_cancel(x);
    r->o.late(r->o.ctx, x);
    return HTTP_DONE;
}

static void reply_headers(struct tm_http_exchange *x, struct tm_buf *headers)
{
    char *rest = NULL;
    if (tm_buf_str(headers) == NULL)
        return;
    for (char *line = strtok_r((char *)headers->data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *colon = strstr(line, ": ");
        if (colon == NULL)
            continue;
        *colon = '\0';
        if (line[0] == '!')
            tm_http_reply_trailer(x, line + 1, colon + 2);
        else
            tm_http_reply_header(x, line, colon + 2);
    }
}

static void reply(struct relayed *q, struct tm_http_exchange *x)
{
    struct tm_http_source source = {0};
    int file = q->file;
    q->file = -1;
    if (q->status == 503 && q->type == NULL) { /* it has too much to do */
        q->relay->o.late(q->relay->o.ctx, x);
        return;
    }
    if (!q->passed && file >= 0) {
        tm_http_reply_fd(x, q->status, q->type, file, q->size);
    } else if (!q->passed) {
        tm_http_reply(x, q->status, q->type, &q->body);
    } else if (q->relay->o.open != NULL && q->relay->o.open(file, &q->body, &source) == 0) {
        tm_http_reply_stream(x, q->status, q->type, &source);
        tm_buf_free(&q->body); /* the source has what it needs of it */
    } else {
        if (q->relay->o.open == NULL && file >= 0)
            close(file);
        q->relay->o.late(q->relay->o.ctx, x);
        return;
    }
    reply_headers(x, &q->headers);
}

static bool is_answered(struct relayed *q)
{
    pthread_mutex_lock(&q->wire->lock);
    bool answered = q->answered;
    pthread_mutex_unlock(&q->wire->lock);
    return answered;
}

enum tm_http_result tm_http_relay(struct tm_http_relay *r, struct tm_http_exchange *x,
                                  const struct tm_buf *body)
{
    struct relayed *q = tm_http_state(x);
    if (q == NULL) {
        q = relayed_new(r, x);
        if (q != NULL)
            return ask(q, x, body);
        r->o.late(r->o.ctx, x);
    } else if (is_answered(q)) {
        reply(q, x);
    } else {
        r->o.late(r->o.ctx, x);
    }
    return HTTP_DONE;
}

/* ---- a page of several processes ---- */

static enum tm_http_result first(struct tm_http_relay *const *r, size_t count,
                                 struct tm_http_exchange *x)
{
    struct relayed *q = count <= HTTP_RELAY_ALL_MAX ? relayed_new(r[0], x) : NULL;
    if (q == NULL) {
        r[0]->o.late(r[0]->o.ctx, x);
        return HTTP_DONE;
    }
    q->rest_count = count - 1;
    memcpy(q->rest, r + 1, q->rest_count * sizeof(q->rest[0]));
    return ask(q, x, NULL);
}

/* The one that is answered goes, with what it holds for the page. */
static enum tm_http_result next(struct relayed *q, struct tm_http_exchange *x)
{
    struct relayed *n = relayed_new(q->rest[0], x);
    if (n == NULL) {
        q->relay->o.late(q->relay->o.ctx, x);
        return HTTP_DONE;
    }
    n->rest_count = q->rest_count - 1;
    memcpy(n->rest, q->rest + 1, n->rest_count * sizeof(n->rest[0]));
    n->page_status = q->page_status;
    n->page_type = q->page_type;
    n->page = q->page;
    n->page_headers = q->page_headers;
    q->page = q->page_headers = (struct tm_buf){0};
    relayed_free(q);
    return ask(n, x, NULL);
}

enum tm_http_result tm_http_relay_all(struct tm_http_relay *const *r, size_t count,
                                      struct tm_http_exchange *x)
{
    struct relayed *q = tm_http_state(x);
    if (q == NULL)
        return first(r, count, x);
    if (!is_answered(q)) {
        q->relay->o.late(q->relay->o.ctx, x);
        return HTTP_DONE;
    }
    if (q->page_status == 0) {
        q->page_status = q->status;
        q->page_type = q->type;
        q->page_headers = q->headers;
        q->headers = (struct tm_buf){0};
    }
    tm_buf_append(&q->page, q->body.data, q->body.len);
    if (q->rest_count > 0)
        return next(q, x);
    tm_http_reply(x, q->page_status, q->page_type, &q->page);
    reply_headers(x, &q->page_headers);
    return HTTP_DONE;
}

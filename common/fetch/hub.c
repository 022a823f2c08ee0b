/* The side that asks another process to fetch. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/fetch/far_internal.h"

struct slot {                   /* a fetch under way, or a place for one */
    struct tm_fetch_far *owner; /* NULL: free */
    uint32_t turn;              /* tells this use of the slot from those before */
    uint32_t next_free;         /* plus one; 0: none */
    fetch_done_fn done;
    void *arg;
};

struct tm_fetch_far {
    struct tm_fetch_hub *hub;
    unsigned number, transfers;
    bool stopping;
};

struct tm_fetch_hub {
    struct tm_ipc_loop *loop;
    struct tm_ipc_channel *channel;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t idle;
    const struct tm_fetch_far *calling; /* whose callback runs now */
    struct slot *slot;
    uint32_t count, first_free;        /* plus one */
    bool taken[FAR_POOLS_MAX];         /* a pool has this number */
    unsigned transfers[FAR_POOLS_MAX]; /* its limit, which the other side keeps; 0: never used */
    bool over;
};

/* With the lock. False: no such fetch is under way. */
static bool release(struct tm_fetch_hub *h, uint64_t id, struct slot *out)
{
    uint32_t at = (uint32_t)id;
    if (at >= h->count || h->slot[at].owner == NULL || h->slot[at].turn != id >> 32)
        return false;
    struct slot *s = &h->slot[at];
    *out = *s;
    s->owner = NULL;
    s->turn++;
    s->next_free = h->first_free;
    h->first_free = at + 1;
    return true;
}

/* With the lock. */
static int claim(struct tm_fetch_hub *h, struct tm_fetch_far *f, fetch_done_fn done, void *arg,
                 uint64_t *id)
{
    if (h->first_free == 0) {
        uint32_t more = h->count > 0 ? 2 * h->count : 16;
        struct slot *all = realloc(h->slot, more * sizeof(*all));
        if (all == NULL)
            return -1;
        memset(all + h->count, 0, (more - h->count) * sizeof(*all));
        h->slot = all;
        for (uint32_t i = h->count; i < more; i++) {
            all[i].next_free = h->first_free;
            h->first_free = i + 1;
        }
        h->count = more;
    }
    uint32_t at = h->first_free - 1;
    struct slot *s = &h->slot[at];
    h->first_free = s->next_free;
    s->owner = f;
    s->done = done;
    s->arg = arg;
    *id = (uint64_t)s->turn << 32 | at;
    return 0;
}

static void call(const struct slot *s, int rc, struct tm_fetch_response *r, const struct tm_err *e)
{
    s->done(s->arg, rc, r, e);
    tm_fetch_response_free(r);
}

static void end_of_call(struct tm_fetch_hub *h)
{
    pthread_mutex_lock(&h->lock);
    h->calling = NULL;
    pthread_cond_broadcast(&h->idle);
    pthread_mutex_unlock(&h->lock);
}

static void on_answer(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    (void)c;
    struct tm_fetch_hub *h = ctx;
    const struct tm_fetch_answer *a = msg;
    struct slot s;
    if (type != FAR_ANSWER)
        return;
    pthread_mutex_lock(&h->lock);
    bool known = release(h, a->id, &s);
    h->calling = known ? s.owner : NULL;
    pthread_mutex_unlock(&h->lock);
    if (!known)
        return;
    struct tm_err e = {0};
    struct tm_fetch_response r = {.status = (long)a->status,
                                  .max_age_s = (int64_t)a->max_age_s,
                                  .retry_after_s = (int64_t)a->retry_after_s,
                                  .timed_out = (a->flags & FAR_TIMED_OUT) != 0,
                                  .limit_broken = (a->flags & FAR_LIMIT_BROKEN) != 0};
    tm_buf_append(&r.body, a->body.data, a->body.len);
    if (a->content_type != NULL)
        strncpy(r.content_type, a->content_type, sizeof(r.content_type) - 1);
    if (a->failed != 0)
        tm_err_set(&e, "%s", a->why != NULL ? a->why : "the fetch failed");
    call(&s, a->failed != 0 || buf_failed(&r.body) ? -1 : 0, &r, &e);
    end_of_call(h);
}

/* Ends every fetch of `only`, or of all pools. */
static void end_all(struct tm_fetch_hub *h, const struct tm_fetch_far *only, const char *why)
{
    struct tm_err e = {0};
    tm_err_set(&e, "%s", why);
    for (uint32_t i = 0;; i++) {
        struct slot s = {0};
        struct tm_fetch_response r = {.max_age_s = -1, .retry_after_s = -1};
        pthread_mutex_lock(&h->lock);
        bool more = i < h->count;
        bool mine = more && h->slot[i].owner != NULL && (only == NULL || h->slot[i].owner == only);
        bool taken = mine && release(h, (uint64_t)h->slot[i].turn << 32 | i, &s);
        pthread_mutex_unlock(&h->lock);
        if (!more)
            return;
        if (taken)
            call(&s, -1, &r, &e);
    }
}

static void on_over(void *ctx, struct tm_ipc_channel *c, const struct tm_err *why)
{
    (void)c;
    struct tm_fetch_hub *h = ctx;
    pthread_mutex_lock(&h->lock);
    h->over = true;
    pthread_mutex_unlock(&h->lock);
    end_all(h, NULL, why->text);
}

struct tm_fetch_hub *tm_fetch_hub_new(int fd, struct tm_err *e)
{
    struct tm_ipc_channel *c = tm_ipc_channel_new(fd, &tm_fetch_protocol, e);
    struct tm_fetch_hub *h = c != NULL ? calloc(1, sizeof(*h)) : NULL;
    if (h == NULL) {
        tm_ipc_channel_free(c);
        return tm_err_null(e, "out of memory");
    }
    h->channel = c;
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->idle, NULL);
    h->loop = tm_ipc_loop_new(NULL, NULL, 0, e);
    tm_ipc_channel_hear(c, IPC_HEAR(FAR_ANSWER));
    const struct tm_ipc_port port = {.channel = c, .message = on_answer, .over = on_over, .ctx = h};
    if (h->loop != NULL && tm_ipc_loop_add(h->loop, &port, e) == 0 &&
        tm_ipc_loop_start(h->loop, e) == 0)
        return h;
    tm_fetch_hub_free(h);
    return NULL;
}

void tm_fetch_hub_free(struct tm_fetch_hub *h)
{
    if (h == NULL)
        return;
    tm_ipc_loop_join(h->loop);
    tm_ipc_loop_free(h->loop);
    tm_ipc_channel_free(h->channel);
    free(h->slot);
    pthread_cond_destroy(&h->idle);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

/* With the lock. The other side's pool outlives ours, so its number serves the next one of the same
 * limit; what it still answers to the former is known by its turn. FAR_POOLS_MAX: none is free. */
static unsigned take_number(struct tm_fetch_hub *h, unsigned transfers)
{
    for (unsigned i = 0; i < FAR_POOLS_MAX; i++) {
        if (h->taken[i] || (h->transfers[i] != 0 && h->transfers[i] != transfers))
            continue;
        h->taken[i] = true;
        h->transfers[i] = transfers;
        return i;
    }
    return FAR_POOLS_MAX;
}

struct tm_fetch_far *tm_fetch_far_new(struct tm_fetch_hub *h, unsigned transfers, struct tm_err *e)
{
    struct tm_fetch_far *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return tm_err_null(e, "out of memory");
    pthread_mutex_lock(&h->lock);
    unsigned number = take_number(h, transfers);
    pthread_mutex_unlock(&h->lock);
    *f = (struct tm_fetch_far){.hub = h, .number = number, .transfers = transfers};
    if (number < FAR_POOLS_MAX)
        return f;
    free(f);
    return tm_err_null(e, "more than %d pools at once for one process that fetches", FAR_POOLS_MAX);
}

void tm_fetch_far_free(struct tm_fetch_far *f)
{
    struct tm_fetch_hub *h = f->hub;
    pthread_mutex_lock(&h->lock);
    f->stopping = true;
    pthread_mutex_unlock(&h->lock);
    end_all(h, f, "shutting down");
    pthread_mutex_lock(&h->lock);
    while (h->calling == f)
        pthread_cond_wait(&h->idle, &h->lock);
    h->taken[f->number] = false;
    pthread_mutex_unlock(&h->lock);
    free(f);
}

static int put_headers(const char *const *headers, struct tm_buf *out, struct tm_err *e)
{
    for (; headers != NULL && *headers != NULL; headers++) {
        if (strchr(*headers, '\n') != NULL)
            return tm_err_set(e, "a header with a line's end");
        tm_buf_puts(out, *headers);
        buf_putc(out, '\n');
    }
    return tm_buf_str(out) != NULL ? 0 : tm_err_set(e, "out of memory");
}

static int send_ask(const struct tm_fetch_far *f, uint64_t id, const struct tm_fetch_request *q,
                    struct tm_err *e)
{
    struct tm_buf headers = {0};
    int rc = put_headers(q->headers, &headers, e);
    const struct tm_fetch_ask a = {
        .id = id,
        .pool = f->number,
        .transfers = f->transfers,
        .url = q->url,
        .has_body = q->post_body != NULL,
        .body = {(const unsigned char *)q->post_body, q->post_body != NULL ? q->post_len : 0},
        .headers = q->headers != NULL ? tm_buf_str(&headers) : NULL,
        .ca_pem = q->ca_pem,
        .flags = (q->ca_only ? FAR_CA_ONLY : 0u) | (q->allow_http ? FAR_ALLOW_HTTP : 0u) |
                 (q->gzip ? FAR_GZIP : 0u) | (q->no_proxy ? FAR_NO_PROXY : 0u),
        .timeout_ms = (uint64_t)q->timeout_ms,
        .stall_ms = (uint64_t)q->stall_ms,
        .max_bytes = q->max_bytes,
        .delay_ms = (uint64_t)q->delay_ms,
    };
    if (rc == 0)
        rc = tm_ipc_put(f->hub->channel, FAR_ASK, &a, e);
    tm_buf_free_secret(&headers); /* a bearer token may be among them */
    return rc;
}

int tm_fetch_far_start(struct tm_fetch_far *f, const struct tm_fetch_request *req,
                       fetch_done_fn done, void *arg, struct tm_err *e)
{
    struct tm_fetch_hub *h = f->hub;
    struct slot s;
    uint64_t id = 0;
    if (req->sink != NULL || req->session != NULL || req->put || req->aws_sigv4 != NULL)
        return tm_err_set(e, "a fetch of this kind cannot be left to another process");
    if (tm_fetch_check_url(req->url, req->allow_http, e) != 0)
        return -1;
    pthread_mutex_lock(&h->lock);
    bool stopping = f->stopping || h->over;
    int rc = stopping ? -1 : claim(h, f, done, arg, &id);
    pthread_mutex_unlock(&h->lock);
    if (rc != 0)
        return tm_err_set(e, stopping ? "shutting down" : "out of memory");
    rc = send_ask(f, id, req, e);
    if (rc == 0) {
        tm_ipc_loop_flush(h->loop, h->channel);
        return 0;
    }
    pthread_mutex_lock(&h->lock);
    bool mine = release(h, id, &s);
    pthread_mutex_unlock(&h->lock);
    return mine ? -1 : 0; /* ended meanwhile: its callback was called */
}

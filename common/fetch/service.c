/* The side that fetches for another process. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/fetch/far_internal.h"

#define HEADERS_MAX 32

struct tm_fetch_service {
    struct tm_ipc_channel *channel;
    struct tm_ipc_loop *loop;
    struct tm_fetch_pool *pool[FAR_POOLS_MAX]; /* NULL: not asked for yet */
};

struct job {
    struct tm_fetch_service *service;
    uint64_t id;
};

static void answer(struct tm_fetch_service *s, const struct tm_fetch_answer *a)
{
    struct tm_err e = {0};
    if (tm_ipc_put(s->channel, FAR_ANSWER, a, &e) != 0) { /* too large, or nobody reads */
        const struct tm_fetch_answer less = {.id = a->id,
                                             .failed = 1,
                                             .max_age_s = UINT64_MAX,
                                             .retry_after_s = UINT64_MAX,
                                             .why = e.text};
        (void)tm_ipc_put(s->channel, FAR_ANSWER, &less, NULL);
    }
    tm_ipc_loop_flush(s->loop, s->channel);
}

static void refuse(struct tm_fetch_service *s, uint64_t id, const struct tm_err *e)
{
    const struct tm_fetch_answer a = {.id = id,
                                      .failed = 1,
                                      .max_age_s = UINT64_MAX,
                                      .retry_after_s = UINT64_MAX,
                                      .why = e->text};
    answer(s, &a);
}

static void on_done(void *arg, int rc, struct tm_fetch_response *r, const struct tm_err *e)
{
    struct job *j = arg;
    const struct tm_fetch_answer a = {
        .id = j->id,
        .failed = rc != 0,
        .status = (uint64_t)r->status,
        .body = {r->body.data, r->body.len},
        .max_age_s = (uint64_t)r->max_age_s,
        .retry_after_s = (uint64_t)r->retry_after_s,
        .flags = (r->timed_out ? FAR_TIMED_OUT : 0u) | (r->limit_broken ? FAR_LIMIT_BROKEN : 0u),
        .content_type = r->content_type,
        .why = rc != 0 ? e->text : NULL,
    };
    answer(j->service, &a);
    free(j);
}

/* Cuts the lines of `text`, in place, into `list`. */
static int cut_headers(char *text, const char *list[HEADERS_MAX + 1], struct tm_err *e)
{
    size_t n = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (n == HEADERS_MAX)
            return tm_err_set(e, "more than %d headers", HEADERS_MAX);
        list[n++] = line;
    }
    list[n] = NULL;
    return 0;
}

static struct tm_fetch_pool *pool_of(struct tm_fetch_service *s, const struct tm_fetch_ask *a,
                                     struct tm_err *e)
{
    if (a->pool >= FAR_POOLS_MAX || a->transfers < 1 || a->transfers > FAR_TRANSFERS_MAX)
        return tm_err_null(e, "no such pool");
    if (s->pool[a->pool] == NULL)
        s->pool[a->pool] = tm_fetch_pool_new((unsigned)a->transfers, e);
    return s->pool[a->pool];
}

static int start(struct tm_fetch_service *s, const struct tm_fetch_ask *a, struct tm_err *e)
{
    struct tm_fetch_pool *pool = pool_of(s, a, e);
    const char *headers[HEADERS_MAX + 1];
    char *text = strdup(a->headers != NULL ? a->headers : "");
    struct job *j = malloc(sizeof(*j));
    int rc =
        text != NULL && j != NULL ? cut_headers(text, headers, e) : tm_err_set(e, "out of memory");
    if (rc == 0 && a->url == NULL)
        rc = tm_err_set(e, "no URL");
    if (rc == 0) {
        const struct tm_fetch_request q = {
            .url = a->url,
            .post_body = a->has_body != 0 ? (const char *)a->body.data : NULL,
            .post_len = a->body.len,
            .headers = a->headers != NULL ? headers : NULL,
            .ca_pem = a->ca_pem,
            .ca_only = (a->flags & FAR_CA_ONLY) != 0,
            .allow_http = (a->flags & FAR_ALLOW_HTTP) != 0,
            .gzip = (a->flags & FAR_GZIP) != 0,
            .no_proxy = (a->flags & FAR_NO_PROXY) != 0,
            .timeout_ms = (long)a->timeout_ms,
            .stall_ms = (long)a->stall_ms,
            .max_bytes =
                a->max_bytes > 0 && a->max_bytes < FAR_BODY_MAX ? a->max_bytes : FAR_BODY_MAX,
            .delay_ms = (int64_t)a->delay_ms,
        };
        *j = (struct job){s, a->id};
        rc = tm_fetch_pool_start(pool, &q, on_done, j, e);
    }
    if (rc != 0)
        free(j);
    if (text != NULL)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
    return rc;
}

static void on_ask(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    (void)c;
    struct tm_fetch_service *s = ctx;
    const struct tm_fetch_ask *a = msg;
    struct tm_err e = {0};
    if (type == FAR_ASK && start(s, a, &e) != 0)
        refuse(s, a->id, &e);
}

struct tm_fetch_service *tm_fetch_service_new(int fd, struct tm_ipc_loop *loop, struct tm_err *e)
{
    struct tm_ipc_channel *c = tm_ipc_channel_new(fd, &tm_fetch_protocol, e);
    struct tm_fetch_service *s = c != NULL ? calloc(1, sizeof(*s)) : NULL;
    if (s == NULL) {
        tm_ipc_channel_free(c);
        return tm_err_null(e, "out of memory");
    }
    s->channel = c;
    s->loop = loop;
    tm_ipc_channel_hear(c, IPC_HEAR(FAR_ASK));
    const struct tm_ipc_port port = {.channel = c, .message = on_ask, .ctx = s};
    if (tm_ipc_loop_add(loop, &port, e) == 0)
        return s;
    tm_fetch_service_free(s);
    return NULL;
}

void tm_fetch_service_free(struct tm_fetch_service *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < FAR_POOLS_MAX; i++)
        tm_fetch_pool_free(s->pool[i]);
    tm_ipc_channel_free(s->channel);
    free(s);
}

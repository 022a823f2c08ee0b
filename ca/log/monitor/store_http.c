/*
 * A log on a web server. Every transfer goes through one pool, which keeps connections open and
 * runs those that are wanted next at the same time.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/monitor/store_internal.h"
#include "common/fetch/again.h"

#define TIMEOUT_MS 30000
#define URL_MAX 2048
#define STORE_TRANSFERS_MAX 64

struct slot { /* one transfer */
    struct http_store *store;
    char *path; /* owned; NULL: the slot is free */
    bool done;
    int rc;
    struct tm_fetch_response response; /* owned */
    struct tm_err error;
};

struct http_store {
    struct ca_store store;
    struct tm_fetch_pool *pool;
    char *ca_pem; /* owned, or NULL */
    bool allow_http;
    int64_t timeout_ms;
    pthread_mutex_t lock; /* guards the slots */
    pthread_cond_t changed;
    struct slot slot[STORE_AHEAD + 1]; /* one more, for the file that is waited for */
};

static void on_done(void *arg, int rc, struct tm_fetch_response *resp, const struct tm_err *e)
{
    struct slot *s = arg;
    struct http_store *h = s->store;
    pthread_mutex_lock(&h->lock);
    s->rc = rc;
    s->response = *resp;
    *resp = (struct tm_fetch_response){0};
    s->error = *e;
    s->done = true;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
}

static struct slot *find_slot(struct http_store *h, const char *path)
{
    for (size_t i = 0; i < sizeof(h->slot) / sizeof(h->slot[0]); i++) {
        const char *have = h->slot[i].path;
        if (path == NULL ? have == NULL : have != NULL && strcmp(have, path) == 0)
            return &h->slot[i];
    }
    return NULL;
}

static void clear_slot(struct slot *s)
{
    free(s->path);
    tm_fetch_response_free(&s->response);
    *s = (struct slot){.store = s->store};
}

/* A slot whose transfer has ended and that nobody asked for is given up for a new one. */
static struct slot *free_slot(struct http_store *h, bool evict)
{
    struct slot *s = find_slot(h, NULL);
    for (size_t i = 0; s == NULL && evict && i < sizeof(h->slot) / sizeof(h->slot[0]); i++) {
        if (h->slot[i].done) {
            s = &h->slot[i];
            clear_slot(s);
        }
    }
    return s;
}

/* With the lock held, which is let go while the pool takes the request. */
static int start_slot(struct http_store *h, struct slot *s, const char *path, size_t max,
                      struct tm_err *e)
{
    static const char *const headers[] = {"Accept: */*", NULL};
    char url[URL_MAX];
    int n = snprintf(url, sizeof(url), "%s/%s", h->store.prefix, path);
    if (n < 0 || (size_t)n >= sizeof(url))
        return tm_err_set(e, "the log's URL is too long");
    struct tm_fetch_request req = {.url = url,
                                   .headers = headers,
                                   .ca_pem = h->ca_pem,
                                   .allow_http = h->allow_http,
                                   .timeout_ms = h->timeout_ms,
                                   .max_bytes = max,
                                   .gzip = true};
    s->path = strdup(path);
    if (s->path == NULL)
        return tm_err_set(e, "out of memory");
    pthread_mutex_unlock(&h->lock);
    int rc = tm_fetch_pool_start(h->pool, &req, on_done, s, e);
    pthread_mutex_lock(&h->lock);
    if (rc != 0)
        clear_slot(s);
    return rc;
}

static void http_want(struct ca_store *store, const char *path, size_t max)
{
    struct http_store *h = (struct http_store *)store;
    struct tm_err ignored; /* whoever gets the file asks again, and is told */
    pthread_mutex_lock(&h->lock);
    size_t used = 0;
    for (size_t i = 0; i < sizeof(h->slot) / sizeof(h->slot[0]); i++)
        used += h->slot[i].path != NULL;
    if (used < STORE_AHEAD && find_slot(h, path) == NULL)
        (void)start_slot(h, find_slot(h, NULL), path, max, &ignored);
    pthread_mutex_unlock(&h->lock);
}

/* One transfer to its end, as tm_fetch_run; *answer is the caller's to free. */
static int transfer(struct http_store *h, const char *path, size_t max,
                    struct tm_fetch_response *answer, struct tm_err *e)
{
    pthread_mutex_lock(&h->lock);
    struct slot *s = find_slot(h, path);
    int rc = 0;
    while (s == NULL && (s = free_slot(h, true)) == NULL)
        pthread_cond_wait(&h->changed, &h->lock);
    if (s->path == NULL)
        rc = start_slot(h, s, path, max, e);
    while (rc == 0 && !s->done)
        pthread_cond_wait(&h->changed, &h->lock);
    if (rc == 0) {
        rc = s->rc;
        *answer = s->response;
        s->response = (struct tm_fetch_response){0};
        if (rc != 0 && e != NULL)
            *e = s->error;
        clear_slot(s);
    }
    pthread_mutex_unlock(&h->lock);
    return rc;
}

static int judge(const struct ca_store *store, const char *path,
                 const struct tm_fetch_response *answer, struct tm_buf *out, struct tm_err *e)
{
    if (answer->status == 404 || answer->status == 410)
        return 0;
    if (answer->status == 200) {
        tm_buf_append(out, answer->body.data, answer->body.len);
        return buf_failed(out) ? tm_err_set(e, "out of memory") : 1;
    }
    tm_err_set(e, "'%.150s/%.100s' answers with status %ld", store->prefix, path, answer->status);
    return tm_err_mark(e, ERR_UNAVAILABLE);
}

static int http_get(struct ca_store *store, const char *path, size_t max, struct tm_buf *out,
                    struct tm_err *e)
{
    struct http_store *h = (struct http_store *)store;
    for (unsigned tried = 1;; tried++) {
        struct tm_fetch_response answer = {0};
        struct tm_err why = {0}; /* what passes leaves no word behind */
        int rc = transfer(h, path, max, &answer, &why);
        bool again = tm_fetch_may_pass(rc, &answer) && tried < TM_FETCH_TRIES;
        int64_t retry_after_s = answer.retry_after_s;
        if (!again && rc == 0)
            rc = judge(store, path, &answer, out, &why);
        tm_fetch_response_free(&answer);
        if (!again) {
            if (rc < 0 && e != NULL)
                *e = why;
            return rc;
        }
        tm_fetch_pause(tried, retry_after_s);
    }
}

static void http_close(struct ca_store *store)
{
    struct http_store *h = (struct http_store *)store;
    tm_fetch_pool_free(h->pool); /* each transfer under way ends by its callback */
    for (size_t i = 0; i < sizeof(h->slot) / sizeof(h->slot[0]); i++)
        clear_slot(&h->slot[i]);
    free(h->ca_pem);
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->lock);
}

struct ca_store *ca_store_http_open(const struct ca_store_options *o, char *prefix,
                                    struct tm_err *e)
{
    struct http_store *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        free(prefix);
        return tm_err_null(e, "out of memory");
    }
    h->store = (struct ca_store){
        .prefix = prefix, .get = http_get, .want = http_want, .close = http_close};
    h->allow_http = o->allow_http;
    h->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS;
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->changed, NULL);
    for (size_t i = 0; i < sizeof(h->slot) / sizeof(h->slot[0]); i++)
        h->slot[i].store = h;
    h->ca_pem = o->ca_pem != NULL ? strdup(o->ca_pem) : NULL;
    h->pool = tm_fetch_pool_new(STORE_TRANSFERS_MAX, e);
    if (h->pool == NULL || (o->ca_pem != NULL && h->ca_pem == NULL)) {
        h->store.close(&h->store);
        free(prefix);
        free(h);
        return NULL;
    }
    return &h->store;
}

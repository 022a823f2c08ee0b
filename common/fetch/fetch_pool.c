#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/fetch/far_internal.h"
#include "common/fetch/fetch_transfer.h"

#define POLL_MS 1000 /* longest sleep */

struct job {
    struct job *next;
    int64_t start_ms; /* tm_clock_mono_ms() */
    struct tm_transfer *transfer;
    fetch_done_fn done;
    void *arg;
};

struct tm_fetch_pool {
    struct tm_fetch_far *far; /* another process fetches, and all that follows is unused */
    pthread_t thread;
    CURLM *multi;
    pthread_mutex_t lock; /* guards `inbox` and `stopping` */
    struct job *inbox;    /* newest first */
    bool stopping;
    struct job *delayed; /* oldest first; the pool's thread only, as the rest */
    struct job *running;
    unsigned running_count;
    unsigned running_max;
};

static void job_end(struct job *job, int rc, const struct tm_err *e)
{
    job->done(job->arg, rc, &job->transfer->response, e);
    tm_transfer_free(job->transfer);
    free(job);
}

static struct job *take_running(struct tm_fetch_pool *p, CURL *easy)
{
    for (struct job **at = &p->running; *at != NULL; at = &(*at)->next) {
        struct job *job = *at;
        if (job->transfer->easy == easy) {
            *at = job->next;
            p->running_count--;
            return job;
        }
    }
    return NULL;
}

static void start_job(struct tm_fetch_pool *p, struct job *job)
{
    struct tm_err e = {0};
    if (curl_multi_add_handle(p->multi, job->transfer->easy) == CURLM_OK) {
        job->next = p->running;
        p->running = job;
        p->running_count++;
        return;
    }
    tm_err_set(&e, "libcurl takes no more transfers");
    job_end(job, -1, &e);
}

static void finish_job(struct tm_fetch_pool *p, CURL *easy, CURLcode code)
{
    struct tm_err e = {0};
    struct job *job = take_running(p, easy);
    curl_multi_remove_handle(p->multi, easy);
    if (job == NULL)
        return;
    enum tm_transfer_next next = tm_transfer_finish(job->transfer, code, &e);
    if (next == TRANSFER_AGAIN)
        start_job(p, job);
    else
        job_end(job, next == TRANSFER_DONE ? 0 : -1, &e);
}

/* Moves what is due to curl as far as the limit goes; the milliseconds until the next one is. */
static int start_due(struct tm_fetch_pool *p)
{
    int64_t now = tm_clock_mono_ms();
    int64_t wait = POLL_MS;
    struct job **at = &p->delayed;
    while (*at != NULL && p->running_count < p->running_max) {
        struct job *job = *at;
        if (job->start_ms > now) {
            if (job->start_ms - now < wait)
                wait = job->start_ms - now;
            at = &job->next;
            continue;
        }
        *at = job->next;
        start_job(p, job);
    }
    return (int)wait;
}

/* Takes what was queued; false when the pool must stop. */
static bool take_inbox(struct tm_fetch_pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct job *job = p->inbox;
    p->inbox = NULL;
    bool stopping = p->stopping;
    pthread_mutex_unlock(&p->lock);
    struct job **end = &p->delayed;
    while (*end != NULL)
        end = &(*end)->next;
    while (job != NULL) { /* turns the list round */
        struct job *next = job->next;
        job->next = *end;
        *end = job;
        job = next;
    }
    return !stopping;
}

static void end_all(struct tm_fetch_pool *p)
{
    struct tm_err e = {0};
    tm_err_set(&e, "shutting down");
    while (p->running != NULL) {
        struct job *job = p->running;
        p->running = job->next;
        curl_multi_remove_handle(p->multi, job->transfer->easy);
        job_end(job, -1, &e);
    }
    while (p->delayed != NULL) {
        struct job *job = p->delayed;
        p->delayed = job->next;
        job_end(job, -1, &e);
    }
}

static void *run(void *arg)
{
    struct tm_fetch_pool *p = arg;
    while (take_inbox(p)) {
        int active = 0;
        int left = 0;
        CURLMsg *msg;
        curl_multi_perform(p->multi, &active);
        while ((msg = curl_multi_info_read(p->multi, &left)) != NULL) {
            if (msg->msg == CURLMSG_DONE)
                finish_job(p, msg->easy_handle, msg->data.result);
        }
        curl_multi_poll(p->multi, NULL, 0, start_due(p), NULL); /* room may just have come */
    }
    end_all(p);
    return NULL;
}

struct tm_fetch_pool *tm_fetch_pool_new(unsigned transfers, struct tm_err *e)
{
    struct tm_fetch_pool *p = calloc(1, sizeof(*p));
    if (p == NULL || (p->multi = curl_multi_init()) == NULL) {
        free(p);
        return tm_err_null(e, "out of memory");
    }
    p->running_max = transfers;
    pthread_mutex_init(&p->lock, NULL);
    errno = pthread_create(&p->thread, NULL, run, p);
    if (errno != 0) {
        tm_err_errno(e, "start the fetch thread");
        curl_multi_cleanup(p->multi);
        pthread_mutex_destroy(&p->lock);
        free(p);
        return NULL;
    }
    return p;
}

struct tm_fetch_pool *tm_fetch_pool_open(struct tm_fetch_hub *hub, unsigned transfers,
                                         struct tm_err *e)
{
    if (hub == NULL)
        return tm_fetch_pool_new(transfers, e);
    struct tm_fetch_pool *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return tm_err_null(e, "out of memory");
    p->far = tm_fetch_far_new(hub, transfers, e);
    if (p->far != NULL)
        return p;
    free(p);
    return NULL;
}

int tm_fetch_pool_start(struct tm_fetch_pool *p, const struct tm_fetch_request *req,
                        fetch_done_fn done, void *arg, struct tm_err *e)
{
    if (p->far != NULL)
        return tm_fetch_far_start(p->far, req, done, arg, e);
    struct job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return tm_err_set(e, "out of memory");
    job->transfer = tm_transfer_new(req, e);
    if (job->transfer == NULL) {
        free(job);
        return -1;
    }
    job->done = done;
    job->arg = arg;
    job->start_ms = tm_clock_mono_ms() + req->delay_ms;
    pthread_mutex_lock(&p->lock);
    bool stopping = p->stopping;
    if (!stopping) {
        job->next = p->inbox;
        p->inbox = job;
    }
    pthread_mutex_unlock(&p->lock);
    if (stopping) {
        tm_transfer_free(job->transfer);
        free(job);
        return tm_err_set(e, "shutting down");
    }
    curl_multi_wakeup(p->multi);
    return 0;
}

void tm_fetch_pool_free(struct tm_fetch_pool *p)
{
    if (p == NULL)
        return;
    if (p->far != NULL) {
        tm_fetch_far_free(p->far);
        free(p);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_mutex_unlock(&p->lock);
    curl_multi_wakeup(p->multi);
    pthread_join(p->thread, NULL);
    curl_multi_cleanup(p->multi);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

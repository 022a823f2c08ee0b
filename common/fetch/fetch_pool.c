#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/fetch/fetch_transfer.h"

#define POLL_MS 1000 /* longest sleep */

struct job {
    struct job *next;
    int64_t start_ms; /* clock_mono_ms() */
    struct transfer *transfer;
    fetch_done_fn done;
    void *arg;
};

struct fetch_pool {
    pthread_t thread;
    CURLM *multi;
    pthread_mutex_t lock; /* guards `inbox` and `stopping` */
    struct job *inbox;
    bool stopping;
    struct job *delayed; /* the pool's thread only, as is `running` */
    struct job *running;
};

static void job_end(struct job *job, int rc, const struct err *e)
{
    job->done(job->arg, rc, &job->transfer->response, e);
    transfer_free(job->transfer);
    free(job);
}

static struct job *take_running(struct fetch_pool *p, CURL *easy)
{
    for (struct job **at = &p->running; *at != NULL; at = &(*at)->next) {
        struct job *job = *at;
        if (job->transfer->easy == easy) {
            *at = job->next;
            return job;
        }
    }
    return NULL;
}

static void start_job(struct fetch_pool *p, struct job *job)
{
    struct err e = {0};
    if (curl_multi_add_handle(p->multi, job->transfer->easy) == CURLM_OK) {
        job->next = p->running;
        p->running = job;
        return;
    }
    err_set(&e, "libcurl takes no more transfers");
    job_end(job, -1, &e);
}

static void finish_job(struct fetch_pool *p, CURL *easy, CURLcode code)
{
    struct err e = {0};
    struct job *job = take_running(p, easy);
    curl_multi_remove_handle(p->multi, easy);
    if (job == NULL)
        return;
    enum transfer_next next = transfer_finish(job->transfer, code, &e);
    if (next == TRANSFER_AGAIN)
        start_job(p, job);
    else
        job_end(job, next == TRANSFER_DONE ? 0 : -1, &e);
}

/* Moves what is due to curl; the milliseconds until the next one is. */
static int start_due(struct fetch_pool *p)
{
    int64_t now = clock_mono_ms();
    int64_t wait = POLL_MS;
    struct job **at = &p->delayed;
    while (*at != NULL) {
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
static bool take_inbox(struct fetch_pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct job *job = p->inbox;
    p->inbox = NULL;
    bool stopping = p->stopping;
    pthread_mutex_unlock(&p->lock);
    while (job != NULL) {
        struct job *next = job->next;
        job->next = p->delayed;
        p->delayed = job;
        job = next;
    }
    return !stopping;
}

static void end_all(struct fetch_pool *p)
{
    struct err e = {0};
    err_set(&e, "shutting down");
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
    struct fetch_pool *p = arg;
    while (take_inbox(p)) {
        int active = 0;
        int left = 0;
        CURLMsg *msg;
        int wait = start_due(p);
        curl_multi_perform(p->multi, &active);
        while ((msg = curl_multi_info_read(p->multi, &left)) != NULL) {
            if (msg->msg == CURLMSG_DONE)
                finish_job(p, msg->easy_handle, msg->data.result);
        }
        curl_multi_poll(p->multi, NULL, 0, wait, NULL);
    }
    end_all(p);
    return NULL;
}

struct fetch_pool *fetch_pool_new(struct err *e)
{
    struct fetch_pool *p = calloc(1, sizeof(*p));
    if (p == NULL || (p->multi = curl_multi_init()) == NULL) {
        free(p);
        err_set(e, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&p->lock, NULL);
    errno = pthread_create(&p->thread, NULL, run, p);
    if (errno != 0) {
        err_errno(e, "start the fetch thread");
        curl_multi_cleanup(p->multi);
        pthread_mutex_destroy(&p->lock);
        free(p);
        return NULL;
    }
    return p;
}

int fetch_pool_start(struct fetch_pool *p, const struct fetch_request *req, fetch_done_fn done,
                     void *arg, struct err *e)
{
    struct job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return err_set(e, "out of memory");
    job->transfer = transfer_new(req, e);
    if (job->transfer == NULL) {
        free(job);
        return -1;
    }
    job->done = done;
    job->arg = arg;
    job->start_ms = clock_mono_ms() + req->delay_ms;
    pthread_mutex_lock(&p->lock);
    bool stopping = p->stopping;
    if (!stopping) {
        job->next = p->inbox;
        p->inbox = job;
    }
    pthread_mutex_unlock(&p->lock);
    if (stopping) {
        transfer_free(job->transfer);
        free(job);
        return err_set(e, "shutting down");
    }
    curl_multi_wakeup(p->multi);
    return 0;
}

void fetch_pool_free(struct fetch_pool *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_mutex_unlock(&p->lock);
    curl_multi_wakeup(p->multi);
    pthread_join(p->thread, NULL);
    curl_multi_cleanup(p->multi);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

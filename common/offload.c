#include "common/offload.h"
#include "common/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct tm_offload {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t more;
    struct tm_offload_task *first, **last;
    bool stop;
    unsigned started;
    pthread_t thread[];
};

static void *work(void *arg)
{
    struct tm_offload *o = arg;
    pthread_mutex_lock(&o->lock);
    while (o->first != NULL || !o->stop) {
        struct tm_offload_task *t = o->first;
        if (t == NULL) {
            pthread_cond_wait(&o->more, &o->lock);
            continue;
        }
        o->first = t->next;
        if (o->first == NULL)
            o->last = &o->first;
        pthread_mutex_unlock(&o->lock);
        t->run(t);
        pthread_mutex_lock(&o->lock);
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

struct tm_offload *tm_offload_new(unsigned threads, struct tm_err *e)
{
    struct tm_offload *o = calloc(1, sizeof(*o) + threads * sizeof(o->thread[0]));
    if (o == NULL)
        return tm_err_null(e, "out of memory");
    o->last = &o->first;
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->more, NULL);
    for (errno = 0; o->started < threads && errno == 0; o->started += errno == 0)
        errno = tm_thread_start(&o->thread[o->started], work, o);
    if (o->started == threads)
        return o;
    tm_err_errno(e, "start the threads that sign");
    tm_offload_free(o);
    return NULL;
}

void tm_offload_free(struct tm_offload *o)
{
    if (o == NULL)
        return;
    pthread_mutex_lock(&o->lock);
    o->stop = true;
    pthread_cond_broadcast(&o->more);
    pthread_mutex_unlock(&o->lock);
    for (unsigned i = 0; i < o->started; i++)
        pthread_join(o->thread[i], NULL);
    pthread_cond_destroy(&o->more);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

void tm_offload_put(struct tm_offload *o, struct tm_offload_task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&o->lock);
    *o->last = task;
    o->last = &task->next;
    pthread_cond_signal(&o->more);
    pthread_mutex_unlock(&o->lock);
}

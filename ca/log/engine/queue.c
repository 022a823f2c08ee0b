#include "ca/log/engine/queue.h"

void ca_log_queue_init(struct ca_log_queue *q)
{
    *q = (struct ca_log_queue){0};
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->wake, NULL);
}

void ca_log_queue_free(struct ca_log_queue *q)
{
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->wake);
}

int ca_log_queue_put(struct ca_log_queue *q, struct ca_log_ticket *t, struct tm_err *e)
{
    pthread_mutex_lock(&q->lock);
    bool stopping = q->stopping;
    if (!stopping) {
        if (q->last != NULL)
            q->last->next = t;
        else
            q->first = t;
        q->last = t;
        pthread_cond_signal(&q->wake);
    }
    pthread_mutex_unlock(&q->lock);
    return stopping ? tm_err_set(e, "the log is closing") : 0;
}

struct ca_log_ticket *ca_log_queue_take(struct ca_log_queue *q, size_t most, size_t bytes,
                                        size_t *count)
{
    pthread_mutex_lock(&q->lock);
    while (q->first == NULL && !q->stopping)
        pthread_cond_wait(&q->wake, &q->lock);
    struct ca_log_ticket *first = q->first;
    struct ca_log_ticket *last = NULL;
    struct ca_log_ticket *t = first;
    size_t taken = 0;
    for (*count = 0; t != NULL && *count < most && taken + t->draft.bytes.len <= bytes;
         t = t->next, ++*count) {
        taken += t->draft.bytes.len;
        last = t;
    }
    q->first = t;
    if (t == NULL)
        q->last = NULL;
    if (last != NULL)
        last->next = NULL;
    pthread_mutex_unlock(&q->lock);
    return first;
}

void ca_log_queue_stop(struct ca_log_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->stopping = true;
    pthread_cond_signal(&q->wake);
    pthread_mutex_unlock(&q->lock);
}

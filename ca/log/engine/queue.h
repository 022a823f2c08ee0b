/*
 * Submissions that wait for the sequencer.
 */
#pragma once

#include <pthread.h>

#include "ca/log/engine/ticket.h"

struct ca_log_queue {
    pthread_mutex_t lock; /* of all that follows; held for a few instructions */
    pthread_cond_t wake;  /* to the sequencer */
    struct ca_log_ticket *first, *last;
    bool stopping;
};

void ca_log_queue_init(struct ca_log_queue *q);
void ca_log_queue_free(struct ca_log_queue *q); /* empty */

/* -1: the log is closing. */
int ca_log_queue_put(struct ca_log_queue *q, struct ca_log_ticket *t, struct tm_err *e);

/* Waits, then takes up to `most` tickets of up to `bytes` in all. NULL: the queue was stopped and
 * is empty. */
struct ca_log_ticket *ca_log_queue_take(struct ca_log_queue *q, size_t most, size_t bytes,
                                        size_t *count);
void ca_log_queue_stop(struct ca_log_queue *q);

/*
 * Threads for what blocks: a signature that a token or a network makes takes milliseconds, and who
 * serves requests must not stand still for it. A task runs once, on one of the threads, soon.
 */
#pragma once

#include "common/err.h"

struct tm_offload; /* any thread */

struct tm_offload_task { /* a member of what is worked on */
    struct tm_offload_task *next;
    void (*run)(struct tm_offload_task *task);
};

/* NULL with `e` set. */
struct tm_offload *tm_offload_new(unsigned threads, struct tm_err *e);
/* Runs what is queued, and waits for it. NULL is fine. */
void tm_offload_free(struct tm_offload *o);

void tm_offload_put(struct tm_offload *o, struct tm_offload_task *task);

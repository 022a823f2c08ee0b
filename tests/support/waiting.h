/*
 * Who waits for a wake from another thread, as a request of the server does.
 */
#pragma once

#include <pthread.h>

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t woken;
    int wakes;
};
#define WAITING_INIT \
    { \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 \
    }

void waiting_wake(void *waiting);

/* Until it was woken so often in all; 0, or -1 after 20 s. */
int waiting_for(struct waiting *w, int wakes);

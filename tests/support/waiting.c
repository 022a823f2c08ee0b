#include "tests/support/waiting.h"

#include <time.h>

void waiting_wake(void *waiting)
{
    struct waiting *w = waiting;
    pthread_mutex_lock(&w->lock);
    w->wakes++;
    pthread_cond_signal(&w->woken);
    pthread_mutex_unlock(&w->lock);
}

int waiting_for(struct waiting *w, int wakes)
{
    struct timespec end;
    int rc = 0;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 20;
    pthread_mutex_lock(&w->lock);
    while (w->wakes < wakes && rc == 0)
        rc = pthread_cond_timedwait(&w->woken, &w->lock, &end);
    pthread_mutex_unlock(&w->lock);
    return rc == 0 ? 0 : -1;
}

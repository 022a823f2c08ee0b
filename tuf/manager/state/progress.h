/*
 * Work on many files or targets, told as it goes on: so that who waits sees that it does.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct tuf_progress { /* NULL in its place: nobody is told */
    /* `what` has been done to so many by now; the same pointer as long as the work is the same. */
    void (*tell)(void *arg, const char *what, uint64_t done);
    void *arg;
};

static inline void tuf_progress_tell(const struct tuf_progress *p, const char *what, uint64_t done)
{
    if (p != NULL)
        p->tell(p->arg, what, done);
}

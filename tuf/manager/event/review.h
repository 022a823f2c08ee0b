/*
 * An event in words, for the holder who decides whether to sign.
 */
#ifndef TENMINT_TUF_REVIEW_H
#define TENMINT_TUF_REVIEW_H

#include "tuf/manager/event/rules.h"

struct tuf_review {
    const struct tuf_policy *policy;    /* or NULL: on a holder's machine */
    const struct tuf_metadata *trusted; /* a root that the reader kept; NULL: none given */
    int64_t now;
    bool all; /* every role and target, however many; else the first of them, and how many more */
};

/* Appends the whole text. *errors: how many findings forbid signing. */
int tuf_review_write(const struct tuf_event *ev, const struct tuf_review *r, struct tm_buf *out,
                     size_t *errors, struct tm_err *e);

/* Appends who has signed and who still must, old and new threshold apart. */
void tuf_review_signatures(const struct tuf_event *ev, struct tm_buf *out);

#endif

/*
 * An event in words, for the holder who decides whether to sign.
 */
#pragma once

#include "tuf/manager/review/content.h"

struct tuf_review {
    const struct tuf_policy *policy;    /* or NULL: on a holder's machine */
    const struct tuf_metadata *trusted; /* a root that the reader kept; NULL: none given */
    int64_t now;                        /* the reader's own clock, which judges; Unix seconds */
    tuf_explain_fn explain; /* of targets that the policy's clients-act-on names; or NULL */
    bool all; /* every role and target, however many; else the first of them, and how many more */
};

struct tuf_review_result {
    char digest[65];    /* of the event */
    size_t errors;      /* findings that forbid signing */
    size_t unexplained; /* of those: what the review cannot show */
    size_t dangers;     /* findings that would harm every client */
};

/* Appends the whole text. */
int tuf_review_write(const struct tuf_event *ev, const struct tuf_review *r, struct tm_buf *out,
                     struct tuf_review_result *result, struct tm_err *e);

/* Appends who has signed and who still must, old and new threshold apart. */
void tuf_review_signatures(const struct tuf_event *ev, struct tm_buf *out);

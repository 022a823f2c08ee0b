/*
 * A CA's list of trusted issuers, where it is a target: a review says who is let in and shut out.
 */
#ifndef TENMINT_TOOLS_TENMINT_TUF_ISSUERS_H
#define TENMINT_TOOLS_TENMINT_TUF_ISSUERS_H

#include "tuf/manager/review/content.h"

/* For struct tuf_review. A list that no server could read is a danger, where there was one that
 * servers read. */
void issuers_explain(const struct tm_buf *before, const struct tm_buf *after, tuf_explain_tell tell,
                     void *arg);

#endif

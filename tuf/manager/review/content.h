/*
 * What is in the targets that an event changes: of those that clients act on every field, of other
 * small texts the lines that differ.
 */
#ifndef TENMINT_TUF_REVIEW_CONTENT_H
#define TENMINT_TUF_REVIEW_CONTENT_H

#include "tuf/manager/review/rules.h"

/* Appends both parts. What clients act on and cannot be explained goes into `f` as unexplained;
 * what would harm every client as a danger. `now`: the reader's clock, Unix seconds. */
int tuf_content_write(const struct tuf_event *ev, int64_t now, bool all, struct tm_buf *out,
                      struct tuf_findings *f, struct tm_err *e);

#endif

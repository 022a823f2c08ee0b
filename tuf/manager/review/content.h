/*
 * What is in the targets that an event changes: of those that clients act on every field, of other
 * small texts the lines that differ.
 */
#pragma once

#include "tuf/manager/review/rules.h"

/* Knows a kind of target and says in words what a change of it means, a line a call of `tell`; of
 * other contents nothing. `before` is empty when the target is new. */
typedef void (*tuf_explain_tell)(void *arg, const char *text, bool dangerous);
typedef void (*tuf_explain_fn)(const struct tm_buf *before, const struct tm_buf *after,
                               tuf_explain_tell tell, void *arg);

/* Appends both parts. `explain`, or NULL, is asked about every target. What clients act on
 * and cannot be explained goes into `f` as unexplained; what would harm every client as a danger.
 * `now`: the reader's clock, Unix seconds. */
int tuf_content_write(const struct tuf_event *ev, int64_t now, bool all, tuf_explain_fn explain,
                      struct tm_buf *out, struct tuf_findings *f, struct tm_err *e);

/* What `explain` alone says of the event's targets, before anybody reviews it. */
int tuf_content_explain(const struct tuf_event *ev, tuf_explain_fn explain, tuf_explain_tell tell,
                        void *arg, struct tm_err *e);

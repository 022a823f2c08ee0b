/*
 * What a service says of why it refused: the `message` of its JSON, as Fulcio and Rekor v2 answer.
 */
#pragma once

#include "common/fetch/fetch.h"

/* Owned; NULL when the answer holds none. */
char *refusal_message(const struct tm_fetch_response *r);

/* Marks `e`, which says what was refused: ERR_UNAVAILABLE when it may pass by itself, else ERR_BAD.
 * Returns -1. */
int refusal_mark(const struct tm_fetch_response *r, struct tm_err *e);

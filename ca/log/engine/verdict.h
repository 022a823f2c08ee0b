/*
 * Whether the log is still the one that it published: once it is not, it never is again.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "common/err.h"

struct ca_log_verdict {
    atomic_bool contradicted; /* for good; then: */
    struct tm_err why;        /* written before it, by one thread */
};

void ca_log_verdict_pass(struct ca_log_verdict *v, const struct tm_err *why);
bool ca_log_contradicted(const struct ca_log_verdict *v);
/* 0, or -1 with the reason for which the log takes and publishes nothing any more. */
int ca_log_verdict_check(const struct ca_log_verdict *v, struct tm_err *e);

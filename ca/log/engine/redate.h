/*
 * The times that a log was dated by while the clock was wrong, and that are no bound any more:
 * DIR/state/redated holds the first and the last of them, milliseconds since 1970, decimal.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct ca_log_excuse {
    uint64_t from_ms, to_ms; /* 0, 0: nothing was ever excused */
};

int ca_log_excuse_read(const char *dir, struct ca_log_excuse *x, struct tm_err *e);
bool ca_log_excused(const struct ca_log_excuse *x, uint64_t time_ms);

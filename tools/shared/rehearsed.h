/*
 * What every program says of a rehearsal (common/rehearsal.h), and of the last ones.
 */
#pragma once

#include <jansson.h>

#include "common/rehearsal.h"

/* On standard output: a line a step and the result, or one JSON object. */
void cli_print_rehearsal(const struct tm_rehearsal *r, bool json);

/* {"KIND": null | {"time", "passed", "skipped"}}; NULL: out of memory. */
json_t *cli_rehearsed_json(const char *const *kinds, size_t count, const struct tm_rehearsed *last);

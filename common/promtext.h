/*
 * Prometheus text exposition format 0.0.4, the two parts that need care.
 */
#pragma once

#include "common/buf.h"

/* The HELP and TYPE lines before a family's samples; `type`: "gauge", "counter", "histogram". */
void tm_promtext_head(struct tm_buf *out, const char *name, const char *type, const char *help);

/* A label's value without its quotes: backslash, quote and newline escaped. */
void tm_promtext_label(struct tm_buf *out, const char *value);

/*
 * Prometheus text exposition format 0.0.4, the two parts that need care.
 */
#ifndef TENMINT_COMMON_PROMTEXT_H
#define TENMINT_COMMON_PROMTEXT_H

#include "common/buf.h"

/* The HELP and TYPE lines before a family's samples; `type`: "gauge", "counter", "histogram". */
void promtext_head(struct buf *out, const char *name, const char *type, const char *help);

/* A label's value without its quotes: backslash, quote and newline escaped. */
void promtext_label(struct buf *out, const char *value);

#endif

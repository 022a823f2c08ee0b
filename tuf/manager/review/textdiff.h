/*
 * The difference of two small texts, line by line, for people.
 */
#pragma once

#include "common/buf.h"

#define TEXTDIFF_BYTES_MAX ((size_t)64 << 10) /* of a text whose difference is shown */

/* UTF-8 without NUL and other control characters than white space. Empty is one. */
bool tuf_textdiff_is_text(const struct tm_buf *data);

/* Appends "- " and "+ " lines, each after `indent`, what a terminal would not show replaced; at
 * most `max` of them, then how many more. False: it does not fit (SIZE_MAX always does). */
bool tuf_textdiff_write(const struct tm_buf *before, const struct tm_buf *after, size_t max,
                        const char *indent, struct tm_buf *out);

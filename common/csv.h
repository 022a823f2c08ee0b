/*
 * Comma-separated values (RFC 4180), for spreadsheets and scripts.
 */
#pragma once

#include <stdbool.h>

#include "common/buf.h"

/* Appends a field, in quotes where it must be, with a comma before it unless it is the row's
 * `first`. A spreadsheet takes a field that begins with one of = + - @ for a formula, whoever wrote
 * it: such a field gets an apostrophe before it. */
void tm_csv_field(struct tm_buf *out, const char *text, bool first);
void tm_csv_end(struct tm_buf *out); /* of a row: CR LF */

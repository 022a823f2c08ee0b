/*
 * What a command has to say, as JSON on standard output.
 */
#ifndef TENMINT_TOOLS_SHARED_PRINTED_H
#define TENMINT_TOOLS_SHARED_PRINTED_H

#include <jansson.h>
#include <stddef.h>

#include "common/err.h"

/* Both take the object; NULL: out of memory. -1: not all of it was written. In one line: */
int cli_print_json(json_t *o, struct tm_err *e);
/* For a person who reads it: indented. */
int cli_print_json_indented(json_t *o, struct tm_err *e);

/* What others wrote, or a path, as cli_print_text shows it: any bytes are a string. NULL: out of
 * memory. */
json_t *cli_json_text(const char *text, size_t len);

/* A new list of a report's lines, without the blanks that set them in and without empty lines. */
json_t *cli_lines_json(const void *text, size_t len);

#endif

/*
 * What `tenmint sign --predicate` signs.
 */
#pragma once

#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

/* Appends the in-toto statement around the predicate in `file` about the subjects' files. */
int attest_statement(const char *type, const char *file, char **subjects, size_t count,
                     struct tm_buf *out, struct tm_err *e);

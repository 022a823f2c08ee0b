/*
 * What a judge has found, a line each, whatever is in the names that it quotes.
 */
#pragma once

#include "common/buf.h"

struct tuf_findings {
    struct tm_buf errors;   /* that forbid signing */
    struct tm_buf dangers;  /* what would harm every client */
    struct tm_buf warnings; /* to consider */
    size_t error_count, danger_count;
    size_t unexplained; /* of the errors: what a review cannot show */
};

#define FINDING __attribute__((format(printf, 2, 3)))
FINDING void tuf_findings_error(struct tuf_findings *f, const char *fmt, ...);
FINDING void tuf_findings_warn(struct tuf_findings *f, const char *fmt, ...);
/* Unless it is there already. */
FINDING void tuf_findings_danger(struct tuf_findings *f, const char *fmt, ...);
void tuf_findings_free(struct tuf_findings *f);

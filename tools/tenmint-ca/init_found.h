/*
 * What stands where `init --if-missing` was to make something: is it whole, and what is asked for
 * now? Nothing is ever made beside it or written over: a missing key of a CA that verifiers know is
 * not replaced by another one.
 */
#ifndef TENMINT_TOOLS_TENMINT_CA_INIT_FOUND_H
#define TENMINT_TOOLS_TENMINT_CA_INIT_FOUND_H

#include <stdbool.h>

#include "common/err.h"

struct init_wanted {
    const char *dir;
    bool all;                     /* --all: every role */
    const char *log_origin;       /* NULL: whichever it has */
    const char *signature_origin; /* NULL: likewise */
};

/* Prints what check-config prints. -1: a server would not start with it, or it is of other names.
 */
int init_found_check(const struct init_wanted *w, struct tm_err *e);

#endif

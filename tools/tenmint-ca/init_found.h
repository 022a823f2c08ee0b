/*
 * What stands where `init --if-missing` was to make something: is it whole, and what is asked for
 * now? Nothing is ever made beside it or written over: a missing key of a CA that verifiers know is
 * not replaced by another one.
 */
#pragma once

#include <stdbool.h>

#include "common/err.h"
#include "tools/tenmint-ca/init_keys.h"

struct init_wanted { /* what the command line says; NULL: nothing, and whatever it has is right */
    const char *dir;
    bool all;    /* --all: every role */
    bool no_log; /* --no-log */
    const char *log_origin, *signature_origin;
    const char *url;          /* where clients find it */
    const char *organization; /* O of the CA's certificate */
    const char *key_type;     /* of its key: p256, ... */
    /* Where the keys are asked to be, with the names of the options that say so; an option that is
     * NULL: nothing is said. */
    const struct tm_key_source *key[INIT_KEYS];
    const char *key_option[INIT_KEYS];
};

/* Prints what check-config prints. -1: a server would not start with it, or it is not what is asked
 * for: other names, addresses, kinds or places of keys. */
int init_found_check(const struct init_wanted *w, struct tm_err *e);

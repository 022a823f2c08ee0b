/*
 * A new log and its key: what `init`, `log-create` and a first start make.
 */
#pragma once

#include "ca/log/engine/log.h"
#include "common/key/key.h"

struct ca_log_new {        /* a log to be made; borrowed */
    const char *directory; /* new or empty */
    const char *origin;
    const struct tm_key_source *device; /* where its key is (tm_key_make); NULL: key_file */
    const char *key_file;               /* a new file, 0600 */
    const char *password;               /* encrypts key_file; NULL: plain */
    const char *public_file;            /* a new PEM file for verifiers */
};

/* Makes a P-256 key, then the log with `create`: ca_ctlog_create or ca_siglog_create. */
int ca_log_create_new(const struct ca_log_new *n,
                      int (*create)(const struct ca_log_options *o, struct tm_err *e),
                      struct tm_err *e);

/*
 * issuer/: every certificate that an entry's chain names, there before the entry is.
 */
#pragma once

#include <pthread.h>

#include "ca/log/ct/entry.h"
#include "ca/log/engine/store.h"

#define ISSUERS_KNOWN 64

struct ca_log_issuer { /* a certificate that is in issuer/ */
    struct tm_buf der;
    unsigned char fingerprint[32];
};

struct ca_log_issuers {
    char *directory;
    pthread_mutex_t lock; /* of all that follows; held over the writes of a new issuer */
    struct ca_log_store store;
    struct ca_log_issuer known[ISSUERS_KNOWN];
    size_t count;
};

int ca_log_issuers_init(struct ca_log_issuers *x, const char *directory, struct tm_err *e);
void ca_log_issuers_free(struct ca_log_issuers *x); /* zeroed: fine */

/* SHA-256 of each issuer of `entry`, whose certificate is in issuer/ when this returns. */
int ca_log_issuers_keep(struct ca_log_issuers *x, const struct ca_log_entry *entry,
                        unsigned char *fingerprints, struct tm_err *e);

/* The parts of ca_log_verify. Internal to verify*.c. */
#pragma once

#include "ca/log/monitor/verify.h"

struct ca_issuer_cache; /* issuers that were read, by fingerprint */

struct ca_verifier {
    const struct ca_verify_options *o;
    struct ca_verify_report *report;
    struct ca_issuer_cache *issuers;
};

void ca_verify_fault(struct ca_verifier *v, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

struct ca_issuer_cache *ca_issuer_cache_new(struct tm_err *e);
void ca_issuer_cache_free(struct ca_issuer_cache *c);

/* What an entry must be whatever tree it is in. `where` names the file. */
void ca_verify_entry(struct ca_verifier *v, uint64_t index, const struct tm_entry *n,
                     const char *where);

/* Recomputes the tree from the data tiles, holding every hash tile to it. */
int ca_verify_tiles(struct ca_verifier *v, struct tm_err *e);

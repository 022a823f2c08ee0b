/* The parts of log_verify. Internal to verify*.c. */
#ifndef TENMINT_CA_MONITOR_VERIFY_INTERNAL_H
#define TENMINT_CA_MONITOR_VERIFY_INTERNAL_H

#include "ca/log/monitor/verify.h"

struct issuer_cache; /* issuers that were read, by fingerprint */

struct verifier {
    const struct verify_options *o;
    struct verify_report *report;
    struct issuer_cache *issuers;
};

void verify_fault(struct verifier *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct issuer_cache *issuer_cache_new(struct err *e);
void issuer_cache_free(struct issuer_cache *c);

/* What an entry must be whatever tree it is in. `where` names the file. */
void verify_entry(struct verifier *v, uint64_t index, const struct entry *n, const char *where);

/* Recomputes the tree from the data tiles, holding every hash tile to it. */
int verify_tiles(struct verifier *v, struct err *e);

#endif

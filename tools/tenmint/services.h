/*
 * Where a signer goes and whom it believes, from the trusted root of keys: signing_config.v0.2.json
 * with its selectors, windows and operators, and trusted_root.json.
 */
#pragma once

#include "tools/tenmint/trust.h"
#include "tuf/verify/bundle/bundle.h"
#include "tuf/verify/trust/signing_config.h"

struct services_source {
    struct trust_source trust;
    const char *trusted_root; /* files in place of the TUF targets, both or none */
    const char *signing_config;
};

struct services {
    struct tuf_signing_config *config; /* owned; NULL: there is none, and nothing below */
    struct tuf_trusted_root *root;     /* owned */
    const struct tuf_service *ca;      /* into config; NULL: it names none */
    const struct tuf_service *log[BUNDLE_ENTRIES_MAX]; /* Rekor v2 */
    const struct tuf_service *tsa[BUNDLE_TIMESTAMPS_MAX];
    size_t log_count, tsa_count;
};

/* Whether a root of TUF is trusted, or files are given: else there are no services to open. */
bool services_are_known(const struct services_source *s);

/* -1 also when a selector cannot be satisfied now. Free in either case. */
int services_open(const struct services_source *s, struct services *out, struct tm_err *e);
void services_free(struct services *s);

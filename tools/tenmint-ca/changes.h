/*
 * What a reload says: which keys of the configuration are other ones, and which issuers came, went
 * or are other ones.
 */
#ifndef TENMINT_TOOLS_TENMINT_CA_CHANGES_H
#define TENMINT_TOOLS_TENMINT_CA_CHANGES_H

#include "ca/audit/far.h"
#include "ca/config/config.h"
#include "common/jlog.h"
#include "oidc/trust/trust.h"

/* Logs each key in which they differ; how many. */
unsigned changes_of_config(const struct ca_config *before, const struct ca_config *after,
                           struct tm_jlog *log);

struct changes_say { /* to whom; either may be NULL */
    struct tm_jlog *log;
    struct ca_audit_far *trail;
    const char *actor; /* who changed the list, as far as its file tells; or NULL */
};

/* A record for each issuer that the server starts with, and one with the list's digest. */
void changes_at_start(const struct oidc_trust *trust, const struct changes_say *say);

/* A line and a record for each change, then one with the digests of both lists. */
void changes_of_issuers(const struct oidc_trust *before, const struct oidc_trust *after,
                        const struct changes_say *say);

#endif

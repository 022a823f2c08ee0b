/*
 * What a reload says: which keys of the configuration are other ones, and which issuers came, went
 * or are other ones.
 */
#pragma once

#include "ca/audit/far.h"
#include "ca/config/config.h"
#include "common/jlog.h"
#include "oidc/trust/trust.h"

#define CHANGES_UNUSED_MAX 8

struct changes_unused { /* a key of the configuration file that a server does not use */
    const char *key;    /* with all below it */
    const char *by;     /* what stands in its place, as "--listen of the command line" */
};
struct changes_unused_list {
    struct changes_unused *item;
    size_t count;
};

/* One call for each key in which two texts of the file differ. `unused`: what stands in its place,
 * or NULL: it takes effect. */
typedef void (*changes_key_fn)(void *arg, const char *key, const char *change, const char *unused);
void changes_each_key(const struct ca_config *before, const struct ca_config *after,
                      const struct changes_unused_list *unused, changes_key_fn say, void *arg);

/* Logs each key in which they differ; how many of these take effect. */
unsigned changes_of_config(const struct ca_config *before, const struct ca_config *after,
                           const struct changes_unused_list *unused, struct tm_jlog *log);

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

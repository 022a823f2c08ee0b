/* Inside oidc/trust only: the list while it is built. */
#ifndef TENMINT_OIDC_TRUST_INTERNAL_H
#define TENMINT_OIDC_TRUST_INTERNAL_H

#include <stdatomic.h>

#include "oidc/trust/provider.h"
#include "oidc/trust/trust.h"

#define TRUST_ISSUERS_MAX 1024
#define TRUST_FILE_MAX (1024 * 1024)

struct entry {
    struct oidc_issuer public; /* strings owned */
    const char *map_key;       /* owned */
    const char *ci_provider;   /* owned; or NULL */
    unsigned line;
};

struct oidc_trust {
    atomic_uint refs;
    struct entry *entry; /* exact issuers first, then wildcards */
    size_t count;
    struct oidc_provider *providers;
};

/* '*' matches one or more of [-_a-zA-Z0-9]; anchored at both ends. */
bool wildcard_match(const char *pattern, const char *text, size_t len);

/* Fulcio's rules and ours for one entry; texts follow upstream's. */
int validate_entry(const struct oidc_trust *t, struct entry *entry, struct err *e);

/* Fills `t` from a YAML or JSON text. */
int trust_read(const char *text, size_t len, struct oidc_trust *t, struct err *e);

#endif

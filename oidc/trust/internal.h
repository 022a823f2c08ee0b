/* Inside oidc/trust only: the list while it is built. */
#pragma once

#include <stdatomic.h>

#include "oidc/principal/provider.h"
#include "oidc/trust/trust.h"

#define TRUST_ISSUERS_MAX 1024
#define TRUST_PROVIDERS_MAX 256
#define TRUST_VALUE_MAX 4096                  /* bytes of one value */
#define TRUST_CA_CERT_MAX ((size_t)64 * 1024) /* bytes of ca-cert */

struct oidc_entry {
    struct oidc_issuer public; /* strings owned */
    char *map_key;             /* owned */
    char *ci_provider;         /* owned; or NULL */
    unsigned long line;        /* of the map key */
};

struct oidc_trust {
    atomic_uint refs;
    struct oidc_entry *entry; /* exact issuers first, then wildcards */
    size_t count;
    struct oidc_provider *providers; /* of the file and built in */
    char digest[65];                 /* of its text */
};

/* '*' matches one or more of [-_a-zA-Z0-9]; anchored at both ends. */
bool oidc_wildcard_match(const char *pattern, const char *text, size_t len);

/* Fulcio's rules and ours for one entry; links type and provider. */
int oidc_validate_entry(struct oidc_trust *t, struct oidc_entry *entry, struct tm_err *e);

/* A YAML or JSON text into `t`; errors begin with "name:line: ". */
int oidc_trust_read(const char *name, const char *text, size_t len, struct oidc_trust *t,
                    struct tm_err *e);

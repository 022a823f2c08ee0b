#include "oidc/token/types.h"

void oidc_options_default(struct oidc_options *o)
{
    *o = (struct oidc_options){
        .skew_s = 60,
        .jwks_refresh_s = 3600,
        .jwks_min_interval_s = 30,
        .fetch_timeout_ms = 10000,
        .engine = OIDC_ENGINE_CACHED_KEY,
    };
}

const char *oidc_reason_name(enum oidc_reason r)
{
    static const char *const names[] = {
        [OIDC_REASON_NONE] = "none",
        [OIDC_REASON_MISSING] = "missing",
        [OIDC_REASON_MALFORMED] = "malformed",
        [OIDC_REASON_ALGORITHM] = "algorithm",
        [OIDC_REASON_HEADER] = "header",
        [OIDC_REASON_ISSUER] = "issuer",
        [OIDC_REASON_KEYS] = "keys",
        [OIDC_REASON_SIGNATURE] = "signature",
        [OIDC_REASON_EXPIRED] = "expired",
        [OIDC_REASON_NOT_YET] = "not_yet_valid",
        [OIDC_REASON_AUDIENCE] = "audience",
        [OIDC_REASON_CLAIMS] = "claims",
        [OIDC_REASON_DISABLED] = "issuer_disabled",
        [OIDC_REASON_TERM] = "issuer_term",
        [OIDC_REASON_RULES] = "rules",
        [OIDC_REASON_TRIAL] = "trial",
        [OIDC_REASON_USED] = "token_used",
        [OIDC_REASON_OUTDATED] = "list_expired",
    };
    return (size_t)r < sizeof(names) / sizeof(names[0]) ? names[r] : "unknown";
}

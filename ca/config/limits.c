/* The section 'limits'. */
#include <string.h>

#include "ca/config/internal.h"

const struct tm_yamlmap_key ca_config_limit_keys[] = {
    NUMBER(limits, "issuer-per-minute", issuer_per_minute, 0, LIMITS_RATE_MAX),
    NUMBER(limits, "issuer-burst", issuer_burst, 0, LIMITS_BURST_MAX),
    NUMBER(limits, "identity-per-minute", identity_per_minute, 0, LIMITS_RATE_MAX),
    NUMBER(limits, "identity-burst", identity_burst, 0, LIMITS_BURST_MAX),
    BOOL(limits, "single-use-tokens", single_use_tokens),
    TEXT(limits, "when-unknown", when_unknown),
    YAMLMAP_END,
};

enum { WHEN_REFUSE, WHEN_ALLOW };
static const char *const whens[] = {[WHEN_REFUSE] = "refuse", [WHEN_ALLOW] = "allow", NULL};

int ca_config_check_limits(const char *name, const struct ca_config_limits *c, struct tm_err *e)
{
    const struct {
        const char *what;
        int64_t rate, burst;
    } rows[] = {{"issuer", c->issuer_per_minute, c->issuer_burst},
                {"identity", c->identity_per_minute, c->identity_burst}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].burst != 0 && rows[i].rate == 0)
            return tm_err_set(e, "%s: limits '%s-burst' without '%s-per-minute' limits nothing",
                              name, rows[i].what, rows[i].what);
    }
    return ca_config_word(whens, c->when_unknown) >= 0
               ? 0
               : tm_err_set(e, "%s: limits when-unknown '%.64s' is not one of refuse, allow", name,
                            c->when_unknown);
}

void ca_config_limits(const struct ca_config *config, struct ca_limits_options *o)
{
    const struct ca_config_limits *c = &config->limits;
    *o = (struct ca_limits_options){.issuer = {c->issuer_per_minute, c->issuer_burst},
                                    .identity = {c->identity_per_minute, c->identity_burst}};
}

bool ca_config_once_optional(const struct ca_config *c)
{
    return ca_config_word(whens, c->limits.when_unknown) == WHEN_ALLOW;
}

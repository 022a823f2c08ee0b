/* The section 'limits'. */

#include "ca/config/internal.h"

const struct tm_yamlmap_key ca_config_limit_keys[] = {
    NUMBER(limits, "issuer-per-minute", issuer_per_minute, 0, LIMITS_RATE_MAX),
    NUMBER(limits, "issuer-burst", issuer_burst, 0, LIMITS_BURST_MAX),
    NUMBER(limits, "identity-per-minute", identity_per_minute, 0, LIMITS_RATE_MAX),
    NUMBER(limits, "identity-burst", identity_burst, 0, LIMITS_BURST_MAX),
    BOOL(limits, "single-use-tokens", single_use_tokens),
    TEXT(limits, "single-use-store", store),
    PATH(limits, "single-use-password-file", store_password_file),
    PATH(limits, "single-use-ca-file", store_ca_file),
    BOOL(limits, "single-use-allow-plain", store_allow_plain),
    TIME(limits, "single-use-timeout", store_timeout, 50, 10 * SECOND),
    TEXT(limits, "when-unknown", when_unknown),
    YAMLMAP_END,
};

enum { WHEN_REFUSE, WHEN_ALLOW };
static const char *const whens[] = {[WHEN_REFUSE] = "refuse", [WHEN_ALLOW] = "allow", NULL};

static int check_store(const struct ca_config_limits *c, struct tm_err *e)
{
    bool more = c->store_password_file != NULL || c->store_ca_file != NULL || c->store_allow_plain;
    if (c->store == NULL)
        return more ? tm_err_set(e, "without it, nothing uses its password, CA file or allow-plain")
                    : 0;
    if (!c->single_use_tokens)
        return tm_err_set(e, "without single-use-tokens nothing is kept there");
    return ca_redis_check_url(c->store, c->store_allow_plain, e);
}

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
    if (check_store(c, e) != 0)
        return tm_err_wrap(e, "%s: limits 'single-use-store'", name);
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

void ca_config_once_store(const struct ca_config *config, struct ca_redis_options *o)
{
    const struct ca_config_limits *c = &config->limits;
    *o = (struct ca_redis_options){.url = c->store,
                                   .password_file = c->store_password_file,
                                   .ca_file = c->store_ca_file,
                                   .timeout_ms = c->store_timeout};
}

bool ca_config_once_optional(const struct ca_config *c)
{
    return ca_config_word(whens, c->limits.when_unknown) == WHEN_ALLOW;
}

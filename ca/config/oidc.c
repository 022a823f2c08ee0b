/* The section 'oidc'. */
#include "ca/config/internal.h"
#include "oidc/keys/incluster.h"

const struct tm_yamlmap_key ca_config_oidc_keys[] = {
    TIME(oidc, "skew", skew, 0, 10 * MINUTE),
    TIME(oidc, "max-token-age", max_token_age, 0, 24 * HOUR),
    TIME(oidc, "jwks-refresh", jwks_refresh, 10 * SECOND, 24 * HOUR),
    TIME(oidc, "jwks-min-interval", jwks_min_interval, 1000, HOUR),
    TIME(oidc, "jwks-max-age", jwks_max_age, 0, 365 * 24 * HOUR),
    TIME(oidc, "fetch-timeout", fetch_timeout, 100, 5 * MINUTE),
    BOOL(oidc, "allow-http", allow_http),
    PATH(oidc, "ca-file", ca_file),
    PATH(oidc, "kubernetes-ca-file", kubernetes_ca_file),
    PATH(oidc, "kubernetes-token-file", kubernetes_token_file),
    TEXT(oidc, "engine", engine),
    YAMLMAP_END,
};

static const char *const engines[] = {
    [OIDC_ENGINE_CACHED_KEY] = "cached-key", [OIDC_ENGINE_LIBJWT] = "libjwt", NULL};

int ca_config_check_oidc(const char *name, const struct ca_config_oidc *c, struct tm_err *e)
{
    if (ca_config_word(engines, c->engine) < 0)
        return tm_err_set(e, "%s: oidc engine '%.64s' is not one of cached-key, libjwt", name,
                          c->engine);
    if (c->jwks_refresh < c->jwks_min_interval)
        return tm_err_set(e, "%s: oidc 'jwks-refresh' is shorter than 'jwks-min-interval'", name);
    if (c->jwks_max_age != 0 && c->jwks_max_age <= c->jwks_refresh)
        return tm_err_set(e,
                          "%s: oidc 'jwks-max-age' must be longer than 'jwks-refresh', or keys "
                          "would go while their issuer is well",
                          name);
    return 0;
}

void ca_config_oidc(const struct ca_config *config, struct oidc_options *o)
{
    const struct ca_config_oidc *c = &config->oidc;
    oidc_options_default(o);
    o->skew_s = c->skew / 1000;
    o->max_age_s = c->max_token_age / 1000;
    o->jwks_refresh_s = c->jwks_refresh / 1000;
    o->jwks_min_interval_s = c->jwks_min_interval / 1000;
    o->jwks_max_age_s = c->jwks_max_age / 1000;
    o->fetch_timeout_ms = c->fetch_timeout;
    o->allow_http = c->allow_http;
    o->ca_file = c->ca_file;
    o->kubernetes_ca_file =
        c->kubernetes_ca_file != NULL ? c->kubernetes_ca_file : INCLUSTER_CA_FILE;
    o->kubernetes_token_file =
        c->kubernetes_token_file != NULL ? c->kubernetes_token_file : INCLUSTER_TOKEN_FILE;
    o->single_use = config->limits.single_use_tokens;
    o->engine = (enum oidc_engine)ca_config_word(engines, c->engine);
}

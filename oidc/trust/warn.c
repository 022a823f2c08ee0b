/* What an issuer list may say, and is likely not meant. */
#include <string.h>
#include <strings.h>

#include "oidc/principal/url.h"
#include "oidc/trust/internal.h"

/* Whose certificates name whom: an issuer elsewhere with such a name looks like the public one. */
static const struct {
    const char *url;    /* begins names in certificates */
    const char *issuer; /* host of the issuer that has the right to them, with those below it */
} public_services[] = {
    {"https://github.com", "token.actions.githubusercontent.com"},
    {"https://gitlab.com", "gitlab.com"},
    {"https://buildkite.com", "agent.buildkite.com"},
    {"https://g.codefresh.io", "oidc.codefresh.io"},
};

static bool is_host_or_below(const struct oidc_url *u, const char *host)
{
    size_t len = strlen(host);
    if (u->host_len < len || strncasecmp(u->host + u->host_len - len, host, len) != 0)
        return false;
    return u->host_len == len || u->host[u->host_len - len - 1] == '.';
}

void oidc_trust_warn(const struct oidc_trust *t, oidc_trust_warn_fn say, void *arg)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct oidc_issuer *is = &t->entry[i].public;
        struct oidc_url u;
        if (is->provider == NULL || !oidc_url_split(is->url, is->wildcard, &u))
            continue;
        for (size_t k = 0; k < sizeof(public_services) / sizeof(public_services[0]); k++) {
            struct tm_err text = {0};
            if (is_host_or_below(&u, public_services[k].issuer) ||
                !oidc_provider_names(is->provider, public_services[k].url))
                continue;
            tm_err_set(
                &text,
                "line %lu: issuer '%.200s' of type %s: its certificates name %s, as those of "
                "%s do; whoever checks the name but not the issuer takes one for the other "
                "(type ci-provider takes templates with your own host)",
                t->entry[i].line, is->url, is->type_name, public_services[k].url,
                public_services[k].issuer);
            say(arg, text.text);
        }
    }
}

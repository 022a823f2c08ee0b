/* issuer: verifies tokens and proofs, holds the CA's key and the log's, signs certificates and what
 * its log publishes. It has no network: who connects to it and what it fetches are others'. */
#include <stdlib.h>

#include "common/sandbox/sandbox.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/roles.h"
#include "tools/tenmint-ca/service.h"

/* A token's module does what it likes with files, and may ask a daemon of this machine. */
static bool has_device(const struct ca_config *c)
{
    const struct ca_config_key *keys[CA_CONFIG_KEYS];
    bool any = false;
    ca_config_keys(c, keys);
    for (size_t i = 0; i < CA_CONFIG_KEYS; i++)
        any = any || keys[i]->module != NULL;
    return any;
}

static unsigned rights(const struct ca_config *c)
{
    unsigned r = SANDBOX_READ | SANDBOX_WRITE | SANDBOX_MEMORY_FILES;
    return has_device(c) ? r | SANDBOX_LOCAL | SANDBOX_LOAD : r;
}

int role_issuer_start(void *roles, unsigned step, struct tm_err *e)
{
    (void)step;
    struct roles *r = roles;
    int front[HTTP_FAR_CHANNELS_MAX];
    struct service *s = calloc(1, sizeof(*s));
    r->own = s;
    if (s == NULL || tm_sandbox_begin(e) != 0)
        return CLI_FAILED;
    roles_take_lanes(r, front);
    struct tm_fetch_hub *hub = tm_fetch_hub_new(tm_process_take(r->group, r->issuer_to_fetch), e);
    const struct service_options o = {.config = r->config,
                                      .issuers = r->issuers,
                                      .metrics = r->metrics,
                                      .hub = hub,
                                      .front = front,
                                      .front_count = r->lanes};
    int rc = hub != NULL ? service_start(s, &o, e) : CLI_FAILED;
    if (rc == 0 && (tm_sandbox_calls(rights(r->config), e) != 0 || service_serve(s, e) != 0))
        rc = CLI_FAILED;
    return rc;
}

void role_issuer_reload(void *roles, bool force)
{
    const struct roles *r = roles;
    service_reload(r->own, force);
}

void role_issuer_stop(void *roles, const char *signal)
{
    (void)signal;
    const struct roles *r = roles;
    service_stop(r->own);
    free(r->own);
}

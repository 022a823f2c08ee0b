/* core: all that is not fetched. */
#include <stdlib.h>

#include "common/sandbox/sandbox.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/roles.h"

int role_core_start(void *roles, unsigned step, struct tm_err *e)
{
    (void)step;
    struct roles *r = roles;
    struct service *s = calloc(1, sizeof(*s));
    r->own = s;
    if (s == NULL || tm_sandbox_begin(e) != 0)
        return CLI_FAILED;
    struct tm_fetch_hub *hub = tm_fetch_hub_new(tm_process_take(r->group, r->core_to_fetch), e);
    return hub != NULL ? service_start(s, r->config, r->issuers, hub, e) : CLI_FAILED;
}

void role_core_reload(void *roles, bool force)
{
    const struct roles *r = roles;
    service_reload(r->own, force);
}

void role_core_stop(void *roles, const char *signal)
{
    const struct roles *r = roles;
    struct service *s = r->own;
    jlog(s->log, JLOG_INFO, "stopping", JLOG_STR("signal", signal),
         JLOG_INT("in_flight", tm_http_server_inflight(s->http)), JLOG_END);
    service_stop(s);
    free(s);
}

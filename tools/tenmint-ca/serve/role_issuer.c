/* issuer: verifies tokens and proofs, holds the CA's key, signs certificates. It has no network:
 * who connects to it, what it fetches and where it logs are others'. */
#include <fcntl.h>
#include <stdlib.h>

#include "common/sandbox/sandbox.h"
#include "common/secret.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/serve/roles.h"
#include "tools/tenmint-ca/serve/service.h"

/* A token's module does what it likes with files, and may ask a daemon of this machine. */
static unsigned rights(const struct roles *roles)
{
    unsigned r = SANDBOX_READ | SANDBOX_CLOCK;
    if (roles->config->audit_file != NULL || roles->config->approved.mirror != NULL)
        r |= SANDBOX_WRITE;
    return roles->place[ROLE_ISSUER] == CA_KEY_IN_TOKEN
               ? r | SANDBOX_WRITE | SANDBOX_LOCAL | SANDBOX_LOAD
               : r;
}

/* Who is asked by this process. What the configuration has not stays NULL. */
static int open_others(struct roles *r, struct service_options *o, struct tm_err *e)
{
    int log = tm_process_take(r->group, r->issuer_to_log);
    int signatures = tm_process_take(r->group, r->ready_of[ROLE_SIGNATURES]);
    int timestamps = tm_process_take(r->group, r->ready_of[ROLE_TIMESTAMPS]);
    o->pages = tm_process_take(r->group, r->issuer_to_pages);
    o->store = tm_process_take(r->group, r->issuer_to_store);
    o->hub = tm_fetch_hub_new(tm_process_take(r->group, r->issuer_to_fetch), e);
    if (o->hub == NULL || (log >= 0 && (o->embedded = ca_ct_far_new(log, e)) == NULL) ||
        (signatures >= 0 && (o->signatures = ca_ready_asker_new(signatures, e)) == NULL) ||
        (timestamps >= 0 && (o->timestamps = ca_ready_asker_new(timestamps, e)) == NULL))
        return -1;
    return 0;
}

int role_issuer_start(void *roles, unsigned step, struct tm_err *e)
{
    (void)step;
    struct roles *r = roles;
    int front[HTTP_FAR_CHANNELS_MAX];
    struct service *s = calloc(1, sizeof(*s));
    r->own = s;
    int tokens = r->tokens_fd >= 0 ? fcntl(r->tokens_fd, F_DUPFD_CLOEXEC, 3) : -1;
    if (s == NULL || roles_begin(r, ROLE_ISSUER, e) != 0 || tm_secret_heap(e) != 0)
        return CLI_FAILED;
    roles_take_lanes(r, ROLE_ISSUER, front);
    struct service_options o = {.config = r->config,
                                .issuers = r->issuers,
                                .output = r->output,
                                .metrics = r->metrics,
                                .tokens = tokens,
                                .front = front,
                                .front_count = r->lanes[ROLE_ISSUER]};
    if (roles_open_trail(r, ROLE_ISSUER, &o.trail, e) != 0 ||
        roles_open_keys(r, ROLE_ISSUER, &o.keys, &o.key_far, e) != 0 || open_others(r, &o, e) != 0)
        return CLI_FAILED;
    int rc = service_start(s, &o, e);
    if (rc == 0)
        roles_say_login(o.trail, roles_key(r->config, ROLE_ISSUER));
    if (rc == 0 && (tm_sandbox_calls(rights(r), e) != 0 || service_serve(s, e) != 0))
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
    struct service *s = r->own;
    struct ca_audit_far *trail = s->trail;
    struct tm_kms_asker *keys = s->keys;
    service_stop(s);
    tm_kms_asker_free(keys);
    ca_audit_far_free(trail);
    free(s);
}

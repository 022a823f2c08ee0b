/* fetch: every outgoing connection of the service, but for those to key services and to the audit
 * trail's database. It holds no key; of our files it reads what it needs to log in to the store of
 * used tokens. */
#include <stdlib.h>

#include "ca/once/far.h"
#include "common/fetch/far.h"
#include "common/sandbox/sandbox.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/serve/roles.h"

struct fetcher {
    struct tm_ipc_loop *loop;
    struct tm_fetch_service *asks[4]; /* NULL: not asked for */
    struct ca_redis_options store_options;
    struct ca_once_service *store; /* of used tokens; NULL: it is not shared */
};

static int open_store(struct roles *r, struct fetcher *f, struct tm_err *e)
{
    int fd = tm_process_take(r->group, r->issuer_to_store);
    if (fd < 0)
        return 0;
    ca_config_once_store(r->config, &f->store_options);
    f->store =
        ca_once_service_new(fd, f->loop, &f->store_options, ca_config_once_optional(r->config), e);
    return f->store != NULL ? 0 : -1;
}

static int open_all(struct roles *r, struct fetcher *f, struct tm_err *e)
{
    f->loop = tm_ipc_loop_new(NULL, NULL, 0, e);
    if (f->loop == NULL)
        return -1;
    const int links[] = {r->issuer_to_fetch, r->log_to_fetch, r->signatures_to_fetch,
                         r->audit_to_fetch};
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        if (links[i] < 0)
            continue;
        f->asks[i] = tm_fetch_service_new(tm_process_take(r->group, links[i]), f->loop, e);
        if (f->asks[i] == NULL)
            return -1;
    }
    return open_store(r, f, e);
}

int role_fetch_start(void *roles, unsigned step, struct tm_err *e)
{
    (void)step;
    struct roles *r = roles;
    struct fetcher *f = calloc(1, sizeof(*f));
    r->own = f;
    if (f == NULL || roles_begin(r, ROLE_FETCH, e) != 0 || open_all(r, f, e) != 0 ||
        tm_sandbox_calls(SANDBOX_READ | SANDBOX_CONNECT | SANDBOX_LOAD, e) != 0 ||
        (f->store != NULL && ca_once_service_start(f->store, e) != 0) ||
        tm_ipc_loop_start(f->loop, e) != 0) {
        tm_err_wrap(e, "fetch process");
        return CLI_FAILED;
    }
    return 0;
}

void role_fetch_stop(void *roles, const char *signal)
{
    (void)signal;
    struct roles *r = roles;
    struct fetcher *f = r->own;
    tm_ipc_loop_join(f->loop);
    for (size_t i = 0; i < sizeof(f->asks) / sizeof(f->asks[0]); i++)
        tm_fetch_service_free(f->asks[i]);
    ca_once_service_free(f->store);
    tm_ipc_loop_free(f->loop);
    free(f);
}

/* keys: logs in to key services and has them sign, for whoever of the others has a key there. It
 * reads its credential's files and connects out; what the others ask of it is in common/kms/lane.h,
 * each of its own key. */
#include <stdlib.h>

#include "common/kms/lane.h"
#include "common/sandbox/sandbox.h"
#include "common/secret.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/serve/roles.h"

struct keys {
    struct roles *roles;
    struct tm_sink *output;
    struct tm_jlog *log;
    struct tm_ipc_loop *loop;
    struct tm_kms_lane *lane[ROLE_COUNT]; /* NULL: its key is elsewhere */
};

/* The file of a URI may be another one by now: a rotation replaces it. */
static int where(void *ctx, struct tm_key_uri *u, struct tm_err *e)
{
    if (ca_config_key_uri(ctx, u, e) != 0)
        return -1;
    if (tm_key_uri_is_remote(u))
        return 0;
    tm_key_uri_free(u);
    return tm_err_set(e, "the key was at a service when the server started: restart it to use "
                         "another place");
}

static int open_lanes(struct keys *k, struct tm_err *e)
{
    struct roles *r = k->roles;
    k->output = tm_sink_new(&(struct tm_sink_options){.fd = r->output}, e);
    k->log = k->output != NULL ? tm_jlog_to(k->output, ca_config_log_level(r->config)) : NULL;
    k->loop = k->log != NULL ? tm_ipc_loop_new(NULL, NULL, 0, e) : NULL;
    if (k->loop == NULL)
        return -1;
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        int fd = tm_process_take(r->group, r->keys_of[i]);
        if (fd < 0)
            continue;
        const struct tm_kms_lane_options o = {.role = r->started[i].name,
                                              .where = where,
                                              .ctx = (void *)roles_key(r->config, i),
                                              .jlog = k->log};
        k->lane[i] = tm_kms_lane_new(fd, k->loop, &o, e);
        if (k->lane[i] == NULL)
            return -1;
    }
    return 0;
}

int role_keys_start(void *roles, unsigned step, struct tm_err *e)
{
    (void)step;
    struct roles *r = roles;
    struct keys *k = calloc(1, sizeof(*k));
    r->own = k;
    if (k == NULL)
        return CLI_FAILED;
    k->roles = r;
    if (roles_begin(r, ROLE_KEYS, e) != 0 || tm_secret_heap(e) != 0 || open_lanes(k, e) != 0 ||
        tm_sandbox_calls(SANDBOX_READ | SANDBOX_CONNECT | SANDBOX_LOAD, e) != 0 ||
        tm_ipc_loop_start(k->loop, e) != 0) {
        tm_err_wrap(e, "keys process");
        return CLI_FAILED;
    }
    return 0;
}

void role_keys_stop(void *roles, const char *signal)
{
    (void)signal;
    const struct roles *r = roles;
    struct keys *k = r->own;
    tm_ipc_loop_join(k->loop);
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        tm_kms_lane_free(k->lane[i]);
    tm_ipc_loop_free(k->loop);
    tm_jlog_free(k->log);
    tm_sink_free(k->output);
    free(k);
}

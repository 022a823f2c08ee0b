/* The processes that answer what the front relays, each with its own key and files. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/api/ready_far.h"
#include "common/secret.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/serve/server.h"

static const struct server_kind *const kinds[ROLE_COUNT] = {
    [ROLE_AUDIT] = &server_audit,
    [ROLE_LOG] = &server_log,
    [ROLE_SIGNATURES] = &server_signatures,
    [ROLE_TIMESTAMPS] = &server_timestamps,
    [ROLE_TUF] = &server_tuf,
    [ROLE_PAGES] = &server_pages,
};

static const struct server_kind *kind_of(const struct server *s)
{
    return kinds[tm_process_self(s->roles->group)];
}

/* The front puts the figures of all processes on one page. */
static enum tm_http_result metrics(void *ctx, struct tm_http_exchange *x)
{
    struct server *s = ctx;
    struct tm_buf body = {0};
    if (kind_of(s)->metrics != NULL)
        kind_of(s)->metrics(s->own, &body);
    if (s->keys != NULL)
        tm_kms_asker_metrics(s->keys, kind_of(s)->key_name, &body);
    tm_http_reply(x, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
    return HTTP_DONE;
}

/* A route's handlers share one context, and these have their own. */
static enum tm_http_result routed(void *ctx, struct tm_http_exchange *x)
{
    const struct server *s = ctx;
    size_t i = 0;
    while (i + 1 < s->route_count && strcmp(s->routes[i].path, tm_http_path(x)) != 0)
        i++;
    return s->routes[i].handle(s->routes[i].ctx, x);
}

static void set_routes(struct server *s, struct tm_http_options *o)
{
    o->routes = s->rows;
    s->rows[o->route_count++] = (struct tm_http_route){"/metrics", HTTP_GET, metrics};
    for (size_t i = 0; i < s->route_count; i++)
        s->rows[o->route_count++] = (struct tm_http_route){s->routes[i].path, HTTP_GET, routed};
}

static int open_output(struct server *s, struct tm_err *e)
{
    s->output = tm_sink_new(&(struct tm_sink_options){.fd = s->roles->output}, e);
    s->log = s->output != NULL ? tm_jlog_to(s->output, ca_config_log_level(s->config)) : NULL;
    return s->log != NULL ? 0 : -1;
}

static int open_far(struct server *s, struct tm_err *e)
{
    enum role_name self = tm_process_self(s->roles->group);
    int front[HTTP_FAR_CHANNELS_MAX];
    struct tm_http_options o = s->roles->http;
    o.route_count = 0;
    set_routes(s, &o);
    o.ctx = s;
    o.mounts = s->mounts;
    o.mount_count = s->mount_count;
    roles_take_lanes(s->roles, self, front);
    int asked = s->roles->ready_of[self];
    if (kind_of(s)->ready != NULL && asked >= 0)
        s->ready = ca_ready_teller_new(tm_process_take(s->roles->group, asked), kind_of(s)->ready,
                                       s->own, e);
    s->far = tm_http_far_server_new(front, s->roles->lanes[self], &o, e);
    return s->far != NULL ? 0 : -1;
}

int role_server_start(void *roles, unsigned step, struct tm_err *e)
{
    (void)step;
    struct roles *r = roles;
    struct server *s = calloc(1, sizeof(*s));
    r->own = s;
    if (s == NULL)
        return CLI_FAILED;
    s->roles = r;
    s->config = r->config;
    const struct server_kind *kind = kind_of(s);
    enum role_name self = tm_process_self(r->group);
    bool device = r->place[self] == CA_KEY_IN_TOKEN; /* it does what it likes with files */
    if (roles_begin(r, self, e) != 0 || tm_secret_heap(e) != 0 || open_output(s, e) != 0)
        return CLI_FAILED;
    if (roles_open_trail(r, self, &s->trail, e) != 0 ||
        roles_open_keys(r, self, &s->keys, &s->key_far, e) != 0)
        return CLI_FAILED;
    if (kind->open(s, e) != 0)
        return CLI_CONFIG;
    roles_say_login(s->trail, roles_key(s->config, tm_process_self(r->group)));
    unsigned more = kind->more_rights != NULL ? kind->more_rights(r->config) : 0;
    unsigned rights =
        kind->rights | more | (device ? SANDBOX_LOCAL | SANDBOX_LOAD | SANDBOX_WRITE : 0);
    return open_far(s, e) == 0 && tm_sandbox_calls(rights, e) == 0 &&
                   (kind->begin == NULL || kind->begin(s, e) == 0) &&
                   (s->ready == NULL || ca_ready_teller_start(s->ready, e) == 0) &&
                   tm_http_far_server_start(s->far, e) == 0
               ? CLI_OK
               : CLI_FAILED;
}

void role_server_reload(void *roles, bool force)
{
    const struct roles *r = roles;
    struct server *s = r->own;
    if (kind_of(s)->reload != NULL)
        kind_of(s)->reload(s, force);
}

void role_server_stop(void *roles, const char *signal)
{
    (void)signal;
    const struct roles *r = roles;
    struct server *s = r->own;
    tm_http_far_server_stop(s->far);
    ca_ready_teller_free(s->ready);
    kind_of(s)->close(s);
    tm_kms_asker_free(s->keys);
    ca_audit_far_free(s->trail);
    tm_http_far_server_free(s->far);
    tm_jlog_free(s->log);
    tm_sink_free(s->output);
    free(s);
}

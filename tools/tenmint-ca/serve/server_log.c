/* log: the embedded log's directory and key. It enters what the issuer sends, signs what follows
 * from that, and answers who reads; logs that have ended are served as they ended. */
#include <stdlib.h>

#include "ca/ct/far.h"
#include "ca/log/ct/format.h"
#include "ca/log/ct/serve.h"
#include "common/fetch/far.h"
#include "tools/tenmint-ca/serve/server.h"

struct log_server {
    struct tm_fetch_hub *hub; /* asks witnesses for us */
    struct ca_kept_options options;
    struct ca_ct_embedded *embedded; /* NULL: only logs that have ended */
    struct ca_ct_desk *desk;
    struct ca_log_server *server;
    struct ca_log_retired *retired[CA_CONFIG_RETIRED_MAX];
    struct ca_log_server *retired_server[CA_CONFIG_RETIRED_MAX];
};

static int open_embedded(struct server *s, struct log_server *l, struct tm_err *e)
{
    struct roles *r = s->roles;
    l->hub = tm_fetch_hub_new(tm_process_take(r->group, r->log_to_fetch), e);
    if (l->hub == NULL)
        return -1;
    ca_config_embedded(s->config, &l->options);
    l->options.jlog = s->log;
    l->options.key.far = server_far(s);
    l->options.fetch_hub = l->hub;
    l->embedded = ca_ct_embedded_open(&l->options, e);
    if (l->embedded == NULL)
        return tm_err_wrap(e, "ct: embedded log");
    l->desk = ca_ct_desk_new(tm_process_take(r->group, r->issuer_to_log), l->embedded, e);
    const struct ca_log_serve_options so = {.log = ca_ct_embedded_log(l->embedded),
                                            .prefix = ca_config_embedded_prefix(s->config),
                                            .roots = ca_ct_desk_roots,
                                            .roots_ctx = l->desk,
                                            .jlog = s->log};
    l->server = l->desk != NULL ? ca_log_server_new(&so, e) : NULL;
    if (l->server == NULL)
        return -1;
    s->mounts[s->mount_count++] = ca_log_server_mount(l->server);
    return 0;
}

/* Logs that have ended, for those who check older certificates against them. */
static int open_retired(struct server *s, struct log_server *l, size_t i, struct tm_err *e)
{
    const struct ca_config_retired *r = ca_config_retired_at(&s->config->ct.retired, i);
    l->retired[i] = ca_log_retired_open(&ca_log_format_ct, r->directory, r->public_key, e);
    const struct ca_log_serve_options so = {
        .retired = l->retired[i], .prefix = r->prefix, .jlog = s->log};
    l->retired_server[i] = l->retired[i] != NULL ? ca_log_server_new(&so, e) : NULL;
    if (l->retired_server[i] == NULL)
        return tm_err_wrap(e, "ct");
    s->mounts[s->mount_count++] = ca_log_server_mount(l->retired_server[i]);
    return 0;
}

static int open_log(struct server *s, struct tm_err *e)
{
    struct log_server *l = calloc(1, sizeof(*l));
    s->own = l;
    if (l == NULL)
        return tm_err_set(e, "out of memory");
    if (s->config->ct.embedded.directory != NULL && open_embedded(s, l, e) != 0)
        return -1;
    for (size_t i = 0; i < s->config->ct.retired.count; i++) {
        if (open_retired(s, l, i, e) != 0)
            return -1;
    }
    return 0;
}

static int begin(struct server *s, struct tm_err *e)
{
    const struct log_server *l = s->own;
    return l->desk != NULL ? ca_ct_desk_start(l->desk, e) : 0;
}

static void metrics(void *own, struct tm_buf *out)
{
    const struct log_server *l = own;
    if (l->embedded == NULL)
        return;
    const struct ca_issue_log *log = ca_ct_embedded_issue_log(l->embedded);
    log->metrics(log->ctx, out);
}

static void close_log(struct server *s)
{
    struct log_server *l = s->own;
    ca_ct_desk_free(l->desk);
    ca_log_server_free(l->server);
    ca_ct_embedded_close(l->embedded);
    for (size_t i = 0; i < s->config->ct.retired.count; i++) {
        ca_log_server_free(l->retired_server[i]);
        ca_log_retired_close(l->retired[i]);
    }
    tm_fetch_hub_free(l->hub);
    free(l);
}

const struct server_kind server_log = {.open = open_log,
                                       .begin = begin,
                                       .metrics = metrics,
                                       .key_name = "log",
                                       .close = close_log,
                                       .rights = SANDBOX_READ | SANDBOX_WRITE | SANDBOX_CLOCK};

/* front: listens, speaks TLS and HTTP, reads the requests' JSON. It holds no key of the CA or the
 * log, makes no connection and opens no file: what it needs of these the parent hands over. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/api/api.h"
#include "ca/api/packed.h"
#include "common/sandbox/sandbox.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/roles.h"
#include "tools/tenmint-ca/sigstore.h"
#include "tools/tenmint-ca/tls.h"

#define LATE_MS 2000 /* longer than the issuer itself waits */

struct front {
    const struct ca_config *config;
    struct ca_metrics *metrics;
    struct tm_sink *output;
    struct tm_jlog *log;
    struct ca_api *api;
    struct tm_http_relay *relay;
    struct tm_http_server *http, *metrics_http;
    int file[FILE_COUNT]; /* handed over and not used yet; -1: none */
    struct tm_http_route rows[CA_API_ROUTES_MAX], metrics_rows[CA_API_ROUTES_MAX];
    struct tm_http_mount mounts[CA_CONFIG_RETIRED_MAX + 2 + SIGSTORE_MOUNTS_MAX];
    struct tm_http_options words; /* how the API words faults, and counts */
};

/* ---- handlers; ctx is the front ---- */

static enum tm_http_result relay_plain(void *ctx, struct tm_http_exchange *x)
{
    const struct front *f = ctx;
    return tm_http_relay(f->relay, x, NULL);
}

static enum tm_http_result relay_body(void *ctx, struct tm_http_exchange *x)
{
    const struct front *f = ctx;
    return tm_http_relay(f->relay, x, tm_http_body(x));
}

static enum tm_http_result relay_metrics(void *ctx, struct tm_http_exchange *x)
{
    const struct front *f = ctx;
    if (f->http != NULL)
        ca_metrics_set_in_flight(f->metrics, tm_http_server_inflight(f->http));
    return tm_http_relay(f->relay, x, NULL);
}

static enum tm_http_result relay_signing(const struct front *f, struct tm_http_exchange *x,
                                         ca_api_request_parse_fn *parse)
{
    const struct tm_buf *body = tm_http_body(x);
    struct tm_buf packed = {0};
    if (tm_http_state(x) != NULL)
        return tm_http_relay(f->relay, x, NULL); /* it was asked: the reply is there */
    enum tm_http_result rc = HTTP_DONE;
    if (ca_api_packed_put(parse, body->data, body->len, &packed) == 0)
        rc = tm_http_relay(f->relay, x, &packed);
    else
        f->words.fault(f->api, x, HTTP_FAULT_MEMORY);
    tm_buf_free_secret(&packed);
    return rc;
}

static enum tm_http_result relay_v1(void *ctx, struct tm_http_exchange *x)
{
    return relay_signing(ctx, x, ca_api_request_parse_v1);
}

static enum tm_http_result relay_v2(void *ctx, struct tm_http_exchange *x)
{
    return relay_signing(ctx, x, ca_api_request_parse_v2);
}

static void on_fault(void *ctx, struct tm_http_exchange *x, enum tm_http_fault fault)
{
    const struct front *f = ctx;
    f->words.fault(f->api, x, fault);
}

static void on_event(void *ctx, const struct tm_http_event *ev)
{
    const struct front *f = ctx;
    f->words.observe(f->api, ev);
}

static void on_shed(void *ctx, enum tm_http_shed why)
{
    const struct front *f = ctx;
    f->words.shed(f->api, why);
}

static void on_late(void *ctx, struct tm_http_exchange *x)
{
    on_fault(ctx, x, HTTP_FAULT_BUSY);
}

/* ---- start ---- */

static void use(struct front *f, struct tm_http_options *o)
{
    o->ctx = f;
    o->fault = on_fault;
    o->observe = o->observe != NULL ? on_event : NULL;
    o->shed = o->shed != NULL ? on_shed : NULL;
}

static void mount(struct front *f, struct tm_http_options *o)
{
    const struct ca_config *c = f->config;
    const struct tm_http_mount row = {.handle = relay_body, .ctx = f};
    o->mounts = f->mounts;
    o->mount_count = 0;
    if (c->ct.embedded.directory != NULL) {
        f->mounts[o->mount_count] = row;
        f->mounts[o->mount_count++].prefix = ca_config_embedded_prefix(c);
    }
    for (size_t i = 0; i < c->ct.retired.count; i++) {
        f->mounts[o->mount_count] = row;
        f->mounts[o->mount_count++].prefix = ca_config_retired_at(&c->ct.retired, i)->prefix;
    }
    if (c->tuf.directory != NULL) {
        f->mounts[o->mount_count] = row;
        f->mounts[o->mount_count++].prefix = ca_config_tuf_prefix(c);
    }
    for (size_t i = 0; i < SIGSTORE_MOUNTS_MAX; i++)
        f->mounts[o->mount_count + i] = row;
    o->mount_count += sigstore_prefixes(c, f->mounts + o->mount_count);
}

static int take_file(struct front *f, unsigned what)
{
    int fd = f->file[what];
    f->file[what] = -1;
    return fd;
}

static int read_tls(struct front *f, struct tls_pair *pair, struct tm_err *e)
{
    const struct tls_files files = {f->config->tls.certificate, f->config->tls.key,
                                    take_file(f, FILE_CERTIFICATE), take_file(f, FILE_KEY)};
    int rc = tls_read_open(&files, pair, e);
    close(files.certificate_fd);
    close(files.key_fd);
    return rc;
}

static int start_http(struct front *f, const struct roles *r, const struct tls_pair *pair,
                      struct tm_err *e)
{
    struct tm_http_options o = r->http;
    ca_api_front_serve(f->api, &o, f->rows, relay_plain, relay_v1, relay_v2);
    f->words = o;
    use(f, &o);
    mount(f, &o);
    o.listen_fd = take_file(f, FILE_LISTEN);
    o.wait_timeout_ms += LATE_MS;
    if (f->config->tls.certificate != NULL) {
        o.tls_certificate = (const char *)pair->certificate.data;
        o.tls_key = (const char *)pair->key.data;
    }
    f->http = tm_http_server_start(&o, e);
    if (f->http == NULL)
        return tm_err_wrap(e, "listen");
    if (f->config->metrics_listen != NULL) {
        struct tm_http_options m;
        tm_http_options_default(&m);
        m.connection_limit = 64;
        m.per_address_limit = 0;
        ca_api_front_serve_metrics(f->api, &m, f->metrics_rows, relay_metrics);
        use(f, &m);
        m.listen_fd = take_file(f, FILE_METRICS);
        f->metrics_http = tm_http_server_start(&m, e);
        if (f->metrics_http == NULL)
            return tm_err_wrap(e, "metrics-listen");
        jlog(f->log, JLOG_INFO, "metrics listening",
             JLOG_STR("address", tm_http_server_address(f->metrics_http)), JLOG_END);
    }
    jlog(f->log, JLOG_INFO, "listening", JLOG_STR("address", tm_http_server_address(f->http)),
         JLOG_STR("scheme", f->config->tls.certificate != NULL ? "https" : "http"),
         JLOG_INT("workers", o.workers), JLOG_STR("version", cli_version), JLOG_END);
    return 0;
}

static int open_all(struct roles *r, struct front *f, struct tm_err *e)
{
    int fd[HTTP_FAR_CHANNELS_MAX];
    const struct tm_sink_options so = {.fd = STDOUT_FILENO};
    f->output = tm_sink_new(&so, e);
    f->log = f->output != NULL ? tm_jlog_to(f->output, ca_config_log_level(f->config)) : NULL;
    if (f->log == NULL)
        return -1;
    const struct ca_api_options ao = {
        .absent = roles_absent(f->config), .jlog = f->log, .metrics = f->metrics};
    f->api = ca_api_front_new(&ao, e);
    roles_take_lanes(r, fd);
    f->relay = f->api != NULL ? tm_http_relay_new(fd, r->lanes, on_late, f, e) : NULL;
    return f->relay != NULL ? 0 : -1;
}

static struct front *front_of(struct roles *r)
{
    struct front *f = r->own;
    if (f != NULL)
        return f;
    f = calloc(1, sizeof(*f));
    if (f == NULL)
        return NULL;
    f->config = r->config;
    f->metrics = r->metrics;
    for (size_t i = 0; i < FILE_COUNT; i++)
        f->file[i] = -1;
    r->own = f;
    return f;
}

int role_front_start(void *roles, unsigned step, struct tm_err *e)
{
    (void)step;
    struct roles *r = roles;
    struct front *f = front_of(r);
    struct tls_pair pair = {0};
    roles_forget_secrets(r->config);
    if (f == NULL || tm_sandbox_begin(e) != 0 || tm_sandbox_paths(NULL, 0, e) != 0 ||
        open_all(r, f, e) != 0)
        return CLI_FAILED;
    if (f->config->tls.certificate != NULL && read_tls(f, &pair, e) != 0) {
        tls_free(&pair);
        return CLI_CONFIG;
    }
    ca_metrics_set_tls_end(f->metrics, pair.not_after);
    int rc = tm_sandbox_calls(SANDBOX_ACCEPT, e) == 0 && tm_http_relay_start(f->relay, e) == 0 &&
                     start_http(f, r, &pair, e) == 0
                 ? CLI_OK
                 : CLI_FAILED;
    tls_free(&pair);
    return rc;
}

void role_front_given(void *roles, unsigned what, int fd)
{
    struct front *f = front_of(roles);
    if (f == NULL || what >= FILE_COUNT) {
        close(fd);
        return;
    }
    if (f->file[what] >= 0)
        close(f->file[what]);
    f->file[what] = fd;
}

/* The parent hands the files over when they are to be read. */
void role_front_reload(void *roles, bool force)
{
    (void)force;
    const struct roles *r = roles;
    struct front *f = r->own;
    struct tls_pair next;
    struct tm_err e = {0};
    if (f->file[FILE_CERTIFICATE] < 0 || f->file[FILE_KEY] < 0)
        return;
    int rc = read_tls(f, &next, &e);
    if (rc == 0)
        rc = tm_http_server_set_tls(f->http, tm_buf_str(&next.certificate), tm_buf_str(&next.key),
                                    &e);
    if (rc == 0)
        ca_metrics_set_tls_end(f->metrics, next.not_after);
    tls_free(&next);
    ca_metrics_reload(f->metrics, rc == 0);
    if (rc == 0)
        jlog(f->log, JLOG_INFO, "TLS certificate reloaded", JLOG_END);
    else
        jlog(f->log, JLOG_ERROR, "TLS certificate not reloaded, the old one stays",
             JLOG_STR("detail", e.text), JLOG_END);
}

void role_front_stop(void *roles, const char *signal)
{
    const struct roles *r = roles;
    struct front *f = r->own;
    jlog(f->log, JLOG_INFO, "stopping", JLOG_STR("signal", signal),
         JLOG_INT("in_flight", tm_http_server_inflight(f->http)), JLOG_END);
    tm_http_server_stop(f->http, f->config->timeouts.drain);
    tm_http_server_stop(f->metrics_http, 0);
    tm_http_relay_free(f->relay);
    tm_http_server_free(f->http);
    tm_http_server_free(f->metrics_http);
    ca_api_free(f->api);
    tm_jlog_free(f->log);
    tm_sink_free(f->output);
    free(f);
}

/* front: listens, speaks TLS and HTTP, reads the requests' JSON. It holds no key of the CA or the
 * log, makes no connection and opens no file: what it needs of these the parent hands over. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/api/api.h"
#include "ca/api/message.h"
#include "ca/api/packed.h"
#include "ca/log/ct/serve.h"
#include "common/sandbox/sandbox.h"
#include "common/secret.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/serve/roles.h"
#include "tools/tenmint-ca/serve/tls.h"

#define SINGLE_ROUTES_MAX 8
#define LATE_MS 2000 /* longer than the issuer itself waits */

struct behind {                  /* a process that answers requests */
    struct tm_http_relay *relay; /* NULL: there is none */
};

struct front {
    const struct ca_config *config;
    struct ca_metrics *metrics;
    struct tm_sink *output;
    struct tm_jlog *log;
    struct ca_api *api;
    struct ca_audit_far *trail; /* NULL: events go nowhere */
    atomic_bool ending;         /* requests under way are waited for */
    struct behind behind[ROLE_COUNT];
    struct tm_http_side sides[ROLE_COUNT * HTTP_FAR_CHANNELS_MAX]; /* of the API's server */
    size_t side_count;
    struct tm_http_server *http, *metrics_http;
    int file[FILE_COUNT]; /* handed over and not used yet; -1: none */
    struct tm_http_route rows[CA_API_ROUTES_MAX + SINGLE_ROUTES_MAX],
        metrics_rows[CA_API_ROUTES_MAX];
    struct tm_http_mount mounts[3 * ROLES_MOUNTS_MAX];
    struct tm_http_options words; /* how the API words faults, and counts */
};

/* ---- handlers; ctx is the front, but for mounts ---- */

/* Who asks while we end is to go elsewhere. */
static enum tm_http_result not_ready(struct tm_http_exchange *x)
{
    struct tm_buf body = {0};
    tm_buf_puts(&body, "{\"status\":\"NOT_READY\"}");
    tm_http_reply(x, 503, "application/json", &body);
    tm_http_reply_header(x, "Retry-After", "5");
    return HTTP_DONE;
}

static enum tm_http_result relay_plain(void *ctx, struct tm_http_exchange *x)
{
    const struct front *f = ctx;
    if (atomic_load_explicit(&f->ending, memory_order_relaxed) &&
        strcmp(tm_http_path(x), "/readyz") == 0)
        return not_ready(x);
    return tm_http_relay(f->behind[ROLE_ISSUER].relay, x, NULL);
}

static enum tm_http_result relay_mount(void *ctx, struct tm_http_exchange *x)
{
    const struct behind *b = ctx;
    return tm_http_relay(b->relay, x, tm_http_body(x));
}

static enum tm_http_result relay_metrics(void *ctx, struct tm_http_exchange *x)
{
    const struct front *f = ctx;
    if (f->http != NULL)
        ca_metrics_set_in_flight(f->metrics, tm_http_server_inflight(f->http));
    if (strcmp(tm_http_path(x), "/metrics") != 0)
        return relay_plain(ctx, x);
    struct tm_http_relay *all[ROLE_COUNT];
    size_t count = 0;
    all[count++] = f->behind[ROLE_ISSUER].relay; /* whose page it is */
    for (unsigned i = 0; i < ROLE_ISSUER; i++) {
        if (f->behind[i].relay != NULL)
            all[count++] = f->behind[i].relay;
    }
    return tm_http_relay_all(all, count, x);
}

static enum tm_http_result relay_signing(const struct front *f, struct tm_http_exchange *x,
                                         ca_api_request_parse_fn *parse, const struct tm_buf *body)
{
    struct tm_buf packed = {0};
    if (tm_http_state(x) != NULL)
        return relay_plain((void *)(uintptr_t)f, x); /* it was asked: the reply is there */
    enum tm_http_result rc = HTTP_DONE;
    if (ca_api_packed_put(parse, body->data, body->len, &packed) == 0)
        rc = tm_http_relay(f->behind[ROLE_ISSUER].relay, x, &packed);
    else
        f->words.fault(f->api, x, HTTP_FAULT_MEMORY);
    tm_buf_free_secret(&packed);
    return rc;
}

static enum tm_http_result relay_v1(void *ctx, struct tm_http_exchange *x)
{
    return relay_signing(ctx, x, ca_api_request_parse_v1, tm_http_body(x));
}

static enum tm_http_result relay_v2(void *ctx, struct tm_http_exchange *x)
{
    return relay_signing(ctx, x, ca_api_request_parse_v2, tm_http_body(x));
}

static enum tm_http_result relay_grpc(void *ctx, struct tm_http_exchange *x)
{
    const struct front *f = ctx;
    struct tm_buf message = {0};
    enum tm_http_result rc = HTTP_DONE;
    if (tm_http_state(x) != NULL || ca_api_front_message(f->api, x, &message) == 0)
        rc = relay_signing(f, x, ca_api_request_parse_message, &message);
    tm_buf_free_secret(&message);
    return rc;
}

static enum tm_http_result health_check(void *ctx, struct tm_http_exchange *x)
{
    const struct front *f = ctx;
    return ca_api_health_check(f->api, x);
}

static enum tm_http_result health_watch(void *ctx, struct tm_http_exchange *x)
{
    const struct front *f = ctx;
    return ca_api_health_watch(f->api, x);
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
    const struct front *f = ctx;
    on_shed(ctx, HTTP_SHED_QUEUE);
    (void)ca_api_late(f->api, x);
}

/* ---- start ---- */

static void on_round(void *ctx)
{
    const struct front *f = ctx;
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (f->behind[i].relay != NULL)
            tm_http_relay_round(f->behind[i].relay);
    }
}

static void use(struct front *f, struct tm_http_options *o)
{
    o->ctx = f;
    o->round = on_round;
    o->round_ctx = f;
    o->fault = on_fault;
    o->observe = o->observe != NULL ? on_event : NULL;
    o->shed = o->shed != NULL ? on_shed : NULL;
}

static void mount(struct front *f, struct tm_http_options *o)
{
    o->mounts = f->mounts;
    o->mount_count = 0;
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        struct tm_http_mount *at = f->mounts + o->mount_count;
        size_t n = roles_mounts(f->config, role, at);
        for (size_t i = 0; i < n; i++) {
            at[i].handle = relay_mount;
            at[i].ctx = &f->behind[role];
        }
        o->mount_count += n;
    }
}

/* Of all roles: which of them, its path says. */
static enum tm_http_result relay_route(void *ctx, struct tm_http_exchange *x)
{
    const struct front *f = ctx;
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        for (const char *const *at = roles_routes(f->config, role); *at != NULL; at++) {
            if (strcmp(*at, tm_http_path(x)) == 0)
                return tm_http_relay(f->behind[role].relay, x, NULL);
        }
    }
    return not_ready(x);
}

static void add_routes(struct front *f, struct tm_http_options *o)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        for (const char *const *at = roles_routes(f->config, role); *at != NULL; at++)
            f->rows[o->route_count++] = (struct tm_http_route){*at, HTTP_GET, relay_route};
    }
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
    static const struct ca_api_front handlers = {.relay = relay_plain,
                                                 .sign_v1 = relay_v1,
                                                 .sign_v2 = relay_v2,
                                                 .sign_grpc = relay_grpc,
                                                 .health_check = health_check,
                                                 .health_watch = health_watch};
    ca_api_front_serve(f->api, &o, f->rows, &handlers);
    add_routes(f, &o);
    f->words = o;
    use(f, &o);
    mount(f, &o);
    o.listen_fd = take_file(f, FILE_LISTEN);
    o.sides = f->sides;
    o.side_count = f->side_count;
    o.wait_timeout_ms += LATE_MS;
    if (f->config->tls.certificate != NULL) {
        o.tls_certificate = (const char *)pair->certificate.data;
        o.tls_key = (const char *)pair->key.data;
        o.tickets_fd = f->file[FILE_TICKETS] >= 0 ? take_file(f, FILE_TICKETS) : 0;
    }
    f->http = tm_http_server_start(&o, e);
    if (f->http == NULL)
        return tm_err_wrap(e, "listen");
    if (f->file[FILE_METRICS] >= 0) {
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

static int open_relays(struct roles *r, struct front *f, struct tm_err *e)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        int fd[HTTP_FAR_CHANNELS_MAX];
        if (r->lanes[i] == 0)
            continue;
        roles_take_lanes(r, i, fd);
        const struct tm_http_relay_options o = {
            .late = on_late, .ctx = f, .open = i == ROLE_LOG ? ca_log_entries_open : NULL};
        f->behind[i].relay = tm_http_relay_new(fd, r->lanes[i], &o, e);
        if (f->behind[i].relay == NULL)
            return -1;
        f->side_count += tm_http_relay_sides(f->behind[i].relay, f->sides + f->side_count);
    }
    return 0;
}

static int open_all(struct roles *r, struct front *f, struct tm_err *e)
{
    const struct tm_sink_options so = {.fd = r->output};
    f->output = tm_sink_new(&so, e);
    f->log = f->output != NULL ? tm_jlog_to(f->output, ca_config_log_level(f->config)) : NULL;
    if (f->log == NULL)
        return -1;
    const struct ca_api_options ao = {.absent = roles_absent(f->config),
                                      .jlog = f->log,
                                      .metrics = f->metrics,
                                      .max_message = r->http.max_body};
    f->api = ca_api_front_new(&ao, e);
    return f->api != NULL ? open_relays(r, f, e) : -1;
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
    if (f == NULL || roles_begin(r, ROLE_FRONT, e) != 0 || tm_secret_heap(e) != 0 ||
        roles_open_trail(r, ROLE_FRONT, &f->trail, e) != 0 || open_all(r, f, e) != 0)
        return CLI_FAILED;
    if (f->config->tls.certificate != NULL && read_tls(f, &pair, e) != 0) {
        tls_free(&pair);
        return CLI_CONFIG;
    }
    ca_metrics_set_tls_end(f->metrics, pair.not_after);
    int rc = tm_sandbox_calls(SANDBOX_ACCEPT, e) == 0 && start_http(f, r, &pair, e) == 0
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
    roles_say_reload(f->trail, "TLS certificate", rc == 0 ? NULL : &e);
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
    atomic_store(&f->ending, true);
    tm_http_server_stop(f->http, f->config->timeouts.drain);
    tm_http_server_stop(f->metrics_http, 0);
    for (size_t i = 0; i < ROLE_COUNT; i++)
        tm_http_relay_free(f->behind[i].relay);
    tm_http_server_free(f->http);
    tm_http_server_free(f->metrics_http);
    ca_api_free(f->api);
    ca_audit_far_free(f->trail);
    tm_jlog_free(f->log);
    tm_sink_free(f->output);
    free(f);
}

/* The API object: what is in force, the routes, and the replies that are always the same. */
#include <stdlib.h>
#include <string.h>

#include "ca/api/grpc.h"
#include "ca/api/internal.h"
#include "common/clock.h"

static void note_ready(void *ctx, bool ready, int64_t now_ms)
{
    ca_metrics_set_ready(ctx, ready, now_ms);
}

struct ca_api *ca_api_new(const struct ca_api_options *o, struct ca_signer *ca, struct tm_err *e)
{
    if (o->lifetime_s < 1 || o->lifetime_s > API_LIFETIME_MAX)
        return tm_err_null(e, "certificate lifetime must be 1 second to 24 hours");
    struct ca_api *api = calloc(1, sizeof(*api));
    if (api == NULL)
        return tm_err_null(e, "out of memory");
    api->o = *o;
    tm_checked_clock_init(&api->clock, NULL, o->jlog);
    api->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    api->env = (struct ca_issue_env){.verifier = o->verifier,
                                     .policy = o->policy,
                                     .log = o->log,
                                     .signing = o->signing,
                                     .lifetime_s = o->lifetime_s,
                                     .subject_key_id = o->subject_key_id,
                                     .once = o->once,
                                     .once_optional = o->once_optional,
                                     .recordable = ca_api_audit_ready,
                                     .recordable_ctx = api,
                                     .freeze = o->freeze};
    struct tm_err why = {0};
    api->limits = ca_limits_new(&o->limits, &why);
    api->env.limits = api->limits;
    api->tally = ca_tally_new(&why);
    if (api->sha256 == NULL)
        tm_err_openssl(&why, "SHA-256 is not available");
    if (why.text[0] != '\0') {
        *e = why;
        ca_api_free(api);
        return NULL;
    }
    api->ready = ca_api_ready_new(api, e);
    api->o.checks = NULL; /* copied */
    if (api->ready == NULL || (ca != NULL && ca_api_refresh(api, ca, e) != 0)) {
        ca_api_free(api);
        return NULL;
    }
    ca_ready_tell(api->ready, note_ready, api->o.metrics);
    return api;
}

void ca_api_free(struct ca_api *api)
{
    if (api == NULL)
        return;
    ca_ready_free(api->ready);
    ca_api_view_unref(api->view);
    tm_checked_clock_free(&api->clock);
    EVP_MD_free(api->sha256);
    ca_limits_free(api->limits);
    ca_tally_free(api->tally);
    free(api);
}

int ca_api_refresh(struct ca_api *api, struct ca_signer *ca, struct tm_err *e)
{
    struct oidc_trust *trust = oidc_verifier_trust(api->o.verifier);
    struct ca_api_view *old = atomic_load(&api->view) != NULL ? ca_api_view_get(api) : NULL;
    struct ca_signer *with = ca != NULL || old == NULL ? ca : old->ca;
    struct ca_api_view *next = ca_api_view_new(with, trust, e);
    oidc_trust_unref(trust);
    if (next != NULL) {
        struct ca_api_view *replaced = atomic_exchange(&api->view, next);
        tm_gate_wait(&api->gate);
        ca_api_view_unref(replaced);
    }
    ca_api_view_unref(old);
    return next != NULL ? 0 : -1;
}

static bool has_ca(const struct ca_api *api)
{
    return (api->o.absent & CA_API_CERTIFICATES) == 0;
}

static void release_view(void *arg)
{
    ca_api_view_unref(arg);
}

static struct ca_api_view *view_for(struct ca_api *api, struct tm_http_exchange *x)
{
    struct ca_api_view *v = ca_api_view_get(api);
    tm_http_set_state(x, v, release_view); /* the reply outlives a reload */
    return v;
}

static enum tm_http_result trust_bundle(void *ctx, struct tm_http_exchange *x)
{
    tm_http_reply_canned(x, 200, view_for(ctx, x)->trust_bundle);
    return HTTP_DONE;
}

static enum tm_http_result configuration(void *ctx, struct tm_http_exchange *x)
{
    tm_http_reply_canned(x, 200, view_for(ctx, x)->configuration);
    return HTTP_DONE;
}

static enum tm_http_result trust_bundle_message(void *ctx, struct tm_http_exchange *x)
{
    tm_http_reply_canned(x, 200, view_for(ctx, x)->trust_bundle_message);
    ca_grpc_end(x);
    return HTTP_DONE;
}

static enum tm_http_result configuration_message(void *ctx, struct tm_http_exchange *x)
{
    tm_http_reply_canned(x, 200, view_for(ctx, x)->configuration_message);
    ca_grpc_end(x);
    return HTTP_DONE;
}

static enum tm_http_result root_cert(void *ctx, struct tm_http_exchange *x)
{
    tm_http_reply_canned(x, 200, view_for(ctx, x)->root_cert);
    return HTTP_DONE;
}

static enum tm_http_result healthz(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    struct tm_buf body = {0};
    tm_buf_puts(&body, "{\"status\":\"SERVING\"}");
    tm_http_reply(x, 200, "application/json", &body);
    return HTTP_DONE;
}

/* For load balancers: no more than a yes or no. */
static enum tm_http_result readyz(void *ctx, struct tm_http_exchange *x)
{
    const struct ca_api *api = ctx;
    struct tm_buf body = {0};
    bool ready = ca_ready_now(api->ready, tm_clock_mono_ms());
    tm_buf_printf(&body, "{\"status\":\"%s\"}", ready ? "READY" : "NOT_READY");
    tm_http_reply(x, ready ? 200 : 503, "application/json", &body);
    if (!ready)
        tm_http_reply_header(x, "Retry-After", "5");
    return HTTP_DONE;
}

/* For people, with the reasons: on the metrics listener only. */
static enum tm_http_result ready_checks(void *ctx, struct tm_http_exchange *x)
{
    const struct ca_api *api = ctx;
    struct tm_buf body = {0};
    int64_t now = tm_clock_mono_ms();
    bool ready = ca_ready_now(api->ready, now);
    ca_ready_json(api->ready, now, &body);
    tm_http_reply(x, ready ? 200 : 503, "application/json", &body);
    return HTTP_DONE;
}

static enum tm_http_result metrics_page(void *ctx, struct tm_http_exchange *x)
{
    struct ca_api *api = ctx;
    struct ca_api_view *v = has_ca(api) ? ca_api_view_get(api) : NULL;
    struct ca_metrics_scene scene = {
        .verifier = api->o.verifier,
        .log = api->o.log,
        .tally = api->tally,
        .ca_not_after = v != NULL ? ca_signer_chain(v->ca)->not_after : 0,
        .inflight = ca_metrics_in_flight(api->o.metrics),
        .audit_works = ca_api_audit_look(api, NULL) == 0,
        .output = api->o.output,
        .version = api->o.version != NULL ? api->o.version : "unknown"};
    struct tm_buf body = {0};
    ca_metrics_render(api->o.metrics, &scene, &body);
    tm_checked_clock_metrics(&api->clock, &body);
    ca_ready_metrics(api->ready, tm_clock_mono_ms(), &body);
    if (api->o.more_metrics != NULL)
        api->o.more_metrics(api->o.more_metrics_ctx, &body);
    ca_api_view_unref(v);
    tm_http_reply(x, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
    return HTTP_DONE;
}

static const struct tm_http_route routes[] = {
    {"/api/v2/signingCert", HTTP_POST, ca_api_sign_v2},
    {"/api/v2/trustBundle", HTTP_GET, trust_bundle},
    {"/api/v2/configuration", HTTP_GET, configuration},
    {"/api/v1/signingCert", HTTP_POST, ca_api_sign_v1},
    {"/api/v1/rootCert", HTTP_GET, root_cert},
    {"/healthz", HTTP_GET, healthz},
    {"/readyz", HTTP_GET, readyz},
    {CA_GRPC_SERVICE "CreateSigningCertificate", HTTP_GRPC, ca_api_sign_grpc},
    {CA_GRPC_SERVICE "GetTrustBundle", HTTP_GRPC, trust_bundle_message},
    {CA_GRPC_SERVICE "GetConfiguration", HTTP_GRPC, configuration_message},
    {CA_GRPC_HEALTH "Check", HTTP_GRPC, ca_api_health_check},
    {CA_GRPC_HEALTH "Watch", HTTP_GRPC, ca_api_health_watch},
};

static const struct tm_http_route metrics_routes[] = {
    {"/metrics", HTTP_GET, metrics_page},
    {"/", HTTP_GET, metrics_page},
    {"/healthz", HTTP_GET, healthz},
    {"/readyz", HTTP_GET, readyz},
    {"/readyz/checks", HTTP_GET, ready_checks},
};

static void on_fault(void *ctx, struct tm_http_exchange *x, enum tm_http_fault fault)
{
    static const enum ca_api_fault map[] = {
        [HTTP_FAULT_NONE] = API_FAULT_INTERNAL,
        [HTTP_FAULT_NOT_FOUND] = API_FAULT_NOT_FOUND,
        [HTTP_FAULT_METHOD] = API_FAULT_METHOD,
        [HTTP_FAULT_TOO_LARGE] = API_FAULT_TOO_LARGE,
        [HTTP_FAULT_MEDIA_TYPE] = API_FAULT_MEDIA_TYPE,
        [HTTP_FAULT_MALFORMED] = API_FAULT_HEADERS,
        [HTTP_FAULT_MEMORY] = API_FAULT_INTERNAL,
        [HTTP_FAULT_BUSY] = API_FAULT_BUSY,
    };
    struct ca_api_failure f = {.fault = map[fault]};
    if (fault == HTTP_FAULT_NOT_FOUND)
        ca_api_refuse_path(ctx, x);
    else
        ca_api_refuse(ctx, x, &f, NULL);
}

static void on_event(void *ctx, const struct tm_http_event *ev)
{
    struct ca_api *api = ctx;
    ca_metrics_http(api->o.metrics, ev);
}

static void on_shed(void *ctx, enum tm_http_shed why)
{
    struct ca_api *api = ctx;
    ca_metrics_shed(api->o.metrics, why);
}

/* Of the certificates' routes nothing stays but their paths: mounts must not take them. */
static void set_routes(struct ca_api *api, const struct tm_http_route *from, size_t count,
                       struct tm_http_options *o)
{
    o->ctx = api;
    o->routes = from;
    o->route_count = count;
    if (has_ca(api))
        return;
    o->routes = api->rows;
    for (size_t i = 0; i < count; i++) {
        api->rows[i] = from[i];
        if (strncmp(from[i].path, "/api/", 5) == 0 ||
            strncmp(from[i].path, CA_GRPC_SERVICE, strlen(CA_GRPC_SERVICE)) == 0)
            api->rows[i].handle = ca_api_not_served;
    }
}

void ca_api_serve(struct ca_api *api, struct tm_http_options *o)
{
    set_routes(api, routes, sizeof(routes) / sizeof(routes[0]), o);
    o->fault = on_fault;
    o->observe = on_event;
    o->shed = on_shed;
}

/* The same for the metrics listener. `main` tells the requests in flight; may be NULL. */
static void serve_metrics(struct ca_api *api, struct tm_http_options *o)
{
    ca_api_serve(api, o);
    o->routes = metrics_routes;
    o->route_count = sizeof(metrics_routes) / sizeof(metrics_routes[0]);
    o->observe = NULL; /* scrapes are not traffic */
    o->shed = NULL;
}

void ca_api_serve_all(struct ca_api *api, struct tm_http_options *o)
{
    static const struct tm_http_route all[] = {
        {"/api/v2/signingCert", HTTP_POST, ca_api_sign_v2},
        {"/api/v2/trustBundle", HTTP_GET, trust_bundle},
        {"/api/v2/configuration", HTTP_GET, configuration},
        {"/api/v1/signingCert", HTTP_POST, ca_api_sign_v1},
        {"/api/v1/rootCert", HTTP_GET, root_cert},
        {CA_GRPC_SERVICE "CreateSigningCertificate", HTTP_GRPC, ca_api_sign_grpc},
        {CA_GRPC_SERVICE "GetTrustBundle", HTTP_GRPC, trust_bundle_message},
        {CA_GRPC_SERVICE "GetConfiguration", HTTP_GRPC, configuration_message},
        {"/metrics", HTTP_GET, metrics_page},
        {"/", HTTP_GET, metrics_page},
        {"/readyz", HTTP_GET, readyz},
        {"/readyz/checks", HTTP_GET, ready_checks},
    };
    set_routes(api, all, sizeof(all) / sizeof(all[0]), o);
}

struct ca_api *ca_api_front_new(const struct ca_api_options *o, struct tm_err *e)
{
    struct ca_api *api = calloc(1, sizeof(*api));
    if (api == NULL)
        tm_err_set(e, "out of memory");
    else
        api->o = *o;
    return api;
}

/* A row's handler here, and in a front. */
static void relay_rows(struct tm_http_options *o, struct tm_http_route *rows,
                       const struct ca_api_front *h)
{
    const struct {
        ca_api_handler *here, *front;
    } map[] = {
        {healthz, healthz},
        {ca_api_sign_v1, h->sign_v1},
        {ca_api_sign_v2, h->sign_v2},
        {ca_api_sign_grpc, h->sign_grpc},
        {ca_api_health_check, h->health_check},
        {ca_api_health_watch, h->health_watch},
    };
    for (size_t i = 0; i < o->route_count; i++) {
        rows[i] = o->routes[i];
        rows[i].handle = h->relay;
        for (size_t m = 0; m < sizeof(map) / sizeof(map[0]); m++) {
            if (map[m].here == o->routes[i].handle)
                rows[i].handle = map[m].front;
        }
    }
    o->routes = rows;
}

_Static_assert(sizeof(routes) / sizeof(routes[0]) <= CA_API_ROUTES_MAX, "room for the rows");
_Static_assert(sizeof(metrics_routes) / sizeof(metrics_routes[0]) <= CA_API_ROUTES_MAX, "room");

void ca_api_front_serve(struct ca_api *api, struct tm_http_options *o, struct tm_http_route *rows,
                        const struct ca_api_front *h)
{
    ca_api_serve(api, o);
    relay_rows(o, rows, h);
}

void ca_api_front_serve_metrics(struct ca_api *api, struct tm_http_options *o,
                                struct tm_http_route *rows, ca_api_handler *relay)
{
    const struct ca_api_front h = {.relay = relay};
    serve_metrics(api, o);
    relay_rows(o, rows, &h);
}

enum tm_http_result ca_api_late(struct ca_api *api, struct tm_http_exchange *x)
{
    struct ca_api_failure f = {.fault =
                                   ca_grpc_heed_timeout(x) ? API_FAULT_BUSY : API_FAULT_DEADLINE};
    ca_api_refuse(api, x, &f, NULL);
    return HTTP_DONE;
}

int ca_api_ready_start(struct ca_api *api, struct tm_err *e)
{
    return ca_ready_start(api->ready, e);
}

void ca_api_ready_stop(struct ca_api *api)
{
    if (api != NULL)
        ca_ready_stop(api->ready);
}

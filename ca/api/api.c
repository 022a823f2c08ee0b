/* The API object: what is in force, the routes, and the replies that are always the same. */
#include <stdlib.h>
#include <string.h>

#include "ca/api/internal.h"
#include "common/clock.h"

static int64_t system_now(void)
{
    return clock_wall_ms() / 1000;
}

struct api *api_new(const struct api_options *o, struct signer *ca, struct err *e)
{
    if (o->lifetime_s < 1 || o->lifetime_s > API_LIFETIME_MAX) {
        err_set(e, "certificate lifetime must be 1 second to 24 hours");
        return NULL;
    }
    struct api *api = calloc(1, sizeof(*api));
    if (api == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    api->o = *o;
    if (api->o.now_s == NULL)
        api->o.now_s = system_now;
    api->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    api->env = (struct issue_env){.verifier = o->verifier,
                                  .policy = o->policy,
                                  .log = o->log,
                                  .lifetime_s = o->lifetime_s,
                                  .subject_key_id = o->subject_key_id};
    atomic_init(&api->main, NULL);
    if (api->sha256 == NULL) {
        err_openssl(e, "SHA-256 is not available");
        api_free(api);
        return NULL;
    }
    if (api_refresh(api, ca, e) != 0) {
        api_free(api);
        return NULL;
    }
    return api;
}

void api_free(struct api *api)
{
    if (api == NULL)
        return;
    api_view_unref(api->view);
    EVP_MD_free(api->sha256);
    free(api);
}

struct api_view *api_view_get(struct api *api)
{
    unsigned at = gate_enter(&api->gate);
    struct api_view *v = api_view_ref(atomic_load(&api->view));
    gate_leave(&api->gate, at);
    return v;
}

int api_refresh(struct api *api, struct signer *ca, struct err *e)
{
    struct oidc_trust *trust = oidc_verifier_trust(api->o.verifier);
    struct api_view *old = atomic_load(&api->view) != NULL ? api_view_get(api) : NULL;
    struct signer *with = ca != NULL || old == NULL ? ca : old->ca;
    struct api_view *next = api_view_new(with, trust, e);
    oidc_trust_unref(trust);
    if (next != NULL) {
        struct api_view *replaced = atomic_exchange(&api->view, next);
        gate_wait(&api->gate);
        api_view_unref(replaced);
    }
    api_view_unref(old);
    return next != NULL ? 0 : -1;
}

static void release_view(void *arg)
{
    api_view_unref(arg);
}

static struct api_view *view_for(struct api *api, struct http_exchange *x)
{
    struct api_view *v = api_view_get(api);
    http_set_state(x, v, release_view); /* the reply outlives a reload */
    return v;
}

static enum http_result trust_bundle(void *ctx, struct http_exchange *x)
{
    http_reply_canned(x, 200, view_for(ctx, x)->trust_bundle);
    return HTTP_DONE;
}

static enum http_result configuration(void *ctx, struct http_exchange *x)
{
    http_reply_canned(x, 200, view_for(ctx, x)->configuration);
    return HTTP_DONE;
}

static enum http_result root_cert(void *ctx, struct http_exchange *x)
{
    http_reply_canned(x, 200, view_for(ctx, x)->root_cert);
    return HTTP_DONE;
}

static enum http_result healthz(void *ctx, struct http_exchange *x)
{
    (void)ctx;
    struct buf body = {0};
    buf_puts(&body, "{\"status\":\"SERVING\"}");
    http_reply(x, 200, "application/json", &body);
    return HTTP_DONE;
}

static enum http_result metrics_page(void *ctx, struct http_exchange *x)
{
    struct api *api = ctx;
    struct api_view *v = api_view_get(api);
    const struct http_server *srv = atomic_load(&api->main);
    struct metrics_scene scene = {.verifier = api->o.verifier,
                                  .log = api->o.log,
                                  .ca_not_after = signer_chain(v->ca)->not_after,
                                  .inflight = srv != NULL ? http_server_inflight(srv) : 0,
                                  .version = api->o.version != NULL ? api->o.version : "unknown"};
    struct buf body = {0};
    metrics_render(api->o.metrics, &scene, &body);
    if (api->o.more_metrics != NULL)
        api->o.more_metrics(api->o.more_metrics_ctx, &body);
    api_view_unref(v);
    http_reply(x, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
    return HTTP_DONE;
}

static const struct http_route routes[] = {
    {"/api/v2/signingCert", HTTP_POST, api_sign_v2},
    {"/api/v2/trustBundle", HTTP_GET, trust_bundle},
    {"/api/v2/configuration", HTTP_GET, configuration},
    {"/api/v1/signingCert", HTTP_POST, api_sign_v1},
    {"/api/v1/rootCert", HTTP_GET, root_cert},
    {"/healthz", HTTP_GET, healthz},
};

static const struct http_route metrics_routes[] = {
    {"/metrics", HTTP_GET, metrics_page},
    {"/", HTTP_GET, metrics_page},
    {"/healthz", HTTP_GET, healthz},
};

static void on_fault(void *ctx, struct http_exchange *x, enum http_fault fault)
{
    static const enum api_fault map[] = {
        [HTTP_FAULT_NONE] = API_FAULT_INTERNAL,
        [HTTP_FAULT_NOT_FOUND] = API_FAULT_NOT_FOUND,
        [HTTP_FAULT_METHOD] = API_FAULT_METHOD,
        [HTTP_FAULT_TOO_LARGE] = API_FAULT_TOO_LARGE,
        [HTTP_FAULT_MEDIA_TYPE] = API_FAULT_MEDIA_TYPE,
        [HTTP_FAULT_MALFORMED] = API_FAULT_HEADERS,
        [HTTP_FAULT_MEMORY] = API_FAULT_INTERNAL,
    };
    struct api_failure f = {.fault = map[fault]};
    api_refuse(ctx, x, &f, "");
}

static void on_event(void *ctx, const struct http_event *ev)
{
    struct api *api = ctx;
    metrics_http(api->o.metrics, ev);
}

void api_serve(struct api *api, struct http_options *o)
{
    o->routes = routes;
    o->route_count = sizeof(routes) / sizeof(routes[0]);
    o->ctx = api;
    o->fault = on_fault;
    o->observe = on_event;
}

void api_serve_metrics(struct api *api, struct http_options *o)
{
    api_serve(api, o);
    o->routes = metrics_routes;
    o->route_count = sizeof(metrics_routes) / sizeof(metrics_routes[0]);
    o->observe = NULL; /* scrapes are not traffic */
}

void api_watch(struct api *api, const struct http_server *main)
{
    atomic_store(&api->main, main);
}

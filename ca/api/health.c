/* grpc.health.v1.Health: readiness as /readyz tells it, for one question or as long as its client
 * listens. The service "liveness" is what /healthz is. */
#include <stdlib.h>
#include <string.h>

#include "ca/api/grpc.h"
#include "ca/api/internal.h"
#include "ca/api/message.h"
#include "common/clock.h"

#define QUESTION_MAX 256 /* bytes */
#define WATCHES_MAX 64   /* at once: each holds a stream open */

enum subject { READINESS, LIVENESS };

static const struct {
    const char *service;
    enum subject subject;
} services[] = {
    {"", READINESS},
    {"dev.sigstore.fulcio.v2.CA", READINESS},
    {"liveness", LIVENESS},
};

static bool is_well(const struct ca_api *api, enum subject s)
{
    return s == LIVENESS || ca_metrics_ready(api->o.metrics, tm_clock_mono_ms());
}

static int read_subject(struct tm_http_exchange *x, enum subject *out, struct ca_api_failure *f)
{
    struct tm_buf message = {0};
    struct tm_buf name = {0};
    int rc = ca_grpc_take(x, QUESTION_MAX, &message, f);
    if (rc == 0 && ca_api_message_health_parse(message.data, message.len, &name) != 0) {
        tm_err_set(&f->detail, "the request is not a HealthCheckRequest");
        rc = ca_api_failure_set(f, API_FAULT_REQUEST);
    }
    const char *text = tm_buf_str(&name);
    bool known = false;
    for (size_t i = 0; text != NULL && i < sizeof(services) / sizeof(services[0]); i++) {
        if (strcmp(services[i].service, text) == 0) {
            *out = services[i].subject;
            known = true;
        }
    }
    if (rc == 0 && !known)
        rc = ca_api_failure_set(f, API_FAULT_SERVICE);
    tm_buf_free(&message);
    tm_buf_free(&name);
    return rc;
}

enum tm_http_result ca_api_health_check(void *ctx, struct tm_http_exchange *x)
{
    struct ca_api *api = ctx;
    struct ca_api_failure f = {.fault = API_FAULT_NONE};
    struct tm_buf answer = {0};
    enum subject s = READINESS;
    if (read_subject(x, &s, &f) != 0) {
        ca_api_refuse(api, x, &f, NULL);
        return HTTP_DONE;
    }
    ca_api_message_health(is_well(api, s), &answer);
    ca_grpc_reply(x, &answer);
    return HTTP_DONE;
}

struct watch {
    struct ca_api *api;
    enum subject subject;
    bool told, well; /* what was said last */
};

static int produce(void *ctx, struct tm_buf *out)
{
    struct watch *w = ctx;
    bool well = is_well(w->api, w->subject);
    if (w->told && w->well == well)
        return HTTP_NOTHING_YET;
    w->told = true;
    w->well = well;
    ca_api_message_health(well, out);
    return 1;
}

static void watch_free(void *ctx)
{
    struct watch *w = ctx;
    atomic_fetch_sub(&w->api->watches, 1);
    free(w);
}

enum tm_http_result ca_api_health_watch(void *ctx, struct tm_http_exchange *x)
{
    struct ca_api *api = ctx;
    struct ca_api_failure f = {.fault = API_FAULT_NONE};
    struct watch *w = calloc(1, sizeof(*w));
    bool room = atomic_fetch_add(&api->watches, 1) < WATCHES_MAX;
    int rc =
        w != NULL ? read_subject(x, &w->subject, &f) : ca_api_failure_set(&f, API_FAULT_INTERNAL);
    if (rc == 0 && !room)
        rc = ca_api_failure_set(&f, API_FAULT_WATCHES);
    if (rc != 0) {
        atomic_fetch_sub(&api->watches, 1);
        free(w);
        ca_api_refuse(api, x, &f, NULL);
        return HTTP_DONE;
    }
    w->api = api;
    const struct tm_http_source source = {.produce = produce, .release = watch_free, .ctx = w};
    tm_http_reply_stream(x, 200, CA_GRPC_TYPE, &source);
    tm_http_reply_trailer(x, "grpc-status", "14"); /* its end is the server's: UNAVAILABLE */
    tm_http_reply_trailer(x, "grpc-message", "the server stops");
    return HTTP_DONE;
}

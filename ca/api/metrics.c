#include "ca/api/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ca/api/grpc.h"
#include "ca/api/ready.h"
#include "common/promtext.h"

/* All that a reply has; 0: the client went away before it. */
static const unsigned statuses[] = {200, 201, 204, 304, 400, 403, 404, 405,
                                    415, 429, 500, 501, 503, 504, 0};
#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]))

/* Upper bounds in microseconds, and as the label has them. */
static const struct {
    int64_t us;
    const char *label;
} buckets[] = {
    {250, "0.00025"}, {500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},
    {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"},
    {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"},
};
#define BUCKET_COUNT (sizeof(buckets) / sizeof(buckets[0]))

enum protocol { PROTOCOL_H1, PROTOCOL_H2, PROTOCOL_GRPC, PROTOCOL_COUNT };
static const char *const protocols[PROTOCOL_COUNT] = {"h1", "h2", "grpc"};

struct ca_metrics {
    atomic_ullong issued;
    atomic_ullong audit_lost;
    atomic_ullong refused[API_REASON_COUNT];
    atomic_ullong http[HTTP_METHOD_COUNT][STATUS_COUNT];
    atomic_ullong bucket[BUCKET_COUNT + 1]; /* not cumulative; the last one is +Inf */
    atomic_ullong duration_us;
    atomic_ullong shed[HTTP_SHED_COUNT];
    atomic_ullong reloads[2];
    atomic_uint in_flight;
    _Atomic int64_t tls_end;
    _Atomic int64_t ready_ms; /* when all checks last found nothing wrong; 0: they have not */
    atomic_ullong protocol[PROTOCOL_COUNT];
};

static void bump(atomic_ullong *c, unsigned long long by)
{
    atomic_fetch_add_explicit(c, by, memory_order_relaxed);
}

static unsigned long long get(const atomic_ullong *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

struct ca_metrics *ca_metrics_new(void)
{
    void *p = mmap(NULL, sizeof(struct ca_metrics), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED ? p : NULL;
}

void ca_metrics_free(struct ca_metrics *m)
{
    if (m != NULL)
        (void)munmap(m, sizeof(*m));
}

void ca_metrics_set_in_flight(struct ca_metrics *m, unsigned n)
{
    atomic_store_explicit(&m->in_flight, n, memory_order_relaxed);
}

unsigned ca_metrics_in_flight(const struct ca_metrics *m)
{
    return atomic_load_explicit(&m->in_flight, memory_order_relaxed);
}

void ca_metrics_set_tls_end(struct ca_metrics *m, int64_t not_after)
{
    atomic_store_explicit(&m->tls_end, not_after, memory_order_relaxed);
}

int64_t ca_metrics_tls_end(const struct ca_metrics *m)
{
    return atomic_load_explicit(&m->tls_end, memory_order_relaxed);
}

void ca_metrics_set_ready(struct ca_metrics *m, bool ready, int64_t now_ms)
{
    atomic_store_explicit(&m->ready_ms, ready ? now_ms : 0, memory_order_relaxed);
}

bool ca_metrics_ready(const struct ca_metrics *m, int64_t now_ms)
{
    int64_t at = atomic_load_explicit(&m->ready_ms, memory_order_relaxed);
    return at != 0 && now_ms - at < CA_READY_STALE_MS;
}

void ca_metrics_issued(struct ca_metrics *m)
{
    bump(&m->issued, 1);
}

void ca_metrics_audit_lost(struct ca_metrics *m)
{
    bump(&m->audit_lost, 1);
}

void ca_metrics_refused(struct ca_metrics *m, unsigned reason_index)
{
    if (reason_index < API_REASON_COUNT)
        bump(&m->refused[reason_index], 1);
}

void ca_metrics_shed(struct ca_metrics *m, enum tm_http_shed why)
{
    bump(&m->shed[why], 1);
}

void ca_metrics_reload(struct ca_metrics *m, bool ok)
{
    bump(&m->reloads[ok ? 0 : 1], 1);
}

static bool issues(const struct tm_http_route *r)
{
    return r->method == HTTP_POST ||
           (r->method == HTTP_GRPC &&
            strcmp(r->path, CA_GRPC_SERVICE "CreateSigningCertificate") == 0);
}

void ca_metrics_http(struct ca_metrics *m, const struct tm_http_event *ev)
{
    size_t s = 0;
    while (s < STATUS_COUNT - 1 && statuses[s] != ev->status)
        s++;
    bump(&m->http[ev->method][s], 1);
    bump(&m->protocol[ev->method == HTTP_GRPC ? PROTOCOL_GRPC
                      : ev->http2             ? PROTOCOL_H2
                                              : PROTOCOL_H1],
         1);
    if (ev->route == NULL || !issues(ev->route))
        return; /* the histogram is about issuance */
    size_t b = 0;
    while (b < BUCKET_COUNT && ev->duration_us > buckets[b].us)
        b++;
    bump(&m->bucket[b], 1);
    bump(&m->duration_us, (unsigned long long)(ev->duration_us > 0 ? ev->duration_us : 0));
}

static void render_histogram(const struct ca_metrics *m, struct tm_buf *out)
{
    unsigned long long total = 0;
    tm_promtext_head(out, "tenmint_request_duration_seconds", "histogram",
                     "Time from the end of a signing request's headers to the end of its reply.");
    for (size_t i = 0; i <= BUCKET_COUNT; i++) {
        total += get(&m->bucket[i]);
        tm_buf_printf(out, "tenmint_request_duration_seconds_bucket{le=\"%s\"} %llu\n",
                      i < BUCKET_COUNT ? buckets[i].label : "+Inf", total);
    }
    unsigned long long us = get(&m->duration_us);
    tm_buf_printf(out, "tenmint_request_duration_seconds_sum %llu.%06llu\n", us / 1000000,
                  us % 1000000);
    tm_buf_printf(out, "tenmint_request_duration_seconds_count %llu\n", total);
}

static void render_http(const struct ca_metrics *m, struct tm_buf *out)
{
    tm_promtext_head(out, "http_requests_total", "counter", "HTTP requests by status and method.");
    for (int i = 0; i < HTTP_METHOD_COUNT; i++) {
        for (size_t s = 0; s < STATUS_COUNT; s++) {
            unsigned long long n = get(&m->http[i][s]);
            if (n == 0)
                continue;
            if (statuses[s] != 0)
                tm_buf_printf(out, "http_requests_total{code=\"%u\",method=\"%s\"} %llu\n",
                              statuses[s], tm_http_method_name((enum tm_http_method)i), n);
            else
                tm_buf_printf(out, "http_requests_total{code=\"none\",method=\"%s\"} %llu\n",
                              tm_http_method_name((enum tm_http_method)i), n);
        }
    }
}

static void render_protocols(const struct ca_metrics *m, struct tm_buf *out)
{
    tm_promtext_head(out, "tenmint_requests_total", "counter", "Requests by protocol.");
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        tm_buf_printf(out, "tenmint_requests_total{protocol=\"%s\"} %llu\n", protocols[i],
                      get(&m->protocol[i]));
}

static void render_shed(const struct ca_metrics *m, struct tm_buf *out)
{
    tm_promtext_head(out, "tenmint_http_shed_total", "counter",
                     "Connections and requests turned away for want of room, by reason.");
    for (int i = 0; i < HTTP_SHED_COUNT; i++)
        tm_buf_printf(out, "tenmint_http_shed_total{reason=\"%s\"} %llu\n",
                      tm_http_shed_name((enum tm_http_shed)i), get(&m->shed[i]));
}

/* The keys of a wildcard's issuers are shown together: their oldest, and sums. */
struct keys_row {
    char *entry;
    int64_t age_s; /* -1: never fetched */
    uint64_t failures;
    unsigned keys;
};

struct keys_rows {
    struct keys_row *row;
    size_t count;
    bool failed;
};

static struct keys_row *keys_row_of(struct keys_rows *r, const char *entry)
{
    for (size_t i = r->count; i > 0; i--) {
        if (strcmp(r->row[i - 1].entry, entry) == 0)
            return &r->row[i - 1];
    }
    struct keys_row *grown = realloc(r->row, (r->count + 1) * sizeof(*grown));
    r->row = grown != NULL ? grown : r->row;
    char *copy = grown != NULL ? strdup(entry) : NULL;
    r->failed = r->failed || copy == NULL;
    if (copy == NULL)
        return NULL;
    r->row[r->count] = (struct keys_row){.entry = copy, .age_s = -1};
    return &r->row[r->count++];
}

static void add_issuer(void *arg, const struct oidc_issuer_stats *s)
{
    struct keys_row *row = keys_row_of(arg, s->entry);
    if (row == NULL)
        return;
    row->age_s = s->jwks_age_s > row->age_s ? s->jwks_age_s : row->age_s;
    row->failures += s->failures;
    row->keys += s->keys;
}

static void put_labelled(struct tm_buf *out, const char *series, const char *entry, int64_t value)
{
    tm_buf_printf(out, "%s{issuer=\"", series);
    tm_promtext_label(out, entry);
    tm_buf_printf(out, "\"} %" PRId64 "\n", value);
}

static void render_issuers(struct oidc_verifier *v, struct tm_buf *out)
{
    struct keys_rows r = {0};
    oidc_verifier_stats(v, add_issuer, &r);
    out->failed = out->failed || r.failed;
    tm_promtext_head(out, "tenmint_jwks_age_seconds", "gauge",
                     "Age of the key set of an entry of the issuer list, the oldest of a "
                     "wildcard's; absent until the first fetch.");
    for (size_t i = 0; i < r.count; i++) {
        if (r.row[i].age_s >= 0)
            put_labelled(out, "tenmint_jwks_age_seconds", r.row[i].entry, r.row[i].age_s);
    }
    tm_promtext_head(out, "tenmint_jwks_failures_total", "counter",
                     "Failed fetches of discovery documents or key sets.");
    for (size_t i = 0; i < r.count; i++)
        put_labelled(out, "tenmint_jwks_failures_total", r.row[i].entry,
                     (int64_t)r.row[i].failures);
    tm_promtext_head(out, "tenmint_jwks_keys", "gauge", "Usable keys held.");
    for (size_t i = 0; i < r.count; i++) {
        put_labelled(out, "tenmint_jwks_keys", r.row[i].entry, r.row[i].keys);
        free(r.row[i].entry);
    }
    free(r.row);
}

static void render_refused(const struct ca_metrics *m, struct tm_buf *out)
{
    tm_promtext_head(out, "tenmint_requests_refused_total", "counter",
                     "Refused requests by reason.");
    for (unsigned i = 0; i < API_REASON_COUNT; i++) {
        const char *name = ca_api_reason_name(i);
        if (name != NULL)
            tm_buf_printf(out, "tenmint_requests_refused_total{reason=\"%s\"} %llu\n", name,
                          get(&m->refused[i]));
    }
}

static void render_records(const struct ca_metrics *m, const struct ca_metrics_scene *scene,
                           struct tm_buf *out)
{
    struct tm_sink_stats log = {0};
    if (scene->output != NULL)
        tm_sink_stats(scene->output, &log);
    tm_promtext_head(out, "tenmint_audit_working", "gauge",
                     "1: certificates can be recorded; 0: audit lines do not get out.");
    tm_buf_printf(out, "tenmint_audit_working %d\n", scene->audit_works);
    tm_promtext_head(out, "tenmint_audit_lines_lost_total", "counter",
                     "Certificates whose audit line was dropped or held up (audit: best-effort).");
    tm_buf_printf(out, "tenmint_audit_lines_lost_total %llu\n", get(&m->audit_lost));
    tm_promtext_head(out, "tenmint_output_lines_dropped_total", "counter",
                     "Lines of the server's own log that its reader did not take in time.");
    tm_buf_printf(out, "tenmint_output_lines_dropped_total %" PRIu64 "\n", log.dropped);
}

void ca_metrics_render(const struct ca_metrics *m, const struct ca_metrics_scene *scene,
                       struct tm_buf *out)
{
    unsigned long long issued = get(&m->issued);
    tm_promtext_head(out, "tenmint_certificates_issued_total", "counter", "Certificates issued.");
    tm_buf_printf(out, "tenmint_certificates_issued_total %llu\n", issued);
    tm_promtext_head(out, "fulcio_new_certs", "counter",
                     "Certificates issued, under Fulcio's name.");
    tm_buf_printf(out, "fulcio_new_certs %llu\n", issued);
    render_records(m, scene, out);
    render_refused(m, out);
    render_histogram(m, out);
    render_http(m, out);
    render_protocols(m, out);
    render_shed(m, out);
    tm_promtext_head(out, "tenmint_requests_in_flight", "gauge", "Requests being served.");
    tm_buf_printf(out, "tenmint_requests_in_flight %u\n", scene->inflight);
    if (scene->verifier != NULL)
        render_issuers(scene->verifier, out);
    if (scene->tally != NULL)
        ca_tally_render(scene->tally, out);
    if (scene->log != NULL && scene->log->metrics != NULL)
        scene->log->metrics(scene->log->ctx, out);
    if (scene->ca_not_after != 0) { /* an alert rule would take 0 for the past */
        tm_promtext_head(out, "tenmint_ca_certificate_expiry_seconds", "gauge",
                         "End of the issuing CA certificate, Unix time.");
        tm_buf_printf(out, "tenmint_ca_certificate_expiry_seconds %" PRId64 "\n",
                      scene->ca_not_after);
    }
    tm_promtext_head(out, "tenmint_reloads_total", "counter",
                     "Reloads of configuration, issuers, CA key or TLS files by outcome.");
    tm_buf_printf(out,
                  "tenmint_reloads_total{outcome=\"ok\"} %llu\n"
                  "tenmint_reloads_total{outcome=\"refused\"} %llu\n",
                  get(&m->reloads[0]), get(&m->reloads[1]));
    tm_promtext_head(out, "tenmint_build_info", "gauge", "1, with the version as a label.");
    tm_buf_puts(out, "tenmint_build_info{version=\"");
    tm_promtext_label(out, scene->version);
    tm_buf_puts(out, "\"} 1\n");
}

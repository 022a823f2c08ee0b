/*
 * Counters of the CA, and their Prometheus text (exposition format 0.0.4).
 */
#pragma once

#include "ca/api/fault.h"
#include "ca/api/issue_log.h"
#include "ca/api/tally.h"
#include "common/http/http.h"
#include "common/buf.h"
#include "common/sink.h"
#include "oidc/verifier.h"

/* Updated by any thread without locks. Its memory is shared with the processes that are started
 * afterwards: each counts what it sees, and any can render all. */
struct ca_metrics;

struct ca_metrics *ca_metrics_new(void);
void ca_metrics_free(struct ca_metrics *m);

void ca_metrics_issued(struct ca_metrics *m);
void ca_metrics_audit_lost(struct ca_metrics *m); /* a certificate left before its line */
void ca_metrics_refused(struct ca_metrics *m, unsigned reason_index);
void ca_metrics_http(struct ca_metrics *m, const struct tm_http_event *ev);
void ca_metrics_shed(struct ca_metrics *m, enum tm_http_shed why);
void ca_metrics_set_in_flight(struct ca_metrics *m, unsigned n);
unsigned ca_metrics_in_flight(const struct ca_metrics *m);
void ca_metrics_set_tls_end(struct ca_metrics *m, int64_t not_after); /* Unix seconds */
int64_t ca_metrics_tls_end(const struct ca_metrics *m);
/* What the readiness checks found at `now_ms`, by tm_clock_mono_ms; what is old counts for no. */
void ca_metrics_set_ready(struct ca_metrics *m, bool ready, int64_t now_ms);
bool ca_metrics_ready(const struct ca_metrics *m, int64_t now_ms);
void ca_metrics_reload(struct ca_metrics *m, bool ok);

struct ca_metrics_scene {           /* what is read at the time of the scrape */
    struct oidc_verifier *verifier; /* or NULL */
    const struct ca_issue_log *log; /* or NULL */
    const struct ca_tally *tally;   /* or NULL */
    int64_t ca_not_after;           /* Unix seconds; 0: there is no CA */
    unsigned inflight;
    struct tm_sink *output; /* or NULL */
    bool audit_works;       /* certificates can be recorded */
    const char *version;
};
void ca_metrics_render(const struct ca_metrics *m, const struct ca_metrics_scene *scene,
                       struct tm_buf *out);

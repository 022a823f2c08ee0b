/* The logs' figures in Prometheus text, one family after another. */

#include <stdio.h>

#include "ca/ct/internal.h"
#include "common/promtext.h"

struct scene {
    size_t count;
    const char *name[CT_LOGS_MAX];
    struct ca_ct_log_stats stats[CT_LOGS_MAX];
};

static void look(const struct ca_ct *ct, struct scene *s)
{
    s->count = 0;
    for (size_t i = 0; i < ct->count; i++) {
        if (ct->source[i].external == NULL)
            continue;
        s->name[s->count] = ca_ct_log_name(ct->source[i].external);
        ca_ct_log_stats(ct->source[i].external, &s->stats[s->count]);
        s->count++;
    }
}

/* One line: name{log="…"[,key="value"]} n */
static void line(struct tm_buf *out, const char *metric, const char *log, const char *key,
                 const char *value, unsigned long long n)
{
    tm_buf_printf(out, "%s{log=\"", metric);
    tm_promtext_label(out, log);
    if (key != NULL)
        tm_buf_printf(out, "\",%s=\"%s", key, value);
    tm_buf_printf(out, "\"} %llu\n", n);
}

static void latency(const struct scene *s, struct tm_buf *out)
{
    tm_promtext_head(out, "tenmint_ct_attempt_duration_seconds", "histogram",
                     "Time from asking a log to its answer, or to giving up.");
    for (size_t i = 0; i < s->count; i++) {
        const struct ca_ct_log_stats *st = &s->stats[i];
        unsigned long long total = 0;
        for (size_t b = 0; b < CT_LATENCY_BUCKETS; b++) {
            char bound[24];
            total += st->latency[b];
            snprintf(bound, sizeof(bound), "%g", (double)ca_ct_latency_bounds_ms[b] / 1000);
            line(out, "tenmint_ct_attempt_duration_seconds_bucket", s->name[i], "le", bound, total);
        }
        line(out, "tenmint_ct_attempt_duration_seconds_bucket", s->name[i], "le", "+Inf",
             st->attempts);
        tm_buf_puts(out, "tenmint_ct_attempt_duration_seconds_sum{log=\"");
        tm_promtext_label(out, s->name[i]);
        tm_buf_printf(out, "\"} %llu.%03llu\n", st->latency_ms / 1000, st->latency_ms % 1000);
        line(out, "tenmint_ct_attempt_duration_seconds_count", s->name[i], NULL, NULL,
             st->attempts);
    }
}

void ca_ct_metrics(void *ctx, struct tm_buf *out)
{
    const struct ca_ct *ct = ctx;
    struct scene s;
    look(ct, &s);
    for (size_t i = 0; i < ct->count; i++) {
        const struct ca_issue_log *embedded = ct->source[i].embedded;
        if (embedded != NULL && embedded->metrics != NULL)
            embedded->metrics(embedded->ctx, out);
    }
    tm_promtext_head(out, "tenmint_ct_submissions_total", "counter",
                     "Certificates that were to be entered in an external log.");
    for (size_t i = 0; i < s.count; i++)
        line(out, "tenmint_ct_submissions_total", s.name[i], NULL, NULL, s.stats[i].submissions);
    tm_promtext_head(out, "tenmint_ct_failures_total", "counter",
                     "Attempts without a valid SCT, by reason; skipped: the circuit was open.");
    for (size_t i = 0; i < s.count; i++) {
        for (size_t f = 0; f < CT_FAILURE_COUNT; f++)
            line(out, "tenmint_ct_failures_total", s.name[i], "reason", ca_ct_failure_names[f],
                 s.stats[i].failures[f]);
    }
    latency(&s, out);
    tm_promtext_head(out, "tenmint_ct_breaker_state", "gauge",
                     "Circuit breaker of a log: 0 closed, 1 half open, 2 open.");
    for (size_t i = 0; i < s.count; i++)
        line(out, "tenmint_ct_breaker_state", s.name[i], NULL, NULL, s.stats[i].breaker);
}

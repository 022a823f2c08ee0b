#include "ca/ct/embedded.h"

#include <stdio.h>
#include <stdlib.h>

#include "ca/log/ct/ctlog.h"
#include "ca/log/ct/format.h"
#include "common/promtext.h"
#include "common/transparency/sct.h"

struct ca_ct_embedded {
    struct ca_issue_log as_log;
    struct ca_kept *kept;
    struct ca_ctlog *log;
};

static enum ca_issue_log_status submit(void *ctx, const struct ca_issue_log_entry *entry,
                                       const struct oidc_waiter *waiter, void **ticket,
                                       struct tm_buf *sct_list, struct tm_err *e)
{
    (void)sct_list; /* never at once: it is an fsync away */
    const struct ca_ct_embedded *x = ctx;
    bool detached = entry->certificate != NULL;
    const struct tm_buf *cert = detached ? entry->certificate : entry->tbs;
    const struct ca_log_entry le = {
        .signed_entry = {.type = detached ? SCT_X509 : SCT_PRECERT,
                         .cert = cert->data,
                         .cert_len = cert->len,
                         .issuer_key_hash = entry->issuer_key_hash},
        .precert = entry->precert != NULL ? entry->precert->data : NULL,
        .precert_len = entry->precert != NULL ? entry->precert->len : 0,
        .issuer = entry->chain->der,
        .issuer_len = entry->chain->der_len,
        .issuer_count = entry->chain->count,
    };
    struct ca_log_ticket *t = NULL;
    if (ca_ctlog_add(x->log, &le, waiter->wake, waiter->arg, &t, e) != 0)
        return ISSUE_LOG_FAILED;
    *ticket = t;
    return ISSUE_LOG_WAIT;
}

static enum ca_issue_log_status collect(void *ctx, void *ticket, const struct oidc_waiter *waiter,
                                        struct tm_buf *sct_list, struct tm_err *e)
{
    const struct ca_ct_embedded *x = ctx;
    (void)waiter; /* the wake has come, so the outcome is there */
    struct tm_buf sct = {0};
    uint64_t index = 0;
    enum ca_log_outcome outcome = ca_ctlog_collect(x->log, ticket, &sct, &index, e);
    if (outcome == LOG_WAIT)
        tm_err_set(e, "the log called before it was done");
    bool ok = outcome == LOG_DONE && tm_sct_list_put(&sct, 1, sct_list, e) == 0;
    ca_log_ticket_free(ticket);
    tm_buf_free(&sct);
    return ok ? ISSUE_LOG_DONE : ISSUE_LOG_FAILED;
}

static void cancel(void *ctx, void *ticket)
{
    (void)ctx;
    ca_log_ticket_free(ticket);
}

static void histogram(struct tm_buf *out, const char *name, const char *help, const double *bounds,
                      const struct ca_log_histogram *h)
{
    uint64_t total = 0;
    tm_promtext_head(out, name, "histogram", help);
    for (size_t i = 0; i < LOG_BUCKETS; i++) {
        char bound[24] = "+Inf";
        total += h->bucket[i];
        if (i < LOG_BUCKETS - 1)
            snprintf(bound, sizeof(bound), "%g", bounds[i]);
        tm_buf_printf(out, "%s_bucket{le=\"%s\"} %llu\n", name, bound, (unsigned long long)total);
    }
    tm_buf_printf(out, "%s_sum %g\n%s_count %llu\n", name, h->sum, name,
                  (unsigned long long)h->count);
}

static void metrics(void *ctx, struct tm_buf *out)
{
    const struct ca_ct_embedded *x = ctx;
    struct ca_log_stats s;
    ca_log_stats_get(ca_ctlog_log(x->log), &s);
    const struct {
        const char *name, *type, *help;
        unsigned long long value;
    } rows[] = {
        {"tenmint_log_entries_total", "counter", "Entries logged since the start.", s.entries},
        {"tenmint_log_failures_total", "counter", "Entries refused or failed since the start.",
         s.failures},
        {"tenmint_log_size", "gauge", "Durable entries of the embedded log.", s.size},
        {"tenmint_log_checkpoint_size", "gauge", "Tree size of the published checkpoint.",
         s.checkpoint_size},
        {"tenmint_log_checkpoint_failures_total", "counter",
         "Checkpoints that could not be published.", s.checkpoint_failures},
        {"tenmint_log_cosignatures", "gauge", "Witnesses that cosigned the newest checkpoint.",
         ca_kept_cosignatures(x->kept)},
        {"tenmint_log_cosignature_quorum", "gauge",
         "Fewer cosignatures than this need a person (witness-quorum).", ca_kept_quorum(x->kept)},
        {"tenmint_log_disk_free_bytes", "gauge", "Free on the disk of the embedded log.",
         ca_kept_disk_free(x->kept)},
        {"tenmint_log_contradicted", "gauge",
         "1: a witness has proven that the log was rolled back or has forked. It takes no entries.",
         s.contradicted},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tm_promtext_head(out, rows[i].name, rows[i].type, rows[i].help);
        tm_buf_printf(out, "%s %llu\n", rows[i].name, rows[i].value);
    }
    tm_promtext_head(out, "tenmint_log_checkpoint_age_seconds", "gauge",
                     "Since the published checkpoint was signed.");
    tm_buf_printf(out, "tenmint_log_checkpoint_age_seconds %g\n",
                  (double)s.checkpoint_age_ms / 1000);
    histogram(out, "tenmint_log_group_entries", "Entries made durable by one fsync.",
              ca_log_group_bounds, &s.group);
    histogram(out, "tenmint_log_fsync_seconds", "Time of a group's fsync.", ca_log_fsync_bounds,
              &s.fsync);
}

static int ready(void *ctx, struct tm_err *e)
{
    const struct ca_ct_embedded *x = ctx;
    return ca_kept_ready(x->kept, ca_ctlog_log(x->log), e);
}

bool ca_ct_embedded_is_slow(const struct ca_ct_embedded *x)
{
    return ca_kept_is_slow(x->kept);
}

struct ca_ct_embedded *ca_ct_embedded_open(const struct ca_kept_options *o, struct tm_err *e)
{
    struct ca_log_options lo;
    struct ca_ct_embedded *x = calloc(1, sizeof(*x));
    if (x == NULL)
        return tm_err_null(e, "out of memory");
    x->as_log = (struct ca_issue_log){.ctx = x,
                                      .needs_precert = true, /* PrecertExtraData, static-ct-api */
                                      .submit = submit,
                                      .collect = collect,
                                      .cancel = cancel,
                                      .ready = ready,
                                      .metrics = metrics};
    struct ca_kept_options with = *o;
    with.format = &ca_log_format_ct;
    x->kept = ca_kept_open(&with, &lo, e);
    if (x->kept != NULL)
        x->log = ca_ctlog_open(&lo, e);
    if (x->log == NULL) {
        ca_ct_embedded_close(x);
        return NULL;
    }
    return x;
}

void ca_ct_embedded_close(struct ca_ct_embedded *x)
{
    if (x == NULL)
        return;
    ca_ctlog_close(x->log);
    ca_kept_close(x->kept);
    free(x);
}

const struct ca_issue_log *ca_ct_embedded_issue_log(const struct ca_ct_embedded *x)
{
    return &x->as_log;
}

struct ca_log *ca_ct_embedded_log(const struct ca_ct_embedded *x)
{
    return ca_ctlog_log(x->log);
}

struct ca_ctlog *ca_ct_embedded_ctlog(const struct ca_ct_embedded *x)
{
    return x->log;
}

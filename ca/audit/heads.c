#include "ca/audit/heads.h"

#include <errno.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#include "ca/log/signatures/format.h"
#include "common/promtext.h"

#define TYPE "tenmint audit head 1"
#define DURABLE_S 10 /* an fsync that takes longer is as good as none */

struct ca_audit_heads {
    struct ca_log_format format;
    struct ca_kept_options options;
    struct ca_kept *kept;
    struct ca_log *log;
    sem_t durable; /* posted for each entry */
};

/* ---- an entry ---- */

void ca_audit_head_put(const struct ca_audit_head *head, struct tm_buf *out)
{
    ca_audit_head_write(TYPE, head, out);
}

int ca_audit_head_read(const void *text, size_t len, struct ca_audit_head *out, struct tm_err *e)
{
    int rc = ca_audit_head_parse(text, len, TYPE, true, out, e);
    return rc == 0 && out->seq == 0 ? tm_err_set(e, "'seq' is 0") : rc;
}

/* ---- the log ---- */

/* A log of entries of text, as that of signatures is; its folder says that it is another. */
static struct ca_log_format heads_format(void)
{
    struct ca_log_format f = ca_log_format_signatures;
    f.kind = "tenmint audit heads 1";
    return f;
}

int ca_audit_heads_create(const struct ca_log_options *o, struct tm_err *e)
{
    struct ca_log_format f = heads_format();
    struct ca_log_options made = *o;
    made.format = &f;
    return ca_log_create(&made, e);
}

struct ca_audit_heads *ca_audit_heads_open(const struct ca_kept_options *o, struct tm_err *e)
{
    struct ca_log_options lo;
    struct ca_audit_heads *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return tm_err_null(e, "out of memory");
    (void)sem_init(&h->durable, 0, 0);
    h->format = heads_format();
    h->options = *o;
    h->options.format = &h->format;
    h->kept = ca_kept_open(&h->options, &lo, e);
    h->log = h->kept != NULL ? ca_log_open(&lo, e) : NULL;
    if (h->log != NULL)
        return h;
    ca_audit_heads_close(h);
    return NULL;
}

void ca_audit_heads_close(struct ca_audit_heads *h)
{
    if (h == NULL)
        return;
    ca_log_close(h->log);
    ca_kept_close(h->kept);
    (void)sem_destroy(&h->durable);
    free(h);
}

static void on_durable(void *arg)
{
    (void)sem_post(arg);
}

/* A post of an entry that was given up comes when another is waited for: each is looked at. */
static int wait_durable(struct ca_audit_heads *h, const struct ca_log_ticket *t, struct tm_err *e)
{
    struct timespec until;
    enum ca_log_outcome outcome;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += DURABLE_S;
    while ((outcome = ca_log_poll(t, e)) == LOG_WAIT) {
        if (sem_clockwait(&h->durable, CLOCK_MONOTONIC, &until) != 0 && errno == ETIMEDOUT)
            return tm_err_set(e, "the log of heads does not write");
    }
    return outcome == LOG_DONE ? 0 : -1;
}

int ca_audit_heads_add(struct ca_audit_heads *h, const struct ca_audit_head *head, struct tm_err *e)
{
    struct tm_buf text = {0};
    struct ca_log_draft draft;
    struct ca_log_ticket *ticket = NULL;
    ca_audit_head_put(head, &text);
    int rc =
        buf_failed(&text) ? tm_err_set(e, "out of memory") : ca_sig_draft_init(&draft, &text, e);
    if (rc == 0)
        rc = ca_log_append(h->log, &draft, on_durable, &h->durable, &ticket, e);
    if (rc == 0) {
        rc = wait_durable(h, ticket, e);
        ca_log_ticket_free(ticket);
    }
    tm_buf_free(&text);
    return rc;
}

void ca_audit_heads_metrics(struct ca_audit_heads *h, struct tm_buf *out)
{
    struct ca_log_stats s;
    ca_log_stats_get(h->log, &s);
    tm_promtext_head(out, "tenmint_audit_head_checkpoint_age_seconds", "gauge",
                     "Since the log of audit heads last published a checkpoint.");
    tm_buf_printf(out, "tenmint_audit_head_checkpoint_age_seconds %.1f\n",
                  (double)s.checkpoint_age_ms / 1000);
    tm_promtext_head(out, "tenmint_audit_head_contradicted", "gauge",
                     "1: a witness has proven that the log of audit heads was rolled back.");
    tm_buf_printf(out, "tenmint_audit_head_contradicted %d\n", s.contradicted);
    tm_promtext_head(out, "tenmint_audit_disk_free_bytes", "gauge",
                     "Free on the disk of the audit trail's folder.");
    tm_buf_printf(out, "tenmint_audit_disk_free_bytes %" PRIu64 "\n", ca_kept_disk_free(h->kept));
    tm_promtext_head(out, "tenmint_audit_head_cosignatures", "gauge",
                     "Witnesses that cosigned the newest checkpoint of audit heads.");
    tm_buf_printf(out, "tenmint_audit_head_cosignatures %zu\n", ca_kept_cosignatures(h->kept));
    tm_promtext_head(out, "tenmint_audit_head_cosignatures_wanted", "gauge",
                     "witness-quorum of the audit store.");
    tm_buf_printf(out, "tenmint_audit_head_cosignatures_wanted %zu\n", ca_kept_quorum(h->kept));
}

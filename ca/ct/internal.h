/* Inside ca/ct only: the composite and one certificate's way through it. */
#pragma once

#include "ca/ct/ct.h"

struct ca_ct_source {                    /* one log, of either kind */
    struct ca_ct_log *external;          /* NULL: the embedded one */
    const struct ca_issue_log *embedded; /* NULL: an external one */
    unsigned operator_id;                /* equal for logs of one operator; below CT_LOGS_MAX + 1 */
};

struct ca_ct {
    struct ca_issue_log as_log;
    const struct ca_issue_log *chosen;
    struct tm_fetch_pool *pool; /* NULL: no external logs */
    struct ca_ct_source source[CT_LOGS_MAX + 1];
    size_t count;
    unsigned scts_required, operators_required;
    int64_t deadline_ms;
};

/* submission.c: struct ca_issue_log's functions */
enum ca_issue_log_status ca_ct_submit(void *ctx, const struct ca_issue_log_entry *entry,
                                      const struct oidc_waiter *waiter, void **ticket,
                                      struct tm_buf *sct_list, struct tm_err *e);
enum ca_issue_log_status ca_ct_collect(void *ctx, void *ticket, const struct oidc_waiter *waiter,
                                       struct tm_buf *sct_list, struct tm_err *e);
void ca_ct_cancel(void *ctx, void *ticket);

/* ready.c */
int ca_ct_ready(void *ctx, struct tm_err *e);

/* metrics.c */
void ca_ct_metrics(void *ctx, struct tm_buf *out);

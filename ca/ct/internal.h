/* Inside ca/ct only: the composite and one certificate's way through it. */
#ifndef TENMINT_CA_CT_INTERNAL_H
#define TENMINT_CA_CT_INTERNAL_H

#include "ca/ct/ct.h"

struct ct_source {                    /* one log, of either kind */
    struct ct_log *external;          /* NULL: the embedded one */
    const struct issue_log *embedded; /* NULL: an external one */
    unsigned operator_id;             /* equal for logs of one operator; below CT_LOGS_MAX + 1 */
};

struct ct {
    struct issue_log as_log;
    const struct issue_log *chosen;
    struct fetch_pool *pool; /* NULL: no external logs */
    struct ct_source source[CT_LOGS_MAX + 1];
    size_t count;
    unsigned scts_required, operators_required;
    int64_t deadline_ms;
};

/* submission.c: struct issue_log's functions */
enum issue_log_status ct_submit(void *ctx, const struct issue_log_entry *entry,
                                const struct oidc_waiter *waiter, void **ticket,
                                struct buf *sct_list, struct err *e);
enum issue_log_status ct_collect(void *ctx, void *ticket, const struct oidc_waiter *waiter,
                                 struct buf *sct_list, struct err *e);
void ct_cancel(void *ctx, void *ticket);

/* metrics.c */
void ct_metrics(void *ctx, struct buf *out);

#endif

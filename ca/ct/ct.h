/*
 * Certificate transparency in the issuing path: the embedded log and external ones behind
 * the one struct issue_log that issuance calls. All logs that take the certificate are asked at
 * once; issuance goes on as soon as enough have answered, and fails once that cannot happen.
 */
#ifndef TENMINT_CA_CT_H
#define TENMINT_CA_CT_H

#include "ca/api/issue_log.h"
#include "ca/ct/log.h"
#include "common/jlog.h"

#define CT_LOGS_MAX 32
#define CT_DEADLINE_MS 15000 /* the default */

struct ct_member { /* one external log */
    struct ct_log_options log;
    const char *operator_name; /* NULL: the log's name, an operator of its own */
};

struct ct_options {                   /* borrowed during ct_new, but for `embedded` and `jlog` */
    const struct issue_log *embedded; /* or NULL; outlives the ct */
    const unsigned char *embedded_id; /* with it: its log id, 32 bytes */
    const struct ct_member *members;
    size_t count;
    unsigned scts_required;      /* from distinct logs; at least 1 */
    unsigned operators_required; /* distinct ones among them; at least 1 */
    int64_t deadline_ms;         /* for all attempts of one certificate */
    bool detached;               /* add-chain, the first SCT beside the certificate */
    struct jlog *jlog;           /* or NULL */
};

struct ct;

/* Refuses a policy that its logs can never meet, and two logs with one name or one key, be one of
 * them the embedded one. NULL with `e` set. */
struct ct *ct_new(const struct ct_options *o, struct err *e);

/* Ends what is under way (waiters are called), joins its thread. Call it after the HTTP server
 * has stopped and before the embedded log is freed. NULL is fine. */
void ct_free(struct ct *ct);

/* What issuance calls. With only the embedded log it is that log's own. Lives as long as `ct`. */
const struct issue_log *ct_issue_log(const struct ct *ct);

#endif

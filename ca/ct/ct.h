/*
 * Certificate transparency in the issuing path: the embedded log and external ones behind
 * the one struct ca_issue_log that issuance calls. All logs that take the certificate are asked at
 * once; issuance goes on as soon as enough have answered, and fails once that cannot happen.
 */
#pragma once

#include "ca/api/issue_log.h"
#include "ca/ct/log.h"
#include "common/jlog.h"

#define CT_LOGS_MAX 32
#define CT_DEADLINE_MS 15000 /* the default */

struct ca_ct_member { /* one external log */
    struct ca_ct_log_options log;
    const char *operator_name; /* NULL: the log's name, an operator of its own */
};

struct ca_ct_options { /* borrowed during ca_ct_new, but for `embedded` and `jlog` */
    const struct ca_issue_log *embedded; /* or NULL; outlives the ct */
    const unsigned char *embedded_id;    /* with it: its log id, 32 bytes */
    const struct ca_ct_member *members;
    size_t count;
    unsigned scts_required;         /* from distinct logs; at least 1 */
    unsigned operators_required;    /* distinct ones among them; at least 1 */
    int64_t deadline_ms;            /* for all attempts of one certificate */
    bool detached;                  /* add-chain, the first SCT beside the certificate */
    struct tm_jlog *jlog;           /* or NULL */
    struct tm_fetch_hub *fetch_hub; /* whose process asks the logs; outlives the ct; NULL: ours */
};

struct ca_ct;

/* Refuses a policy that its logs can never meet, and two logs with one name or one key, be one of
 * them the embedded one. NULL with `e` set. */
struct ca_ct *ca_ct_new(const struct ca_ct_options *o, struct tm_err *e);

/* Ends what is under way (waiters are called), joins its thread. Call it after the HTTP server
 * has stopped and before the embedded log is freed. NULL is fine. */
void ca_ct_free(struct ca_ct *ct);

/* What issuance calls. With only the embedded log it is that log's own. Lives as long as `ct`. */
const struct ca_issue_log *ca_ct_issue_log(const struct ca_ct *ct);

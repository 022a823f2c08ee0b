/*
 * The embedded log (ca/log) as issuance sees it: opened with its key, asked through struct
 * issue_log.
 */
#ifndef TENMINT_CA_CT_EMBEDDED_H
#define TENMINT_CA_CT_EMBEDDED_H

#include "ca/api/issue_log.h"
#include "ca/log/engine/log.h"
#include "ca/log/witness/client.h"
#include "common/key/key.h"

struct ca_ct_embedded_options { /* borrowed, and outlives the log */
    const char *directory;      /* NULL: there is no embedded log */
    const char *origin;
    struct tm_key_source key;
    int64_t checkpoint_interval_ms; /* 0: the log's default */
    const char *anchor;             /* or NULL */
    struct tm_jlog *jlog;           /* or NULL */

    const struct ca_witness_peer *witness; /* that cosign checkpoints; none: witness_count is 0 */
    size_t witness_count;
    size_t witness_quorum;      /* fewer are a warning */
    int64_t witness_timeout_ms; /* 0: the client's default */
    int64_t witness_rest_ms;    /* likewise */
    bool witness_allow_http;
    struct tm_fetch_hub *fetch_hub; /* whose process asks the witnesses; NULL: this one */
};

/* The warning for a log that has neither anchor nor witness; NULL for one that has. */
const char *ca_ct_embedded_undetected(const struct ca_ct_embedded_options *o);

struct ca_ct_embedded;
struct ca_ctlog;

/* Opens the key and the log for writing. NULL with `e` set. */
struct ca_ct_embedded *ca_ct_embedded_open(const struct ca_ct_embedded_options *o,
                                           struct tm_err *e);
/* After the HTTP server has stopped: finishes what is queued. NULL is fine. */
void ca_ct_embedded_close(struct ca_ct_embedded *x);

const struct ca_issue_log *ca_ct_embedded_issue_log(const struct ca_ct_embedded *x);
struct ca_log *ca_ct_embedded_log(const struct ca_ct_embedded *x); /* for who serves it */
struct ca_ctlog *ca_ct_embedded_ctlog(const struct ca_ct_embedded *x);

#endif

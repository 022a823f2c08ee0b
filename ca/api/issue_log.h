/*
 * Where a certificate is logged before it is issued. The CA's issuance calls this
 * interface and nothing else of a log; NULL means that no log is configured.
 *
 * A log may be embedded (an fsync away) or remote (a request away): both answer
 * later, by waking the waiter.
 */
#pragma once

#include "ca/signer/signer.h"
#include "common/buf.h"
#include "common/err.h"
#include "oidc/verifier.h"

enum ca_issue_log_status {
    ISSUE_LOG_DONE,   /* the SCT list is there */
    ISSUE_LOG_WAIT,   /* the waiter will be woken once; then call collect */
    ISSUE_LOG_FAILED, /* `e` says why */
};

/* One entry, RFC 6962 §3.2: a precert_entry, or for a detached SCT an x509_entry. Valid during
 * the call only: copy what is needed. */
struct ca_issue_log_entry {
    const struct tm_buf *tbs;     /* TBSCertificate without poison and SCT list; NULL: detached */
    const struct tm_buf *precert; /* signed, with poison; NULL unless needs_precert */
    const struct tm_buf *certificate;     /* detached: the signed certificate; else NULL */
    const unsigned char *issuer_key_hash; /* 32 bytes: SHA-256 of the CA's SPKI */
    int64_t not_after;                    /* of the certificate, Unix seconds: chooses the shard */
    const struct ca_signer_chain *chain;
};

struct ca_issue_log {
    void *ctx;
    bool needs_precert; /* costs one more CA signature per certificate */
    bool detached;      /* the certificate itself is logged and its SCT travels beside it */

    /* Starts logging. On WAIT, *ticket names the submission until collect gives DONE or FAILED,
     * or cancel. On DONE, *ticket is unused and `sct_list` holds the TLS-encoded
     * SignedCertificateTimestampList (RFC 6962 §3.3). Any thread. */
    enum ca_issue_log_status (*submit)(void *ctx, const struct ca_issue_log_entry *entry,
                                       const struct oidc_waiter *waiter, void **ticket,
                                       struct tm_buf *sct_list, struct tm_err *e);
    /* After a wake. WAIT hands the waiter over again. */
    enum ca_issue_log_status (*collect)(void *ctx, void *ticket, const struct oidc_waiter *waiter,
                                        struct tm_buf *sct_list, struct tm_err *e);
    /* The request ended without the answer; a waiter that is still held is called all the same. */
    void (*cancel)(void *ctx, void *ticket);
    /* Whether it would take an entry now: 0, or -1 with the reason. Does not wait for anybody, but
     * may begin to ask a log for the next time. One thread at a time; may be NULL. */
    int (*ready)(void *ctx, struct tm_err *e);
    /* Appends Prometheus text about the log; may be NULL. */
    void (*metrics)(void *ctx, struct tm_buf *out);
};

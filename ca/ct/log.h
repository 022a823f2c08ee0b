/*
 * One external log: RFC 6962 §4.1 add-chain and §4.2 add-pre-chain over HTTP (also the
 * submission API of static-ct-api logs), its answer verified before anyone sees it.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "ca/api/issue_log.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/fetch/fetch.h"
#include "common/jlog.h"

struct ca_ct_log_options {       /* text is borrowed during ca_ct_log_new only */
    const char *name;            /* in messages, metrics and the audit log */
    const char *url;             /* submission prefix: "/ct/v1/…" is appended */
    const char *public_key_file; /* the log's, PEM or DER */
    const char *host;            /* Host header in place of the URL's; or NULL */
    const char *tls_ca_file;     /* PEM: these CAs and no others; NULL: the system's */
    int64_t not_after_start;     /* shard: certificates that end at or after this, Unix seconds; */
    int64_t not_after_limit;     /* and before this; 0: no bound */
    int64_t timeout_ms;          /* one attempt; 0: 5000 */
    bool allow_http;             /* http:// to hosts other than loopback */
};

/* What is shown to every log: made once, shared by the attempts; reference counted. */
struct ca_ct_evidence;

/* Copies from `entry`. `deadline_ms` (tm_clock_mono_ms): no attempt lasts longer. */
struct ca_ct_evidence *ca_ct_evidence_new(const struct ca_issue_log_entry *entry,
                                          int64_t deadline_ms, struct tm_err *e);
void ca_ct_evidence_unref(struct ca_ct_evidence *ev); /* NULL is fine */
/* Nobody waits any more: what failed is not tried again. */
void ca_ct_evidence_abandon(struct ca_ct_evidence *ev);

struct ca_ct_log;

/* `pool` and `log` must outlive it. NULL with `e` set. */
struct ca_ct_log *ca_ct_log_new(const struct ca_ct_log_options *o, struct tm_fetch_pool *pool,
                                struct tm_jlog *jlog, struct tm_err *e);
void ca_ct_log_free(struct ca_ct_log *l); /* after the pool was freed; NULL is fine */
const char *ca_ct_log_name(const struct ca_ct_log *l);
bool ca_ct_log_same_key(const struct ca_ct_log *a, const struct ca_ct_log *b);
bool ca_ct_log_has_id(const struct ca_ct_log *l, const unsigned char id[32]); /* RFC 6962 §3.2 */

/* Whether a certificate that ends at `not_after` is for this shard. */
bool ca_ct_log_takes(const struct ca_ct_log *l, int64_t not_after);

/* Called once, on the pool's thread. `sct`: verified bytes, valid during the call; NULL: `e` says
 * why there is none. */
typedef void (*ct_log_done_fn)(void *arg, const struct tm_buf *sct, const struct tm_err *e);

/* Asks the log, and asks again while that makes sense. -1: it is not asked now (`e`: circuit
 * open, …) and `done` is not called. Any thread. */
int ca_ct_log_submit(struct ca_ct_log *l, struct ca_ct_evidence *ev, ct_log_done_fn done, void *arg,
                     struct tm_err *e);

/* Whether it would answer a submission now: 0, or -1 with the reason. What is known comes from the
 * last answers; a log that nobody asked lately is asked for its roots (RFC 6962 §4.7) meanwhile. */
int ca_ct_log_ready(struct ca_ct_log *l, struct tm_err *e);
#define CA_CT_PROBE_MS 5000       /* since the last answer */
#define CA_CT_PROBE_AGAIN_MS 2000 /* while there is none */

/* Figures, for one metrics family after another. */
enum ca_ct_failure {
    CT_FAILURE_NETWORK, /* no connection, TLS, truncated */
    CT_FAILURE_TIMEOUT,
    CT_FAILURE_BUSY,      /* 408, 429, 5xx */
    CT_FAILURE_REFUSED,   /* another status, a redirect */
    CT_FAILURE_ANSWER,    /* too large, not JSON, not an SCT */
    CT_FAILURE_SIGNATURE, /* wrong key, log id or time */
    CT_FAILURE_SKIPPED,   /* not asked: circuit open */
    CT_FAILURE_COUNT
};
extern const char *const ca_ct_failure_names[CT_FAILURE_COUNT];

#define CT_LATENCY_BUCKETS 6
extern const int64_t ca_ct_latency_bounds_ms[CT_LATENCY_BUCKETS]; /* the rest is +Inf */

struct ca_ct_log_stats {
    unsigned long long submissions;
    unsigned long long attempts;
    unsigned long long failures[CT_FAILURE_COUNT];
    unsigned long long latency[CT_LATENCY_BUCKETS + 1]; /* attempts; not cumulative */
    unsigned long long latency_ms;                      /* their sum */
    unsigned breaker;                                   /* 0 closed, 1 half open, 2 open */
};
void ca_ct_log_stats(struct ca_ct_log *l, struct ca_ct_log_stats *out);

/*
 * HTTP client over libcurl with the limits every caller here wants: response
 * size, total time, no redirect to another host, HTTPS unless loopback or
 * allowed, own CA certificates, and no signals.
 *
 * tm_fetch_run() is synchronous. struct tm_fetch_pool runs many transfers at once on
 * one background thread and calls back on that thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct tm_fetch_request {
    const char *url;       /* http:// or https:// */
    const char *post_body; /* NULL: GET; wiped when it was sent */
    size_t post_len;
    bool put;              /* PUT in place of POST */
    const char *aws_sigv4; /* "aws:amz:REGION:SERVICE": signed so (libcurl's SigV4), with … */
    const char *user, *password; /* … the access key's id and secret; NULL */
    const char *const *headers;  /* "Name: value" strings, NULL-terminated list; or NULL */
    const char *ca_pem;          /* extra (or only) trusted CAs as PEM; NULL: the system's */
    bool ca_only;                /* ca_pem replaces the system's CAs */
    bool allow_http;             /* permit http:// to hosts other than loopback */
    bool no_proxy;               /* to the host itself, whatever the environment says of proxies */
    long timeout_ms;             /* whole transfer; 0: 10 000 */
    long stall_ms;               /* instead: fails after so long below 1 KiB/s; 0: timeout_ms */
    size_t max_bytes;            /* response body, decompressed; 0: 1 MiB */
    bool gzip;                   /* ask for a compressed answer; one that comes is undone anyway */
    int64_t delay_ms;            /* tm_fetch_pool_start: the transfer begins this much later */
    /* Takes the body of a 200 in parts, which is then not collected; not 0 stops. Or NULL. */
    int (*sink)(void *arg, const void *data, size_t len);
    void *sink_arg;
    unsigned tries;                /* tm_fetch_run_again: at most so often; 0: TM_FETCH_TRIES */
    struct fetch_session *session; /* keeps connections between fetch_runs; or NULL */
};

struct tm_fetch_response {
    long status;           /* HTTP status; 0 when none was received */
    struct tm_buf body;    /* at most max_bytes */
    int64_t max_age_s;     /* Cache-Control max-age, -1 when absent */
    int64_t retry_after_s; /* Retry-After in seconds, -1 when absent or a date */
    bool timed_out;        /* why rc is -1: timeout_ms */
    bool limit_broken;     /* why rc is -1: too large, or redirected where we do not go */
    bool lost;             /* why rc is -1: the connection was refused, or broke off */
    bool unreached;        /* why rc is -1: no such name, no connection, or timed out */
    char content_type[128];
    char request_id[65]; /* X-Request-Id, to ask the other side about; "" when absent or odd */
};

/* For one thread at a time. NULL: out of memory. */
struct fetch_session *tm_fetch_session_new(void);
void tm_fetch_session_free(struct fetch_session *s);

/* 0: some HTTP status was received; -1: none, or a limit was broken. Never logs headers or bodies.
 */
int tm_fetch_run(const struct tm_fetch_request *req, struct tm_fetch_response *resp,
                 struct tm_err *e);
void tm_fetch_response_free(struct tm_fetch_response *resp);

struct tm_fetch_pool; /* one thread, many transfers */

/* Called once on the pool's thread. `rc` as tm_fetch_run; `resp` is freed after the call. */
typedef void (*fetch_done_fn)(void *arg, int rc, struct tm_fetch_response *resp,
                              const struct tm_err *e);

/* At most `transfers` run at once; more wait their turn, in the order of their start, and their
 * time-outs begin with it. */
struct tm_fetch_pool *tm_fetch_pool_new(unsigned transfers, struct tm_err *e);

/* A pool whose fetches another process carries out (common/fetch/far.h); hub NULL: this one does.
 * The hub outlives the pool. Such a pool takes no `sink` and no `session`. */
struct tm_fetch_hub;
struct tm_fetch_pool *tm_fetch_pool_open(struct tm_fetch_hub *hub, unsigned transfers,
                                         struct tm_err *e);

/* Copies `req`. -1: not queued (the callback is then not called). Any thread. */
int tm_fetch_pool_start(struct tm_fetch_pool *p, const struct tm_fetch_request *req,
                        fetch_done_fn done, void *arg, struct tm_err *e);

/* Aborts what is under way (each callback is called with rc -1), joins the thread. */
void tm_fetch_pool_free(struct tm_fetch_pool *p);

/* An http or https URL without credentials; http only for loopback, or with allow_http. */
int tm_fetch_check_url(const char *url, bool allow_http, struct tm_err *e);

/* The host part of `url` is 127.0.0.0/8, [::1] or localhost. */
bool tm_fetch_is_loopback(const char *url);

/* Both are http or https URLs of the same scheme, host and port. */
bool tm_fetch_same_origin(const char *a, const char *b);

/*
 * Fulcio's HTTP API: routes over common/http, issuance by ca/api/issue.
 */
#pragma once

#include "ca/audit/far.h"
#include "ca/api/issue_log.h"
#include "ca/api/limits.h"
#include "ca/api/metrics.h"
#include "ca/api/once.h"
#include "ca/api/ready.h"
#include "common/http/http.h"
#include "ca/proof/proof.h"
#include "ca/signer/signer.h"
#include "common/jlog.h"
#include "common/offload.h"
#include "common/sink.h"
#include "oidc/verifier.h"

struct ca_api;

/* What a server may be without; its paths then answer 404 with a word. */
enum ca_api_part {
    CA_API_CERTIFICATES = 1,
    CA_API_CT_LOG = 2,
    CA_API_SIGNATURE_LOG = 4,
    CA_API_TIMESTAMPS = 8,
    CA_API_TUF = 16,
};

struct ca_api_options { /* pointers are borrowed and must outlive the api */
    unsigned absent; /* enum ca_api_part; without certificates there is no verifier and no policy */
    struct oidc_verifier *verifier;
    const struct ca_proof_policy *policy;
    const struct ca_issue_log *log; /* transparency log; NULL: none */
    struct tm_offload *signing;     /* where a CA key that takes its time signs; NULL: here */
    struct tm_jlog *jlog;           /* or NULL */
    struct tm_sink *output;         /* where `jlog` writes, for the metrics; or NULL */
    struct tm_sink *audit;          /* where certificates are recorded; NULL: nowhere */
    struct ca_audit_far *trail;     /* the audit trail's database, which then keeps the records, or
                                       NULL */
    struct ca_freeze *freeze;       /* whose certificates are stopped; NULL: nobody's */
    bool audit_best_effort;         /* a certificate leaves although its line may be lost */
    size_t max_message;             /* bytes of a gRPC message; 0: API_MESSAGE_DEFAULT */
    bool packed; /* signing requests come as ca/api/packed.h has them, from a front */
    struct ca_metrics *metrics;
    int64_t lifetime_s; /* of a certificate: 1 to API_LIFETIME_MAX */
    bool subject_key_id;
    struct ca_limits_options limits;
    const struct ca_once *once; /* NULL: a token may be used again until it expires */
    bool once_optional;         /* who cannot be told is let in */
    int64_t (*now_s)(void);     /* Unix seconds; NULL: the system's clock, checked */
    const char *version;
    /* Appends further figures to the metrics page; or NULL. On the metrics listener's thread. */
    void (*more_metrics)(void *ctx, struct tm_buf *out);
    void *more_metrics_ctx;
    const struct ca_ready_check *checks; /* of the other parts; borrowed during the call */
    size_t check_count;                  /* to CA_API_CHECKS_MAX */
};

#define CA_API_CHECKS_MAX 5
#define API_MESSAGE_DEFAULT ((size_t)256 * 1024)
#define API_LIFETIME_DEFAULT 600
#define API_LIFETIME_MAX 86400

/* Refuses a lifetime out of range. `ca`: NULL without certificates. NULL with `e` set. */
struct ca_api *ca_api_new(const struct ca_api_options *o, struct ca_signer *ca, struct tm_err *e);
void ca_api_free(struct ca_api *api);

/* Puts another CA (NULL: the same) and the verifier's trust list in force. Requests under way
 * keep what they began with. -1: nothing changed. Any thread. */
int ca_api_refresh(struct ca_api *api, struct ca_signer *ca, struct tm_err *e);

/* The part of the API that a process without a CA answers itself, for one whose requests go by a
 * relay: faults and /healthz. Of `o` it needs absent, jlog and metrics. */
struct ca_api *ca_api_front_new(const struct ca_api_options *o, struct tm_err *e);
/* As ca_api_serve, with the front's handlers in the rows. `rows` has room for CA_API_ROUTES_MAX and
 * is borrowed. */
#define CA_API_ROUTES_MAX 16
typedef enum tm_http_result ca_api_handler(void *ctx, struct tm_http_exchange *x);
struct ca_api_front {
    ca_api_handler *relay; /* of what is not named here */
    ca_api_handler *sign_v1, *sign_v2, *sign_grpc, *health_check, *health_watch;
};
void ca_api_front_serve(struct ca_api *api, struct tm_http_options *o, struct tm_http_route *rows,
                        const struct ca_api_front *h);
/* What a front's handlers of gRPC's health are made of; ctx is the api. */
ca_api_handler ca_api_health_check;
ca_api_handler ca_api_health_watch;
/* Words the reply to a request whose answer did not come in time. */
enum tm_http_result ca_api_late(struct ca_api *api, struct tm_http_exchange *x);
/* Bytes of a request that gRPC has sent: -1 with the reply made. */
int ca_api_front_message(struct ca_api *api, struct tm_http_exchange *x, struct tm_buf *message);
void ca_api_front_serve_metrics(struct ca_api *api, struct tm_http_options *o,
                                struct tm_http_route *rows, ca_api_handler *relay);

/* Sets routes and ctx for tm_http_far_server_new: those of both listeners. */
void ca_api_serve_all(struct ca_api *api, struct tm_http_options *o);

/* Sets routes, ctx, fault and observe in `o`. */
void ca_api_serve(struct ca_api *api, struct tm_http_options *o);

/* Begins to look at what /readyz tells (ca/api/ready.h); until then it is 503. Stop it before the
 * verifier, the log or the sinks are freed; NULL is fine. */
int ca_api_ready_start(struct ca_api *api, struct tm_err *e);
void ca_api_ready_stop(struct ca_api *api);

/* Whether certificates can be dated: 0, or -1 with the reason. Any thread. */
int ca_api_clock_ready(struct ca_api *api, struct tm_err *e);

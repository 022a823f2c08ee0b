/* What the files of ca/api share. */
#pragma once

#include <stdatomic.h>

#include "ca/api/api.h"
#include "ca/api/issue.h"
#include "ca/api/ready.h"
#include "ca/api/tally.h"
#include "ca/api/view.h"
#include "common/checked_clock.h"
#include "common/gate.h"

struct ca_api {
    struct ca_api_options o;
    struct ca_issue_env env;
    EVP_MD *sha256;
    struct ca_limits *limits; /* NULL: none */
    struct ca_tally *tally;
    struct tm_checked_clock clock;
    struct ca_ready *ready;
    struct tm_gate gate;
    struct ca_api_view *_Atomic view;
    atomic_uint watches;                          /* of the health */
    struct tm_http_route rows[CA_API_ROUTES_MAX]; /* of a server without a CA */
};

struct ca_api_view *ca_api_view_get(struct ca_api *api); /* a reference */

/* What certificates are dated by. -1: API_FAULT_CLOCK. */
int ca_api_now(struct ca_api *api, int64_t *now_s, struct ca_api_failure *f);

/* ready_checks.c */
struct ca_ready *ca_api_ready_new(struct ca_api *api, struct tm_err *e);

/* sign.c */
enum tm_http_result ca_api_sign_v2(void *ctx, struct tm_http_exchange *x);
enum tm_http_result ca_api_sign_v1(void *ctx, struct tm_http_exchange *x);

/* absent.c: 404, with a word about what the server does not serve. */
void ca_api_refuse_path(struct ca_api *api, struct tm_http_exchange *x);
enum tm_http_result ca_api_not_served(void *ctx, struct tm_http_exchange *x);

enum tm_http_result ca_api_sign_grpc(void *ctx, struct tm_http_exchange *x);

/* sct.c: appends the JSON of Fulcio's form of the list's first SCT */
int ca_api_sct_json(const struct tm_buf *sct_list, struct tm_buf *out, struct tm_err *e);
/* sct.c: appends base64 of Fulcio's JSON form of the list's first SCT, for a reply. */
int ca_api_detached_sct(const struct tm_buf *sct_list, struct tm_buf *out, struct tm_err *e);

/* audit.c: with the answer, where it has room for it */
void ca_api_reply_request_id(struct tm_http_exchange *x, const char *id);

/* audit.c: one log line and one count, then the reply */
void ca_api_refuse(struct ca_api *api, struct tm_http_exchange *x, struct ca_api_failure *f,
                   const struct oidc_result *who);

/* Whether certificates can be recorded now: 0, or -1. */
int ca_api_audit_look(const struct ca_api *api, struct tm_err *e);
/* The same for ca_issue_env; `api` is a struct ca_api. */
int ca_api_audit_ready(const void *api, struct ca_api_failure *f);

/* The record of a certificate that is about to leave: in the trail's database, or, where there is
 * none, a line. */
struct ca_api_record { /* zero-initialise; at most one of them */
    struct tm_sink_promise *line;
    struct ca_audit_promise *stored;
};

/* Writes it. The certificate may leave when this is SINK_KEPT; on SINK_WAIT, x is woken and then
 * ca_api_audit_kept asked. */
enum tm_sink_status ca_api_audit_issued(struct ca_api *api, struct tm_http_exchange *x,
                                        const struct ca_issue_job *job,
                                        struct ca_api_record *record, struct tm_err *e);
enum tm_sink_status ca_api_audit_kept(const struct ca_api_record *record, struct tm_err *e);
void ca_api_audit_free(struct ca_api_record *record);

/* The two signing routes: parse, step through issuance, word the reply. */
#include <stdlib.h>
#include <string.h>

#include "ca/api/grpc.h"
#include "ca/api/internal.h"
#include "ca/api/message.h"
#include "ca/api/packed.h"
#include "common/pem.h"
#include "common/request_id.h"

/* A signing request between its body's end and its reply. */
struct call {
    struct ca_api *api;
    struct ca_api_view *view;
    struct ca_api_request request;
    const char *token; /* in the request or in a header, both live as long as the exchange */
    size_t token_len;
    struct ca_issue_job job;
    struct ca_api_record record; /* of the certificate, which must be out first */
};

static void call_free(void *arg)
{
    struct call *c = arg;
    ca_api_audit_free(&c->record);
    ca_issue_job_free(&c->api->env, &c->job);
    ca_api_request_free(&c->request);
    ca_api_view_unref(c->view);
    free(c);
}

static struct call *call_new(struct ca_api *api, struct tm_http_exchange *x)
{
    struct call *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->api = api;
    c->view = ca_api_view_get(api);
    c->job.ca = ca_signer_ref(c->view->ca);
    tm_request_id(c->job.request_id);
    tm_http_set_state(x, c, call_free);
    return c;
}

static void take_header_token(struct call *c, struct tm_http_exchange *x)
{
    c->token = ca_api_bearer(tm_http_header(x, "Authorization"));
    c->token_len = c->token != NULL ? strlen(c->token) : 0;
}

/* JSON, or what another process has read of it. */
static int take_request(struct call *c, const struct tm_buf *body, ca_api_request_parse_fn *parse,
                        struct ca_api_failure *f)
{
    if (c->api->o.packed)
        parse = ca_api_packed_take;
    return parse(body->data, body->len, &c->request, &f->detail) == 0
               ? 0
               : ca_api_failure_set(f, API_FAULT_REQUEST);
}

static int read_v2(struct call *c, struct tm_http_exchange *x, struct ca_api_failure *f)
{
    if (take_request(c, tm_http_body(x), ca_api_request_parse_v2, f) != 0)
        return -1;
    c->token = c->request.token;
    c->token_len = c->request.token_len;
    if (c->token == NULL)
        take_header_token(c, x);
    return 0;
}

static int take_message(const struct ca_api *api, struct tm_http_exchange *x,
                        struct tm_buf *message, struct ca_api_failure *f)
{
    size_t max = api->o.max_message > 0 ? api->o.max_message : API_MESSAGE_DEFAULT;
    return ca_grpc_heed_timeout(x) ? ca_grpc_take(x, max, message, f)
                                   : ca_api_failure_set(f, API_FAULT_DEADLINE);
}

int ca_api_front_message(struct ca_api *api, struct tm_http_exchange *x, struct tm_buf *message)
{
    struct ca_api_failure f = {.fault = API_FAULT_NONE};
    if (take_message(api, x, message, &f) == 0)
        return 0;
    ca_api_refuse(api, x, &f, NULL);
    return -1;
}

/* The token of a message, or of the call's metadata. */
static int read_grpc(struct call *c, struct tm_http_exchange *x, struct ca_api_failure *f)
{
    struct tm_buf message = {0};
    int rc = c->api->o.packed ? 0 : take_message(c->api, x, &message, f);
    if (rc == 0)
        rc = take_request(c, c->api->o.packed ? tm_http_body(x) : &message,
                          ca_api_request_parse_message, f);
    tm_buf_free_secret(&message);
    c->token = c->request.token;
    c->token_len = c->request.token_len;
    if (rc == 0 && c->token == NULL) {
        const char *own = tm_http_header(x, "oidcidentitytoken");
        c->token = own != NULL ? own : ca_api_bearer(tm_http_header(x, "Authorization"));
        c->token_len = c->token != NULL ? strlen(c->token) : 0;
    }
    return rc;
}

static int read_v1(struct call *c, struct tm_http_exchange *x, struct ca_api_failure *f)
{
    if (take_request(c, tm_http_body(x), ca_api_request_parse_v1, f) != 0)
        return -1;
    if (!c->request.has_csr && !c->request.has_key) {
        tm_err_set(&f->detail, "neither a public key nor a certificate signing request");
        return ca_api_failure_set(f, API_FAULT_KEY);
    }
    take_header_token(c, x);
    return 0;
}

/* The SCT that travels beside the certificate; without a log it is empty, as Fulcio has it. */
static int detached_sct(const struct call *c, struct tm_buf *out, struct tm_err *e)
{
    return c->job.sct_list.len > 0 ? ca_api_detached_sct(&c->job.sct_list, out, e) : 0;
}

static int reply_v2(const struct call *c, struct tm_http_exchange *x, struct tm_err *e)
{
    bool embedded = c->job.sct_list.len > 0 && !c->api->env.log->detached;
    struct tm_buf body = {0};
    struct tm_buf sct = {0};
    int rc = embedded ? 0 : detached_sct(c, &sct, e);
    tm_buf_reserve(&body, c->job.der.len * 3 / 2 + c->view->chain_json.len + sct.len + 512);
    tm_buf_puts(&body, embedded
                           ? "{\"signedCertificateEmbeddedSct\":{\"chain\":{\"certificates\":[\""
                           : "{\"signedCertificateDetachedSct\":{\"chain\":{\"certificates\":[\"");
    tm_pem_put("CERTIFICATE", c->job.der.data, c->job.der.len, PEM_STYLE_JSON, &body);
    buf_putc(&body, '"');
    tm_buf_append(&body, c->view->chain_json.data, c->view->chain_json.len);
    tm_buf_puts(&body, embedded ? "]}}}" : "]},\"signedCertificateTimestamp\":\"");
    if (!embedded) {
        tm_buf_append(&body, sct.data, sct.len);
        tm_buf_puts(&body, "\"}}");
    }
    tm_buf_free(&sct);
    if (rc == 0)
        tm_http_reply(x, 200, "application/json", &body);
    tm_buf_free(&body);
    return rc;
}

static int reply_v1(const struct call *c, struct tm_http_exchange *x, struct tm_err *e)
{
    bool detached = c->job.sct_list.len > 0 && c->api->env.log->detached;
    struct tm_buf body = {0};
    struct tm_buf sct = {0};
    if (detached && detached_sct(c, &sct, e) != 0) {
        tm_buf_free(&sct);
        return -1;
    }
    tm_buf_reserve(&body, 4096 + c->view->chain_pem.len);
    tm_pem_put("CERTIFICATE", c->job.der.data, c->job.der.len, PEM_STYLE_TRIMMED, &body);
    tm_buf_append(&body, c->view->chain_pem.data, c->view->chain_pem.len);
    tm_http_reply(x, 201, "application/pem-certificate-chain", &body);
    if (detached)
        tm_http_reply_header(x, "SCT", tm_buf_str(&sct));
    tm_buf_free(&sct);
    return 0;
}

static int reply_grpc(const struct call *c, struct tm_http_exchange *x, struct tm_err *e)
{
    const struct ca_api_view *v = c->view;
    struct tm_buf leaf = {0};
    struct tm_buf sct = {0};
    struct tm_buf answer = {0};
    const char **pem = calloc(v->chain_count + 1, sizeof(*pem));
    struct ca_api_certificate m = {.pem = pem,
                                   .count = v->chain_count + 1,
                                   .embedded =
                                       c->job.sct_list.len > 0 && !c->api->env.log->detached,
                                   .sct = &sct};
    int rc =
        m.embedded || c->job.sct_list.len == 0 ? 0 : ca_api_sct_json(&c->job.sct_list, &sct, e);
    tm_pem_put("CERTIFICATE", c->job.der.data, c->job.der.len, PEM_STYLE_TRIMMED, &leaf);
    if (rc == 0 && (pem == NULL || tm_buf_str(&leaf) == NULL))
        rc = tm_err_set(e, "out of memory");
    if (rc == 0) {
        pem[0] = tm_buf_str(&leaf);
        for (size_t i = 0; i < v->chain_count; i++)
            pem[i + 1] = v->chain_text[i];
        ca_api_message_certificate(&m, &answer);
        ca_grpc_reply(x, &answer);
    }
    free((void *)pem);
    tm_buf_free(&leaf);
    tm_buf_free(&sct);
    return rc;
}

typedef int read_fn(struct call *c, struct tm_http_exchange *x, struct ca_api_failure *f);
/* -1: nothing was replied. */
typedef int reply_fn(const struct call *c, struct tm_http_exchange *x, struct tm_err *e);

static enum ca_issue_status advance(struct call *c, struct tm_http_exchange *x,
                                    struct ca_api_failure *f)
{
    struct ca_api *api = c->api;
    int64_t now_s = 0;
    if (ca_api_now(api, &now_s, f) != 0)
        return ISSUE_FAILED;
    struct oidc_waiter waiter = {.wake = tm_http_wake, .arg = tm_http_wait_begin(x)};
    enum ca_issue_status st =
        ca_issue_step(&api->env, &c->job, &c->request, c->token, c->token_len, now_s, &waiter, f);
    if (st != ISSUE_WAITING)
        tm_http_wait_cancel(x);
    return st;
}

/* The certificate is made; nobody gets it before its record is out. */
static enum ca_issue_status record(struct call *c, struct tm_http_exchange *x,
                                   struct ca_api_failure *f)
{
    bool asked = c->record.line != NULL || c->record.stored != NULL;
    enum tm_sink_status st = asked
                                 ? ca_api_audit_kept(&c->record, &f->detail)
                                 : ca_api_audit_issued(c->api, x, &c->job, &c->record, &f->detail);
    if (st == SINK_WAIT)
        return ISSUE_WAITING;
    if (st == SINK_KEPT)
        return ISSUE_OK;
    tm_err_wrap(&f->detail, "audit record");
    (void)ca_api_failure_set(f, API_FAULT_AUDIT);
    return ISSUE_FAILED;
}

static int give_up(const struct call *c, struct ca_api_failure *f)
{
    static const char *const waits_for[] = {[ISSUE_TOKEN] = "the issuer's keys",
                                            [ISSUE_PROOF] = "the log",
                                            [ISSUE_ADMIT] = "the store of used tokens",
                                            [ISSUE_LOG] = "the log",
                                            [ISSUE_FINAL] = "the CA key",
                                            [ISSUE_DONE] = "the audit record to be written"};
    tm_err_set(&f->detail, "waited too long for %s",
               c->job.errand != NULL ? "the CA key" : waits_for[c->job.stage]);
    return ca_api_failure_set(f, c->job.stage == ISSUE_DONE ? API_FAULT_AUDIT : API_FAULT_TIMEOUT);
}

static enum tm_http_result sign(struct ca_api *api, struct tm_http_exchange *x, read_fn *read,
                                reply_fn *reply)
{
    struct ca_api_failure f;
    f.fault = API_FAULT_NONE;
    f.reason = OIDC_REASON_NONE;
    f.detail.text[0] = '\0';
    f.said.text[0] = '\0';
    f.retry_after_s = 0;
    struct call *c = tm_http_state(x);
    int rc = 0;
    if (c == NULL) {
        c = call_new(api, x);
        rc = c != NULL ? read(c, x, &f) : ca_api_failure_set(&f, API_FAULT_INTERNAL);
    } else if (tm_http_wait_expired(x)) {
        rc = give_up(c, &f);
    }
    if (rc == 0) {
        enum ca_issue_status st = advance(c, x, &f);
        if (st == ISSUE_OK)
            st = record(c, x, &f);
        switch (st) {
        case ISSUE_WAITING:
            return HTTP_WAIT;
        case ISSUE_OK:
            if (reply(c, x, &f.detail) == 0) {
                ca_api_reply_request_id(x, c->job.request_id);
                ca_metrics_issued(api->o.metrics);
                ca_tally_issued(api->tally, c->job.who.entry);
                c->job.left = true;
                return HTTP_DONE;
            }
            (void)ca_api_failure_set(&f, API_FAULT_LOG);
            break;
        case ISSUE_FAILED:
            break;
        }
    }
    ca_api_refuse(api, x, &f, c != NULL ? &c->job.who : NULL);
    return HTTP_DONE;
}

enum tm_http_result ca_api_sign_v2(void *ctx, struct tm_http_exchange *x)
{
    return sign(ctx, x, read_v2, reply_v2);
}

enum tm_http_result ca_api_sign_grpc(void *ctx, struct tm_http_exchange *x)
{
    return sign(ctx, x, read_grpc, reply_grpc);
}

enum tm_http_result ca_api_sign_v1(void *ctx, struct tm_http_exchange *x)
{
    return sign(ctx, x, read_v1, reply_v1);
}

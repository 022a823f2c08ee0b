/* The audit trail: a line for each certificate and for each refusal, never a token. The former is
 * promised before the certificate leaves; the latter may be dropped when nobody reads. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/api/grpc.h"
#include "ca/api/internal.h"
#include "common/hex.h"
#include "common/transparency/sct.h"

#define API_RETRY_AFTER_S 5 /* where nothing better is known */

/* Each SCT's log id, and its leaf index where it has one ("-" where not), blanks between. */
static void describe_scts(const struct tm_buf *list, struct tm_buf *ids, struct tm_buf *indexes)
{
    struct tm_sct s;
    size_t at = 0;
    while (list->len > 0 && tm_sct_list_next(list->data, list->len, &at, &s, NULL) == 1) {
        char id[2 * sizeof(s.log_id) + 1];
        uint64_t index = 0;
        tm_hex_encode(s.log_id, sizeof(s.log_id), id);
        tm_buf_printf(ids, "%s%s", ids->len > 0 ? " " : "", id);
        tm_buf_puts(indexes, indexes->len > 0 ? " " : "");
        if (tm_sct_leaf_index_get(&s, &index, NULL) == 1)
            tm_buf_printf(indexes, "%" PRIu64, index);
        else
            buf_putc(indexes, '-');
    }
}

void ca_api_request_id(char out[ISSUE_REQUEST_ID_SIZE])
{
    unsigned char bytes[(ISSUE_REQUEST_ID_SIZE - 1) / 2];
    /* The kernel's generator: OpenSSL's costs more for so few bytes. */
    if (getentropy(bytes, sizeof(bytes)) != 0)
        memset(bytes, 0, sizeof(bytes));
    tm_hex_encode(bytes, sizeof(bytes), out);
}

void ca_api_reply_request_id(struct tm_http_exchange *x, const char *id)
{
    if (!ca_grpc_is(x))
        tm_http_reply_header(x, "X-Request-Id", id);
}

static void put_issued(const struct ca_api *api, const struct tm_http_exchange *x,
                       const struct ca_issue_job *job, struct tm_buf *line)
{
    unsigned char digest[32] = {0};
    char serial[2 * CERT_SERIAL_LEN + 1];
    char key[2 * sizeof(digest) + 1];
    struct tm_buf ids = {0};
    struct tm_buf indexes = {0};
    if (EVP_Digest(job->spec.spki, job->spec.spki_len, digest, NULL, api->sha256, NULL) != 1)
        memset(digest, 0, sizeof(digest));
    tm_hex_encode(job->spec.serial, CERT_SERIAL_LEN, serial);
    tm_hex_encode(digest, sizeof(digest), key);
    describe_scts(&job->sct_list, &ids, &indexes);
    const struct tm_jlog_field fields[] = {JLOG_STR("serial", serial),
                                           JLOG_STR("issuer", job->who.issuer),
                                           JLOG_STR("subject", job->who.subject),
                                           JLOG_STR("san", job->who.principal.san),
                                           JLOG_STR("key_sha256", key),
                                           JLOG_INT("not_after", job->spec.not_after),
                                           JLOG_STR("log_id", tm_buf_str(&ids)),
                                           JLOG_STR("leaf_index", tm_buf_str(&indexes)),
                                           JLOG_INT("duration_us", tm_http_elapsed_us(x)),
                                           JLOG_STR("remote", tm_http_remote(x)),
                                           JLOG_STR("protocol", ca_grpc_protocol(x)),
                                           JLOG_STR("request", job->request_id),
                                           JLOG_END};
    tm_jlog_line(line, JLOG_INFO, "issued", fields);
    tm_buf_free(&ids);
    tm_buf_free(&indexes);
}

int ca_api_audit_ready(const void *ctx, struct ca_api_failure *f)
{
    const struct ca_api *api = ctx;
    if (api->o.audit == NULL || api->o.audit_best_effort || tm_sink_works(api->o.audit, &f->detail))
        return 0;
    tm_err_wrap(&f->detail, "the audit log takes no lines");
    return ca_api_failure_set(f, API_FAULT_AUDIT);
}

enum tm_sink_status ca_api_audit_issued(struct ca_api *api, struct tm_http_exchange *x,
                                        const struct ca_issue_job *job,
                                        struct tm_sink_promise **promise, struct tm_err *e)
{
    struct tm_buf line = {0};
    enum tm_sink_status st = SINK_KEPT;
    *promise = NULL;
    if (api->o.audit == NULL)
        return SINK_KEPT;
    put_issued(api, x, job, &line);
    if (buf_failed(&line)) {
        tm_err_set(e, "out of memory");
        st = SINK_BROKEN;
    } else if (!api->o.audit_best_effort) {
        void *waiter = tm_http_wait_begin(x);
        st = tm_sink_promise(api->o.audit, line.data, line.len, tm_http_wake, waiter, promise, e);
        if (st != SINK_WAIT)
            tm_http_wait_cancel(x);
    } else if (!tm_sink_put(api->o.audit, line.data, line.len) ||
               !tm_sink_works(api->o.audit, NULL)) {
        ca_metrics_audit_lost(api->o.metrics);
    }
    tm_buf_free(&line);
    return st;
}

void ca_api_refuse(struct ca_api *api, struct tm_http_exchange *x, const struct ca_api_failure *f,
                   const struct oidc_result *who)
{
    unsigned reason = ca_api_reason_index(f);
    const char *name = ca_api_reason_name(reason);
    unsigned status = ca_api_fault_status(f->fault);
    struct tm_buf body = {0};
    char id[ISSUE_REQUEST_ID_SIZE];
    ca_api_request_id(id);
    ca_metrics_refused(api->o.metrics, reason);
    if (f->fault != API_FAULT_BUSY) /* counted: a line would cost more than the refusal */
        jlog(api->o.jlog, ca_api_fault_is_server(f->fault) ? JLOG_ERROR : JLOG_WARN, "refused",
             JLOG_STR("reason", name), JLOG_STR("detail", f->detail.text),
             JLOG_INT("status", status), JLOG_STR("client_message", ca_api_fault_message(f)),
             JLOG_STR("issuer", who != NULL ? who->issuer : ""),
             JLOG_STR("subject", who != NULL ? who->subject : ""),
             JLOG_INT("duration_us", tm_http_elapsed_us(x)), JLOG_STR("remote", tm_http_remote(x)),
             JLOG_STR("protocol", ca_grpc_protocol(x)), JLOG_STR("request", id), JLOG_END);
    int64_t retry_s = f->retry_after_s > 0 ? f->retry_after_s : API_RETRY_AFTER_S;
    if (ca_grpc_is(x)) {
        ca_grpc_refuse(x, f, status == 503 ? retry_s : 0);
        return;
    }
    ca_api_failure_json(f, &body);
    tm_http_reply(x, status, "application/json", &body);
    if (f->fault != API_FAULT_BUSY) /* it stands in no line */
        ca_api_reply_request_id(x, id);
    if (status == 503) {
        char seconds[24];
        snprintf(seconds, sizeof(seconds), "%" PRId64, retry_s);
        tm_http_reply_header(x, "Retry-After", seconds);
    }
}

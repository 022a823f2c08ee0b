/* The audit trail: a line for each certificate and for each refusal, never a token. The former is
 * promised before the certificate leaves; the latter may be dropped when nobody reads. */
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "ca/api/grpc.h"
#include "ca/api/internal.h"
#include "common/clock.h"
#include "common/hex.h"
#include "common/http/trace.h"
#include "common/transparency/sct.h"

#define API_RETRY_AFTER_S 5 /* where nothing better is known */

/* Each SCT's log id, and its leaf index where it has one ("-" where not), blanks between; and the
 * two together, as "ID/INDEX". */
static void describe_scts(const struct tm_buf *list, struct tm_buf *ids, struct tm_buf *indexes,
                          struct tm_buf *entries)
{
    struct tm_sct s;
    size_t at = 0;
    while (list->len > 0 && tm_sct_list_next(list->data, list->len, &at, &s, NULL) == 1) {
        const char *blank = ids->len > 0 ? " " : "";
        char id[2 * sizeof(s.log_id) + 1];
        char place[24] = "-";
        uint64_t index = 0;
        tm_hex_encode(s.log_id, sizeof(s.log_id), id);
        if (tm_sct_leaf_index_get(&s, &index, NULL) == 1)
            snprintf(place, sizeof(place), "%" PRIu64, index);
        tm_buf_printf(ids, "%s%s", blank, id);
        tm_buf_printf(indexes, "%s%s", blank, place);
        tm_buf_printf(entries, "%s%s/%s", blank, id, place);
    }
}

void ca_api_reply_request_id(struct tm_http_exchange *x, const char *id)
{
    if (!ca_grpc_is(x))
        tm_http_reply_header(x, "X-Request-Id", id);
}

struct facts { /* of a certificate, as text */
    char serial[2 * CERT_SERIAL_LEN + 1];
    char key[2 * SHA256_DIGEST_LENGTH + 1];
    char expires[21];
    struct tm_buf ids, indexes, entries;
};

static void gather(const struct ca_api *api, const struct ca_issue_job *job, struct facts *f)
{
    unsigned char digest[SHA256_DIGEST_LENGTH] = {0};
    if (EVP_Digest(job->spec.spki, job->spec.spki_len, digest, NULL, api->sha256, NULL) != 1)
        memset(digest, 0, sizeof(digest));
    tm_hex_encode(job->spec.serial, CERT_SERIAL_LEN, f->serial);
    tm_hex_encode(digest, sizeof(digest), f->key);
    tm_clock_format(job->spec.not_after, f->expires);
    describe_scts(&job->sct_list, &f->ids, &f->indexes, &f->entries);
}

static void facts_free(struct facts *f)
{
    tm_buf_free(&f->ids);
    tm_buf_free(&f->indexes);
    tm_buf_free(&f->entries);
}

static void put_issued(struct tm_http_exchange *x, const struct ca_issue_job *job, struct facts *f,
                       struct tm_buf *line)
{
    const struct tm_jlog_field fields[] = {JLOG_STR("serial", f->serial),
                                           JLOG_STR("issuer", job->who.issuer),
                                           JLOG_STR("subject", job->who.subject),
                                           JLOG_STR("san", job->who.principal.san),
                                           JLOG_STR("key_sha256", f->key),
                                           JLOG_INT("not_after", job->spec.not_after),
                                           JLOG_STR("log_id", tm_buf_str(&f->ids)),
                                           JLOG_STR("leaf_index", tm_buf_str(&f->indexes)),
                                           JLOG_INT("duration_us", tm_http_elapsed_us(x)),
                                           JLOG_STR("protocol", ca_grpc_protocol(x)),
                                           JLOG_REQUEST_END(x, job->request_id)};
    tm_jlog_line(line, JLOG_INFO, "issued", fields);
}

/* With a trail's database the line is a copy, which may be lost. */
static enum tm_sink_status record_line(struct ca_api *api, struct tm_http_exchange *x,
                                       const struct ca_issue_job *job, struct facts *facts,
                                       struct ca_api_record *record, struct tm_err *e)
{
    struct tm_buf line = {0};
    enum tm_sink_status st = SINK_KEPT;
    if (api->o.audit == NULL)
        return SINK_KEPT;
    put_issued(x, job, facts, &line);
    if (buf_failed(&line)) {
        tm_err_set(e, "out of memory");
        st = SINK_BROKEN;
    } else if (!api->o.audit_best_effort && api->o.trail == NULL) {
        void *waiter = tm_http_wait_begin(x);
        st = tm_sink_promise(api->o.audit, line.data, line.len, tm_http_wake, waiter, &record->line,
                             e);
        if (st != SINK_WAIT)
            tm_http_wait_cancel(x);
    } else if (!tm_sink_put(api->o.audit, line.data, line.len) ||
               !tm_sink_works(api->o.audit, NULL)) {
        ca_metrics_audit_lost(api->o.metrics);
    }
    tm_buf_free(&line);
    return st;
}

static const char *repository_of(const struct oidc_principal *p)
{
    const char *uri = p->field[IDENTITY_SOURCE_URI];
    return uri != NULL ? uri : p->field[IDENTITY_GITHUB_REPOSITORY];
}

static enum tm_sink_status record_event(struct ca_api *api, struct tm_http_exchange *x,
                                        const struct ca_issue_job *job, struct facts *facts,
                                        struct ca_api_record *record, struct tm_err *e)
{
    const struct ca_audit_event ev = {.kind = AUDIT_ISSUED,
                                      .remote = tm_http_remote(x),
                                      .protocol = ca_grpc_protocol(x),
                                      .request = job->request_id,
                                      .trace = tm_http_trace_of(x),
                                      .issuer = job->who.issuer,
                                      .subject = job->who.subject,
                                      .identity = job->who.principal.san,
                                      .repository = repository_of(&job->who.principal),
                                      .serial = facts->serial,
                                      .key = facts->key,
                                      .expires = facts->expires,
                                      .entry = tm_buf_str(&facts->entries)};
    if (api->o.audit_best_effort) {
        if (!ca_audit_event(api->o.trail, &ev))
            ca_metrics_audit_lost(api->o.metrics);
        return SINK_KEPT;
    }
    void *waiter = tm_http_wait_begin(x);
    enum tm_sink_status st =
        ca_audit_promise(api->o.trail, &ev, tm_http_wake, waiter, &record->stored, e);
    if (st != SINK_WAIT)
        tm_http_wait_cancel(x);
    return st;
}

int ca_api_audit_look(const struct ca_api *api, struct tm_err *e)
{
    if (api->o.trail != NULL)
        return ca_audit_works(api->o.trail, e) ? 0 : -1;
    return api->o.audit == NULL || tm_sink_works(api->o.audit, e)
               ? 0
               : tm_err_wrap(e, "the audit log takes no lines");
}

int ca_api_audit_ready(const void *ctx, struct ca_api_failure *f)
{
    const struct ca_api *api = ctx;
    return api->o.audit_best_effort || ca_api_audit_look(api, &f->detail) == 0
               ? 0
               : ca_api_failure_set(f, API_FAULT_AUDIT);
}

enum tm_sink_status ca_api_audit_issued(struct ca_api *api, struct tm_http_exchange *x,
                                        const struct ca_issue_job *job,
                                        struct ca_api_record *record, struct tm_err *e)
{
    struct facts facts = {0};
    gather(api, job, &facts);
    enum tm_sink_status st = record_line(api, x, job, &facts, record, e);
    if (st == SINK_KEPT && api->o.trail != NULL)
        st = record_event(api, x, job, &facts, record, e);
    facts_free(&facts);
    return st;
}

enum tm_sink_status ca_api_audit_kept(const struct ca_api_record *record, struct tm_err *e)
{
    return record->stored != NULL ? ca_audit_kept(record->stored, e)
                                  : tm_sink_kept(record->line, e);
}

void ca_api_audit_free(struct ca_api_record *record)
{
    tm_sink_promise_free(record->line);
    ca_audit_promise_free(record->stored);
}

void ca_api_refuse(struct ca_api *api, struct tm_http_exchange *x, struct ca_api_failure *f,
                   const struct oidc_result *who)
{
    unsigned reason = ca_api_reason_index(f);
    const char *name = ca_api_reason_name(reason);
    unsigned status = ca_api_fault_status(f->fault);
    struct tm_buf body = {0};
    char id[REQUEST_ID_SIZE];
    tm_request_id(id);
    ca_api_failure_say(f, id);
    ca_metrics_refused(api->o.metrics, reason);
    if (who != NULL)
        ca_tally_refused(api->tally, who->entry, reason);
    if (f->fault != API_FAULT_BUSY) /* counted: a line would cost more than the refusal */
        jlog(api->o.jlog, ca_api_fault_is_server(f->fault) ? JLOG_ERROR : JLOG_WARN, "refused",
             JLOG_STR("reason", name), JLOG_STR("detail", f->detail.text),
             JLOG_INT("status", status), JLOG_STR("client_message", ca_api_fault_message(f)),
             JLOG_STR("issuer", who != NULL ? who->issuer : ""),
             JLOG_STR("subject", who != NULL ? who->subject : ""),
             JLOG_INT("duration_us", tm_http_elapsed_us(x)),
             JLOG_STR("protocol", ca_grpc_protocol(x)), JLOG_REQUEST_END(x, id));
    if (f->fault != API_FAULT_BUSY)
        (void)ca_audit_event(api->o.trail, &(struct ca_audit_event){
                                               .kind = AUDIT_REFUSED,
                                               .remote = tm_http_remote(x),
                                               .protocol = ca_grpc_protocol(x),
                                               .request = id,
                                               .trace = tm_http_trace_of(x),
                                               .issuer = who != NULL ? who->issuer : NULL,
                                               .subject = who != NULL ? who->subject : NULL,
                                               .identity = who != NULL ? who->principal.san : NULL,
                                               .reason = name,
                                               .detail = f->detail.text});
    int64_t retry_s = f->retry_after_s > 0 ? f->retry_after_s : API_RETRY_AFTER_S;
    if (ca_grpc_is(x)) {
        ca_grpc_refuse(x, f, ca_api_fault_is_passing(f->fault) ? retry_s : 0);
        return;
    }
    ca_api_failure_json(f, &body);
    tm_http_reply(x, status, "application/json", &body);
    if (f->fault != API_FAULT_BUSY) /* it stands in no line */
        ca_api_reply_request_id(x, id);
    if (ca_api_fault_is_passing(f->fault)) {
        char seconds[24];
        snprintf(seconds, sizeof(seconds), "%" PRId64, retry_s);
        tm_http_reply_header(x, "Retry-After", seconds);
    }
}

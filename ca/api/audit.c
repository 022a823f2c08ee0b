/* The audit trail: a line for each certificate and for each refusal, never a token. */
#include <inttypes.h>
#include <string.h>

#include "ca/api/internal.h"
#include "common/hex.h"
#include "common/transparency/sct.h"

/* Each SCT's log id, and its leaf index where it has one ("-" where not), blanks between. */
static void describe_scts(const struct buf *list, struct buf *ids, struct buf *indexes)
{
    struct sct s;
    size_t at = 0;
    while (list->len > 0 && sct_list_next(list->data, list->len, &at, &s, NULL) == 1) {
        char id[2 * sizeof(s.log_id) + 1];
        uint64_t index = 0;
        hex_encode(s.log_id, sizeof(s.log_id), id);
        buf_printf(ids, "%s%s", ids->len > 0 ? " " : "", id);
        buf_puts(indexes, indexes->len > 0 ? " " : "");
        if (sct_leaf_index_get(&s, &index, NULL) == 1)
            buf_printf(indexes, "%" PRIu64, index);
        else
            buf_putc(indexes, '-');
    }
}

void api_audit_issued(struct api *api, struct http_exchange *x, const struct issue_job *job)
{
    unsigned char digest[32] = {0};
    char serial[2 * CERT_SERIAL_LEN + 1];
    char key[2 * sizeof(digest) + 1];
    struct buf ids = {0};
    struct buf indexes = {0};
    metrics_issued(api->o.metrics);
    if (api->o.jlog == NULL)
        return;
    if (EVP_Digest(job->spec.spki, job->spec.spki_len, digest, NULL, api->sha256, NULL) != 1)
        memset(digest, 0, sizeof(digest));
    hex_encode(job->spec.serial, CERT_SERIAL_LEN, serial);
    hex_encode(digest, sizeof(digest), key);
    describe_scts(&job->sct_list, &ids, &indexes);
    jlog(api->o.jlog, JLOG_INFO, "issued", JLOG_STR("serial", serial),
         JLOG_STR("issuer", job->who.issuer), JLOG_STR("subject", job->who.subject),
         JLOG_STR("san", job->who.principal.san), JLOG_STR("key_sha256", key),
         JLOG_INT("not_after", job->spec.not_after), JLOG_STR("log_id", buf_str(&ids)),
         JLOG_STR("leaf_index", buf_str(&indexes)), JLOG_INT("duration_us", http_elapsed_us(x)),
         JLOG_STR("remote", http_remote(x)), JLOG_END);
    buf_free(&ids);
    buf_free(&indexes);
}

void api_refuse(struct api *api, struct http_exchange *x, const struct api_failure *f,
                const char *issuer)
{
    unsigned reason = api_reason_index(f);
    const char *name = api_reason_name(reason);
    unsigned status = api_fault_status(f->fault);
    struct buf body = {0};
    metrics_refused(api->o.metrics, reason);
    jlog(api->o.jlog, api_fault_is_server(f->fault) ? JLOG_ERROR : JLOG_WARN, "refused",
         JLOG_STR("reason", name), JLOG_STR("detail", f->detail.text), JLOG_INT("status", status),
         JLOG_STR("client_message", api_fault_message(f)), JLOG_STR("issuer", issuer),
         JLOG_INT("duration_us", http_elapsed_us(x)), JLOG_STR("remote", http_remote(x)), JLOG_END);
    api_failure_json(f, &body);
    http_reply(x, status, "application/json", &body);
}

#include "ca/ct/answer.h"

#include <inttypes.h>

#include "common/json/jsonmap.h"
#include "common/transparency/sct.h"

struct answer {
    int64_t version;
    int64_t timestamp_ms;
    struct tm_buf id, extensions, signature;
};

static const struct tm_jsonmap_member members[] = {
    JSONMAP_NEED(struct answer, "sct_version", version, INTEGER),
    JSONMAP_NEED(struct answer, "timestamp", timestamp_ms, INTEGER, .max = INT64_MAX),
    JSONMAP_NEED(struct answer, "id", id, BASE64, .min = SCT_LOG_ID, .max = SCT_LOG_ID),
    JSONMAP_NEED(struct answer, "extensions", extensions, BASE64, .max = UINT16_MAX),
    JSONMAP_NEED(struct answer, "signature", signature, BASE64),
    {0},
};
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct answer), .unknown = JSONMAP_IGNORE};

static int put_sct(const struct answer *a, struct tm_buf *out, struct tm_err *e)
{
    if (a->version != 0)
        return tm_err_set(e, "an SCT of unknown version %" PRId64, a->version);
    buf_putc(out, 0);
    tm_buf_append(out, a->id.data, a->id.len);
    tm_buf_put_be(out, (unsigned long long)a->timestamp_ms, 8);
    tm_buf_put_be(out, a->extensions.len, 2);
    tm_buf_append(out, a->extensions.data, a->extensions.len);
    tm_buf_append(out, a->signature.data, a->signature.len);
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

int ca_ct_answer_parse(const void *body, size_t len, struct tm_buf *sct, struct tm_err *e)
{
    struct answer a = {0};
    struct tm_sct checked;
    size_t at = sct->len;
    int rc = tm_jsonmap_parse(len > 0 ? body : "", len, CT_ANSWER_MAX, &map, NULL, &a, e);
    if (rc == 0)
        rc = put_sct(&a, sct, e);
    if (rc == 0)
        rc = tm_sct_parse(sct->data + at, sct->len - at, &checked, e);
    if (rc != 0)
        sct->len = at < sct->len ? at : sct->len;
    tm_jsonmap_free(&map, &a);
    return rc == 0 ? 0 : tm_err_wrap(e, "the log's answer");
}

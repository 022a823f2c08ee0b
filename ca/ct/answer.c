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
    {.name = "sct_version",
     JSONMAP_AT(struct answer, version),
     .kind = JSONMAP_INTEGER,
     .flags = JSONMAP_REQUIRED},
    {.name = "timestamp",
     JSONMAP_AT(struct answer, timestamp_ms),
     .kind = JSONMAP_INTEGER,
     .max = INT64_MAX,
     .flags = JSONMAP_REQUIRED},
    {.name = "id",
     JSONMAP_AT(struct answer, id),
     .kind = JSONMAP_BASE64,
     .min = SCT_LOG_ID,
     .max = SCT_LOG_ID,
     .flags = JSONMAP_REQUIRED},
    {.name = "extensions",
     JSONMAP_AT(struct answer, extensions),
     .kind = JSONMAP_BASE64,
     .max = UINT16_MAX,
     .flags = JSONMAP_REQUIRED},
    {.name = "signature",
     JSONMAP_AT(struct answer, signature),
     .kind = JSONMAP_BASE64,
     .flags = JSONMAP_REQUIRED},
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

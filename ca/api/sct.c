/* The detached SCT as Fulcio hands it out: base64 of RFC 6962 §4.1's answer in compact JSON. */
#include <inttypes.h>

#include "ca/api/internal.h"
#include "common/b64.h"
#include "common/transparency/sct.h"

int api_detached_sct(const struct buf *sct_list, struct buf *out, struct err *e)
{
    struct sct s;
    struct buf json = {0};
    size_t at = 0;
    if (sct_list_next(sct_list->data, sct_list->len, &at, &s, e) != 1)
        return -1;
    buf_puts(&json, "{\"sct_version\":0,\"id\":\"");
    b64_encode(B64_STD, s.log_id, sizeof(s.log_id), &json);
    buf_printf(&json, "\",\"timestamp\":%" PRIu64 ",\"extensions\":\"", s.timestamp_ms);
    b64_encode(B64_STD, s.extensions, s.extensions_len, &json);
    buf_puts(&json, "\",\"signature\":\"");
    b64_encode(B64_STD, s.signature, s.signature_len, &json);
    buf_puts(&json, "\"}");
    b64_encode(B64_STD, json.data, json.len, out);
    out->failed |= json.failed;
    buf_free(&json);
    return buf_failed(out) ? err_set(e, "out of memory") : 0;
}

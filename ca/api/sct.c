/* The detached SCT as Fulcio hands it out: base64 of RFC 6962 §4.1's answer in compact JSON. */
#include <inttypes.h>

#include "ca/api/internal.h"
#include "common/b64.h"
#include "common/transparency/sct.h"

int ca_api_sct_json(const struct tm_buf *sct_list, struct tm_buf *out, struct tm_err *e)
{
    struct tm_sct s;
    size_t at = 0;
    if (tm_sct_list_next(sct_list->data, sct_list->len, &at, &s, e) != 1)
        return -1;
    tm_buf_puts(out, "{\"sct_version\":0,\"id\":\"");
    tm_b64_encode(B64_STD, s.log_id, sizeof(s.log_id), out);
    tm_buf_printf(out, "\",\"timestamp\":%" PRIu64 ",\"extensions\":\"", s.timestamp_ms);
    tm_b64_encode(B64_STD, s.extensions, s.extensions_len, out);
    tm_buf_puts(out, "\",\"signature\":\"");
    tm_b64_encode(B64_STD, s.signature, s.signature_len, out);
    tm_buf_puts(out, "\"}");
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

int ca_api_detached_sct(const struct tm_buf *sct_list, struct tm_buf *out, struct tm_err *e)
{
    struct tm_buf json = {0};
    int rc = ca_api_sct_json(sct_list, &json, e);
    if (rc == 0)
        tm_b64_encode(B64_STD, json.data, json.len, out);
    tm_buf_free(&json);
    return rc == 0 && buf_failed(out) ? tm_err_set(e, "out of memory") : rc;
}

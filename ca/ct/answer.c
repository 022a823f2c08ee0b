#include "ca/ct/answer.h"

#include "common/b64.h"
#include "common/json/strictjson.h"
#include "common/transparency/sct.h"

static int take_bytes(const json_t *answer, const char *key, struct tm_buf *out, struct tm_err *e)
{
    const json_t *v = json_object_get(answer, key);
    if (!json_is_string(v))
        return tm_err_set(e, "'%s' is missing or not a string", key);
    if (tm_b64_decode(B64_STD, json_string_value(v), json_string_length(v), out) != 0)
        return tm_err_set(e, "'%s' is not base64", key);
    return 0;
}

static int take_number(const json_t *answer, const char *key, json_int_t *out, struct tm_err *e)
{
    const json_t *v = json_object_get(answer, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return tm_err_set(e, "'%s' is missing or not a number from 0", key);
    *out = json_integer_value(v);
    return 0;
}

static int take_sct(const json_t *answer, struct tm_buf parts[3], struct tm_buf *out,
                    struct tm_err *e)
{
    json_int_t version = 0;
    json_int_t timestamp = 0;
    if (!json_is_object(answer))
        return tm_err_set(e, "not an object");
    if (take_number(answer, "sct_version", &version, e) != 0)
        return -1;
    if (version != 0)
        return tm_err_set(e, "an SCT of unknown version %lld", (long long)version);
    if (take_number(answer, "timestamp", &timestamp, e) != 0 ||
        take_bytes(answer, "id", &parts[0], e) != 0 ||
        take_bytes(answer, "extensions", &parts[1], e) != 0 ||
        take_bytes(answer, "signature", &parts[2], e) != 0)
        return -1;
    if (parts[0].len != SCT_LOG_ID)
        return tm_err_set(e, "'id' has %zu bytes, not %d", parts[0].len, SCT_LOG_ID);
    if (parts[1].len > UINT16_MAX)
        return tm_err_set(e, "'extensions' has %zu bytes", parts[1].len);
    buf_putc(out, 0);
    tm_buf_append(out, parts[0].data, parts[0].len);
    tm_buf_put_be(out, (unsigned long long)timestamp, 8);
    tm_buf_put_be(out, parts[1].len, 2);
    tm_buf_append(out, parts[1].data, parts[1].len);
    tm_buf_append(out, parts[2].data, parts[2].len);
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

int ca_ct_answer_parse(const void *body, size_t len, struct tm_buf *sct, struct tm_err *e)
{
    struct tm_buf parts[3] = {{0}, {0}, {0}};
    struct tm_sct checked;
    size_t at = sct->len;
    json_t *answer = tm_strictjson_parse(len > 0 ? body : "", len, CT_ANSWER_MAX, e);
    int rc = answer != NULL ? take_sct(answer, parts, sct, e) : -1;
    if (rc == 0)
        rc = tm_sct_parse(sct->data + at, sct->len - at, &checked, e);
    if (rc != 0)
        sct->len = at < sct->len ? at : sct->len;
    for (int i = 0; i < 3; i++)
        tm_buf_free(&parts[i]);
    json_decref(answer);
    return rc == 0 ? 0 : tm_err_wrap(e, "the log's answer");
}

#include "ca/ct/answer.h"

#include "common/b64.h"
#include "common/json/strictjson.h"
#include "common/transparency/sct.h"

static int take_bytes(const json_t *answer, const char *key, struct buf *out, struct err *e)
{
    const json_t *v = json_object_get(answer, key);
    if (!json_is_string(v))
        return err_set(e, "'%s' is missing or not a string", key);
    if (b64_decode(B64_STD, json_string_value(v), json_string_length(v), out) != 0)
        return err_set(e, "'%s' is not base64", key);
    return 0;
}

static int take_number(const json_t *answer, const char *key, json_int_t *out, struct err *e)
{
    const json_t *v = json_object_get(answer, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return err_set(e, "'%s' is missing or not a number from 0", key);
    *out = json_integer_value(v);
    return 0;
}

static int take_sct(const json_t *answer, struct buf parts[3], struct buf *out, struct err *e)
{
    json_int_t version = 0;
    json_int_t timestamp = 0;
    if (!json_is_object(answer))
        return err_set(e, "not an object");
    if (take_number(answer, "sct_version", &version, e) != 0)
        return -1;
    if (version != 0)
        return err_set(e, "an SCT of unknown version %lld", (long long)version);
    if (take_number(answer, "timestamp", &timestamp, e) != 0 ||
        take_bytes(answer, "id", &parts[0], e) != 0 ||
        take_bytes(answer, "extensions", &parts[1], e) != 0 ||
        take_bytes(answer, "signature", &parts[2], e) != 0)
        return -1;
    if (parts[0].len != SCT_LOG_ID)
        return err_set(e, "'id' has %zu bytes, not %d", parts[0].len, SCT_LOG_ID);
    if (parts[1].len > UINT16_MAX)
        return err_set(e, "'extensions' has %zu bytes", parts[1].len);
    buf_putc(out, 0);
    buf_append(out, parts[0].data, parts[0].len);
    buf_put_be(out, (unsigned long long)timestamp, 8);
    buf_put_be(out, parts[1].len, 2);
    buf_append(out, parts[1].data, parts[1].len);
    buf_append(out, parts[2].data, parts[2].len);
    return buf_failed(out) ? err_set(e, "out of memory") : 0;
}

int ct_answer_parse(const void *body, size_t len, struct buf *sct, struct err *e)
{
    struct buf parts[3] = {{0}, {0}, {0}};
    struct sct checked;
    size_t at = sct->len;
    json_t *answer = strictjson_parse(len > 0 ? body : "", len, CT_ANSWER_MAX, e);
    int rc = answer != NULL ? take_sct(answer, parts, sct, e) : -1;
    if (rc == 0)
        rc = sct_parse(sct->data + at, sct->len - at, &checked, e);
    if (rc != 0)
        sct->len = at < sct->len ? at : sct->len;
    for (int i = 0; i < 3; i++)
        buf_free(&parts[i]);
    json_decref(answer);
    return rc == 0 ? 0 : err_wrap(e, "the log's answer");
}

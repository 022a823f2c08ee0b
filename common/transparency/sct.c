#include "common/transparency/sct.h"

#include <inttypes.h>
#include <string.h>

#include "common/bytes.h"
#include "common/transparency/digsig.h"

enum { VERSION_1 = 0, SIGNATURE_TYPE_TIMESTAMP = 0, EXTENSION_LEAF_INDEX = 0 };

#define UINT24_MAX ((size_t)0xffffff)
#define LEAF_INDEX_BYTES 5

int tm_sct_parse(const void *data, size_t len, struct tm_sct *out, struct tm_err *e)
{
    struct tm_bytes in = bytes_of(data, len);
    uint64_t version = tm_bytes_be(&in, 1);
    if (!in.failed && version != VERSION_1)
        return tm_err_set(e, "SCT of unknown version %" PRIu64 " (only v1, byte 0, is known)",
                          version);
    *out = (struct tm_sct){0};
    const unsigned char *id = tm_bytes_take(&in, SCT_LOG_ID);
    out->timestamp_ms = tm_bytes_be(&in, 8);
    out->extensions = tm_bytes_vector(&in, 2, &out->extensions_len);
    out->signature = in.p;
    out->signature_len = in.left;
    size_t sig_len = 0;
    tm_bytes_take(&in, 2); /* hash, algorithm */
    tm_bytes_vector(&in, 2, &sig_len);
    if (in.failed || id == NULL)
        return tm_err_set(e, "SCT truncated: %zu bytes", len);
    if (!tm_bytes_end(&in))
        return tm_err_set(e, "%zu bytes after the SCT", in.left);
    memcpy(out->log_id, id, sizeof(out->log_id));
    return 0;
}

void tm_sct_put(const struct tm_sct *s, struct tm_buf *out)
{
    buf_putc(out, VERSION_1);
    tm_buf_append(out, s->log_id, sizeof(s->log_id));
    tm_buf_put_be(out, s->timestamp_ms, 8);
    tm_buf_put_be(out, s->extensions_len, 2);
    tm_buf_append(out, s->extensions, s->extensions_len);
    tm_buf_append(out, s->signature, s->signature_len);
}

int tm_sct_list_next(const void *list, size_t len, size_t *at, struct tm_sct *out, struct tm_err *e)
{
    struct tm_bytes in = bytes_of(list, len);
    size_t body_len = 0;
    size_t one_len = 0;
    tm_bytes_vector(&in, 2, &body_len);
    if (!tm_bytes_end(&in) || body_len == 0)
        return tm_err_set(e, "the SCT list is truncated or empty, or bytes follow it");
    if (*at == 0)
        *at = 2;
    if (*at >= len)
        return 0;
    in = bytes_of((const unsigned char *)list + *at, len - *at);
    const unsigned char *one = tm_bytes_vector(&in, 2, &one_len);
    if (in.failed)
        return tm_err_set(e, "an SCT reaches beyond its list");
    if (tm_sct_parse(one, one_len, out, e) != 0)
        return -1;
    *at = len - in.left;
    return 1;
}

int tm_sct_list_put(const struct tm_buf *serialised, size_t count, struct tm_buf *out,
                    struct tm_err *e)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (serialised[i].len == 0 || serialised[i].len > UINT16_MAX)
            return tm_err_set(e, "an SCT of %zu bytes", serialised[i].len);
        total += 2 + serialised[i].len;
    }
    if (total == 0 || total > SCT_LIST_MAX)
        return tm_err_set(e, "an SCT list of %zu bytes", total);
    tm_buf_put_be(out, total, 2);
    for (size_t i = 0; i < count; i++) {
        tm_buf_put_be(out, serialised[i].len, 2);
        tm_buf_append(out, serialised[i].data, serialised[i].len);
    }
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

int tm_sct_signed_data(const struct tm_sct *s, const struct tm_sct_entry *entry, struct tm_buf *out,
                       struct tm_err *e)
{
    if (entry->cert_len == 0 || entry->cert_len > UINT24_MAX)
        return tm_err_set(e, "a log entry of %zu bytes", entry->cert_len);
    if (s->extensions_len > UINT16_MAX)
        return tm_err_set(e, "SCT extensions of %zu bytes", s->extensions_len);
    buf_putc(out, VERSION_1);
    buf_putc(out, SIGNATURE_TYPE_TIMESTAMP);
    tm_buf_put_be(out, s->timestamp_ms, 8);
    tm_buf_put_be(out, entry->type, 2);
    if (entry->type == SCT_PRECERT)
        tm_buf_append(out, entry->issuer_key_hash, SCT_KEY_HASH);
    tm_buf_put_be(out, entry->cert_len, 3);
    tm_buf_append(out, entry->cert, entry->cert_len);
    tm_buf_put_be(out, s->extensions_len, 2);
    tm_buf_append(out, s->extensions, s->extensions_len);
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

int tm_sct_verify(const struct tm_sct *s, const struct tm_sct_entry *entry, EVP_PKEY *log_key,
                  int64_t now_ms, int64_t skew_ms, struct tm_err *e)
{
    unsigned char id[SCT_LOG_ID];
    if (tm_digsig_log_id(log_key, id, e) != 0)
        return -1;
    if (memcmp(id, s->log_id, sizeof(id)) != 0)
        return tm_err_set(e, "the SCT is of another log: its log id is not that of this key");
    if (s->timestamp_ms > INT64_MAX || (int64_t)s->timestamp_ms - skew_ms > now_ms)
        return tm_err_set(
            e, "the SCT's timestamp %" PRIu64 " ms is in the future (now %" PRId64 " ms)",
            s->timestamp_ms, now_ms);
    struct tm_buf data = {0};
    int rc = tm_sct_signed_data(s, entry, &data, e);
    if (rc == 0)
        rc = tm_digsig_verify(log_key, data.data, data.len, s->signature, s->signature_len, e);
    tm_buf_free(&data);
    return rc;
}

int tm_sct_leaf_index_get(const struct tm_sct *s, uint64_t *index, struct tm_err *e)
{
    struct tm_bytes in = bytes_of(s->extensions, s->extensions_len);
    bool found = false;
    while (in.left > 0 && !in.failed) {
        size_t len = 0;
        uint64_t type = tm_bytes_be(&in, 1);
        const unsigned char *data = tm_bytes_vector(&in, 2, &len);
        if (in.failed || type != EXTENSION_LEAF_INDEX)
            continue;
        if (found || len != LEAF_INDEX_BYTES)
            return tm_err_set(e, "the SCT's leaf index is repeated or has %zu bytes", len);
        struct tm_bytes number = bytes_of(data, len);
        *index = tm_bytes_be(&number, LEAF_INDEX_BYTES);
        found = true;
    }
    if (in.failed)
        return tm_err_set(e, "the SCT's extensions are truncated");
    return found ? 1 : 0;
}

void tm_sct_leaf_index_put(uint64_t index, struct tm_buf *out)
{
    buf_putc(out, EXTENSION_LEAF_INDEX);
    tm_buf_put_be(out, LEAF_INDEX_BYTES, 2);
    tm_buf_put_be(out, index, LEAF_INDEX_BYTES);
}

#include "ca/log/ct/leaf.h"

#include "common/transparency/entry.h"

#define EXTENSIONS_LEN 8 /* leaf_index alone: type, u16 length, 40-bit index */
#define INDEX_LEN 5

static void put_be(unsigned char *to, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (unsigned char)(v >> (8 * (bytes - 1 - i)));
}

int ca_leaf_draft_init(struct ca_log_draft *d, const struct ca_log_entry *entry,
                       const unsigned char *fingerprints, struct tm_err *e)
{
    struct tm_buf extensions = {0};
    *d = (struct ca_log_draft){0};
    tm_sct_leaf_index_put(0, &extensions);
    struct tm_entry n = {.logged = entry->signed_entry,
                         .extensions = extensions.data,
                         .extensions_len = extensions.len,
                         .precert = entry->precert,
                         .precert_len = entry->precert_len,
                         .chain = fingerprints,
                         .chain_len = entry->issuer_count * ENTRY_FINGERPRINT};
    int rc = 0;
    if (entry->signed_entry.cert_len > LOG_ENTRY_MAX || entry->precert_len > LOG_ENTRY_MAX ||
        tm_buf_reserve(&d->bytes, n.logged.cert_len + n.precert_len + n.chain_len + 64) == NULL)
        rc = tm_err_set(e, "it is too large");
    if (rc == 0)
        rc = tm_entry_put_tile_leaf(&n, &d->bytes, e);
    if (rc == 0 && d->bytes.len > LOG_ENTRY_MAX)
        rc = tm_err_set(e, "it is larger than %zu bytes", LOG_ENTRY_MAX);
    size_t after = 2 + n.chain_len + (n.logged.type == SCT_PRECERT ? 3 + n.precert_len : 0);
    d->hashed = d->bytes.len - after;
    tm_buf_free(&extensions);
    if (rc == 0)
        return 0;
    tm_buf_free(&d->bytes);
    return tm_err_wrap(e, "log entry");
}

void ca_leaf_draft_seal(struct ca_log_draft *d, uint64_t timestamp_ms, uint64_t index)
{
    put_be(d->bytes.data, timestamp_ms, 8);
    put_be(d->bytes.data + d->hashed - INDEX_LEN, index, INDEX_LEN);
}

void ca_leaf_draft_hash(const struct ca_log_draft *d, struct tm_merkle_hash *out)
{
    struct tm_entry n = {.timestamped = d->bytes.data, .timestamped_len = d->hashed};
    tm_entry_leaf_hash(&n, out);
}

void ca_leaf_draft_signed(const struct ca_log_draft *d, struct tm_buf *out)
{
    /* v1 and certificate_timestamp: the same two bytes as a MerkleTreeLeaf's v1 and
     * timestamped_entry */
    buf_putc(out, 0);
    buf_putc(out, 0);
    tm_buf_append(out, d->bytes.data, d->hashed);
}

const unsigned char *ca_leaf_draft_extensions(const struct ca_log_draft *d, size_t *len)
{
    *len = EXTENSIONS_LEN;
    return d->bytes.data + d->hashed - EXTENSIONS_LEN;
}

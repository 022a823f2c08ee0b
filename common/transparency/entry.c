#include "common/transparency/entry.h"

#include <inttypes.h>
#include <stdio.h>

#define LEAF_VERSION 0        /* v1 */
#define LEAF_TIMESTAMPED 0    /* MerkleLeafType timestamped_entry */
#define FULL_LENGTH 0xffffffU /* opaque<1..2^24-1> */

/* TimestampedEntry: timestamp, entry_type, signed_entry, extensions. */
static int take_timestamped(struct tm_bytes *b, struct tm_entry *out, struct tm_err *e)
{
    const unsigned char *start = b->p;
    out->timestamp_ms = tm_bytes_be(b, 8);
    uint64_t type = tm_bytes_be(b, 2);
    if (b->failed)
        return tm_err_set(e, "it is cut short");
    if (type != SCT_X509 && type != SCT_PRECERT)
        return tm_err_set(e, "its entry type %" PRIu64 " is unknown", type);
    out->logged.type = (enum tm_sct_entry_type)type;
    out->logged.issuer_key_hash = type == SCT_PRECERT ? tm_bytes_take(b, SCT_KEY_HASH) : NULL;
    out->logged.cert = tm_bytes_vector(b, 3, &out->logged.cert_len);
    out->extensions = tm_bytes_vector(b, 2, &out->extensions_len);
    if (b->failed || out->logged.cert_len == 0)
        return tm_err_set(e, "its certificate is empty or cut short");
    out->timestamped = start;
    out->timestamped_len = (size_t)(b->p - start);
    return 0;
}

int tm_entry_take_tile_leaf(struct tm_bytes *tile, struct tm_entry *out, struct tm_err *e)
{
    *out = (struct tm_entry){0};
    if (tm_bytes_end(tile))
        return 0;
    if (take_timestamped(tile, out, e) != 0)
        return -1;
    if (out->logged.type == SCT_PRECERT)
        out->precert = tm_bytes_vector(tile, 3, &out->precert_len);
    out->chain = tm_bytes_vector(tile, 2, &out->chain_len);
    if (tile->failed)
        return tm_err_set(e, "its issuers are cut short");
    if (out->precert != NULL && out->precert_len == 0)
        return tm_err_set(e, "its precertificate is empty");
    if (out->chain_len % ENTRY_FINGERPRINT != 0)
        return tm_err_set(e, "its issuers are not whole fingerprints");
    return 1;
}

int tm_entry_take_text(struct tm_bytes *tile, struct tm_entry *out, struct tm_err *e)
{
    *out = (struct tm_entry){0};
    if (tm_bytes_end(tile))
        return 0;
    out->text = tm_bytes_vector(tile, 2, &out->text_len);
    return tile->failed ? tm_err_set(e, "it is cut short") : 1;
}

/* Walks entry.chain of extra_data. 1: the next certificate, 0: the end, -1: damaged. */
static int next_issuer(struct tm_bytes *chain, const unsigned char **der, size_t *len)
{
    if (tm_bytes_end(chain))
        return 0;
    *der = tm_bytes_vector(chain, 3, len);
    return chain->failed || *len == 0 ? -1 : 1;
}

/* PrecertChainEntry, or the certificate_chain of an X509ChainEntry. */
static int take_extra(struct tm_bytes *b, struct tm_entry *out, struct tm_err *e)
{
    if (out->logged.type == SCT_PRECERT)
        out->precert = tm_bytes_vector(b, 3, &out->precert_len);
    out->chain = tm_bytes_vector(b, 3, &out->chain_len);
    if (!tm_bytes_end(b) || (out->precert != NULL && out->precert_len == 0))
        return tm_err_set(e, "extra_data is damaged");
    struct tm_bytes chain = bytes_of(out->chain, out->chain_len);
    const unsigned char *der;
    size_t len;
    int rc;
    while ((rc = next_issuer(&chain, &der, &len)) > 0)
        ;
    return rc == 0 ? 0 : tm_err_set(e, "the chain in extra_data is damaged");
}

int tm_entry_parse(const void *leaf_input, size_t leaf_len, const void *extra_data,
                   size_t extra_len, struct tm_entry *out, struct tm_err *e)
{
    struct tm_bytes leaf = bytes_of(leaf_input, leaf_len);
    struct tm_bytes extra = bytes_of(extra_data, extra_len);
    *out = (struct tm_entry){0};
    uint64_t version = tm_bytes_be(&leaf, 1);
    uint64_t type = tm_bytes_be(&leaf, 1);
    if (leaf.failed || version != LEAF_VERSION || type != LEAF_TIMESTAMPED)
        return tm_err_set(e, "leaf_input is not a version 1 timestamped entry");
    if (take_timestamped(&leaf, out, e) != 0)
        return tm_err_wrap(e, "leaf_input");
    if (!tm_bytes_end(&leaf))
        return tm_err_set(e, "leaf_input has trailing bytes");
    return take_extra(&extra, out, e);
}

int tm_entry_put_timestamped(const struct tm_entry *n, struct tm_buf *out, struct tm_err *e)
{
    bool precert = n->logged.type == SCT_PRECERT;
    if (n->logged.cert_len == 0 || n->logged.cert_len > FULL_LENGTH || n->extensions_len > 0xffff)
        return tm_err_set(e, "a certificate of %zu bytes fits no log entry", n->logged.cert_len);
    tm_buf_put_be(out, n->timestamp_ms, 8);
    tm_buf_put_be(out, n->logged.type, 2);
    if (precert)
        tm_buf_append(out, n->logged.issuer_key_hash, SCT_KEY_HASH);
    tm_buf_put_be(out, n->logged.cert_len, 3);
    tm_buf_append(out, n->logged.cert, n->logged.cert_len);
    tm_buf_put_be(out, n->extensions_len, 2);
    tm_buf_append(out, n->extensions, n->extensions_len);
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

int tm_entry_put_tile_leaf(const struct tm_entry *n, struct tm_buf *out, struct tm_err *e)
{
    bool precert = n->logged.type == SCT_PRECERT;
    if (tm_entry_put_timestamped(n, out, e) != 0)
        return -1;
    if (n->chain_len > 0xffff || n->chain_len % ENTRY_FINGERPRINT != 0 ||
        (precert && (n->precert_len == 0 || n->precert_len > FULL_LENGTH)))
        return tm_err_set(e, "the precertificate or its issuers fit no log entry");
    if (precert) {
        tm_buf_put_be(out, n->precert_len, 3);
        tm_buf_append(out, n->precert, n->precert_len);
    }
    tm_buf_put_be(out, n->chain_len, 2);
    tm_buf_append(out, n->chain, n->chain_len);
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

void tm_tile_path(int level, uint64_t index, unsigned width, char out[TILE_PATH_MAX])
{
    unsigned group[8]; /* of three digits, the last first: 2^64 has 20 digits */
    size_t groups = 0;
    int at;
    do {
        group[groups++] = (unsigned)(index % 1000);
        index /= 1000;
    } while (index > 0);
    if (level == TILE_LEVEL_DATA)
        at = snprintf(out, TILE_PATH_MAX, "tile/data");
    else if (level == TILE_LEVEL_ENTRIES)
        at = snprintf(out, TILE_PATH_MAX, "tile/entries");
    else
        at = snprintf(out, TILE_PATH_MAX, "tile/%d", level);
    for (size_t i = groups; i-- > 0;)
        at += snprintf(out + at, TILE_PATH_MAX - (size_t)at, i > 0 ? "/x%03u" : "/%03u", group[i]);
    if (width < TILE_WIDTH)
        snprintf(out + at, TILE_PATH_MAX - (size_t)at, ".p/%u", width);
}

void tm_entry_leaf_hash(const struct tm_entry *n, struct tm_merkle_hash *out)
{
    static const unsigned char head[] = {LEAF_VERSION, LEAF_TIMESTAMPED};
    if (n->text != NULL) {
        tm_merkle_leaf(n->text, n->text_len, out);
        return;
    }
    tm_merkle_leaf_parts(head, sizeof(head), n->timestamped, n->timestamped_len, out);
}

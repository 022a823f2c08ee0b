#include "ca/log/signatures/answer.h"

#include <inttypes.h>

#include "ca/log/signatures/entry.h"
#include "common/b64.h"
#include "common/json/jsonstr.h"

static void put_hash(struct tm_buf *out, const struct tm_merkle_hash *h)
{
    tm_buf_puts(out, "\"");
    tm_b64_encode(B64_STD, h->b, sizeof(h->b), out);
    tm_buf_puts(out, "\"");
}

static void put_proof(const struct ca_sig_answer *a, struct tm_buf *out)
{
    tm_buf_printf(out, "{\"logIndex\":\"%" PRIu64 "\",\"rootHash\":", a->index);
    put_hash(out, &a->checkpoint->root);
    tm_buf_printf(out, ",\"treeSize\":\"%" PRIu64 "\",\"hashes\":[", a->checkpoint->size);
    for (size_t i = 0; i < a->proof->count; i++) {
        tm_buf_puts(out, i > 0 ? "," : "");
        put_hash(out, &a->proof->hash[i]);
    }
    tm_buf_puts(out, "],\"checkpoint\":{\"envelope\":");
    tm_jsonstr_put(out, (const char *)a->note->data, a->note->len);
    tm_buf_puts(out, "}}");
}

/* Numbers of 64 bits are strings there; the log dates nothing and promises nothing. */
void ca_sig_answer_write(const struct ca_sig_answer *a, struct tm_buf *out)
{
    tm_buf_printf(out, "{\"logIndex\":\"%" PRIu64 "\",\"logId\":{\"keyId\":\"", a->index);
    tm_b64_encode(B64_STD, a->log_id, 32, out);
    tm_buf_printf(out,
                  "\"},\"kindVersion\":{\"kind\":\"%s\",\"version\":\"" SIG_VERSION
                  "\"},\"integratedTime\":\"0\",\"inclusionPromise\":null,\"inclusionProof\":",
                  ca_sig_kind_name(a->kind));
    put_proof(a, out);
    tm_buf_puts(out, ",\"canonicalizedBody\":\"");
    tm_b64_encode(B64_STD, a->body, a->body_len, out);
    tm_buf_puts(out, "\"}");
}

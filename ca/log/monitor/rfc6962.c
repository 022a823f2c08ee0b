#include "ca/log/monitor/rfc6962.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/json/strictjson.h"
#include "common/transparency/note.h"

static json_t *parse_object(const char *json, size_t len, struct tm_err *e)
{
    json_t *root = tm_strictjson_parse(json, len, RFC6962_ANSWER_MAX, e);
    if (root == NULL) {
        tm_err_wrap(e, "not the JSON of a log's answer");
        return NULL;
    }
    if (json_is_object(root))
        return root;
    json_decref(root);
    tm_err_set(e, "not the JSON of a log's answer: want an object");
    return NULL;
}

/* A number of the answer; -1 when absent, no integer or negative. */
static int member_number(const json_t *o, const char *name, uint64_t *out, struct tm_err *e)
{
    const json_t *v = json_object_get(o, name);
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return tm_err_set(e, "the answer's \"%s\" is missing or not a number", name);
    *out = (uint64_t)json_integer_value(v);
    return 0;
}

static int member_bytes(const json_t *o, const char *name, struct tm_buf *out, struct tm_err *e)
{
    const json_t *v = json_object_get(o, name);
    if (!json_is_string(v) ||
        tm_b64_decode(B64_STD, json_string_value(v), json_string_length(v), out) != 0)
        return tm_err_set(e, "the answer's \"%s\" is missing or not base64", name);
    return 0;
}

static int to_hash(const struct tm_buf *b, struct tm_merkle_hash *out)
{
    if (b->len != MERKLE_HASH)
        return -1;
    memcpy(out->b, b->data, MERKLE_HASH);
    return 0;
}

/* The RFC6962NoteSignature line of static-ct-api. */
static int put_sth_note(const struct tm_checkpoint *cp, uint64_t timestamp_ms,
                        const struct tm_buf *signature, const unsigned char key_id[4],
                        struct tm_buf *note, struct tm_err *e)
{
    struct tm_buf sig = {0};
    tm_buf_append(&sig, key_id, 4);
    tm_buf_put_be(&sig, timestamp_ms, 8);
    tm_buf_append(&sig, signature->data, signature->len);
    tm_checkpoint_text(cp, note);
    tm_buf_printf(note, "\n\xe2\x80\x94 %s ", cp->origin);
    tm_b64_encode(B64_STD, sig.data, sig.len, note);
    buf_putc(note, '\n');
    bool failed = buf_failed(&sig) || buf_failed(note);
    tm_buf_free(&sig);
    return failed ? tm_err_set(e, "out of memory") : 0;
}

int ca_rfc6962_sth(const char *json, size_t len, const char *origin, const unsigned char key_id[4],
                   struct tm_buf *note, struct tm_err *e)
{
    struct tm_checkpoint cp = {0};
    struct tm_buf root = {0};
    struct tm_buf signature = {0};
    uint64_t timestamp_ms = 0;
    json_t *o = parse_object(json, len, e);
    if (o == NULL)
        return -1;
    strncat(cp.origin, origin, sizeof(cp.origin) - 1);
    int rc = member_number(o, "tree_size", &cp.size, e);
    if (rc == 0)
        rc = member_number(o, "timestamp", &timestamp_ms, e);
    if (rc == 0)
        rc = member_bytes(o, "sha256_root_hash", &root, e);
    if (rc == 0)
        rc = member_bytes(o, "tree_head_signature", &signature, e);
    if (rc == 0 && (to_hash(&root, &cp.root) != 0 || signature.len > 1024))
        rc = tm_err_set(e, "the answer's root hash or signature has the wrong length");
    if (rc == 0)
        rc = put_sth_note(&cp, timestamp_ms, &signature, key_id, note, e);
    tm_buf_free(&root);
    tm_buf_free(&signature);
    json_decref(o);
    return rc;
}

struct span {
    size_t leaf, leaf_len, extra, extra_len; /* in raw */
};

/* Decodes every entry into `raw`, whose memory moves as it grows: hence spans. */
static int decode_entries(const json_t *list, size_t count, struct tm_buf *raw, struct span *span,
                          struct tm_err *e)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *o = json_array_get(list, i);
        span[i].leaf = raw->len;
        int rc = member_bytes(o, "leaf_input", raw, e);
        span[i].leaf_len = raw->len - span[i].leaf;
        span[i].extra = raw->len;
        if (rc == 0)
            rc = member_bytes(o, "extra_data", raw, e);
        span[i].extra_len = raw->len - span[i].extra;
        if (rc != 0)
            return tm_err_wrap(e, "entry %zu of the answer", i);
    }
    return buf_failed(raw) ? tm_err_set(e, "out of memory") : 0;
}

static int parse_entries(const struct span *span, size_t count, struct ca_log_batch *out,
                         struct tm_err *e)
{
    const unsigned char *raw = out->raw.data;
    for (size_t i = 0; i < count; i++) {
        if (tm_entry_parse(raw + span[i].leaf, span[i].leaf_len, raw + span[i].extra,
                           span[i].extra_len, &out->entry[i], e) != 0)
            return tm_err_wrap(e, "entry %" PRIu64, out->first + i);
        out->count++;
    }
    return 0;
}

int ca_rfc6962_entries(const char *json, size_t len, uint64_t first, uint64_t last,
                       struct ca_log_batch *out, struct tm_err *e)
{
    json_t *o = parse_object(json, len, e);
    if (o == NULL)
        return -1;
    const json_t *list = json_object_get(o, "entries");
    size_t count = json_array_size(list);
    out->first = first;
    out->count = 0;
    int rc = 0;
    struct span *span = NULL;
    if (!json_is_array(list) || count == 0)
        rc = tm_err_set(e, "the answer has no entries");
    else if (count - 1 > last - first)
        rc = tm_err_set(e, "the answer has %zu entries, more than were asked for", count);
    else if ((span = calloc(count, sizeof(*span))) == NULL ||
             (out->entry = calloc(count, sizeof(*out->entry))) == NULL)
        rc = tm_err_set(e, "out of memory");
    if (rc == 0)
        rc = decode_entries(list, count, &out->raw, span, e);
    if (rc == 0)
        rc = parse_entries(span, count, out, e);
    free(span);
    json_decref(o);
    return rc;
}

static int read_hashes(const json_t *list, struct tm_merkle_hash proof[MERKLE_PROOF_MAX],
                       size_t *count, struct tm_err *e)
{
    struct tm_buf b = {0};
    int rc = json_is_array(list) && json_array_size(list) <= MERKLE_PROOF_MAX ? 0 : -1;
    *count = rc == 0 ? json_array_size(list) : 0;
    for (size_t i = 0; rc == 0 && i < *count; i++) {
        const json_t *v = json_array_get(list, i);
        tm_buf_reset(&b);
        if (!json_is_string(v) ||
            tm_b64_decode(B64_STD, json_string_value(v), json_string_length(v), &b) != 0 ||
            to_hash(&b, &proof[i]) != 0)
            rc = -1;
    }
    tm_buf_free(&b);
    return rc == 0 ? 0 : tm_err_set(e, "the answer's proof is missing, too long or not hashes");
}

int ca_rfc6962_proof(const char *json, size_t len, const char *member,
                     struct tm_merkle_hash proof[MERKLE_PROOF_MAX], size_t *count, struct tm_err *e)
{
    json_t *o = parse_object(json, len, e);
    if (o == NULL)
        return -1;
    int rc = read_hashes(json_object_get(o, member), proof, count, e);
    json_decref(o);
    return rc;
}

int ca_rfc6962_frontier(const char *json, size_t len, uint64_t size, struct tm_frontier *out,
                        struct tm_err *e)
{
    struct tm_merkle_hash path[MERKLE_PROOF_MAX];
    struct tm_merkle_hash leaf;
    struct tm_buf input = {0};
    size_t count = 0;
    json_t *o = parse_object(json, len, e);
    if (o == NULL)
        return -1;
    int rc = member_bytes(o, "leaf_input", &input, e);
    if (rc == 0)
        rc = read_hashes(json_object_get(o, "audit_path"), path, &count, e);
    if (rc == 0) {
        tm_merkle_leaf(input.data, input.len, &leaf);
        rc = tm_frontier_from_last(out, size, &leaf, path, count, e);
    }
    tm_buf_free(&input);
    json_decref(o);
    return rc;
}

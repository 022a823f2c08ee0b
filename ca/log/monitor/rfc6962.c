#include "ca/log/monitor/rfc6962.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/json/jsonmap.h"
#include "common/transparency/note.h"

#define SIGNATURE_MAX 1024 /* bytes of a TLS digitally-signed struct */

struct hashes {
    struct tm_buf *item;
    size_t count;
};

static const struct tm_jsonmap_member hash = {
    .kind = JSONMAP_BASE64, .min = MERKLE_HASH, .max = MERKLE_HASH};

/* The members of all four answers are required, and others ignored. */
#define NUMBER(name_, type_, member_) \
    { \
        .name = (name_), JSONMAP_AT(type_, member_), .kind = JSONMAP_INTEGER, .max = INT64_MAX, \
        .flags = JSONMAP_REQUIRED \
    }
#define BYTES(name_, type_, member_, min_, max_) \
    { \
        .name = (name_), JSONMAP_AT(type_, member_), .kind = JSONMAP_BASE64, .min = (min_), \
        .max = (max_), .flags = JSONMAP_REQUIRED \
    }
#define LIST(name_, type_, member_, each_, size_, min_, max_) \
    { \
        .name = (name_), JSONMAP_AT(type_, member_), .kind = JSONMAP_LIST, .each = &(each_), \
        .size = (size_), .min = (min_), .max = (max_), .flags = JSONMAP_REQUIRED \
    }
#define HASHES(name_, type_, member_) \
    LIST(name_, type_, member_, hash, sizeof(struct tm_buf), 0, MERKLE_PROOF_MAX)
#define MAP(name_, type_, members_) \
    static const struct tm_jsonmap name_ = { \
        .members = (members_), .size = sizeof(type_), .unknown = JSONMAP_IGNORE}

static int read_answer(const char *json, size_t len, const struct tm_jsonmap *map, void *out,
                       struct tm_err *e)
{
    return tm_jsonmap_parse(json, len, RFC6962_ANSWER_MAX, map, NULL, out, e) == 0
               ? 0
               : tm_err_wrap(e, "the log's answer");
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

struct sth {
    int64_t size, timestamp_ms;
    struct tm_buf root, signature;
};

static const struct tm_jsonmap_member sth_members[] = {
    NUMBER("tree_size", struct sth, size),
    NUMBER("timestamp", struct sth, timestamp_ms),
    BYTES("sha256_root_hash", struct sth, root, MERKLE_HASH, MERKLE_HASH),
    BYTES("tree_head_signature", struct sth, signature, 0, SIGNATURE_MAX),
    {0},
};
MAP(sth_map, struct sth, sth_members);

int ca_rfc6962_sth(const char *json, size_t len, const char *origin, const unsigned char key_id[4],
                   struct tm_buf *note, struct tm_err *e)
{
    struct tm_checkpoint cp = {0};
    struct sth sth = {0};
    int rc = read_answer(json, len, &sth_map, &sth, e);
    if (rc == 0) {
        strncat(cp.origin, origin, sizeof(cp.origin) - 1);
        cp.size = (uint64_t)sth.size;
        memcpy(cp.root.b, sth.root.data, MERKLE_HASH);
        rc = put_sth_note(&cp, (uint64_t)sth.timestamp_ms, &sth.signature, key_id, note, e);
    }
    tm_jsonmap_free(&sth_map, &sth);
    return rc;
}

struct answer_entry {
    struct tm_buf leaf, extra;
};

struct entries {
    struct {
        struct answer_entry *item;
        size_t count;
    } list;
};

static const struct tm_jsonmap_member entry_members[] = {
    BYTES("leaf_input", struct answer_entry, leaf, 0, 0),
    BYTES("extra_data", struct answer_entry, extra, 0, 0),
    {0},
};
MAP(entry_map, struct answer_entry, entry_members);
static const struct tm_jsonmap_member one_entry = {.kind = JSONMAP_OBJECT, .map = &entry_map};
static const struct tm_jsonmap_member entries_members[] = {
    LIST("entries", struct entries, list, one_entry, sizeof(struct answer_entry), 1, 0), {0}};
MAP(entries_map, struct entries, entries_members);

static int take_entries(const struct entries *a, struct ca_log_batch *out, struct tm_err *e)
{
    size_t all = 0;
    size_t at = out->raw.len;
    for (size_t i = 0; i < a->list.count; i++)
        all += a->list.item[i].leaf.len + a->list.item[i].extra.len;
    out->entry = calloc(a->list.count + 1, sizeof(*out->entry));
    /* What points into `raw` stays right: it is of its whole size before the first entry. */
    if (out->entry == NULL || tm_buf_reserve(&out->raw, all + 1) == NULL)
        return tm_err_set(e, "out of memory");
    for (size_t i = 0; i < a->list.count; i++) {
        const struct answer_entry *one = &a->list.item[i];
        const unsigned char *raw = out->raw.data + at;
        tm_buf_append(&out->raw, one->leaf.data, one->leaf.len);
        tm_buf_append(&out->raw, one->extra.data, one->extra.len);
        if (tm_entry_parse(raw, one->leaf.len, raw + one->leaf.len, one->extra.len, &out->entry[i],
                           e) != 0)
            return tm_err_wrap(e, "entry %" PRIu64, out->first + i);
        at = out->raw.len;
        out->count++;
    }
    return 0;
}

int ca_rfc6962_entries(const char *json, size_t len, uint64_t first, uint64_t last,
                       struct ca_log_batch *out, struct tm_err *e)
{
    struct entries a = {0};
    int rc = read_answer(json, len, &entries_map, &a, e);
    out->first = first;
    out->count = 0;
    if (rc == 0 && a.list.count - 1 > last - first)
        rc = tm_err_set(e, "the log's answer has %zu entries, more than were asked for",
                        a.list.count);
    if (rc == 0)
        rc = take_entries(&a, out, e);
    tm_jsonmap_free(&entries_map, &a);
    return rc;
}

static size_t take_hashes(const struct hashes *list, struct tm_merkle_hash proof[MERKLE_PROOF_MAX])
{
    for (size_t i = 0; i < list->count; i++)
        memcpy(proof[i].b, list->item[i].data, MERKLE_HASH);
    return list->count;
}

struct proof {
    struct hashes path;
};

static const struct tm_jsonmap_member consistency_members[] = {
    HASHES("consistency", struct proof, path),
    {0},
};
MAP(consistency_map, struct proof, consistency_members);

int ca_rfc6962_consistency(const char *json, size_t len,
                           struct tm_merkle_hash proof[MERKLE_PROOF_MAX], size_t *count,
                           struct tm_err *e)
{
    struct proof answer = {0};
    int rc = read_answer(json, len, &consistency_map, &answer, e);
    *count = rc == 0 ? take_hashes(&answer.path, proof) : 0;
    tm_jsonmap_free(&consistency_map, &answer);
    return rc;
}

struct edge {
    struct tm_buf leaf;
    struct hashes path;
};

static const struct tm_jsonmap_member edge_members[] = {
    BYTES("leaf_input", struct edge, leaf, 0, 0),
    HASHES("audit_path", struct edge, path),
    {0},
};
MAP(edge_map, struct edge, edge_members);

int ca_rfc6962_frontier(const char *json, size_t len, uint64_t size, struct tm_frontier *out,
                        struct tm_err *e)
{
    struct tm_merkle_hash path[MERKLE_PROOF_MAX];
    struct tm_merkle_hash leaf;
    struct edge edge = {0};
    int rc = read_answer(json, len, &edge_map, &edge, e);
    if (rc == 0) {
        tm_merkle_leaf(edge.leaf.data, edge.leaf.len, &leaf);
        rc = tm_frontier_from_last(out, size, &leaf, path, take_hashes(&edge.path, path), e);
    }
    tm_jsonmap_free(&edge_map, &edge);
    return rc;
}

#include "ca/log/monitor/scan.h"

#include <inttypes.h>

#define CHUNK 4096       /* entries between proofs */
#define CHUNK_BATCHES 64 /* answers; a log that gives few entries at a time is proven oftener */
#define CHUNK_BYTES ((size_t)64 << 20)

int ca_scan_prove(struct ca_log_source *s, const struct tm_checkpoint *tree,
                  const struct tm_frontier *f, struct tm_err *e)
{
    struct tm_merkle_hash proof[MERKLE_PROOF_MAX];
    struct tm_merkle_hash root;
    size_t count = 0;
    if (ca_log_source_consistency(s, f->size, tree->size, proof, &count, e) != 0)
        return -1;
    tm_frontier_root(f, &root);
    return tm_merkle_check_consistency(f->size, &root, tree->size, &tree->root, proof, count, e);
}

int ca_scan_start(struct ca_log_source *s, const struct tm_checkpoint *tree, uint64_t size,
                  struct tm_frontier *out, struct tm_err *e)
{
    if (size > tree->size)
        return tm_err_set(e, "entry %" PRIu64 " is beyond the tree of %" PRIu64, size, tree->size);
    if (ca_log_source_frontier(s, tree->size, size, out, e) != 0 ||
        ca_scan_prove(s, tree, out, e) != 0)
        return tm_err_wrap(e, "the tree at entry %" PRIu64, size);
    return 0;
}

static int hand_out(const struct ca_log_batch *b, const struct ca_scan_sink *sink, struct tm_err *e)
{
    for (size_t i = 0; i < b->count; i++) {
        if (sink->entry(sink->ctx, b->first + i, &b->entry[i], e) != 0)
            return -1;
    }
    return 0;
}

/* Fetches up to a chunk and adds it to `f`; *count batches are the caller's to free. */
static int fetch_chunk(struct ca_log_source *s, const struct tm_checkpoint *tree, uint64_t end,
                       struct tm_frontier *f, struct ca_log_batch *batch, size_t *count,
                       struct tm_err *e)
{
    uint64_t stop = end - f->size > CHUNK ? f->size + CHUNK : end;
    size_t bytes = 0;
    struct tm_merkle_hash leaf;
    for (*count = 0; f->size < stop && *count < CHUNK_BATCHES && bytes < CHUNK_BYTES;) {
        struct ca_log_batch *b = &batch[*count];
        if (ca_log_source_entries(s, tree->size, f->size, end, b, e) != 0)
            return -1;
        (*count)++;
        bytes += b->raw.len;
        for (size_t i = 0; i < b->count; i++) {
            tm_entry_leaf_hash(&b->entry[i], &leaf);
            tm_frontier_add(f, &leaf);
        }
    }
    return 0;
}

static int run_chunk(struct ca_log_source *s, const struct tm_checkpoint *tree,
                     struct tm_frontier *at, uint64_t end, const struct ca_scan_sink *sink,
                     struct tm_err *e)
{
    struct ca_log_batch batch[CHUNK_BATCHES];
    struct tm_frontier f = *at;
    size_t count = 0;
    int rc = fetch_chunk(s, tree, end, &f, batch, &count, e);
    if (rc == 0 && ca_scan_prove(s, tree, &f, e) != 0)
        rc = tm_err_wrap(e,
                         "the entries %" PRIu64 " to %" PRIu64 " (%s …) are not the signed tree's",
                         at->size, f.size - 1, batch[0].where);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = hand_out(&batch[i], sink, e);
    for (size_t i = 0; i < count; i++)
        ca_log_batch_free(&batch[i]);
    if (rc != 0)
        return -1;
    *at = f;
    return sink->advance != NULL ? sink->advance(sink->ctx, at, e) : 0;
}

int ca_scan_run(struct ca_log_source *s, const struct tm_checkpoint *tree, struct tm_frontier *at,
                uint64_t end, const struct ca_scan_sink *sink, struct tm_err *e)
{
    while (at->size < end) {
        if (run_chunk(s, tree, at, end, sink, e) != 0)
            return -1;
    }
    return 0;
}

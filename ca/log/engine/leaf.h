/*
 * A TileLeaf (static-ct-api) whose timestamp and index come later: sequencing fills them in.
 */
#ifndef TENMINT_CA_LOG_LEAF_H
#define TENMINT_CA_LOG_LEAF_H

#include "ca/log/engine/log.h"
#include "common/transparency/merkle.h"

struct leaf_draft {
    struct buf bytes;       /* TileLeaf; owned */
    size_t timestamped_len; /* of the TimestampedEntry at its start */
};

/* `fingerprints`: 32 bytes for each of entry->issuer. */
int leaf_draft_init(struct leaf_draft *d, const struct log_entry *entry,
                    const unsigned char *fingerprints, struct err *e);
void leaf_draft_seal(struct leaf_draft *d, uint64_t timestamp_ms, uint64_t index);
void leaf_draft_hash(const struct leaf_draft *d, struct merkle_hash *out);

/* Appends what an SCT of a sealed draft signs (RFC 6962 §3.2). */
void leaf_draft_signed(const struct leaf_draft *d, struct buf *out);
/* The SCT's extensions; borrowed. */
const unsigned char *leaf_draft_extensions(const struct leaf_draft *d, size_t *len);

#endif

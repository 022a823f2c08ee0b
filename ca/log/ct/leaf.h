/*
 * A TileLeaf (static-ct-api) whose timestamp and index come later: sequencing fills them in.
 */
#pragma once

#include "ca/log/ct/entry.h"
#include "ca/log/engine/format.h"

/* `fingerprints`: 32 bytes for each of entry->issuer. */
int ca_leaf_draft_init(struct ca_log_draft *d, const struct ca_log_entry *entry,
                       const unsigned char *fingerprints, struct tm_err *e);
void ca_leaf_draft_seal(struct ca_log_draft *d, uint64_t timestamp_ms, uint64_t index);
void ca_leaf_draft_hash(const struct ca_log_draft *d, struct tm_merkle_hash *out);

/* Appends what an SCT of a sealed draft signs (RFC 6962 §3.2). */
void ca_leaf_draft_signed(const struct ca_log_draft *d, struct tm_buf *out);
/* The SCT's extensions; borrowed. */
const unsigned char *ca_leaf_draft_extensions(const struct ca_log_draft *d, size_t *len);

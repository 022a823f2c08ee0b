/*
 * Answers of a log's RFC 6962 §4 read API, which are JSON from a machine that is not trusted.
 */
#pragma once

#include "ca/log/monitor/source.h"

#define RFC6962_ANSWER_MAX ((size_t)32 << 20) /* bytes of JSON */

/*
 * get-sth to a checkpoint note, appended: "a get-sth response can be converted to a checkpoint"
 * (static-ct-api). `origin` and `key_id` are not in the answer; the signature is copied, not
 * verified.
 */
int ca_rfc6962_sth(const char *json, size_t len, const char *origin, const unsigned char key_id[4],
                   struct tm_buf *note, struct tm_err *e);

/* get-entries of first..last into `out`: at least one entry and no more than were asked for. */
int ca_rfc6962_entries(const char *json, size_t len, uint64_t first, uint64_t last,
                       struct ca_log_batch *out, struct tm_err *e);

/* get-sth-consistency's list of hashes. */
int ca_rfc6962_consistency(const char *json, size_t len,
                           struct tm_merkle_hash proof[MERKLE_PROOF_MAX], size_t *count,
                           struct tm_err *e);

/* get-entry-and-proof of the last entry of a tree of `size`, which is the tree's right edge. */
int ca_rfc6962_frontier(const char *json, size_t len, uint64_t size, struct tm_frontier *out,
                        struct tm_err *e);

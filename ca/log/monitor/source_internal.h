/* The two kinds of source. Internal to source*.c. */
#pragma once

#include "ca/log/monitor/source.h"

struct ca_source_ops {
    int (*checkpoint)(struct ca_log_source *s, struct tm_buf *note, struct tm_err *e);
    int (*consistency)(struct ca_log_source *s, uint64_t old_size, uint64_t new_size,
                       struct tm_merkle_hash *proof, size_t *count, struct tm_err *e);
    int (*frontier)(struct ca_log_source *s, uint64_t tree_size, uint64_t size,
                    struct tm_frontier *out, struct tm_err *e);
    int (*entries)(struct ca_log_source *s, uint64_t tree_size, uint64_t first, uint64_t end,
                   struct ca_log_batch *out, struct tm_err *e);
};

struct ca_log_source {
    const struct ca_source_ops *ops;
    enum ca_source_api api;
    struct ca_store *store; /* owned */
    struct ca_tiles *tiles; /* owned; NULL for RFC 6962 */
    char *origin;           /* owned; RFC 6962 */
    unsigned char key_id[4];
    uint64_t page; /* RFC 6962: how many entries the last answer had */
};

extern const struct ca_source_ops ca_source_tiles_ops;
extern const struct ca_source_ops ca_source_rfc6962_ops;

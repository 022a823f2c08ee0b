/* The two kinds of source. Internal to source*.c. */
#ifndef TENMINT_CA_MONITOR_SOURCE_INTERNAL_H
#define TENMINT_CA_MONITOR_SOURCE_INTERNAL_H

#include "ca/log/monitor/source.h"

struct source_ops {
    int (*checkpoint)(struct log_source *s, struct buf *note, struct err *e);
    int (*consistency)(struct log_source *s, uint64_t old_size, uint64_t new_size,
                       struct merkle_hash *proof, size_t *count, struct err *e);
    int (*frontier)(struct log_source *s, uint64_t tree_size, uint64_t size, struct frontier *out,
                    struct err *e);
    int (*entries)(struct log_source *s, uint64_t tree_size, uint64_t first, uint64_t end,
                   struct log_batch *out, struct err *e);
};

struct log_source {
    const struct source_ops *ops;
    enum source_api api;
    struct store *store; /* owned */
    struct tiles *tiles; /* owned; NULL for RFC 6962 */
    char *origin;        /* owned; RFC 6962 */
    unsigned char key_id[4];
    uint64_t page; /* RFC 6962: how many entries the last answer had */
};

extern const struct source_ops source_tiles_ops;
extern const struct source_ops source_rfc6962_ops;

#endif

/*
 * What the log counts for its metrics.
 */
#pragma once

#include <pthread.h>

#include "ca/log/engine/log.h"

struct ca_log_counts {
    pthread_mutex_t lock;
    struct ca_log_stats stats; /* lock; only what is counted, not what is looked up */
};

void ca_log_counts_init(struct ca_log_counts *c);
void ca_log_counts_free(struct ca_log_counts *c);
void ca_log_count_group(struct ca_log_counts *c, size_t entries, int64_t synced_us);
void ca_log_count_outcome(struct ca_log_counts *c, size_t entries, bool failed);
void ca_log_count_checkpoint_failure(struct ca_log_counts *c);
struct ca_log_stats ca_log_counts_get(struct ca_log_counts *c);

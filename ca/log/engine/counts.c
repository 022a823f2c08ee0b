#include "ca/log/engine/counts.h"

const double ca_log_group_bounds[LOG_BUCKETS - 1] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
const double ca_log_fsync_bounds[LOG_BUCKETS - 1] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                     0.01,   0.025,   0.05,   0.1,   0.5};

void ca_log_counts_init(struct ca_log_counts *c)
{
    *c = (struct ca_log_counts){0};
    pthread_mutex_init(&c->lock, NULL);
}

void ca_log_counts_free(struct ca_log_counts *c)
{
    pthread_mutex_destroy(&c->lock);
}

static void observe(struct ca_log_histogram *h, const double *bounds, double v)
{
    size_t i = 0;
    while (i < LOG_BUCKETS - 1 && v > bounds[i])
        i++;
    h->bucket[i]++;
    h->count++;
    h->sum += v;
}

void ca_log_count_group(struct ca_log_counts *c, size_t entries, int64_t synced_us)
{
    pthread_mutex_lock(&c->lock);
    observe(&c->stats.group, ca_log_group_bounds, (double)entries);
    observe(&c->stats.fsync, ca_log_fsync_bounds, (double)synced_us / 1e6);
    pthread_mutex_unlock(&c->lock);
}

void ca_log_count_outcome(struct ca_log_counts *c, size_t entries, bool failed)
{
    pthread_mutex_lock(&c->lock);
    if (failed)
        c->stats.failures += entries;
    else
        c->stats.entries += entries;
    pthread_mutex_unlock(&c->lock);
}

void ca_log_count_checkpoint_failure(struct ca_log_counts *c)
{
    pthread_mutex_lock(&c->lock);
    c->stats.checkpoint_failures++;
    pthread_mutex_unlock(&c->lock);
}

struct ca_log_stats ca_log_counts_get(struct ca_log_counts *c)
{
    pthread_mutex_lock(&c->lock);
    struct ca_log_stats s = c->stats;
    pthread_mutex_unlock(&c->lock);
    return s;
}

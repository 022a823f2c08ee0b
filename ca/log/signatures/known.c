#include "ca/log/signatures/known.h"

#include <pthread.h>
#include <stdlib.h>

#define BUCKETS 32768

struct ca_sig_known {
    pthread_mutex_t lock; /* of all that follows */
    bool begun;
    uint64_t from, to;                       /* the entries that are here: from <= i < to */
    struct tm_merkle_hash leaf[SIG_KNOWN];   /* [i % SIG_KNOWN] */
    uint16_t next[SIG_KNOWN], head[BUCKETS]; /* chains of places + 1; 0: the end */
    struct ca_log_runs runs;                 /* the index of the entries before `from` */
};

struct ca_sig_known *ca_sig_known_new(struct tm_err *e)
{
    struct ca_sig_known *k = calloc(1, sizeof(*k));
    if (k == NULL)
        tm_err_set(e, "out of memory");
    else
        pthread_mutex_init(&k->lock, NULL);
    return k;
}

void ca_sig_known_free(struct ca_sig_known *k)
{
    if (k == NULL)
        return;
    ca_log_runs_close(&k->runs);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

static uint16_t *chain_of(struct ca_sig_known *k, const struct tm_merkle_hash *leaf)
{
    return &k->head[(leaf->b[0] | (unsigned)leaf->b[1] << 8) % BUCKETS];
}

static void drop_oldest(struct ca_sig_known *k)
{
    size_t place = k->from++ % SIG_KNOWN;
    uint16_t *at = chain_of(k, &k->leaf[place]);
    while (*at != place + 1)
        at = &k->next[*at - 1];
    *at = k->next[place];
}

static void add(struct ca_sig_known *k, const struct tm_merkle_hash *leaf)
{
    if (k->to - k->from == SIG_KNOWN)
        drop_oldest(k);
    size_t place = k->to++ % SIG_KNOWN;
    uint16_t *head = chain_of(k, leaf);
    k->leaf[place] = *leaf;
    k->next[place] = *head;
    *head = (uint16_t)(place + 1);
}

/* Up to the tree's size; the first time the newest of it. */
static int go_on(struct ca_sig_known *k, struct ca_log_dir *d, struct tm_err *e)
{
    struct tm_merkle_hash h[TILE_WIDTH];
    struct ca_log_tiles t = ca_log_dir_tiles(d);
    if (!k->begun)
        k->from = k->to = d->size > SIG_KNOWN ? d->size - SIG_KNOWN : 0;
    k->begun = true;
    while (k->to < d->size) {
        uint64_t n = k->to / TILE_WIDTH;
        unsigned width = ca_log_tile_width(d->size, 0, n);
        if (t.hashes(t.ctx, 0, n, width, h, e) != 0)
            return -1;
        for (unsigned i = k->to % TILE_WIDTH; i < width; i++)
            add(k, &h[i]);
    }
    return 0;
}

static bool look_up(struct ca_sig_known *k, const struct tm_merkle_hash *leaf, uint64_t *index)
{
    for (uint16_t at = *chain_of(k, leaf); at != 0; at = k->next[at - 1]) {
        size_t place = at - 1U;
        if (tm_merkle_equal(&k->leaf[place], leaf)) {
            *index = k->from + (place + SIG_KNOWN - k->from % SIG_KNOWN) % SIG_KNOWN;
            return true;
        }
    }
    return false;
}

int ca_sig_known_find(struct ca_sig_known *k, struct ca_log_dir *d,
                      const struct tm_merkle_hash *leaf, uint64_t *index, struct tm_err *e)
{
    pthread_mutex_lock(&k->lock);
    int rc = go_on(k, d, e);
    if (rc == 0)
        rc = look_up(k, leaf, index) ? 1 : 0;
    struct ca_log_dir older = *d;
    older.size = k->from < d->size ? k->from : d->size;
    if (rc == 0 && older.size > 0)
        rc = ca_log_runs_find(&k->runs, &older, leaf, index, e);
    pthread_mutex_unlock(&k->lock);
    return rc;
}

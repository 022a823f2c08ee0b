#include "ca/api/ledger.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LOCKS 64

struct row {
    unsigned char key[LEDGER_KEY];
    int64_t time;
};
_Static_assert(LEDGER_BYTES(1) == LEDGER_WAYS * sizeof(struct row), "rows have no gaps");

struct ca_ledger {
    size_t sets;
    struct row *row, *own;       /* `own` NULL: they are another's */
    pthread_mutex_t lock[LOCKS]; /* each for every LOCKS-th set */
};

struct ca_ledger *ca_ledger_new(size_t sets, void *memory, struct tm_err *e)
{
    struct ca_ledger *l = calloc(1, sizeof(*l));
    if (l != NULL && memory == NULL)
        l->own = calloc(sets * LEDGER_WAYS, sizeof(*l->own));
    if (l != NULL)
        l->row = memory != NULL ? memory : l->own;
    if (l == NULL || l->row == NULL) {
        tm_err_set(e, "out of memory");
        free(l);
        return NULL;
    }
    l->sets = sets;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&l->lock[i], NULL);
    return l;
}

void ca_ledger_free(struct ca_ledger *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&l->lock[i]);
    free(l->own);
    free(l);
}

static size_t set_of(const struct ca_ledger *l, const unsigned char key[LEDGER_KEY])
{
    uint64_t n;
    memcpy(&n, key, sizeof(n));
    return (size_t)(n & (l->sets - 1));
}

int64_t *ca_ledger_open(struct ca_ledger *l, const unsigned char key[LEDGER_KEY], int64_t now,
                        bool forget)
{
    size_t set = set_of(l, key);
    struct row *row = l->row + set * LEDGER_WAYS;
    struct row *oldest = row;
    pthread_mutex_lock(&l->lock[set % LOCKS]);
    for (size_t i = 0; i < LEDGER_WAYS; i++) {
        if (row[i].time != 0 && memcmp(row[i].key, key, LEDGER_KEY) == 0)
            return &row[i].time;
        if (row[i].time < oldest->time)
            oldest = &row[i];
    }
    if (oldest->time > now && !forget) {
        pthread_mutex_unlock(&l->lock[set % LOCKS]);
        return NULL;
    }
    memcpy(oldest->key, key, LEDGER_KEY);
    oldest->time = 0;
    return &oldest->time;
}

void ca_ledger_close(struct ca_ledger *l, const unsigned char key[LEDGER_KEY])
{
    pthread_mutex_unlock(&l->lock[set_of(l, key) % LOCKS]);
}

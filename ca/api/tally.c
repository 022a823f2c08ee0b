#include "ca/api/tally.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ca/api/fault.h"
#include "common/promtext.h"

#define BUCKETS 256
#define ENTRIES_MAX 2048 /* of all lists that were in force since the start */

struct counts {
    struct counts *next;
    char *entry;
    atomic_ullong issued, refused[API_REASON_COUNT];
};

struct ca_tally {
    pthread_mutex_t lock; /* for who adds one; none is taken out */
    size_t entries;
    struct counts *_Atomic bucket[BUCKETS];
};

struct ca_tally *ca_tally_new(struct tm_err *e)
{
    struct ca_tally *t = calloc(1, sizeof(*t));
    if (t == NULL)
        tm_err_set(e, "out of memory");
    else
        pthread_mutex_init(&t->lock, NULL);
    return t;
}

void ca_tally_free(struct ca_tally *t)
{
    if (t == NULL)
        return;
    for (size_t b = 0; b < BUCKETS; b++) {
        struct counts *c = atomic_load(&t->bucket[b]);
        while (c != NULL) {
            struct counts *next = c->next;
            free(c->entry);
            free(c);
            c = next;
        }
    }
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static size_t hash(const char *s)
{
    unsigned h = 2166136261u;
    for (; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h % BUCKETS;
}

static struct counts *find(const struct ca_tally *t, size_t b, const char *entry)
{
    struct counts *c = atomic_load_explicit(&t->bucket[b], memory_order_acquire);
    while (c != NULL && strcmp(c->entry, entry) != 0)
        c = c->next;
    return c;
}

static struct counts *add(struct ca_tally *t, size_t b, const char *entry)
{
    struct counts *c = NULL;
    pthread_mutex_lock(&t->lock);
    if ((c = find(t, b, entry)) == NULL && t->entries < ENTRIES_MAX &&
        (c = calloc(1, sizeof(*c))) != NULL) {
        c->entry = strdup(entry);
        c->next = atomic_load(&t->bucket[b]);
        if (c->entry != NULL) {
            t->entries++;
            atomic_store_explicit(&t->bucket[b], c, memory_order_release);
        } else {
            free(c);
            c = NULL;
        }
    }
    pthread_mutex_unlock(&t->lock);
    return c;
}

static struct counts *counts_of(struct ca_tally *t, const char *entry)
{
    if (t == NULL || entry[0] == '\0')
        return NULL;
    size_t b = hash(entry);
    struct counts *c = find(t, b, entry);
    return c != NULL ? c : add(t, b, entry);
}

void ca_tally_issued(struct ca_tally *t, const char *entry)
{
    struct counts *c = counts_of(t, entry);
    if (c != NULL)
        atomic_fetch_add_explicit(&c->issued, 1, memory_order_relaxed);
}

void ca_tally_refused(struct ca_tally *t, const char *entry, unsigned reason_index)
{
    struct counts *c = counts_of(t, entry);
    if (c != NULL && reason_index < API_REASON_COUNT)
        atomic_fetch_add_explicit(&c->refused[reason_index], 1, memory_order_relaxed);
}

static void put_refused(struct counts *c, struct tm_buf *out)
{
    for (unsigned i = 0; i < API_REASON_COUNT; i++) {
        unsigned long long n = atomic_load_explicit(&c->refused[i], memory_order_relaxed);
        const char *name = ca_api_reason_name(i);
        if (n == 0 || name == NULL)
            continue;
        tm_buf_puts(out, "tenmint_issuer_requests_refused_total{issuer=\"");
        tm_promtext_label(out, c->entry);
        tm_buf_printf(out, "\",reason=\"%s\"} %llu\n", name, n);
    }
}

void ca_tally_render(const struct ca_tally *t, struct tm_buf *out)
{
    struct tm_buf refused = {0};
    tm_promtext_head(out, "tenmint_issuer_certificates_issued_total", "counter",
                     "Certificates issued, by entry of the issuer list.");
    for (size_t b = 0; b < BUCKETS; b++) {
        struct counts *c = atomic_load_explicit(&t->bucket[b], memory_order_acquire);
        for (; c != NULL; c = c->next) {
            tm_buf_puts(out, "tenmint_issuer_certificates_issued_total{issuer=\"");
            tm_promtext_label(out, c->entry);
            tm_buf_printf(out, "\"} %llu\n",
                          atomic_load_explicit(&c->issued, memory_order_relaxed));
            put_refused(c, &refused);
        }
    }
    tm_promtext_head(out, "tenmint_issuer_requests_refused_total", "counter",
                     "Refused requests, by entry of the issuer list and reason.");
    tm_buf_append(out, refused.data, refused.len);
    tm_buf_free(&refused);
}

/* Everything that the log's threads may do at the same time: for ThreadSanitizer above all. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/cmocka_all.h"
#include "tests/support/logbox.h"

#define WRITERS 6
#define READERS 2
#define ENTRIES 120 /* of a writer: in all more than two tiles */
#define LENGTH 64

struct shared {
    struct logbox box;
    struct ca_ctlog *log;
    atomic_uint writing; /* writers that are not done */
    atomic_uint wrong;   /* checks that failed; no fail_msg off the main thread */
    atomic_ullong reads;
};

struct writer {
    struct shared *s;
    unsigned number;
    struct tm_buf sct[ENTRIES];
    uint64_t index[ENTRIES];
};

static void expect(struct shared *s, bool right)
{
    if (!right)
        atomic_fetch_add(&s->wrong, 1);
}

static uint64_t entry_of(const struct writer *w, unsigned i)
{
    return (uint64_t)w->number * 100000 + i;
}

static void *write_entries(void *arg)
{
    struct writer *w = arg;
    struct tm_err e = {0};
    for (unsigned i = 0; i < ENTRIES; i++)
        expect(w->s,
               logbox_add(w->s->log, entry_of(w, i), LENGTH, &w->sct[i], &w->index[i], &e) == 0);
    atomic_fetch_sub(&w->s->writing, 1);
    return NULL;
}

static void no_wake(void *arg)
{
    (void)arg;
}

/* Submitters that go away before they hear. */
static void *write_and_leave(void *arg)
{
    struct shared *s = arg;
    struct tm_err e = {0};
    for (uint64_t i = 0; atomic_load(&s->writing) > 0; i++) {
        struct ca_log_entry entry = logbox_entry(90000000 + i, LENGTH);
        struct ca_log_ticket *t = NULL;
        expect(s, ca_ctlog_add(s->log, &entry, no_wake, NULL, &t, &e) == 0);
        if (i % 2 == 0)
            (void)ca_log_poll(t, &e);
        ca_log_ticket_free(t);
        expect(s, ca_log_sync(ca_ctlog_log(s->log), &e) == 0);
    }
    return NULL;
}

static void tuf_check_entry(struct shared *s, const struct tm_checkpoint *c, uint64_t index)
{
    struct ca_log_dir d = {.path = s->box.dir, .size = c->size};
    struct ca_log_tiles t = ca_log_dir_tiles(&d);
    struct tm_merkle_hash leaf;
    struct ca_log_proof p;
    uint64_t found = 0;
    struct tm_err e = {0};
    expect(s, ca_log_tree_leaf(&t, index, c->size, &leaf, &e) == 0 &&
                  ca_log_tree_inclusion(&t, index, c->size, &p, &e) == 0 &&
                  tm_merkle_check_inclusion(index, c->size, &leaf, p.hash, p.count, &c->root, &e) ==
                      0);
    expect(s, ca_log_dir_find(&d, &leaf, &found, &e) == 1 && found == index);
}

/* A monitor: each checkpoint follows from the last, and what it covers can be read. */
static void *read_along(void *arg)
{
    struct shared *s = arg;
    struct tm_checkpoint last = {0};
    struct tm_note_key key;
    struct tm_err e = {0};
    if (tm_note_key_init(&key, s->box.o.origin, NOTE_RFC6962, s->box.key, &e) != 0)
        abort();
    while (atomic_load(&s->writing) > 0) {
        struct tm_checkpoint c = {0};
        struct tm_buf text = {0};
        struct tm_note n;
        struct ca_log_stats stats;
        struct ca_log_proof p;
        uint64_t size = ca_log_checkpoint(ca_ctlog_log(s->log), &text);
        ca_log_stats_get(ca_ctlog_log(s->log), &stats);
        if (tm_note_parse(text.data, text.len, &n, &e) != 0)
            abort();
        expect(s, tm_note_verify(&n, &key, NULL, &e) == 0 && tm_checkpoint_parse(&n, &c, &e) == 0 &&
                      c.size == size && c.size >= last.size && stats.checkpoint_size >= c.size &&
                      stats.size >= c.size);
        struct ca_log_dir d = {.path = s->box.dir, .size = c.size};
        struct ca_log_tiles t = ca_log_dir_tiles(&d);
        if (last.size > 0)
            expect(s, ca_log_tree_consistency(&t, last.size, c.size, &p, &e) == 0 &&
                          tm_merkle_check_consistency(last.size, &last.root, c.size, &c.root,
                                                      p.hash, p.count, &e) == 0);
        if (c.size > 0) {
            tuf_check_entry(s, &c, c.size - 1);
            tuf_check_entry(s, &c, (uint64_t)rand() % c.size);
        }
        last = c;
        tm_note_free(&n);
        tm_buf_free(&text);
        atomic_fetch_add(&s->reads, 1);
    }
    return NULL;
}

static void run_all(struct shared *s, struct writer w[WRITERS])
{
    pthread_t writer[WRITERS];
    pthread_t reader[READERS];
    pthread_t leaver;
    atomic_store(&s->writing, WRITERS);
    for (unsigned i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writer[i], NULL, write_entries, &w[i]), 0);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&reader[i], NULL, read_along, s), 0);
    assert_int_equal(pthread_create(&leaver, NULL, write_and_leave, s), 0);
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(writer[i], NULL);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(reader[i], NULL);
    pthread_join(leaver, NULL);
    assert_int_equal(atomic_load(&s->wrong), 0);
}

static void all_at_once(void **state)
{
    (void)state;
    struct shared s = {0};
    struct writer *w = calloc(WRITERS, sizeof(*w));
    struct tm_err e = {0};
    assert_non_null(w);
    logbox_init(&s.box);
    s.box.o.checkpoint_interval_ms = 10;
    assert_int_equal(ca_ctlog_create(&s.box.o, &e), 0);
    s.log = logbox_open(&s.box);
    for (unsigned i = 0; i < WRITERS; i++)
        w[i] = (struct writer){.s = &s, .number = i};
    run_all(&s, w);
    assert_true(atomic_load(&s.reads) > 0);
    ca_ctlog_close(s.log);
    for (unsigned i = 0; i < WRITERS; i++) {
        for (unsigned k = 0; k < ENTRIES; k++) {
            logbox_check_sct(&s.box, entry_of(&w[i], k), LENGTH, &w[i].sct[k], w[i].index[k]);
            tm_buf_free(&w[i].sct[k]);
        }
    }
    free(w);
    logbox_free(&s.box);
}

/* Closing while entries are queued: each is done or has failed when ca_log_close returns. */
static void closed_under_load(void **state)
{
    (void)state;
    struct logbox b;
    struct tm_err e = {0};
    logbox_init(&b);
    assert_int_equal(ca_ctlog_create(&b.o, &e), 0);
    uint64_t before = 0;
    for (uint64_t round = 0; round < 5; round++) {
        struct ca_ctlog *l = logbox_open(&b);
        for (uint64_t i = 0; i < 200; i++) {
            struct ca_log_entry entry = logbox_entry(round * 1000 + i, LENGTH);
            struct ca_log_ticket *t = NULL;
            assert_int_equal(ca_ctlog_add(l, &entry, no_wake, NULL, &t, &e), 0);
            ca_log_ticket_free(t);
        }
        ca_ctlog_close(l);
        uint64_t size = logbox_checkpoint(&b).size;
        assert_true(size >= before && size <= before + 200);
        before = size;
    }
    logbox_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_at_once),
        cmocka_unit_test(closed_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

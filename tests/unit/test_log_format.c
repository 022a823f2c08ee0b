/* The engine carries another kind of log than that of certificates: a table of functions is all
 * that it needs. The one here has the entry bundles of tlog-tiles, as a log of signatures has. */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "ca/log/engine/view.h"
#include "common/transparency/digsig.h"
#include "tests/support/logbox.h"

#define ENTRIES 300

static void hash_draft(const struct ca_log_draft *d, struct tm_merkle_hash *out)
{
    tm_merkle_leaf(d->bytes.data + 2, d->bytes.len - 2, out);
}

static int take(struct tm_bytes *tile, uint64_t index, struct ca_log_leaf *out, struct tm_err *e)
{
    (void)index;
    size_t len = (size_t)tm_bytes_be(tile, 2);
    const unsigned char *p = tm_bytes_take(tile, len);
    if (tile->failed)
        return tm_err_set(e, "it is cut short");
    out->timestamp_ms = 0;
    tm_merkle_leaf(p, len, &out->hash);
    return 0;
}

static int note_key(struct tm_note_key *out, const char *origin, EVP_PKEY *key, struct tm_err *e)
{
    return tm_note_key_init(out, origin, NOTE_ECDSA, key, e);
}

static int log_id(unsigned char id[32], const char *origin, EVP_PKEY *key, struct tm_err *e)
{
    (void)origin;
    return tm_digsig_log_id(key, id, e);
}

static const struct ca_log_format bundles = {.kind = "test bundles 1",
                                             .tile_level = TILE_LEVEL_ENTRIES,
                                             .entry_max = 1000,
                                             .check_key = tm_digsig_check_key,
                                             .parse_key = tm_digsig_key_parse,
                                             .note_key = note_key,
                                             .log_id = log_id,
                                             .hash = hash_draft,
                                             .take = take};

struct box {
    struct logbox b;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    unsigned woken;
    uint64_t published;
};

static void wake(void *arg)
{
    struct box *x = arg;
    pthread_mutex_lock(&x->lock);
    x->woken++;
    pthread_cond_signal(&x->cond);
    pthread_mutex_unlock(&x->lock);
}

static void published(void *ctx, uint64_t size)
{
    struct box *x = ctx;
    pthread_mutex_lock(&x->lock);
    x->published = size;
    pthread_mutex_unlock(&x->lock);
}

static void box_init(struct box *x)
{
    struct tm_err e = {0};
    *x = (struct box){0};
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->cond, NULL);
    logbox_init(&x->b);
    x->b.o.format = &bundles;
    x->b.o.published = published;
    x->b.o.published_ctx = x;
    assert_int_equal(ca_log_create(&x->b.o, &e), 0);
}

static struct ca_log_draft body(unsigned i)
{
    struct ca_log_draft d = {0};
    char text[32];
    int n = snprintf(text, sizeof(text), "signature %u", i);
    tm_buf_put_be(&d.bytes, (uint64_t)n, 2);
    tm_buf_append(&d.bytes, text, (size_t)n);
    return d;
}

static void add_all(struct box *x, struct ca_log *l, unsigned from, unsigned count)
{
    static struct ca_log_ticket *t[ENTRIES];
    struct tm_err e = {0};
    x->woken = 0;
    for (unsigned i = 0; i < count; i++) {
        struct ca_log_draft d = body(from + i);
        assert_int_equal(ca_log_append(l, &d, wake, x, &t[i], &e), 0);
    }
    pthread_mutex_lock(&x->lock);
    while (x->woken < count)
        pthread_cond_wait(&x->cond, &x->lock);
    pthread_mutex_unlock(&x->lock);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(ca_log_poll(t[i], &e), LOG_DONE);
        assert_int_equal(ca_log_ticket_place(t[i]).index, from + i);
        ca_log_ticket_free(t[i]);
    }
    assert_int_equal(ca_log_sync(l, &e), 0);
}

/* Entry `i` lies in its bundle, and the checkpoint covers it. */
static void check_entry(const struct box *x, uint64_t size, uint64_t i)
{
    struct ca_log_dir d = {.path = x->b.dir, .size = size, .tile_level = TILE_LEVEL_ENTRIES};
    struct ca_log_tiles t = ca_log_dir_tiles(&d);
    struct ca_log_draft want = body((unsigned)i);
    struct tm_merkle_hash leaf;
    struct tm_buf tile = {0};
    struct tm_err e = {0};
    assert_int_equal(ca_log_tree_leaf(&t, i, size, &leaf, &e), 0);
    assert_int_equal(
        t.data(t.ctx, i / TILE_WIDTH, ca_log_tile_width(size, 0, i / TILE_WIDTH), &tile, &e), 0);
    struct tm_bytes in = bytes_of(tile.data, tile.len);
    struct ca_log_leaf got = {0};
    for (uint64_t k = 0; k <= i % TILE_WIDTH; k++)
        assert_int_equal(take(&in, k, &got, &e), 0);
    assert_true(tm_merkle_equal(&got.hash, &leaf));
    hash_draft(&want, &leaf);
    assert_true(tm_merkle_equal(&got.hash, &leaf));
    tm_buf_free(&want.bytes);
    tm_buf_free(&tile);
}

static void a_log_of_another_kind_keeps_bundles_and_goes_on_after_a_restart(void **state)
{
    (void)state;
    struct box x;
    struct tm_err e = {0};
    box_init(&x);
    for (unsigned round = 0; round < 2; round++) {
        struct ca_log *l = ca_log_open(&x.b.o, &e);
        assert_non_null(l);
        add_all(&x, l, round * ENTRIES, ENTRIES);
        assert_int_equal(x.published, (round + 1) * ENTRIES);
        ca_log_close(l);
    }
    for (uint64_t i = 0; i < 2 * ENTRIES; i += 37)
        check_entry(&x, 2 * ENTRIES, i);
    logbox_free(&x.b);
}

static void an_entry_that_is_larger_than_its_kind_allows_is_refused(void **state)
{
    (void)state;
    struct box x;
    struct tm_err e = {0};
    struct ca_log_ticket *t = NULL;
    static unsigned char large[1001];
    struct ca_log_draft d = {0};
    box_init(&x);
    struct ca_log *l = ca_log_open(&x.b.o, &e);
    tm_buf_append(&d.bytes, large, sizeof(large));
    assert_int_equal(ca_log_append(l, &d, wake, &x, &t, &e), -1);
    assert_non_null(strstr(e.text, "larger than 1000 bytes"));
    ca_log_close(l);
    logbox_free(&x.b);
}

static void a_directory_of_one_kind_is_not_opened_as_another(void **state)
{
    (void)state;
    struct box x;
    struct tm_err e = {0};
    box_init(&x);
    assert_null(ca_ctlog_open(&x.b.o, &e));
    assert_non_null(strstr(e.text, "it is a 'test bundles 1', not a 'tenmint log 1'"));
    logbox_free(&x.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_of_another_kind_keeps_bundles_and_goes_on_after_a_restart),
        cmocka_unit_test(an_entry_that_is_larger_than_its_kind_allows_is_refused),
        cmocka_unit_test(a_directory_of_one_kind_is_not_opened_as_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

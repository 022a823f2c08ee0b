/* The index of leaf hashes: every entry is found through it, without it, and while it is damaged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ca/log/engine/index.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/logbox.h"

#define WINDOW 2000
#define COUNT \
    (INDEX_FANOUT * INDEX_RUN_MIN + INDEX_RUN_MIN + 700) /* a long run, a short one, tiles */

static void nothing(void *arg)
{
    (void)arg;
}

static void add_fast(struct ca_ctlog *l, uint64_t count)
{
    static struct ca_log_ticket *ring[WINDOW];
    struct tm_err e = {0};
    for (uint64_t i = 0; i < count + WINDOW; i++) {
        struct ca_log_ticket **slot = &ring[i % WINDOW];
        if (*slot != NULL) {
            while (ca_log_poll(*slot, &e) == LOG_WAIT)
                (void)nanosleep(&(struct timespec){.tv_nsec = 200L * 1000}, NULL);
            assert_int_equal(ca_log_poll(*slot, &e), LOG_DONE);
            ca_log_ticket_free(*slot);
            *slot = NULL;
        }
        struct ca_log_entry entry = logbox_entry(i, 32);
        if (i < count)
            assert_int_equal(ca_ctlog_add(l, &entry, nothing, NULL, slot, &e), 0);
    }
    assert_int_equal(ca_log_sync(ca_ctlog_log(l), &e), 0);
}

static bool has_run(const struct logbox *b, unsigned level, uint64_t first)
{
    char path[PATH_MAX];
    assert_int_equal(ca_index_run_path(b->dir, level, first, path), 0);
    return access(path, F_OK) == 0;
}

static void await_run(const struct logbox *b, unsigned level, uint64_t first)
{
    for (int i = 0; i < 1500 && !has_run(b, level, first); i++)
        (void)nanosleep(&(struct timespec){.tv_nsec = 20L * 1000 * 1000}, NULL);
    assert_true(has_run(b, level, first));
}

/* Entries of every run, and of the tiles behind them; and hashes that are none's. */
static void find_all(const struct logbox *b)
{
    struct tm_checkpoint c = logbox_checkpoint(b);
    struct ca_log_dir d = {.path = b->dir, .size = c.size};
    struct ca_log_tiles t = ca_log_dir_tiles(&d);
    struct tm_err e = {0};
    assert_int_equal(c.size, COUNT);
    for (uint64_t i = 0; i < COUNT; i = i < COUNT - 40 && i % 97 != 0 ? i + 97 - i % 97 : i + 1) {
        struct tm_merkle_hash leaf;
        uint64_t at = UINT64_MAX;
        assert_int_equal(ca_log_tree_leaf(&t, i, c.size, &leaf, &e), 0);
        if (ca_log_dir_find(&d, &leaf, &at, &e) != 1 || at != i)
            fail_msg("entry %llu: %s", (unsigned long long)i, e.text);
        leaf.b[31] ^= 1; /* the index's key is the same */
        assert_int_equal(ca_log_dir_find(&d, &leaf, &at, &e), 0);
        leaf.b[0] ^= 0x80;
        assert_int_equal(ca_log_dir_find(&d, &leaf, &at, &e), 0);
    }
    for (int b0 = 0; b0 < 256; b0 += 51) { /* the ends of the key's range */
        struct tm_merkle_hash leaf;
        uint64_t at = 0;
        memset(leaf.b, b0, sizeof(leaf.b));
        assert_int_equal(ca_log_dir_find(&d, &leaf, &at, &e), 0);
    }
}

/* One that holds the runs open, while the tree grows past them and they are merged. */
static void find_held(const struct logbox *b)
{
    static const uint64_t sizes[] = {1, 1000, INDEX_RUN_MIN, INDEX_RUN_MIN + 1, COUNT};
    struct ca_log_runs held = {0};
    struct ca_log_dir d = {.path = b->dir};
    struct ca_log_tiles t = ca_log_dir_tiles(&d);
    struct tm_err e = {0};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct tm_merkle_hash last;
        struct tm_merkle_hash next;
        uint64_t at = UINT64_MAX;
        d.size = COUNT;
        assert_int_equal(ca_log_tree_leaf(&t, sizes[i] - 1, COUNT, &last, &e), 0);
        assert_int_equal(ca_log_tree_leaf(&t, sizes[i] % COUNT, COUNT, &next, &e), 0);
        d.size = sizes[i];
        assert_int_equal(ca_log_runs_find(&held, &d, &last, &at, &e), 1);
        assert_true(at == sizes[i] - 1);
        assert_int_equal(ca_log_runs_find(&held, &d, &next, &at, &e), sizes[i] == COUNT);
        assert_true(held.count > 0 && held.end >= INDEX_RUN_MIN);
    }
    ca_log_runs_close(&held);
    assert_int_equal(held.count, 0);
}

static void cut(const struct logbox *b, unsigned level, uint64_t first)
{
    char path[PATH_MAX];
    assert_int_equal(ca_index_run_path(b->dir, level, first, path), 0);
    assert_int_equal(truncate(path, 4096), 0);
}

static void every_entry_is_found(void **state)
{
    (void)state;
    struct logbox b;
    struct tm_err e = {0};
    char path[PATH_MAX], kept[PATH_MAX];
    uint64_t last = INDEX_FANOUT * INDEX_RUN_MIN;
    logbox_init(&b);
    assert_int_equal(ca_ctlog_create(&b.o, &e), 0);
    struct ca_ctlog *l = logbox_open(&b);
    add_fast(l, COUNT);
    await_run(&b, 1, 0);
    await_run(&b, 0, last);
    for (unsigned i = 0; i < INDEX_FANOUT; i++) /* merged, so gone */
        assert_false(has_run(&b, 0, i * INDEX_RUN_MIN));
    find_all(&b);
    find_held(&b);
    ca_ctlog_close(l);

    cut(&b, 0, last); /* a torn run is no run: tiles are read, and the next start makes it anew */
    find_all(&b);
    l = logbox_open(&b);
    for (int i = 0; i < 1500; i++) {
        unsigned level = 0;
        int fd = ca_index_run_open(b.dir, last, &level);
        if (fd >= 0) {
            close(fd);
            break;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 20L * 1000 * 1000}, NULL);
    }
    ca_ctlog_close(l);
    find_all(&b);

    /* What a crash between a merge and the end of the short runs leaves: they are passed over. */
    assert_int_equal(ca_index_run_path(b.dir, 0, last, path), 0);
    assert_int_equal(ca_index_run_path(b.dir, 0, INDEX_RUN_MIN, kept), 0);
    assert_int_equal(link(path, kept), 0);
    find_all(&b);

    snprintf(path, sizeof(path), "%s/" LOG_INDEX, b.dir); /* thrown away while nobody looks */
    logbox_remove(path);
    l = logbox_open(&b);
    find_all(&b);
    await_run(&b, 1, 0);
    find_all(&b);
    ca_ctlog_close(l);
    logbox_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_entry_is_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The embedded log: what it hands out is in the tree, at every size, after every fault. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/logbox.h"
#include "tests/support/mtree.h"

#define SIZES 300

static void proofs_for_all_sizes(void **state)
{
    (void)state;
    struct logbox b;
    struct err e = {0};
    struct mtree_hash leaf[SIZES];
    struct merkle_hash root[SIZES + 1];
    logbox_init(&b);
    assert_int_equal(log_create(&b.o, &e), 0);
    struct log *l = logbox_open(&b);
    root[0] = logbox_checkpoint(&b).root;
    for (uint64_t i = 0; i < SIZES; i++) {
        struct buf sct = {0};
        uint64_t index = UINT64_MAX;
        assert_int_equal(logbox_add(l, i, 100, &sct, &index, &e), 0);
        assert_int_equal(index, i);
        assert_int_equal(log_sync(l, &e), 0);
        logbox_check_sct(&b, i, 100, &sct, i);
        struct checkpoint c = logbox_checkpoint(&b);
        assert_int_equal(c.size, i + 1);
        root[i + 1] = c.root;
        buf_free(&sct);
    }
    log_close(l);
    struct log_dir d = {.path = b.dir, .size = SIZES};
    struct log_tiles t = log_dir_tiles(&d);
    for (size_t i = 0; i < SIZES; i++) {
        struct merkle_hash h;
        assert_int_equal(log_tree_leaf(&t, i, SIZES, &h, &e), 0);
        memcpy(leaf[i].b, h.b, 32);
        uint64_t at = 0;
        assert_int_equal(log_dir_find(&d, &h, &at, &e), 1);
        assert_int_equal(at, i);
    }
    struct mtree *oracle = mtree_new(leaf, SIZES);
    for (size_t n = 0; n <= SIZES; n++) {
        struct log_proof p;
        struct mtree_proof want;
        struct merkle_hash r;
        struct mtree_hash theirs = mtree_root(oracle, n);
        assert_memory_equal(root[n].b, theirs.b, 32);
        assert_int_equal(log_tree_root(&t, n, &r, &e), 0);
        assert_memory_equal(r.b, theirs.b, 32);
        for (size_t m = 0; m < n; m++) {
            assert_int_equal(log_tree_inclusion(&t, m, n, &p, &e), 0);
            mtree_path(oracle, m, n, &want);
            assert_int_equal(p.count, want.count);
            assert_memory_equal(p.hash, want.hash, 32 * p.count);
            assert_int_equal(log_tree_consistency(&t, m, n, &p, &e), 0);
            if (m == 0) {
                assert_int_equal(p.count, 0);
                continue;
            }
            mtree_proof(oracle, m, n, &want);
            assert_int_equal(p.count, want.count);
            assert_memory_equal(p.hash, want.hash, 32 * p.count);
        }
        assert_int_equal(log_tree_inclusion(&t, n, n, &p, &e), -1);
        assert_int_equal(log_tree_consistency(&t, n + 1, n, &p, &e), -1);
    }
    mtree_free(oracle);
    logbox_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proofs_for_all_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

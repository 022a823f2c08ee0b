/* Merkle tree hashes and proofs: known answers, and every size to 300 against the RFC's recursion.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/transparency/ranges.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/mtree.h"

#define SIZES 300

static struct mtree_hash leaves[SIZES];
static struct tm_merkle_hash roots[SIZES + 1];
static struct mtree *oracle;

static struct tm_merkle_hash as_merkle(struct mtree_hash h)
{
    struct tm_merkle_hash out;
    memcpy(out.b, h.b, sizeof(out.b));
    return out;
}

static size_t take(const struct mtree_proof *p, struct tm_merkle_hash *out)
{
    for (size_t i = 0; i < p->count; i++)
        out[i] = as_merkle(p->hash[i]);
    return p->count;
}

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++)
        leaves[i] = mtree_leaf(&i, sizeof(i));
    oracle = mtree_new(leaves, SIZES);
    for (size_t n = 0; n <= SIZES; n++)
        roots[n] = as_merkle(mtree_root(oracle, n));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mtree_free(oracle);
    return 0;
}

static void hex(const unsigned char *p, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", p[i]);
}

/* The tree of eight leaves that implementations of RFC 6962 test with. */
static void known_answers(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t len;
        const char *root; /* of the tree that ends with this leaf */
    } tree[] = {
        {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"\x50\x51\x52\x53\x54\x55\x56\x57", 8,
         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    struct tm_merkle_hash row[8];
    struct mtree_hash plain[8];
    char text[65];
    tm_merkle_empty(&row[0]);
    hex(row[0].b, 32, text);
    assert_string_equal(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t n = 0; n < 8; n++) {
        tm_merkle_leaf(tree[n].data, tree[n].len, &row[n]);
        plain[n] = mtree_leaf(tree[n].data, tree[n].len);
        assert_memory_equal(row[n].b, plain[n].b, 32);
        struct mtree *t = mtree_new(plain, n + 1);
        struct mtree_hash r = mtree_root(t, n + 1);
        mtree_free(t);
        hex(r.b, 32, text);
        assert_string_equal(text, tree[n].root);
    }
    for (size_t width = 8; width > 1; width /= 2) {
        for (size_t i = 0; i < width / 2; i++)
            tm_merkle_node(&row[2 * i], &row[2 * i + 1], &row[i]);
    }
    hex(row[0].b, 32, text);
    assert_string_equal(text, tree[7].root);
}

static void inclusion_for_all_sizes(void **state)
{
    (void)state;
    struct mtree_proof p;
    struct tm_merkle_hash proof[MTREE_PROOF_MAX + 1];
    struct tm_err e = {0};
    for (size_t n = 1; n <= SIZES; n++) {
        for (size_t m = 0; m < n; m++) {
            mtree_path(oracle, m, n, &p);
            size_t count = take(&p, proof);
            struct tm_merkle_hash leaf = as_merkle(leaves[m]);
            if (tm_merkle_check_inclusion(m, n, &leaf, proof, count, &roots[n], &e) != 0)
                fail_msg("%zu of %zu: %s", m, n, e.text);
            /* each of these must make it wrong */
            assert_int_not_equal(
                tm_merkle_check_inclusion(m, n, &leaf, proof, count, &roots[n - 1], NULL), 0);
            leaf.b[m % 32] ^= 1;
            assert_int_not_equal(
                tm_merkle_check_inclusion(m, n, &leaf, proof, count, &roots[n], NULL), 0);
            leaf.b[m % 32] ^= 1;
            proof[count] = leaf;
            assert_int_not_equal(
                tm_merkle_check_inclusion(m, n, &leaf, proof, count + 1, &roots[n], NULL), 0);
            if (count == 0)
                continue;
            assert_int_not_equal(
                tm_merkle_check_inclusion(m, n, &leaf, proof, count - 1, &roots[n], NULL), 0);
            proof[(m + n) % count].b[n % 32] ^= 0x80;
            assert_int_not_equal(
                tm_merkle_check_inclusion(m, n, &leaf, proof, count, &roots[n], NULL), 0);
        }
    }
    struct tm_merkle_hash leaf = as_merkle(leaves[0]);
    assert_int_equal(tm_merkle_check_inclusion(1, 1, &leaf, NULL, 0, &leaf, &e), -1);
    assert_int_equal(tm_merkle_check_inclusion(0, 0, &leaf, NULL, 0, &leaf, &e), -1);
}

static void consistency_for_all_sizes(void **state)
{
    (void)state;
    struct mtree_proof p;
    struct tm_merkle_hash proof[MTREE_PROOF_MAX + 1];
    struct tm_err e = {0};
    for (size_t n = 1; n <= SIZES; n++) {
        for (size_t m = 1; m <= n; m++) {
            mtree_proof(oracle, m, n, &p);
            size_t count = take(&p, proof);
            if (tm_merkle_check_consistency(m, &roots[m], n, &roots[n], proof, count, &e) != 0)
                fail_msg("%zu to %zu: %s", m, n, e.text);
            proof[count] = roots[0];
            assert_int_not_equal(
                tm_merkle_check_consistency(m, &roots[m], n, &roots[n], proof, count + 1, NULL), 0);
            assert_int_not_equal(
                tm_merkle_check_consistency(m, &roots[m - 1], n, &roots[n], proof, count, NULL), 0);
            assert_int_not_equal(
                tm_merkle_check_consistency(m, &roots[m], n, &roots[n - 1], proof, count, NULL), 0);
            if (count == 0)
                continue;
            assert_int_not_equal(
                tm_merkle_check_consistency(m, &roots[m], n, &roots[n], proof, count - 1, NULL), 0);
            proof[(m + n) % count].b[m % 32] ^= 4;
            assert_int_not_equal(
                tm_merkle_check_consistency(m, &roots[m], n, &roots[n], proof, count, NULL), 0);
        }
    }
}

static void consistency_at_the_edges(void **state)
{
    (void)state;
    struct tm_err e = {0};
    assert_int_equal(tm_merkle_check_consistency(0, &roots[0], 7, &roots[7], NULL, 0, &e), 0);
    assert_int_equal(tm_merkle_check_consistency(0, &roots[0], 0, &roots[0], NULL, 0, &e), 0);
    assert_int_equal(tm_merkle_check_consistency(0, &roots[1], 7, &roots[7], NULL, 0, &e), -1);
    assert_int_equal(tm_merkle_check_consistency(0, &roots[0], 7, &roots[7], &roots[1], 1, &e), -1);
    assert_int_equal(tm_merkle_check_consistency(8, &roots[8], 7, &roots[7], NULL, 0, &e), -1);
    assert_non_null(strstr(e.text, "shrank"));
    assert_int_equal(tm_merkle_check_consistency(7, &roots[7], 7, &roots[8], NULL, 0, &e), -1);
    assert_non_null(strstr(e.text, "forked"));
    /* sizes that no tree has must end all the same */
    struct tm_merkle_hash many[MERKLE_PROOF_MAX + 8] = {0};
    assert_int_equal(tm_merkle_check_consistency(UINT64_MAX - 1, &roots[7], UINT64_MAX, &roots[8],
                                                 many, MERKLE_PROOF_MAX + 8, &e),
                     -1);
    assert_int_equal(tm_merkle_check_inclusion(UINT64_MAX - 1, UINT64_MAX, &roots[1], many,
                                               MERKLE_PROOF_MAX + 8, &roots[8], &e),
                     -1);
}

/* The oracle's leaves, folded. */
static int fold(void *ctx, unsigned height, uint64_t index, struct tm_merkle_hash *out,
                struct tm_err *e)
{
    struct tm_merkle_hash left;
    struct tm_merkle_hash right;
    if (index << height >= SIZES)
        return tm_err_set(e, "no such leaf");
    if (height == 0) {
        *out = as_merkle(leaves[index]);
        return 0;
    }
    if (fold(ctx, height - 1, 2 * index, &left, e) != 0 ||
        fold(ctx, height - 1, 2 * index + 1, &right, e) != 0)
        return -1;
    tm_merkle_node(&left, &right, out);
    return 0;
}

static void expect_proof(const struct tm_merkle_range *r, size_t count,
                         const struct mtree_proof *want)
{
    const struct tm_merkle_subtrees leaves_only = {fold, NULL};
    struct tm_merkle_hash got[MERKLE_PROOF_MAX];
    assert_int_equal(count, want->count);
    assert_int_equal(tm_ranges_roots(&leaves_only, r, count, got, NULL), 0);
    for (size_t i = 0; i < count; i++)
        assert_memory_equal(got[i].b, want->hash[i].b, MERKLE_HASH);
}

static void proofs_are_made_as_the_recursion_makes_them(void **state)
{
    (void)state;
    struct tm_merkle_range r[MERKLE_PROOF_MAX];
    struct mtree_proof want;
    for (size_t n = 1; n <= SIZES; n += n < 40 ? 1 : 13) {
        for (size_t m = 0; m <= n; m++) {
            if (m < n) {
                mtree_path(oracle, m, n, &want);
                expect_proof(r, tm_ranges_inclusion(m, n, r), &want);
            }
            if (m > 0) {
                mtree_proof(oracle, m, n, &want);
                expect_proof(r, tm_ranges_consistency(m, n, r), &want);
            }
        }
    }
    struct tm_err e = {0};
    struct tm_merkle_hash out[MERKLE_PROOF_MAX];
    const struct tm_merkle_subtrees leaves_only = {fold, NULL};
    assert_int_equal(
        tm_ranges_roots(&leaves_only, r, tm_ranges_inclusion(0, SIZES + 1, r), out, &e), -1);
    /* the longest there are */
    assert_int_equal(tm_ranges_inclusion(0, INT64_MAX, r), 63);
    assert_int_equal(tm_ranges_consistency(3, INT64_MAX, r), MERKLE_PROOF_MAX);
    assert_int_equal(tm_ranges_consistency(INT64_MAX - 1, INT64_MAX, r), MERKLE_PROOF_MAX - 1);
    assert_int_equal(tm_ranges_consistency(0, 7, r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(inclusion_for_all_sizes),
        cmocka_unit_test(consistency_for_all_sizes),
        cmocka_unit_test(consistency_at_the_edges),
        cmocka_unit_test(proofs_are_made_as_the_recursion_makes_them),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* Log entries in both forms, tile paths and widths, the frontier against a plain tree. */
#include <string.h>

#include "common/transparency/entry.h"
#include "common/transparency/frontier.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/mtree.h"

static const unsigned char key_hash[SCT_KEY_HASH] = {1, 2, 3};
static const unsigned char prints[2 * ENTRY_FINGERPRINT] = {7};
static const unsigned char tbs[] = "a TBSCertificate";
static const unsigned char pre[] = "a precertificate";
static const unsigned char ext[] = {0, 0, 5, 0, 0, 0, 0, 9};

static struct tm_entry precert_entry(void)
{
    return (struct tm_entry){.timestamp_ms = 0x0102030405060708,
                             .logged = {SCT_PRECERT, tbs, sizeof(tbs), key_hash},
                             .extensions = ext,
                             .extensions_len = sizeof(ext),
                             .precert = pre,
                             .precert_len = sizeof(pre),
                             .chain = prints,
                             .chain_len = sizeof(prints)};
}

static struct tm_entry x509_entry(void)
{
    return (struct tm_entry){.timestamp_ms = 5, .logged = {SCT_X509, tbs, sizeof(tbs), NULL}};
}

static void assert_same(const struct tm_entry *a, const struct tm_entry *b)
{
    assert_int_equal(a->timestamp_ms, b->timestamp_ms);
    assert_int_equal(a->logged.type, b->logged.type);
    assert_int_equal(a->logged.cert_len, b->logged.cert_len);
    assert_memory_equal(a->logged.cert, b->logged.cert, a->logged.cert_len);
    assert_int_equal(a->extensions_len, b->extensions_len);
    assert_int_equal(a->precert_len, b->precert_len);
    assert_int_equal(a->chain_len, b->chain_len);
    if (a->logged.type == SCT_PRECERT) {
        assert_memory_equal(a->logged.issuer_key_hash, b->logged.issuer_key_hash, SCT_KEY_HASH);
        assert_memory_equal(a->precert, b->precert, a->precert_len);
    }
}

static void tile_round_trip(void **state)
{
    (void)state;
    struct tm_entry in[2] = {precert_entry(), x509_entry()};
    struct tm_entry out;
    struct tm_err e;
    struct tm_buf b = {0};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(tm_entry_put_tile_leaf(&in[i], &b, &e), 0);
    struct tm_bytes tile = bytes_of(b.data, b.len);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(tm_entry_take_tile_leaf(&tile, &out, &e), 1);
        assert_same(&in[i], &out);
    }
    assert_int_equal(tm_entry_take_tile_leaf(&tile, &out, &e), 0);
    tm_buf_free(&b);
}

/* Every prefix but those that end between entries is damaged. */
static void tile_cut_short(void **state)
{
    (void)state;
    struct tm_entry in = precert_entry();
    struct tm_entry out;
    struct tm_err e;
    struct tm_buf b = {0};
    assert_int_equal(tm_entry_put_tile_leaf(&in, &b, &e), 0);
    for (size_t len = 0; len <= b.len; len++) {
        struct tm_bytes tile = bytes_of(b.data, len);
        int want = len == 0 ? 0 : len == b.len ? 1 : -1;
        assert_int_equal(tm_entry_take_tile_leaf(&tile, &out, &e), want);
    }
    tm_buf_free(&b);
}

static void tile_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"\0\0\0\0\0\0\0\1\0\2\0\0\1x\0\0\0\0", 18},       /* entry type 2 */
        {"\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0", 17},        /* empty certificate */
        {"\0\0\0\0\0\0\0\1\0\0\0\0\1x\0\0\0\1y", 19},      /* a fingerprint of one byte */
        {"\0\0\0\0\0\0\0\1\0\0\xff\xff\xffx\0\0\0\0", 18}, /* 16 MiB that are not there */
        {"\0\0\0\0\0\0\0\1\0\0\0\0\1x\0\2y", 17},          /* extensions cut short */
    };
    struct tm_entry out;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tm_err e = {0};
        struct tm_bytes tile = bytes_of(bad[i].bytes, bad[i].len);
        assert_int_equal(tm_entry_take_tile_leaf(&tile, &out, &e), -1);
        assert_true(e.text[0] != '\0');
    }
}

static void put_refuses(void **state)
{
    (void)state;
    struct tm_entry n = precert_entry();
    struct tm_buf b = {0};
    struct tm_err e;
    n.logged.cert_len = 0;
    assert_int_equal(tm_entry_put_tile_leaf(&n, &b, &e), -1);
    n = precert_entry();
    n.precert_len = 0;
    assert_int_equal(tm_entry_put_tile_leaf(&n, &b, &e), -1);
    n = precert_entry();
    n.chain_len = 33;
    assert_int_equal(tm_entry_put_tile_leaf(&n, &b, &e), -1);
    n = precert_entry();
    n.extensions_len = 0x10000;
    assert_int_equal(tm_entry_put_timestamped(&n, &b, &e), -1);
    tm_buf_free(&b);
}

static void get_entries_forms(void **state)
{
    (void)state;
    struct tm_entry in = precert_entry();
    struct tm_entry out;
    struct tm_err e;
    struct tm_buf leaf = {0};
    struct tm_buf extra = {0};
    struct tm_merkle_hash from_leaf;
    struct tm_merkle_hash from_entry;
    tm_buf_put_be(&leaf, 0, 2);
    assert_int_equal(tm_entry_put_timestamped(&in, &leaf, &e), 0);
    tm_buf_put_be(&extra, sizeof(pre), 3);
    tm_buf_append(&extra, pre, sizeof(pre));
    tm_buf_put_be(&extra, 3 + sizeof(tbs), 3);
    tm_buf_put_be(&extra, sizeof(tbs), 3);
    tm_buf_append(&extra, tbs, sizeof(tbs));
    assert_int_equal(tm_entry_parse(leaf.data, leaf.len, extra.data, extra.len, &out, &e), 0);
    assert_int_equal(out.precert_len, sizeof(pre));
    assert_int_equal(out.chain_len, 3 + sizeof(tbs));
    tm_merkle_leaf(leaf.data, leaf.len, &from_leaf);
    tm_entry_leaf_hash(&out, &from_entry);
    assert_true(tm_merkle_equal(&from_leaf, &from_entry));

    for (size_t n = 0; n < leaf.len; n++)
        assert_int_equal(tm_entry_parse(leaf.data, n, extra.data, extra.len, &out, &e), -1);
    for (size_t n = 0; n < extra.len; n++)
        assert_int_equal(tm_entry_parse(leaf.data, leaf.len, extra.data, n, &out, &e), -1);
    buf_putc(&leaf, 0);
    assert_int_equal(tm_entry_parse(leaf.data, leaf.len, extra.data, extra.len, &out, &e), -1);
    leaf.len--;
    buf_putc(&extra, 0);
    assert_int_equal(tm_entry_parse(leaf.data, leaf.len, extra.data, extra.len, &out, &e), -1);
    extra.len--;
    leaf.data[0] = 1; /* version 2 */
    assert_int_equal(tm_entry_parse(leaf.data, leaf.len, extra.data, extra.len, &out, &e), -1);
    tm_buf_free(&leaf);
    tm_buf_free(&extra);
}

static void paths(void **state)
{
    (void)state;
    static const struct {
        int level;
        uint64_t index;
        unsigned width;
        const char *want;
    } row[] = {
        {0, 0, 256, "tile/0/000"},
        {1, 999, 1, "tile/1/999.p/1"},
        {0, 1000, 256, "tile/0/x001/000"},
        {5, 1234067, 255, "tile/5/x001/x234/067.p/255"},
        {TILE_LEVEL_DATA, 1234067, 256, "tile/data/x001/x234/067"},
        {TILE_LEVEL_DATA, UINT64_MAX, 3, "tile/data/x018/x446/x744/x073/x709/x551/615.p/3"},
    };
    char out[TILE_PATH_MAX];
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        tm_tile_path(row[i].level, row[i].index, row[i].width, out);
        assert_string_equal(out, row[i].want);
    }
}

static void frontier_is_the_tree(void **state)
{
    (void)state;
    struct mtree_hash leaf[300];
    struct tm_frontier f = {0};
    struct tm_merkle_hash root;
    for (size_t i = 0; i < 300; i++)
        leaf[i] = mtree_leaf(&i, sizeof(i));
    struct mtree *tree = mtree_new(leaf, 300);
    for (size_t n = 0; n <= 300; n++) {
        struct mtree_hash want = mtree_root(tree, n);
        tm_frontier_root(&f, &root);
        assert_memory_equal(root.b, want.b, MERKLE_HASH);
        if (n < 300) {
            struct tm_merkle_hash h;
            memcpy(h.b, leaf[n].b, MERKLE_HASH);
            tm_frontier_add(&f, &h);
        }
    }
    mtree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tile_round_trip),      cmocka_unit_test(tile_cut_short),
        cmocka_unit_test(tile_refuses),         cmocka_unit_test(put_refuses),
        cmocka_unit_test(get_entries_forms),    cmocka_unit_test(paths),
        cmocka_unit_test(frontier_is_the_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

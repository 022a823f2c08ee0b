/* What services say of themselves before they are trusted. */
#include "tests/support/cmocka_all.h"

#include "common/json/jsonstr.h"
#include "tests/support/pki.h"
#include "tuf/manager/services/answers.h"

struct pair { /* a root and what it signed, with both as PEM */
    EVP_PKEY *root_key, *key;
    X509 *root, *cert;
};

static void pair_new(struct pair *p, const char *name)
{
    p->root_key = pki_key("P-256");
    p->key = pki_key("P-256");
    p->root = pki_ca("root", p->root_key, NULL, NULL, 1767225600, 1893456000);
    p->cert = pki_ca(name, p->key, p->root, p->root_key, 1767225600, 1893456000);
}

static void pair_free(struct pair *p)
{
    X509_free(p->cert);
    X509_free(p->root);
    EVP_PKEY_free(p->key);
    EVP_PKEY_free(p->root_key);
}

static STACK_OF(X509) * stack_of(X509 *first, X509 *second)
{
    STACK_OF(X509) *s = sk_X509_new_null();
    assert_true(sk_X509_push(s, first) > 0);
    assert_true(second == NULL || sk_X509_push(s, second) > 0);
    return s;
}

static void put_certificate(X509 *cert, struct tm_buf *json)
{
    struct tm_buf pem = {0};
    pki_pem(cert, &pem);
    tm_jsonstr_put(json, tm_buf_str(&pem), pem.len);
    tm_buf_free(&pem);
}

static void a_trust_bundle_gives_its_chains(void **state)
{
    (void)state;
    struct pair one, two;
    struct tm_buf json = {0};
    struct tuf_chains got = {0};
    struct tm_err e = {0};
    pair_new(&one, "one");
    pair_new(&two, "two");
    tm_buf_puts(&json, "{\"unknown\": 1, \"chains\":[{\"certificates\":[");
    put_certificate(one.cert, &json);
    buf_putc(&json, ',');
    put_certificate(one.root, &json);
    tm_buf_puts(&json, "]},{\"certificates\":[");
    put_certificate(two.cert, &json);
    tm_buf_puts(&json, "]}]}");
    assert_int_equal(tuf_answer_trust_bundle(tm_buf_str(&json), json.len, &got, &e), 0);
    assert_int_equal(got.count, 2);
    assert_int_equal(sk_X509_num(got.chain[0]), 2);
    assert_int_equal(X509_cmp(sk_X509_value(got.chain[0], 1), one.root), 0);
    assert_int_equal(X509_cmp(sk_X509_value(got.chain[1], 0), two.cert), 0);
    tuf_chains_free(&got);
    tm_buf_free(&json);
    pair_free(&one);
    pair_free(&two);
}

static void a_trust_bundle_without_certificates_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "{}",
                                      "{\"chains\":[]}",
                                      "{\"chains\":[{}]}",
                                      "{\"chains\":[{\"certificates\":[]}]}",
                                      "{\"chains\":[{\"certificates\":[\"x\"]}]}",
                                      "{\"chains\":[{\"certificates\":[7]}]}",
                                      "{\"chains\":{}}",
                                      "[]",
                                      "<html>"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tuf_chains got = {0};
        struct tm_err e = {0};
        assert_int_equal(tuf_answer_trust_bundle(bad[i], strlen(bad[i]), &got, &e), -1);
        assert_int_equal(got.count, 0);
        assert_string_not_equal(e.text, "");
    }
}

static void a_chain_is_other_named_or_unended(void **state)
{
    (void)state;
    struct pair one, two;
    size_t at;
    pair_new(&one, "one");
    pair_new(&two, "two");
    struct tuf_chains named = {.chain = {stack_of(X509_dup(two.cert), NULL),
                                         stack_of(X509_dup(one.cert), X509_dup(one.root))},
                               .count = 2};
    STACK_OF(X509) *whole = stack_of(one.cert, one.root);
    STACK_OF(X509) *first = stack_of(one.cert, NULL);
    STACK_OF(X509) *crossed = stack_of(one.cert, two.root);
    STACK_OF(X509) *longer = stack_of(two.cert, two.root);
    STACK_OF(X509) *other = stack_of(one.root, NULL);
    assert_int_equal(tuf_chains_fit(&named, whole, &at), TUF_CHAIN_NAMED);
    assert_int_equal(at, 1);
    assert_int_equal(tuf_chains_fit(&named, first, &at), TUF_CHAIN_UNENDED);
    assert_int_equal(at, 1);
    assert_int_equal(tuf_chains_fit(&named, crossed, &at), TUF_CHAIN_NAMED);
    assert_int_equal(tuf_chains_fit(&named, longer, &at), TUF_CHAIN_NAMED);
    assert_int_equal(at, 0);
    assert_int_equal(tuf_chains_fit(&named, other, &at), TUF_CHAIN_OTHER);
    sk_X509_free(whole);
    sk_X509_free(first);
    sk_X509_free(crossed);
    sk_X509_free(longer);
    sk_X509_free(other);
    tuf_chains_free(&named);
    pair_free(&one);
    pair_free(&two);
}

static void issuers_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int rc;
        size_t count;
    } rows[] = {
        {"{}", 0, 0},
        {"{\"issuers\":[]}", 0, 0},
        {"{\"issuers\":[{\"issuerUrl\":\"https://a\"},{\"wildcardIssuerUrl\":\"*\"}]}", 0, 2},
        {"{\"issuers\":7}", -1, 0},
        {"none", -1, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_err e = {0};
        size_t count = 9;
        assert_int_equal(tuf_answer_issuers(rows[i].json, strlen(rows[i].json), &count, &e),
                         rows[i].rc);
        assert_int_equal(count, rows[i].count);
    }
}

static void a_tree_head_and_a_key_are_taken_from_their_members(void **state)
{
    (void)state;
    static const char head[] = "{\"rootHash\":\"00\",\"signedTreeHead\":\"a\\nb\\n\"}";
    static const char key[] = "{\"description\":\"x\",\"key\":\"AAEC\",\"mmd\":60}";
    struct tm_buf got = {0};
    struct tm_err e = {0};
    assert_int_equal(tuf_answer_tree_head(head, strlen(head), &got, &e), 0);
    assert_string_equal(tm_buf_str(&got), "a\nb\n");
    tm_buf_reset(&got);
    assert_int_equal(tuf_answer_log_key(key, strlen(key), &got, &e), 0);
    assert_int_equal(got.len, 3);
    assert_memory_equal(got.data, "\0\1\2", 3);
    tm_buf_reset(&got);
    assert_int_equal(tuf_answer_tree_head("{}", 2, &got, &e), -1);
    assert_int_equal(tuf_answer_log_key("{}", 2, &got, &e), -1);
    assert_int_equal(tuf_answer_log_key("{\"key\":\"?\"}", 11, &got, &e), -1);
    assert_int_equal(got.len, 0);
    tm_buf_free(&got);
}

static void roots_that_are_no_certificates_are_left_out(void **state)
{
    (void)state;
    static const char json[] = "{\"certificates\":[\"AAEC\"]}";
    STACK_OF(X509) *roots = NULL;
    struct tm_err e = {0};
    assert_int_equal(tuf_answer_roots(json, strlen(json), &roots, &e), 0);
    assert_int_equal(sk_X509_num(roots), 0);
    sk_X509_pop_free(roots, X509_free);
    assert_int_equal(tuf_answer_roots("{}", 2, &roots, &e), -1);
    assert_null(roots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trust_bundle_gives_its_chains),
        cmocka_unit_test(a_trust_bundle_without_certificates_is_refused),
        cmocka_unit_test(a_chain_is_other_named_or_unended),
        cmocka_unit_test(issuers_are_counted),
        cmocka_unit_test(a_tree_head_and_a_key_are_taken_from_their_members),
        cmocka_unit_test(roots_that_are_no_certificates_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

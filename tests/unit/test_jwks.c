/* Key sets: how many, which, and what is said of those left out. */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "oidc/keys/jwks.h"

/* The curve's base point is a public key like another. */
#define X "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY"
#define Y "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"
#define GOOD "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\"}"

static struct oidc_jwks *set_of(size_t count, struct oidc_jwks_report *r)
{
    struct tm_buf json = {0};
    struct tm_err e = {0};
    tm_buf_puts(&json, "{\"keys\":[");
    for (size_t i = 0; i < count; i++)
        tm_buf_printf(&json, "%s{\"kid\":\"k%zu\"," GOOD, i > 0 ? "," : "", i);
    tm_buf_puts(&json, "]}");
    struct oidc_jwks *s = oidc_jwks_parse(tm_buf_str(&json), json.len, r, &e);
    if (s == NULL)
        fail_msg("%s", e.text);
    tm_buf_free(&json);
    return s;
}

static void a_key_set_of_512_keys_is_held_whole(void **state)
{
    (void)state;
    struct oidc_jwks_report r;
    struct oidc_jwks *s = set_of(512, &r);
    size_t at = 0;
    assert_int_equal(oidc_jwks_count(s), 512);
    assert_int_equal(r.cut, 0);
    assert_non_null(oidc_jwks_next(s, "k511", oidc_alg_find("ES256"), &at));
    oidc_jwks_unref(s);
}

static void a_key_set_of_515_keys_is_cut_with_the_count(void **state)
{
    (void)state;
    struct oidc_jwks_report r;
    struct oidc_jwks *s = set_of(515, &r);
    assert_int_equal(oidc_jwks_count(s), 512);
    assert_int_equal(r.listed, 515);
    assert_int_equal(r.cut, 3);
    assert_false(oidc_jwks_has_kid(s, "k512"));
    oidc_jwks_unref(s);
}

static void a_refused_key_says_what_is_wrong_with_it(void **state)
{
    (void)state;
    static const struct {
        const char *key, *says;
    } rows[] = {
        {"\"kty\":\"RSA\",\"n\":\"AQAB==\",\"e\":\"AQAB\"}", "'n' is base64 with padding"},
        {"\"kty\":\"RSA\",\"n\":\"AQ+B\",\"e\":\"AQAB\"}", "'n' is base64 with '+' or '/'"},
        {"\"kty\":\"RSA\",\"n\":\"AQ B\",\"e\":\"AQAB\"}", "'n' is not base64url"},
        {"\"kty\":\"RSA\",\"e\":\"AQAB\"}", "'n' is missing"},
        {"\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB=\"}", "'e' is base64 with padding"},
        {"\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "RSA key of 17 bits"},
        {"\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "=\",\"y\":\"" Y "\"}",
         "'x' is base64 with padding"},
        {"\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"AQAB\"}", "'y' has 3 bytes"},
        {"\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" X "\"}", "not on the curve"},
        {"\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AAAA\",\"y\":\"AAAA\"}", "'secp256k1'"},
        {"\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA==\"}", "'x' is base64 with padding"},
        {"\"kty\":\"OKP\",\"crv\":\"X448\",\"x\":\"AA\"}", "'X448'"},
        {"\"kty\":\"oct\",\"k\":\"AA\"}", "key of type 'oct'"},
        {"\"use\":\"enc\"," GOOD, "'use'"},
        {"\"alg\":\"RS256\"," GOOD, "'RS256'"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_err e = {0};
        char json[512];
        snprintf(json, sizeof(json), "{\"keys\":[{\"kid\":\"a\\u0007b\",%s]}", rows[i].key);
        assert_null(oidc_jwks_parse(json, strlen(json), NULL, &e));
        if (strstr(e.text, rows[i].says) == NULL || strstr(e.text, "key 'a?b'") == NULL)
            fail_msg("row %zu: %s", i, e.text);
    }
}

static void a_damaged_key_beside_good_ones_is_counted(void **state)
{
    (void)state;
    static const char json[] = "{\"keys\":[{\"kid\":\"bad\",\"kty\":\"RSA\",\"n\":\"AQ==\"},"
                               "{\"kid\":\"other\",\"kty\":\"oct\",\"k\":\"AA\"},"
                               "{\"kid\":\"good\"," GOOD "]}";
    struct oidc_jwks_report r;
    struct tm_err e = {0};
    struct oidc_jwks *s = oidc_jwks_parse(json, strlen(json), &r, &e);
    assert_non_null(s);
    assert_int_equal(oidc_jwks_count(s), 1);
    assert_int_equal(r.damaged, 1); /* one that is not for us is no fault */
    assert_non_null(strstr(r.why.text, "key 'bad'"));
    oidc_jwks_unref(s);
}

static void a_byte_order_mark_before_a_key_set_is_passed_over(void **state)
{
    (void)state;
    static const char json[] = "\xef\xbb\xbf{\"keys\":[\r\n{\"kid\":\"a\"," GOOD "]}\r\n";
    struct tm_err e = {0};
    struct oidc_jwks *s = oidc_jwks_parse(json, strlen(json), NULL, &e);
    assert_non_null(s);
    oidc_jwks_unref(s);
    assert_null(oidc_jwks_parse("\xef\xbb\xbf\xef\xbb\xbf{}", 8, NULL, &e));
    assert_null(oidc_jwks_parse("\xef\xbb\xbf", 3, NULL, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_byte_order_mark_before_a_key_set_is_passed_over),
        cmocka_unit_test(a_key_set_of_512_keys_is_held_whole),
        cmocka_unit_test(a_key_set_of_515_keys_is_cut_with_the_count),
        cmocka_unit_test(a_refused_key_says_what_is_wrong_with_it),
        cmocka_unit_test(a_damaged_key_beside_good_ones_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

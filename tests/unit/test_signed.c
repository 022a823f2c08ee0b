/* Entries of a log of signatures, as an auditor reads and looks for them. */
#include <openssl/sha.h>
#include <string.h>

#include "ca/log/monitor/match.h"
#include "ca/log/monitor/signed.h"
#include "tests/support/cmocka_all.h"

#define HASHED(verifier) \
    "{\"apiVersion\":\"0.0.2\",\"kind\":\"hashedrekord\",\"spec\":{\"hashedRekordV002\":{" \
    "\"data\":{" \
    "\"algorithm\":\"SHA2_256\",\"digest\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}," \
    "\"signature\":{\"content\":\"AQID\",\"verifier\":{" verifier "}}}}}"
#define KEY "\"keyDetails\":\"PKIX_ECDSA_P256_SHA_256\",\"publicKey\":{\"rawBytes\":\"AQID\"}"
#define DSSE(signatures) \
    "{\"apiVersion\":\"0.0.2\",\"kind\":\"dsse\",\"spec\":{\"dsseV002\":{\"payloadHash\":{" \
    "\"algorithm\":\"SHA2_256\",\"digest\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}," \
    "\"signatures\":[" signatures "]}}}"
#define SIGNATURE "{\"content\":\"AQID\",\"verifier\":{" KEY "}}"

static const unsigned char digest[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                       11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                       22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

static void an_entry_says_its_digest_and_signer(void **state)
{
    (void)state;
    static const char *const texts[] = {HASHED(KEY), DSSE(SIGNATURE)};
    struct ca_signed_entry s;
    struct tm_err e = {0};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ca_signed_entry_read(texts[i], strlen(texts[i]), &s, &e), 0);
        assert_int_equal(s.digest.len, sizeof(digest));
        assert_memory_equal(s.digest.data, digest, sizeof(digest));
        assert_int_equal(s.by.count, 1);
        assert_int_equal(s.by.item[0].key.len, 3);
        assert_string_equal(s.kind, i == 0 ? "hashedrekord" : "dsse");
        ca_signed_entry_free(&s);
    }
}

static void an_envelope_has_a_signer_for_each_signature(void **state)
{
    (void)state;
    static const char text[] = DSSE(SIGNATURE "," SIGNATURE);
    struct ca_signed_entry s;
    struct tm_err e = {0};
    assert_int_equal(ca_signed_entry_read(text, strlen(text), &s, &e), 0);
    assert_int_equal(s.by.count, 2);
    ca_signed_entry_free(&s);
}

static void unknown_members_are_passed_over_and_unknown_kinds_are_not_read(void **state)
{
    (void)state;
    static const char more[] = HASHED(KEY ",\"later\":1");
    static const char *const bad[] = {
        "",
        "[]",
        "{\"apiVersion\":\"1\",\"kind\":\"intoto\",\"spec\":{}}",
        HASHED("\"keyDetails\":\"x\""),
        HASHED(KEY ",\"x509Certificate\":{\"rawBytes\":\"AQID\"}"),
        HASHED("\"publicKey\":{\"rawBytes\":\"\"}"),
        DSSE(""),
        HASHED(KEY) "x",
    };
    struct ca_signed_entry s;
    struct tm_err e = {0};
    assert_int_equal(ca_signed_entry_read(more, strlen(more), &s, &e), 0);
    ca_signed_entry_free(&s);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ca_signed_entry_read(bad[i], strlen(bad[i]), &s, &e) == 0)
            fail_msg("taken: %s", bad[i]);
        ca_signed_entry_free(&s);
    }
}

static enum ca_filter_result judge(const struct ca_filter *f, const char *text)
{
    const struct tm_entry n = {.text = (const unsigned char *)text, .text_len = strlen(text)};
    enum ca_filter_result r = FILTER_MISS;
    struct tm_err e = {0};
    assert_int_equal(ca_filter_entry(f, &n, &r, &e), 0);
    return r;
}

static void a_key_entry_is_found_by_digest_and_key_and_by_no_identity(void **state)
{
    (void)state;
    struct ca_filter f = {.digest = digest, .digest_len = sizeof(digest), .has_key = true};
    SHA256((const unsigned char *)"\1\2\3", 3, f.key_hash);
    assert_int_equal(judge(&f, HASHED(KEY)), FILTER_MATCH);
    assert_int_equal(judge(&f, DSSE(SIGNATURE)), FILTER_MATCH);
    f.key_hash[31] ^= 1;
    assert_int_equal(judge(&f, HASHED(KEY)), FILTER_MISS);
    f.has_key = false;
    f.digest_len = 31;
    assert_int_equal(judge(&f, HASHED(KEY)), FILTER_MISS);
    const struct ca_filter who = {.identity = "x"};
    const struct ca_filter when = {.after_ms = 1};
    assert_int_equal(judge(&who, HASHED(KEY)), FILTER_MISS);
    assert_int_equal(judge(&when, HASHED(KEY)), FILTER_MISS);
}

static void a_certificate_that_cannot_be_read_is_named_when_it_is_asked_for(void **state)
{
    (void)state;
    static const char text[] = HASHED("\"x509Certificate\":{\"rawBytes\":\"AQID\"}");
    const struct tm_entry n = {.text = (const unsigned char *)text, .text_len = strlen(text)};
    const struct ca_filter who = {.identity = "x"};
    const struct ca_filter what = {.digest = digest, .digest_len = sizeof(digest)};
    enum ca_filter_result r = FILTER_MISS;
    struct tm_err e = {0};
    assert_int_equal(ca_filter_entry(&who, &n, &r, &e), -1);
    assert_non_null(strstr(e.text, "damaged"));
    assert_int_equal(ca_filter_entry(&what, &n, &r, &e), 0);
    assert_int_equal(r, FILTER_MATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_says_its_digest_and_signer),
        cmocka_unit_test(an_envelope_has_a_signer_for_each_signature),
        cmocka_unit_test(unknown_members_are_passed_over_and_unknown_kinds_are_not_read),
        cmocka_unit_test(a_key_entry_is_found_by_digest_and_key_and_by_no_identity),
        cmocka_unit_test(a_certificate_that_cannot_be_read_is_named_when_it_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

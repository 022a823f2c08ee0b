/* DER and hex: what is not the one encoding of its value is refused. */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "common/der.h"
#include "common/hex.h"

/* 0 when `len` bytes at `der` begin with an element; its value's length is in *value. */
static int take(const unsigned char *der, size_t len, size_t *value)
{
    struct tm_der_element e;
    const unsigned char *p = der;
    int rc = tm_der_take(&p, &len, &e);
    *value = rc == 0 ? e.len : 0;
    return rc;
}

static void an_element_has_one_length(void **state)
{
    (void)state;
    unsigned char der[300] = {0x04, 0x81, 0x80};
    size_t n = 0;
    assert_int_equal(take(der, 3 + 0x80, &n), 0);
    assert_int_equal(n, 0x80);
    der[2] = 0x7f; /* one byte would do */
    assert_int_equal(take(der, sizeof(der), &n), -1);
    memcpy(der, "\x04\x82\x01\x00", 4);
    assert_int_equal(take(der, 4 + 0x100, &n), 0);
    assert_int_equal(n, 0x100);
    memcpy(der, "\x04\x83\x00\x01\x00", 5); /* begins with a zero */
    assert_int_equal(take(der, sizeof(der), &n), -1);
    memcpy(der, "\x30\x80", 2); /* indefinite: BER */
    assert_int_equal(take(der, sizeof(der), &n), -1);
    memcpy(der, "\x04\x85\x01\x00\x00\x00\x00", 7);
    assert_int_equal(take(der, sizeof(der), &n), -1);
}

static void an_element_ends_within_what_is_given(void **state)
{
    (void)state;
    static const unsigned char der[] = {0x04, 0x03, 'a', 'b', 'c'};
    size_t n = 0;
    assert_int_equal(take(der, 5, &n), 0);
    assert_int_equal(n, 3);
    for (size_t len = 0; len < 5; len++)
        assert_int_equal(take(der, len, &n), -1);
    assert_int_equal(take((const unsigned char *)"\x04\x82\x01", 3, &n), -1);
    assert_int_equal(take((const unsigned char *)"\x1f\x81\x01\x00", 4, &n), -1); /* a long tag */
}

static void hex_is_whole_bytes_of_hex_digits(void **state)
{
    (void)state;
    struct tm_buf b = {0};
    assert_int_equal(tm_hex_decode("00fFA9", 6, &b), 0);
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.data, "\x00\xff\xa9", 3);
    static const char *const bad[] = {"0", "0a1", "0g", "g0", "0x10", " 0", "0`", "@0"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(tm_hex_decode(bad[i], strlen(bad[i]), &b), -1);
    tm_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_element_has_one_length),
        cmocka_unit_test(an_element_ends_within_what_is_given),
        cmocka_unit_test(hex_is_whole_bytes_of_hex_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A sorted set of texts. */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "common/names.h"

static void a_name_is_put_in_once(void **state)
{
    (void)state;
    struct tm_names n = {0};
    assert_false(tm_names_have(&n, "a"));
    assert_int_equal(tm_names_put(&n, "a"), 1);
    assert_int_equal(tm_names_put(&n, "a"), 0);
    assert_int_equal(tm_names_put(&n, ""), 1);
    assert_int_equal(tm_names_put(&n, "ab"), 1);
    assert_int_equal(n.count, 3);
    assert_true(tm_names_have(&n, "") && tm_names_have(&n, "a") && tm_names_have(&n, "ab"));
    assert_false(tm_names_have(&n, "b"));
    tm_names_free(&n);
    assert_int_equal(n.count, 0);
    assert_false(tm_names_have(&n, "a"));
}

static void sixteen_thousand_names_in_any_order_are_found_and_sorted(void **state)
{
    (void)state;
    struct tm_names n = {0};
    char name[24];
    for (unsigned i = 0; i < 16384; i++) { /* 7919 is odd: each number once */
        snprintf(name, sizeof(name), "bins-%x", i * 7919U % 16384);
        assert_int_equal(tm_names_put(&n, name), 1);
    }
    assert_int_equal(n.count, 16384);
    for (size_t i = 1; i < n.count; i++)
        assert_true(strcmp(n.item[i - 1], n.item[i]) < 0);
    for (unsigned i = 0; i < 16384; i++) {
        snprintf(name, sizeof(name), "bins-%x", i);
        assert_true(tm_names_have(&n, name));
        assert_int_equal(tm_names_put(&n, name), 0);
    }
    assert_false(tm_names_have(&n, "bins-4000"));
    tm_names_free(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_put_in_once),
        cmocka_unit_test(sixteen_thousand_names_in_any_order_are_found_and_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

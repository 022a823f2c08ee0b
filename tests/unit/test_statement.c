/* Statements around a predicate: exact text, and what is refused. */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "tuf/verify/bundle/dsse.h"
#include "tuf/verify/bundle/statement.h"

#define TYPE "https://slsa.dev/provenance/v1"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void the_predicate_stands_in_it_byte_for_byte(void **state)
{
    (void)state;
    static const char predicate[] = "{ \"n\": 1.10, \"x\": 1.0 }\n";
    struct tm_err e = {0};
    struct tm_buf out = {0};
    struct tuf_artifact a;
    assert_int_equal(tuf_artifact_from_bytes("", 0, &a, &e), 0);
    const struct tuf_subject s[] = {{"app \"1\"", &a}, {"b", &a}};
    if (tuf_statement_make(TYPE, predicate, sizeof(predicate) - 1, s, 2, &out, &e) != 0)
        fail_msg("%s", e.text);
    assert_string_equal(tm_buf_str(&out),
                        "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":["
                        "{\"name\":\"app \\\"1\\\"\",\"digest\":{\"sha256\":\"" EMPTY "\"}},"
                        "{\"name\":\"b\",\"digest\":{\"sha256\":\"" EMPTY "\"}}],"
                        "\"predicateType\":\"" TYPE "\","
                        "\"predicate\":{ \"n\": 1.10, \"x\": 1.0 }\n}");
    tuf_artifact_free(&a);
    tm_buf_free(&out);
}

static void verification_finds_subject_and_predicate(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf out = {0};
    struct tuf_artifact a;
    struct tuf_artifact other;
    assert_int_equal(tuf_artifact_from_bytes("one", 3, &a, &e), 0);
    assert_int_equal(tuf_artifact_from_bytes("two", 3, &other, &e), 0);
    const struct tuf_subject s = {"one", &a};
    assert_int_equal(tuf_statement_make(TYPE, "{}", 2, &s, 1, &out, &e), 0);
    assert_int_equal(tuf_dsse_check_subject(out.data, out.len, &a, &e), 0);
    assert_int_equal(tuf_dsse_check_subject(out.data, out.len, &other, &e), -1);
    assert_int_equal(tuf_dsse_check_predicate(out.data, out.len, TYPE, &e), 0);
    tuf_artifact_free(&a);
    tuf_artifact_free(&other);
    tm_buf_free(&out);
}

static void what_is_no_predicate_or_type_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *type, *predicate, *why;
    } rows[] = {
        {TYPE, "", "the predicate"},
        {TYPE, "[]", "no JSON object"},
        {TYPE, "{} {}", "the predicate"},
        {TYPE, "{\"a\":1,\"a\":2}", "the predicate"},
        {"", "{}", "no type of a predicate"},
        {"provenance", "{}", "no type of a predicate"},
        {"https:", "{}", "no type of a predicate"},
        {"https://a b", "{}", "no type of a predicate"},
        {"https://a\"", "{}", "no type of a predicate"},
    };
    struct tuf_artifact a;
    struct tm_err e = {0};
    assert_int_equal(tuf_artifact_from_bytes("one", 3, &a, &e), 0);
    const struct tuf_subject s = {"one", &a};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_buf out = {0};
        assert_int_equal(tuf_statement_make(rows[i].type, rows[i].predicate,
                                            strlen(rows[i].predicate), &s, 1, &out, &e),
                         -1);
        if (strstr(e.text, rows[i].why) == NULL)
            fail_msg("row %zu: %s", i, e.text);
        tm_buf_free(&out);
    }
    tuf_artifact_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_predicate_stands_in_it_byte_for_byte),
        cmocka_unit_test(verification_finds_subject_and_predicate),
        cmocka_unit_test(what_is_no_predicate_or_type_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Records of rehearsals: what is written is read, and what is not whole is not believed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/rehearsal.h"
#include "tests/support/cmocka_all.h"

static const char *const kinds[] = {"rotate", "log", "issuer"};
#define KINDS 3

struct place {
    char dir[64], file[128];
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    snprintf(p->dir, sizeof(p->dir), "/tmp/test_rehearsal.XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->file, sizeof(p->file), "%s/" REHEARSALS_FILE, p->dir);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    (void)unlink(p->file);
    assert_int_equal(rmdir(p->dir), 0);
    free(p);
    return 0;
}

static void record(const struct place *p, const char *kind, int64_t time, bool passed)
{
    struct tm_rehearsal r;
    struct tm_buf line = {0};
    struct tm_err e = {0};
    struct tm_err why = {.text = "it was \"refused\"\n"};
    assert_int_equal(tm_rehearsal_begin(&r, kind, time, &e), 0);
    assert_int_equal(tm_rehearsal_step(&r, "first", 0, NULL), 0);
    assert_int_equal(tm_rehearsal_step(&r, "second", passed ? 0 : -1, &why), passed ? 0 : -1);
    r.passed = passed;
    assert_int_equal(tm_rehearsal_line(&r, "1.0", &line, &e), 0);
    assert_int_equal(tm_rehearsal_record(p->file, &line, &e), 0);
    tm_buf_free(&line);
    tm_rehearsal_free(&r);
}

static void put(const struct place *p, const char *text)
{
    const struct tm_buf line = {.data = (unsigned char *)(uintptr_t)text, .len = strlen(text)};
    struct tm_err e = {0};
    assert_int_equal(tm_rehearsal_record(p->file, &line, &e), 0);
}

static void the_last_of_each_kind_is_found(void **state)
{
    const struct place *p = *state;
    struct tm_rehearsed last[KINDS];
    struct tm_err e = {0};
    assert_int_equal(tm_rehearsals_last(p->file, kinds, KINDS, last, &e), 0);
    for (size_t k = 0; k < KINDS; k++)
        assert_int_equal(last[k].time, 0); /* no file is no rehearsal */
    record(p, "rotate", 1000, true);
    record(p, "rotate", 2000, false);
    record(p, "log", 1500, true);
    record(p, "holder", 1600, true); /* another program's */
    assert_int_equal(tm_rehearsals_last(p->file, kinds, KINDS, last, &e), 0);
    assert_int_equal(last[0].time, 2000);
    assert_false(last[0].passed);
    assert_int_equal(last[1].time, 1500);
    assert_true(last[1].passed);
    assert_int_equal(last[2].time, 0);
}

static void a_step_that_was_skipped_is_neither_good_nor_a_failure(void **state)
{
    static const struct tm_err why = {.text = "it is not installed here"};
    const struct place *p = *state;
    struct tm_rehearsal r;
    struct tm_rehearsed last[KINDS];
    struct tm_buf line = {0};
    struct tm_err e = {0};
    assert_int_equal(tm_rehearsal_begin(&r, "log", 4000, &e), 0);
    assert_int_equal(tm_rehearsal_step(&r, "first", 0, NULL), 0);
    assert_int_equal(tm_rehearsal_skip(&r, "second", &why), 0);
    assert_int_equal(r.skipped, 1);
    assert_false(r.step[1].ok);
    r.passed = true;
    assert_int_equal(tm_rehearsal_line(&r, "1", &line, &e), 0);
    assert_non_null(strstr(tm_buf_str(&line), "\"ok\":false,\"says\":\"it is not installed here\","
                                              "\"skipped\":true"));
    assert_int_equal(tm_rehearsal_record(p->file, &line, &e), 0);
    put(p, "{\"kind\":\"rotate\",\"result\":\"passed\",\"time\":\"2026-01-01T00:00:00Z\",\"steps\":"
           "[{\"step\":\"x\",\"ok\":true}]}\n"); /* of a version that skipped none */
    assert_int_equal(tm_rehearsals_last(p->file, kinds, KINDS, last, &e), 0);
    assert_true(last[1].passed);
    assert_int_equal(last[1].skipped, 1);
    assert_int_equal(last[0].skipped, 0);
    tm_buf_free(&line);
    tm_rehearsal_free(&r);
}

static void half_a_line_at_the_end_is_passed_over(void **state)
{
    const struct place *p = *state;
    struct tm_rehearsed last[KINDS];
    struct tm_err e = {0};
    record(p, "issuer", 3000, true);
    put(p, "{\"kind\":\"issuer\",\"result\":\"fai");
    assert_int_equal(tm_rehearsals_last(p->file, kinds, KINDS, last, &e), 0);
    assert_true(last[2].passed);
    assert_int_equal(last[2].time, 3000);
}

static void a_line_that_is_none_is_said_with_its_number(void **state)
{
    static const char *const bad[] = {
        "none\n", "{}\n", "{\"kind\":\"log\",\"result\":\"passed\",\"time\":\"yesterday\"}\n",
        "{\"kind\":\"log\",\"result\":\"passed\",\"time\":\"2026-01-01T00:00:00Z\"} {}\n"};
    const struct place *p = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tm_rehearsed last[KINDS];
        struct tm_err e = {0};
        (void)unlink(p->file);
        record(p, "log", 1000, true);
        put(p, bad[i]);
        assert_int_equal(tm_rehearsals_last(p->file, kinds, KINDS, last, &e), 1);
        assert_non_null(strstr(e.text, "line 2"));
    }
}

static void a_record_after_half_a_line_has_a_line_of_its_own(void **state)
{
    const struct place *p = *state;
    struct tm_rehearsed last[KINDS];
    struct tm_err e = {0};
    record(p, "log", 1000, true);
    put(p, "{\"kind\":\"issuer\",\"result\":\"fai");
    record(p, "rotate", 2000, false);
    record(p, "log", 3000, true);
    assert_int_equal(tm_rehearsals_last(p->file, kinds, KINDS, last, &e), 1);
    assert_non_null(strstr(e.text, "line 2"));
    assert_int_equal(last[0].time, 2000);
    assert_int_equal(last[1].time, 3000);
    assert_int_equal(last[2].time, 0);
}

static void a_disk_that_is_full_is_said(void **state)
{
    const struct tm_buf line = {.data = (unsigned char *)(uintptr_t) "x\n", .len = 2};
    struct tm_err e = {0};
    (void)state;
    assert_int_equal(tm_rehearsal_record("/dev/full", &line, &e), -1);
    assert_non_null(strstr(e.text, "No space left"));
}

static void a_record_that_cannot_be_looked_at_is_not_an_empty_one(void **state)
{
    const struct place *p = *state;
    struct tm_rehearsed last[KINDS];
    struct tm_err e = {0};
    char below[PATH_MAX];
    assert_int_equal(tm_rehearsals_last(p->file, kinds, KINDS, last, &e), 0); /* there is none */
    put(p, "");
    assert_true(snprintf(below, sizeof(below), "%s/record", p->file) < (int)sizeof(below));
    assert_int_equal(tm_rehearsals_last(below, kinds, KINDS, last, &e), -1);
    assert_non_null(strstr(e.text, "Not a directory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_last_of_each_kind_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_step_that_was_skipped_is_neither_good_nor_a_failure,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(half_a_line_at_the_end_is_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_that_is_none_is_said_with_its_number, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_record_after_half_a_line_has_a_line_of_its_own, set_up,
                                        tear_down),
        cmocka_unit_test(a_disk_that_is_full_is_said),
        cmocka_unit_test_setup_teardown(a_record_that_cannot_be_looked_at_is_not_an_empty_one,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A clock that dates things: what it takes to doubt it, and to believe it again. */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "common/checked_clock.h"

static struct { /* the machine of a test; cmocka runs one test at a time */
    int64_t wall, running;
    enum tm_clock_sync sync;
} machine;

static int64_t wall(void)
{
    return machine.wall;
}

static int64_t running(void)
{
    return machine.running;
}

static enum tm_clock_sync sync_state(void)
{
    return machine.sync;
}

static const struct tm_clock_source source = {wall, running, sync_state};

static void begin(struct tm_checked_clock *c)
{
    machine.wall = 1800000000000;
    machine.running = 5000;
    machine.sync = CLOCK_SYNC_NO;
    tm_checked_clock_init(c, &source, NULL);
}

static void pass(int64_t ms)
{
    machine.wall += ms;
    machine.running += ms;
}

static bool trusted(struct tm_checked_clock *c)
{
    struct tm_err e = {0};
    int64_t ms = 0;
    int rc = tm_checked_clock_now(c, &ms, &e);
    assert_true(rc == 0 ? ms == machine.wall : strstr(e.text, "not trusted") != NULL);
    return rc == 0;
}

static void who_wants_less_slack_than_others_gets_it(void **state)
{
    (void)state;
    struct tm_checked_clock c;
    begin(&c);
    c.slack_ms = 500;
    pass(1000);
    machine.wall += 500;
    assert_true(trusted(&c));
    machine.wall += 1;
    assert_false(trusted(&c));
    machine.wall -= 1;
    assert_true(trusted(&c));
    tm_checked_clock_free(&c);
}

static void a_clock_that_runs_and_is_corrected_a_little_is_trusted(void **state)
{
    (void)state;
    struct tm_checked_clock c;
    begin(&c);
    for (int i = 0; i < 100; i++) {
        pass(3600000);
        machine.wall += i % 2 == 0 ? 900 : -900;
        assert_true(trusted(&c));
    }
    pass(INT64_C(86400000) * 400); /* asleep for long: the other clock goes on too */
    assert_true(trusted(&c));
    assert_int_equal(tm_checked_clock_facts(&c).jumps, 0);
    tm_checked_clock_free(&c);
}

static void a_jump_either_way_is_doubted_until_it_is_back(void **state)
{
    (void)state;
    static const int64_t jumps[] = {11000, -11000, INT64_C(86400000) * 8000, -INT64_C(86400000)};
    for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        struct tm_checked_clock c;
        begin(&c);
        pass(1000);
        machine.wall += jumps[i];
        assert_false(trusted(&c));
        pass(86400000);
        assert_false(trusted(&c));
        machine.wall -= jumps[i];
        assert_true(trusted(&c));
        assert_int_equal(tm_checked_clock_facts(&c).jumps, 1);
        tm_checked_clock_free(&c);
    }
}

static void a_slow_drift_is_doubted_when_it_has_grown(void **state)
{
    (void)state;
    struct tm_checked_clock c;
    begin(&c);
    int steps = 0;
    while (trusted(&c) && steps < 1000) {
        pass(1000);
        machine.wall += 100;
        steps++;
    }
    assert_int_equal(steps, 101);
    tm_checked_clock_free(&c);
}

static void a_new_place_is_believed_when_a_time_service_keeps_it_for_a_while(void **state)
{
    (void)state;
    struct tm_checked_clock c;
    begin(&c);
    machine.wall += 3600000;
    assert_false(trusted(&c));
    pass(CLOCK_SETTLE_MS * 2);
    assert_false(trusted(&c)); /* set by hand */
    machine.sync = CLOCK_SYNC_UNKNOWN;
    assert_false(trusted(&c));
    machine.sync = CLOCK_SYNC_YES;
    machine.wall += 60000; /* and it moved again */
    assert_false(trusted(&c));
    pass(CLOCK_SETTLE_MS - 1);
    assert_false(trusted(&c));
    pass(1);
    assert_true(trusted(&c));
    tm_checked_clock_free(&c);
}

static void the_metrics_say_how_the_clock_stands(void **state)
{
    (void)state;
    struct tm_checked_clock c;
    struct tm_buf out = {0};
    begin(&c);
    machine.wall -= 20000;
    tm_checked_clock_metrics(&c, &out);
    const char *text = tm_buf_str(&out);
    assert_non_null(strstr(text, "\ntenmint_clock_trusted 0\n"));
    assert_non_null(strstr(text, "\ntenmint_clock_apart_seconds -20\n"));
    assert_non_null(strstr(text, "\ntenmint_clock_jumps_total 1\n"));
    assert_non_null(strstr(text, "\ntenmint_clock_synchronised 0\n"));
    tm_buf_free(&out);
    tm_checked_clock_free(&c);
}

static void the_systems_clock_is_trusted_at_first(void **state)
{
    (void)state;
    struct tm_checked_clock c;
    struct tm_err e = {0};
    int64_t ms = 0;
    tm_checked_clock_init(&c, NULL, NULL);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(tm_checked_clock_now(&c, &ms, &e), 0);
    tm_checked_clock_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_wants_less_slack_than_others_gets_it),
        cmocka_unit_test(a_clock_that_runs_and_is_corrected_a_little_is_trusted),
        cmocka_unit_test(a_jump_either_way_is_doubted_until_it_is_back),
        cmocka_unit_test(a_slow_drift_is_doubted_when_it_has_grown),
        cmocka_unit_test(a_new_place_is_believed_when_a_time_service_keeps_it_for_a_while),
        cmocka_unit_test(the_metrics_say_how_the_clock_stands),
        cmocka_unit_test(the_systems_clock_is_trusted_at_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

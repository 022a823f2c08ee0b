/* Readiness: what is found is kept, dated, told, and out of date after a while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "ca/api/ready.h"
#include "common/clock.h"

#define WALL 1790000000

struct world {
    bool token_away, disk_full;
    atomic_int token_looks, disk_looks;
};

static int token(void *ctx, struct tm_err *e)
{
    struct world *w = ctx;
    atomic_fetch_add(&w->token_looks, 1);
    return w->token_away ? tm_err_set(e, "the token is \"away\"") : 0;
}

static int disk(void *ctx, struct tm_err *e)
{
    struct world *w = ctx;
    atomic_fetch_add(&w->disk_looks, 1);
    return w->disk_full ? tm_err_set(e, "no room") : 0;
}

static struct ca_ready *make(struct world *w)
{
    const struct ca_ready_check checks[] = {{"token", token, 10000, w}, {"disk", disk, 0, w}};
    struct tm_err e = {0};
    struct ca_ready *r = ca_ready_new(checks, 2, NULL, &e);
    if (r == NULL)
        fail_msg("%s", e.text);
    return r;
}

static void assert_json(struct ca_ready *r, int64_t now_ms, const char *want)
{
    struct tm_buf b = {0};
    ca_ready_json(r, now_ms, &b);
    assert_string_equal(tm_buf_str(&b), want);
    tm_buf_free(&b);
}

static void nothing_is_ready_before_it_was_looked_at(void **state)
{
    (void)state;
    struct world w = {0};
    struct ca_ready *r = make(&w);
    assert_false(ca_ready_now(r, 0));
    assert_json(r, 0,
                "{\"ready\":false,\"checks\":["
                "{\"check\":\"token\",\"ready\":false,\"detail\":\"not looked at yet\"},"
                "{\"check\":\"disk\",\"ready\":false,\"detail\":\"not looked at yet\"}]}");
    ca_ready_round(r, 0, WALL);
    assert_true(ca_ready_now(r, 0));
    ca_ready_free(r);
}

static void one_failed_check_is_not_ready_and_is_named_since_its_change(void **state)
{
    (void)state;
    struct world w = {0};
    struct ca_ready *r = make(&w);
    struct tm_buf b = {0};
    ca_ready_round(r, 0, WALL);
    w.disk_full = true;
    ca_ready_round(r, 1000, WALL + 1);
    ca_ready_round(r, 2000, WALL + 2);
    assert_false(ca_ready_now(r, 2000));
    assert_json(r, 2000,
                "{\"ready\":false,\"checks\":["
                "{\"check\":\"token\",\"ready\":true,\"since\":\"2026-09-21T14:13:20Z\"},"
                "{\"check\":\"disk\",\"ready\":false,\"since\":\"2026-09-21T14:13:21Z\","
                "\"detail\":\"no room\"}]}");
    ca_ready_metrics(r, 2000, &b);
    assert_non_null(strstr(tm_buf_str(&b), "tenmint_ready{check=\"token\"} 1\n"
                                           "tenmint_ready{check=\"disk\"} 0\n"));
    w.disk_full = false;
    ca_ready_round(r, 3000, WALL + 3);
    assert_true(ca_ready_now(r, 3000));
    tm_buf_free(&b);
    ca_ready_free(r);
}

static void a_check_rests_while_it_is_well_and_is_repeated_while_it_is_not(void **state)
{
    (void)state;
    struct world w = {0};
    struct ca_ready *r = make(&w);
    for (int64_t at = 0; at < 10000; at += 1000)
        ca_ready_round(r, at, WALL);
    assert_int_equal(atomic_load(&w.token_looks), 1);
    assert_int_equal(atomic_load(&w.disk_looks), 10);
    w.token_away = true;
    for (int64_t at = 10000; at < 15000; at += 1000)
        ca_ready_round(r, at, WALL);
    assert_int_equal(atomic_load(&w.token_looks), 6);
    ca_ready_free(r);
}

static void what_was_found_long_ago_does_not_count(void **state)
{
    (void)state;
    struct world w = {0};
    struct ca_ready *r = make(&w);
    struct tm_buf b = {0};
    ca_ready_round(r, 0, WALL);
    assert_true(ca_ready_now(r, CA_READY_STALE_MS - 1));
    assert_false(ca_ready_now(r, CA_READY_STALE_MS));
    ca_ready_metrics(r, CA_READY_STALE_MS, &b);
    assert_non_null(strstr(tm_buf_str(&b), "tenmint_ready{check=\"token\"} 0\n"));
    tm_buf_free(&b);
    ca_ready_free(r);
}

static void the_thread_looks_by_itself_and_can_be_stopped(void **state)
{
    (void)state;
    struct world w = {0};
    struct tm_err e = {0};
    struct ca_ready *r = make(&w);
    int64_t end = tm_clock_mono_ms() + 10000;
    assert_int_equal(ca_ready_start(r, &e), 0);
    while (atomic_load(&w.disk_looks) < 2 && tm_clock_mono_ms() < end) {
        struct timespec tick = {0, 10000000};
        nanosleep(&tick, NULL);
    }
    assert_true(ca_ready_now(r, tm_clock_mono_ms()));
    ca_ready_stop(r);
    int looks = atomic_load(&w.disk_looks);
    assert_true(looks >= 2);
    struct timespec longer = {1, 0};
    nanosleep(&longer, NULL);
    assert_int_equal(atomic_load(&w.disk_looks), looks);
    ca_ready_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_ready_before_it_was_looked_at),
        cmocka_unit_test(one_failed_check_is_not_ready_and_is_named_since_its_change),
        cmocka_unit_test(a_check_rests_while_it_is_well_and_is_repeated_while_it_is_not),
        cmocka_unit_test(what_was_found_long_ago_does_not_count),
        cmocka_unit_test(the_thread_looks_by_itself_and_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

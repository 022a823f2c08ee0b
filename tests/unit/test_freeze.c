/* The emergency stop: whom a file stops, and what is made of one that cannot be read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ca/api/freeze.h"
#include "common/file.h"
#include "tests/support/cmocka_all.h"

#define ISSUER "https://token.example.com"
#define PATTERN "https://*.clusters.example.com"

static char path[] = "/tmp/test_freeze.XXXXXX";

static int make_path(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

static void write_text(const char *text)
{
    struct tm_err e = {0};
    assert_int_equal(tm_file_write_atomic(path, 0644, text, strlen(text), &e), 0);
}

/* A server's view that begins with this text. */
static struct ca_freeze *with(const char *text)
{
    struct tm_err e = {0};
    write_text(text);
    struct ca_freeze *f = ca_freeze_new(path, NULL, &e);
    assert_non_null(f);
    return f;
}

static int check(struct ca_freeze *f, const char *issuer, const char *entry, const char *reason)
{
    struct tm_err why = {0};
    int rc = ca_freeze_check(f, issuer, entry, &why);
    if (rc != 0)
        assert_non_null(strstr(why.text, reason));
    return rc;
}

static void all_issuance_is_stopped_with_its_reason(void **state)
{
    (void)state;
    struct ca_freeze *f =
        with("{\"stopped\":[{\"reason\":\"taken over\",\"by\":\"root\",\"since\":1}]}");
    assert_int_equal(check(f, ISSUER, ISSUER, "taken over"), -1);
    assert_int_equal(check(f, NULL, NULL, "taken over"), -1);
    ca_freeze_free(f);
}

static void an_issuer_is_stopped_by_its_url_or_by_its_entry(void **state)
{
    (void)state;
    struct ca_freeze *f = with("{\"stopped\":[{\"issuer\":\"" ISSUER "\",\"reason\":\"one\"},"
                               "{\"issuer\":\"" PATTERN "\",\"reason\":\"many\"}]}");
    assert_int_equal(check(f, ISSUER, ISSUER, "one"), -1);
    assert_int_equal(check(f, "https://a.clusters.example.com", PATTERN, "many"), -1);
    assert_int_equal(check(f, "https://other.example.com", "https://other.example.com", ""), 0);
    assert_int_equal(check(f, NULL, NULL, ""), 0);
    ca_freeze_free(f);
}

static void what_cannot_be_read_stops_all(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "{}",
                                        "[]",
                                        "{\"stopped\":[{}]}",
                                        "{\"stopped\":[{\"reason\":\"\"}]}",
                                        "{\"stopped\":[{\"reason\":\"x\",\"isuer\":\"y\"}]}",
                                        "{\"stopped\":[]} {}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ca_freeze *f = with(texts[i]);
        assert_int_equal(check(f, ISSUER, ISSUER, "cannot be read"), -1);
        ca_freeze_free(f);
    }
}

static void a_change_is_seen_without_a_reload(void **state)
{
    (void)state;
    struct ca_freeze *f = with("{\"stopped\":[]}");
    assert_int_equal(check(f, ISSUER, ISSUER, ""), 0);
    write_text("{\"stopped\":[{\"reason\":\"now\"}]}");
    for (int i = 0; i < 100 && check(f, ISSUER, ISSUER, "now") == 0; i++)
        usleep(100 * 1000);
    assert_int_equal(check(f, ISSUER, ISSUER, "now"), -1);
    ca_freeze_free(f);
}

/* The file is the same one all the time: only its opening fails, as it does without descriptors. */
static void what_could_not_be_read_for_a_moment_is_read_at_the_next_look(void **state)
{
    (void)state;
    struct rlimit most, few;
    struct ca_freeze *f = with("{\"stopped\":[]}");
    assert_int_equal(check(f, ISSUER, ISSUER, ""), 0);
    write_text("{\"stopped\":[{\"issuer\":\"" PATTERN "\",\"reason\":\"many\"}]}");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &most), 0);
    few = most;
    few.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int i = 0; i < 100 && check(f, ISSUER, ISSUER, "cannot be read") == 0; i++)
        usleep(100 * 1000);
    int rc = check(f, ISSUER, ISSUER, "cannot be read");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &most), 0);
    assert_int_equal(rc, -1);
    for (int i = 0; i < 100 && check(f, ISSUER, ISSUER, "cannot be read") != 0; i++)
        usleep(100 * 1000);
    assert_int_equal(check(f, ISSUER, ISSUER, ""), 0);
    assert_int_equal(check(f, ISSUER, PATTERN, "many"), -1);
    ca_freeze_free(f);
}

static void what_is_written_is_read_and_nothing_left_is_no_file(void **state)
{
    (void)state;
    struct tm_err e = {0};
    char issuer[] = "https://\"quoted\".example.com";
    char reason[] = "why \\ not";
    struct ca_freeze_entry entry = {issuer, reason, NULL, 7};
    const struct ca_freeze_list list = {&entry, 1};
    struct ca_freeze_list got;
    assert_int_equal(ca_freeze_write(path, &list, &e), 0);
    assert_int_equal(ca_freeze_read(path, &got, &e), 0);
    assert_int_equal(got.count, 1);
    assert_string_equal(got.entry[0].issuer, entry.issuer);
    assert_string_equal(got.entry[0].reason, entry.reason);
    assert_int_equal(got.entry[0].since, 7);
    ca_freeze_free_list(&got);
    assert_int_equal(ca_freeze_write(path, &(struct ca_freeze_list){0}, &e), 0);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(ca_freeze_read(path, &got, &e), 0);
    assert_int_equal(got.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_issuance_is_stopped_with_its_reason),
        cmocka_unit_test(an_issuer_is_stopped_by_its_url_or_by_its_entry),
        cmocka_unit_test(what_cannot_be_read_stops_all),
        cmocka_unit_test(a_change_is_seen_without_a_reload),
        cmocka_unit_test(what_could_not_be_read_for_a_moment_is_read_at_the_next_look),
        cmocka_unit_test(what_is_written_is_read_and_nothing_left_is_no_file),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}

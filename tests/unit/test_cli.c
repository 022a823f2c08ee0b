/* Values of options: what each kind takes, what it refuses, and what it says then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/cmocka_all.h"
#include "tools/shared/terminal.h"
#include "tools/shared/value.h"

#define NOW_MS 1764158400000 /* 2025-11-26T12:00:00Z */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int read(enum cli_kind kind, const char *text, void *dest, struct tm_err *e)
{
    static char copy[256]; /* a value lasts as long as argv does */
    memset(e, 0, sizeof(*e));
    snprintf(copy, sizeof(copy), "%s", text);
    return cli_value_read(kind, "option", copy, dest, e);
}

static void a_number_is_digits_within_its_bounds(void **state)
{
    (void)state;
    static const char *const bad[] = {"",   " 2",  "2 ",  "+2",  "-2",
                                      "2x", "0x2", "2.0", "257", "99999999999999999999"};
    static const char *const good[] = {"0", "256", "007"};
    static const int64_t values[] = {0, 256, 7};
    struct tm_err e;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct cli_amount a = {.value = -1, .max = 256};
        assert_int_equal(read(CLI_NUMBER, good[i], &a, &e), 0);
        assert_true(a.given);
        assert_int_equal(a.value, values[i]);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct cli_amount a = {.value = 5, .max = 256};
        assert_int_equal(read(CLI_NUMBER, bad[i], &a, &e), -1);
        assert_int_equal(a.value, 5);
        assert_non_null(strstr(e.text, "--option: want a number from 0 to 256, not '"));
        assert_non_null(strstr(e.text, bad[i]));
    }
}

static void a_number_may_have_a_word_beside_it(void **state)
{
    (void)state;
    struct tm_err e;
    struct cli_amount a = {.max = INT64_MAX, .word = "now"};
    assert_int_equal(read(CLI_NUMBER, "now", &a, &e), 0);
    assert_true(a.is_word);
    struct cli_amount b = {.max = INT64_MAX, .word = "now"};
    assert_int_equal(read(CLI_NUMBER, "then", &b, &e), -1);
    assert_string_equal(e.text, "--option: want now or a number from 0 on, not 'then'");
}

static void a_duration_has_a_unit_and_seconds_need_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"10ms", 10},    {"30s", 30000},    {"30", 30000},
                {"15m", 900000}, {"24h", 86400000}, {"7d", 604800000}};
    static const char *const bad[] = {"",    "s",   "1.5h",          "1h30m",
                                      " 1h", "1 h", "-1h",           "1H",
                                      "1w",  "5ms", "106751991168d", "999999999999999999d"};
    struct tm_err e;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct cli_amount a = {.min = 10, .max = 604800000};
        assert_int_equal(read(CLI_DURATION, good[i].text, &a, &e), 0);
        assert_int_equal(a.value, good[i].ms);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct cli_amount a = {.min = 10, .max = 604800000};
        assert_int_equal(read(CLI_DURATION, bad[i], &a, &e), -1);
        assert_non_null(strstr(e.text, "from 10ms to 604800s, not '"));
    }
}

static void a_size_is_in_bytes_or_binary_units(void **state)
{
    (void)state;
    struct tm_err e;
    struct cli_amount a = {.min = 1, .max = 1 << 30};
    assert_int_equal(read(CLI_SIZE, "256KiB", &a, &e), 0);
    assert_int_equal(a.value, 262144);
    struct cli_amount b = {.min = 1, .max = 1 << 30};
    assert_int_equal(read(CLI_SIZE, "256kB", &b, &e), -1);
    assert_int_equal(read(CLI_SIZE, "1025MiB", &b, &e), -1);
    assert_non_null(strstr(e.text, "--option: want a size such as"));
}

static void a_time_has_one_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"2025-11-26T12:00:00Z", NOW_MS},
                {"2025-11-26T13:00:00+01:00", NOW_MS},
                {"2025-11-26T12:00:00.250Z", NOW_MS + 250},
                {"2025-11-26", NOW_MS - 43200000},
                {"now", NOW_MS},
                {"24h", NOW_MS - 86400000},
                {"90s", NOW_MS - 90000},
                {"1970-01-01", 0}};
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "24",
                                      "2025-02-30",
                                      "2025-11-26T12:00:00",
                                      "2025-11-26 12:00:00Z",
                                      "26.11.2025",
                                      " now",
                                      "now ",
                                      "-1h",
                                      "1969-12-31",
                                      "99999999d",
                                      "2025-11-26T25:00:00Z",
                                      "2025-11-26Z"};
    int64_t ms;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_int_equal(cli_value_time(good[i].text, NOW_MS, &ms), 0);
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct cli_time t = {0};
        struct tm_err e;
        assert_int_equal(cli_value_time(bad[i], NOW_MS, &ms), -1);
        assert_int_equal(read(CLI_TIME, bad[i], &t, &e), -1);
        assert_false(t.given);
        assert_non_null(strstr(e.text, "--option: want a time such as 2026-11-24T12:00:00Z"));
    }
}

static void a_choice_is_one_of_its_words(void **state)
{
    (void)state;
    static const char *const words[] = {"json", "pem", "der", NULL};
    struct tm_err e;
    struct cli_choice c = {.value = words[0], .of = words};
    assert_int_equal(read(CLI_CHOICE, "PEM", &c, &e), -1);
    assert_string_equal(e.text, "--option: want json, pem or der, not 'PEM'");
    assert_string_equal(c.value, "json");
    assert_int_equal(read(CLI_CHOICE, "der", &c, &e), 0);
    assert_ptr_equal(c.value, words[2]);
    assert_int_equal(read(CLI_CHOICE, "pem", &c, &e), -1);
    assert_string_equal(e.text, "--option: given twice");
}

static const char *nth_word(size_t i)
{
    static const char *const words[] = {"issued", "refused"};
    return i < COUNT(words) ? words[i] : NULL;
}

static void a_choice_may_come_from_a_table_of_others(void **state)
{
    (void)state;
    struct tm_err e;
    struct cli_choice c = {.nth = nth_word};
    assert_int_equal(read(CLI_CHOICE, "issue", &c, &e), -1);
    assert_string_equal(e.text, "--option: want issued or refused, not 'issue'");
    assert_null(c.value);
    assert_int_equal(read(CLI_CHOICE, "refused", &c, &e), 0);
    assert_string_equal(c.value, "refused");
}

static void a_pair_has_a_name_and_a_value(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "=", "a", "a=", "=b"};
    struct tm_err e;
    struct cli_pairs p = {.like = "a=b"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(read(CLI_PAIRS, bad[i], &p, &e), -1);
        assert_non_null(strstr(e.text, "--option: want NAME=VALUE such as a=b, not '"));
    }
    assert_int_equal(p.count, 0);
    while (p.count < CLI_LIST_MAX)
        assert_int_equal(read(CLI_PAIRS, "key=base64==", &p, &e), 0);
    assert_int_equal(p.item[0].name_len, 3);
    assert_string_equal(p.item[0].value, "base64==");
    assert_int_equal(read(CLI_PAIRS, "a=b", &p, &e), -1);
    assert_non_null(strstr(e.text, "--option: given too often"));
}

#define HEX32 "00112233445566778899aabbccddeeff"

static void a_digest_has_one_of_three_lengths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        bool sha256_only;
    } good[] = {{HEX32 HEX32, 32, true},
                {"sha256:" HEX32 HEX32, 32, true},
                {HEX32 HEX32 HEX32, 48, false},
                {"sha512:" HEX32 HEX32 HEX32 HEX32, 64, false}};
    static const char *const bad[] = {"",
                                      "sha256:",
                                      HEX32,
                                      "md5:" HEX32,
                                      "sha384:" HEX32 HEX32,
                                      "sha256:" HEX32 "0011223344556677889=aabbccddeeff",
                                      HEX32 HEX32 "0"};
    struct tm_err e;
    struct cli_digest d;
    for (size_t i = 0; i < COUNT(good); i++) {
        d = (struct cli_digest){.sha256_only = good[i].sha256_only};
        assert_int_equal(read(CLI_DIGEST, good[i].text, &d, &e), 0);
        assert_int_equal(d.len, good[i].len);
        assert_int_equal(strlen(d.hex), 2 * d.len);
        assert_int_equal(d.bytes[1], 0x11);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        d = (struct cli_digest){0};
        assert_int_equal(read(CLI_DIGEST, bad[i], &d, &e), -1);
        assert_int_equal(d.len, 0);
    }
    d = (struct cli_digest){.sha256_only = true};
    assert_int_equal(read(CLI_DIGEST, HEX32 HEX32 HEX32, &d, &e), -1);
    assert_int_equal(read(CLI_DIGEST, "00112233445566778899AABBCCDDEEFF" HEX32, &d, &e), 0);
    assert_string_equal(d.hex, HEX32 HEX32);
    assert_int_equal(read(CLI_DIGEST, HEX32 HEX32, &d, &e), -1);
    assert_string_equal(e.text, "--option: given twice");
}

static void a_list_of_names_has_no_empty_one(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ",", "a,", ",a", "a,,b", "a, ,b"};
    struct tm_err e;
    struct cli_list l = {0};
    assert_int_equal(read(CLI_NAMES, "alice, bob ,carol", &l, &e), 0);
    assert_int_equal(l.count, 3);
    assert_string_equal(l.item[0], "alice");
    assert_string_equal(l.item[1], "bob");
    assert_string_equal(l.item[2], "carol");
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct cli_list none = {0};
        assert_int_equal(read(CLI_NAMES, bad[i], &none, &e), -1);
    }
    assert_string_equal(e.text, "--option: want names with commas between them, not 'a, ,b'");
}

static void an_empty_text_is_no_value(void **state)
{
    (void)state;
    struct tm_err e;
    struct cli_list l = {0};
    const char *text = NULL;
    assert_int_equal(read(CLI_TEXT, "", &text, &e), -1);
    assert_string_equal(e.text, "--option: the value is empty");
    assert_int_equal(read(CLI_LIST, "", &l, &e), -1);
}

static void what_is_said_shows_no_control_characters(void **state)
{
    (void)state;
    struct tm_err e;
    struct cli_amount a = {.max = 9};
    assert_int_equal(read(CLI_NUMBER, "\x1b[2J", &a, &e), -1);
    assert_null(strchr(e.text, '\x1b'));
}

static void progress_says_a_rate_and_an_end(void **state)
{
    static const struct {
        uint64_t from, total, done;
        int64_t ms;
        const char *line;
    } cases[] = {
        {0, 10000000, 123456, 2000,
         "entries: 123,456 of 10,000,000 (1 %), 61,728 a second, 3 min left"},
        {100, 300, 200, 10000, "entries: 100 of 200 (50 %), 10 a second, 10 s left"},
        {0, 0, 4096, 1000, "entries: 4,096, 4,096 a second"},
        {0, 5, 5, 0, "entries: 5 of 5 (100 %), 0 a second, 0 s left"},
        {0, UINT64_MAX, 1, 1000, "entries: 1 of 18,446,744,073,709,551,615 (0 %), 1 a second, "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct cli_progress p = {"entries", cases[i].from, cases[i].total, 0, 0, true, true};
        char line[CLI_PROGRESS_LINE];
        cli_progress_line(&p, cases[i].done, cases[i].ms, line);
        if (strncmp(line, cases[i].line, strlen(cases[i].line)) != 0)
            fail_msg("%s", line);
    }
}

static void colour_goes_by_one_rule(void **state)
{
    (void)state;
    struct cli_choice when = CLI_COLOUR_INIT;
    assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
    assert_false(cli_colour(&when));
    when.value = "always";
    assert_true(cli_colour(&when));
    when.value = "never";
    assert_int_equal(unsetenv("NO_COLOR"), 0);
    assert_false(cli_colour(&when));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_digits_within_its_bounds),
        cmocka_unit_test(a_number_may_have_a_word_beside_it),
        cmocka_unit_test(a_duration_has_a_unit_and_seconds_need_none),
        cmocka_unit_test(a_size_is_in_bytes_or_binary_units),
        cmocka_unit_test(a_time_has_one_grammar),
        cmocka_unit_test(a_choice_is_one_of_its_words),
        cmocka_unit_test(a_choice_may_come_from_a_table_of_others),
        cmocka_unit_test(a_pair_has_a_name_and_a_value),
        cmocka_unit_test(a_digest_has_one_of_three_lengths),
        cmocka_unit_test(a_list_of_names_has_no_empty_one),
        cmocka_unit_test(an_empty_text_is_no_value),
        cmocka_unit_test(what_is_said_shows_no_control_characters),
        cmocka_unit_test(progress_says_a_rate_and_an_end),
        cmocka_unit_test(colour_goes_by_one_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

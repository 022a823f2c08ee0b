/* What a Redis server may answer, and what is made of it: by a server that says what it is told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/once/redis.h"
#include "common/clock.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/fakeredis.h"

#define TIMEOUT_MS 300

static struct ca_redis *open_at(const char *url, struct tm_err *e)
{
    const struct ca_redis_options o = {.url = url, .timeout_ms = TIMEOUT_MS};
    return ca_redis_open(&o, e);
}

/* Runs two commands, which are answered by `bytes`; hang_up: and by no more. */
static int answered(const char *bytes, size_t len, int hang_up, struct ca_redis_command two[2],
                    struct tm_err *e)
{
    struct fakeredis *server = fakeredis_new();
    struct ca_redis *r = open_at(fakeredis_url(server), e);
    assert_non_null(r);
    fakeredis_script(server, bytes, len, hang_up);
    two[0] = (struct ca_redis_command){.word = {"SET", "k", "v", "NX"}};
    two[1] = (struct ca_redis_command){.word = {"GET", "k"}};
    int rc = ca_redis_run(r, two, 2, e);
    ca_redis_close(r);
    fakeredis_free(server);
    return rc;
}

static void answers_are_read_in_order_each_in_its_kind(void **state)
{
    static const struct {
        const char *bytes;
        enum ca_redis_kind kind[2];
        const char *text;
        long long number;
    } table[] = {
        {"+OK\r\n$1\r\nv\r\n", {REDIS_TEXT, REDIS_TEXT}, "v", 0},
        {"$-1\r\n$0\r\n\r\n", {REDIS_NIL, REDIS_TEXT}, "", 0},
        {":1\r\n$-1\r\n", {REDIS_NUMBER, REDIS_NIL}, "", 0},
        {"+OK\r\n:-9223372036854775807\r\n", {REDIS_TEXT, REDIS_NUMBER}, "", -9223372036854775807},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct ca_redis_command two[2];
        struct tm_err e = {0};
        assert_int_equal(answered(table[i].bytes, strlen(table[i].bytes), 0, two, &e), 0);
        assert_int_equal(two[0].kind, table[i].kind[0]);
        assert_int_equal(two[1].kind, table[i].kind[1]);
        assert_string_equal(two[1].text, table[i].text);
        assert_int_equal(two[1].number, table[i].number);
    }
}

static void what_is_no_answer_ends_the_connection_by_name(void **state)
{
    static const struct {
        const char *bytes, *why;
    } table[] = {
        {"*2\r\n+OK\r\n+OK\r\n", "SET has an answer of another kind"},
        {"+OK\r\n*1000000000\r\n", "GET has an answer of another kind"},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", "not Redis's protocol"},
        {"$-7\r\n+OK\r\n", "not Redis's protocol"},
        {"$99999999999999999999\r\n", "not Redis's protocol"},
        {"+OK\r\n:12x\r\n", "not Redis's protocol"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct ca_redis_command two[2];
        struct tm_err e = {0};
        assert_int_equal(answered(table[i].bytes, strlen(table[i].bytes), 0, two, &e), -1);
        if (strstr(e.text, table[i].why) == NULL)
            fail_msg("%s: says '%s'", table[i].bytes, e.text);
    }
}

static void a_refusal_is_the_commands_own(void **state)
{
    static const struct {
        const char *bytes, *why;
    } table[] = {
        {"-READONLY You can't write against a read only replica.\r\n+OK\r\n",
         "SET is refused: READONLY You can't write against a read only replica."},
        {"+OK\r\n-WRONGTYPE Operation against a key\r\n",
         "GET is refused: WRONGTYPE Operation against a key"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct ca_redis_command two[2];
        struct tm_err e = {0};
        assert_int_equal(answered(table[i].bytes, strlen(table[i].bytes), 0, two, &e), 0);
        assert_int_equal(two[i].kind, REDIS_REFUSED);
        assert_int_equal(two[1 - i].kind, REDIS_TEXT);
        assert_int_equal(ca_redis_all_taken(&two[1 - i], 1, &e), 0);
        assert_int_equal(ca_redis_all_taken(two, 2, &e), -1);
        assert_string_equal(e.text, table[i].why);
    }
}

static void an_answer_that_is_cut_anywhere_is_none(void **state)
{
    static const char whole[] = "+OK\r\n$5\r\nvalue\r\n";
    struct ca_redis_command two[2];
    struct tm_err e = {0};
    (void)state;
    assert_int_equal(answered(whole, sizeof(whole) - 1, 1, two, &e), 0);
    for (size_t len = 1; len < sizeof(whole) - 1; len++) {
        assert_int_equal(answered(whole, len, 1, two, &e), -1);
        assert_non_null(strstr(e.text, "it closed the connection"));
    }
}

static void a_huge_answer_is_not_read_to_its_end(void **state)
{
    static char huge[200000] = "$180000\r\n";
    struct ca_redis_command two[2];
    struct tm_err e = {0};
    (void)state;
    memset(huge + strlen(huge), 'x', sizeof(huge) - strlen(huge));
    assert_int_equal(answered(huge, sizeof(huge), 0, two, &e), -1);
    assert_non_null(strstr(e.text, "more than it was asked"));
}

static void a_long_text_is_cut_and_ends_in_a_nul(void **state)
{
    char bytes[400], text[201];
    struct ca_redis_command two[2];
    struct tm_err e = {0};
    (void)state;
    memset(text, 'a', 200);
    text[200] = '\0';
    int len = snprintf(bytes, sizeof(bytes), "+OK\r\n$200\r\n%s\r\n", text);
    assert_int_equal(answered(bytes, (size_t)len, 0, two, &e), 0);
    assert_int_equal(strlen(two[1].text), CA_REDIS_TEXT - 1);
}

/* Else it would be taken for the answer to what is asked next. */
static void an_answer_that_nobody_asked_for_ends_the_connection(void **state)
{
    static const char three[] = "+OK\r\n$1\r\nv\r\n+OK\r\n";
    struct ca_redis_command two[2] = {{.word = {"PING"}}, {.word = {"PING"}}};
    struct tm_err e = {0};
    (void)state;
    struct fakeredis *server = fakeredis_new();
    struct ca_redis *r = open_at(fakeredis_url(server), &e);
    assert_non_null(r);
    fakeredis_script(server, three, sizeof(three) - 1, 0);
    assert_int_equal(ca_redis_run(r, two, 2, &e), 0);
    assert_int_equal(ca_redis_run(r, two, 1, &e), -1);
    assert_string_equal(e.text, "it answers what nobody asked");
    ca_redis_close(r);
    fakeredis_free(server);
}

static void silence_ends_at_the_time_out(void **state)
{
    struct ca_redis_command one = {.word = {"PING"}};
    struct tm_err e = {0};
    (void)state;
    struct fakeredis *server = fakeredis_new();
    struct ca_redis *r = open_at(fakeredis_url(server), &e);
    assert_non_null(r);
    fakeredis_set(server, FAKEREDIS_SILENT);
    int64_t began = tm_clock_mono_ms();
    assert_int_equal(ca_redis_run(r, &one, 1, &e), -1);
    assert_in_range(tm_clock_mono_ms() - began, TIMEOUT_MS, 10000);
    assert_string_equal(e.text, "no answer within 300 ms");
    ca_redis_close(r);
    assert_null(open_at(fakeredis_url(server), &e)); /* nor does it log in */
    assert_string_equal(e.text, "no answer within 300 ms");
    fakeredis_free(server);
}

static void nobody_listens_is_said(void **state)
{
    char url[64];
    struct tm_err e = {0};
    (void)state;
    struct fakeredis *server = fakeredis_new();
    snprintf(url, sizeof(url), "%s", fakeredis_url(server));
    fakeredis_free(server);
    assert_null(open_at(url, &e));
    assert_non_null(strstr(e.text, "connect"));
}

/* A password that is refused, or whose file is of no use, is in no error. */
static void the_password_is_read_from_its_file_and_in_no_error(void **state)
{
    static const struct {
        const char *file, *why;
    } table[] = {
        {"hush-hush\n", "AUTH is refused"},
        {"\nhush-hush\n", "holds no password in its first line"},
        {"", "holds no password in its first line"},
    };
    static const char wrong[] = "-WRONGPASS invalid username-password pair\r\n"
                                "-NOAUTH Authentication required.\r\n";
    char path[] = "/tmp/tenmint-once-XXXXXX";
    struct tm_err e = {0};
    (void)state;
    int fd = mkstemp(path); /* 0600 */
    assert_true(fd >= 0);
    struct fakeredis *server = fakeredis_new();
    const struct ca_redis_options o = {
        .url = fakeredis_url(server), .password_file = path, .timeout_ms = TIMEOUT_MS};
    assert_int_equal(write(fd, table[0].file, strlen(table[0].file)), strlen(table[0].file));
    struct ca_redis *r = ca_redis_open(&o, &e);
    assert_non_null(r);
    ca_redis_close(r);
    assert_int_equal(fakeredis_count(server, "AUTH"), 1);
    fakeredis_script(server, wrong, sizeof(wrong) - 1, 0);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, table[i].file, strlen(table[i].file), 0),
                         strlen(table[i].file));
        assert_null(ca_redis_open(&o, &e));
        assert_non_null(strstr(e.text, table[i].why));
        assert_null(strstr(e.text, "hush"));
    }
    fakeredis_free(server);
    close(fd);
    unlink(path);
}

static void a_url_is_taken_or_refused_as_a_whole(void **state)
{
    static const struct {
        const char *url;
        bool plain;
        int want;
    } table[] = {
        {"redis://127.0.0.1", false, 0},
        {"redis://localhost:6380/15", false, 0},
        {"redis://[::1]:6380", false, 0},
        {"rediss://user@db.example:6380/0", false, 0},
        {"redis://db.example", true, 0},
        {"redis://db.example", false, -1},
        {"rediss://user:password@db.example", false, -1},
        {"rediss://db.example/1/2", false, -1},
        {"rediss://db.example/-1", false, -1},
        {"rediss://db.example/123456", false, -1},
        {"rediss://db.example?db=1", false, -1},
        {"rediss://db.example#1", false, -1},
        {"rediss://db.example:99999", false, -1},
        {"http://db.example", true, -1},
        {"db.example", true, -1},
        {"", true, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct tm_err e = {0};
        if (ca_redis_check_url(table[i].url, table[i].plain, &e) != table[i].want)
            fail_msg("'%s': %s", table[i].url, e.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read_in_order_each_in_its_kind),
        cmocka_unit_test(what_is_no_answer_ends_the_connection_by_name),
        cmocka_unit_test(a_refusal_is_the_commands_own),
        cmocka_unit_test(an_answer_that_is_cut_anywhere_is_none),
        cmocka_unit_test(a_huge_answer_is_not_read_to_its_end),
        cmocka_unit_test(a_long_text_is_cut_and_ends_in_a_nul),
        cmocka_unit_test(an_answer_that_nobody_asked_for_ends_the_connection),
        cmocka_unit_test(silence_ends_at_the_time_out),
        cmocka_unit_test(nobody_listens_is_said),
        cmocka_unit_test(the_password_is_read_from_its_file_and_in_no_error),
        cmocka_unit_test(a_url_is_taken_or_refused_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

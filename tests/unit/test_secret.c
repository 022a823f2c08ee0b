/* Passwords and PINs as editors and password managers hand them over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/key/key.h"

static void secret_is(const char *path, const char *env, const char *want)
{
    struct tm_buf b = {0};
    struct tm_err e = {0};
    if (tm_key_read_secret(path, env, "password", &b, &e) != 0)
        fail_msg("%s", e.text);
    assert_string_equal(tm_buf_str(&b), want);
    tm_buf_free_secret(&b);
}

static void marks_of_editors_are_no_part_of_a_secret_wherever_it_comes_from(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"secret", "secret"},
        {"secret\n", "secret"},
        {"secret\r\n", "secret"},
        {"secret\n\n", "secret\n"},
        {"secret\r", "secret\r"},
        {"\xef\xbb\xbfsecret\r\n", "secret"},
        {" secret \n", " secret "},
        {"\xef\xbb\xbf", ""},
        {"\n", ""},
        {"\r\n", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[] = "/tmp/tenmint-secret-XXXXXX";
        int fd = mkstemp(path);
        assert_int_equal(write(fd, cases[i][0], strlen(cases[i][0])), strlen(cases[i][0]));
        close(fd);
        secret_is(path, NULL, cases[i][1]);
        unlink(path);
        setenv("TEST_SECRET", cases[i][0], 1);
        secret_is(NULL, "TEST_SECRET", cases[i][1]);
    }
}

static void *write_late(void *arg)
{
    int fd = *(int *)arg;
    for (const char *p = "late\r\n"; *p != '\0'; p++) {
        usleep(20000);
        if (write(fd, p, 1) != 1)
            break;
    }
    close(fd);
    return NULL;
}

static void a_slow_pipe_is_read_to_its_end(void **state)
{
    (void)state;
    int fds[2];
    char path[32];
    pthread_t thread;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(fchmod(fds[0], 0600), 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", fds[0]);
    assert_int_equal(pthread_create(&thread, NULL, write_late, &fds[1]), 0);
    secret_is(path, NULL, "late");
    pthread_join(thread, NULL);
    close(fds[0]);
}

int main(void)
{
    alarm(30); /* nothing here waits longer */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_of_editors_are_no_part_of_a_secret_wherever_it_comes_from),
        cmocka_unit_test(a_slow_pipe_is_read_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

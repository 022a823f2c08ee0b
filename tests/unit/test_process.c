/* A parent and its processes: starting, reloading, ending, and dying. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/process/internal.h"
#include "common/sandbox/sandbox.h"
#include "tests/support/cmocka_all.h"

enum { FIRST, SECOND, ROLES };

struct scene {
    struct tm_process_group *group;
    int link;
    int report[2]; /* what the roles do, a byte each */
    unsigned fail_at, die_at;
    int slow_reload; /* FIRST reads a byte of it at each reload; -1: none */
    int peer;        /* in a child */
};

static void say(struct scene *s, char c)
{
    assert_int_equal(write(s->report[1], &c, 1), 1);
}

static int start_first(void *ctx, unsigned step, struct tm_err *e)
{
    struct scene *s = ctx;
    if (step == s->fail_at) {
        tm_err_set(e, "the first cannot");
        return 3;
    }
    if (step == s->die_at)
        raise(SIGKILL);
    if (step == 7)
        (void)tm_sandbox_begin(e);
    if (step == 7)
        (void)tm_sandbox_calls(0, e);
    if (step == 9) /* what the parent opens for it, and what not */
        return tm_process_open(s->group, "/proc/self/comm", false) < 0   ? 10
               : tm_process_open(s->group, "/etc/passwd", false) >= 0    ? 11
               : errno != EPERM                                          ? 12
               : tm_process_open(s->group, "/proc/self/comm", true) >= 0 ? 13
                                                                         : 0;
    if (step == 8)
        return open("/etc/passwd", O_RDONLY) >= 0 ? 1 : 2;
    if (step == 0)
        s->peer = tm_process_take(s->group, s->link);
    say(s, (char)('0' + step));
    return 0;
}

static void reload_first(void *ctx, bool force)
{
    struct scene *s = ctx;
    char c;
    if (s->slow_reload >= 0 && read(s->slow_reload, &c, 1) != 1)
        c = '!';
    say(ctx, force ? 'R' : 'r');
}

static void given_first(void *ctx, unsigned what, int fd)
{
    char c = '?';
    assert_int_equal(what, 5);
    assert_int_equal(read(fd, &c, 1), 1);
    close(fd);
    say(ctx, c);
}

static void stop_first(void *ctx, const char *signal)
{
    (void)signal;
    say(ctx, 'x');
}

static int start_second(void *ctx, unsigned step, struct tm_err *e)
{
    (void)step;
    (void)e;
    struct scene *s = ctx;
    s->peer = tm_process_take(s->group, s->link);
    say(s, s->peer >= 0 ? 'a' : '!');
    return 0;
}

static void stop_second(void *ctx, const char *signal)
{
    say(ctx, strcmp(signal, "TERM") == 0 ? 'y' : '!');
}

static const struct tm_process_role roles[ROLES] = {
    [FIRST] = {"first", start_first, reload_first, given_first, stop_first},
    [SECOND] = {"second", start_second, NULL, NULL, stop_second},
};

static void begin(struct scene *s)
{
    struct tm_err e = {0};
    *s = (struct scene){.fail_at = 99, .die_at = 99, .slow_reload = -1};
    assert_int_equal(pipe(s->report), 0);
    s->group = tm_process_group_new(roles, ROLES, s, &e);
    assert_non_null(s->group);
    s->link = tm_process_link(s->group, FIRST, SECOND, &e);
    assert_int_equal(s->link, 0);
}

static void heard(struct scene *s, const char *want)
{
    char got[16] = {0};
    for (size_t i = 0; i < strlen(want); i++) {
        struct pollfd p = {.fd = s->report[0], .events = POLLIN};
        assert_int_equal(poll(&p, 1, 10000), 1);
        assert_int_equal(read(s->report[0], got + i, 1), 1);
    }
    assert_string_equal(got, want);
}

static void end(struct scene *s)
{
    tm_process_group_free(s->group);
    close(s->report[0]);
    close(s->report[1]);
}

static int open_for_first(void *ctx, unsigned role, const char *path, bool append)
{
    (void)ctx;
    errno = EPERM;
    return role == FIRST && !append && strcmp(path, "/proc/self/comm") == 0
               ? open(path, O_RDONLY | O_CLOEXEC)
               : -1;
}

static void the_parent_opens_what_it_thinks_is_a_roles(void **state)
{
    (void)state;
    struct scene s;
    struct tm_err e = {0};
    begin(&s);
    tm_process_opens(s.group, open_for_first);
    assert_int_equal(tm_process_fork(s.group, &e), 0);
    assert_int_equal(tm_process_step(s.group, FIRST, 9, &e), 0);
    end(&s);
}

static void without_somebody_who_opens_nothing_is_opened(void **state)
{
    (void)state;
    struct scene s;
    struct tm_err e = {0};
    begin(&s);
    assert_int_equal(tm_process_fork(s.group, &e), 0);
    assert_int_equal(tm_process_step(s.group, FIRST, 9, &e), 10);
    end(&s);
}

static void roles_start_reload_and_stop_in_order(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    int fd[2];
    begin(&s);
    assert_int_equal(tm_process_fork(s.group, &e), 0);
    assert_int_equal(tm_process_step(s.group, FIRST, 0, &e), 0);
    assert_int_equal(tm_process_step(s.group, SECOND, 0, &e), 0);
    assert_int_equal(tm_process_step(s.group, FIRST, 1, &e), 0);
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(write(fd[1], "G", 1), 1);
    close(fd[1]);
    tm_process_give(s.group, FIRST, 5, fd[0]);
    tm_process_reload(s.group, FIRST, true);
    tm_process_reload(s.group, SECOND, true);
    assert_int_equal(tm_process_end(s.group, "TERM", 10000), 0);
    heard(&s, "0a1GRyx");
    end(&s);
}

static void an_answer_that_comes_too_late_is_not_taken_for_the_next_one(void **state)
{
    (void)state;
    struct scene s;
    struct tm_err e = {0};
    int go[2];
    begin(&s);
    assert_int_equal(pipe(go), 0);
    s.slow_reload = go[0];
    assert_int_equal(tm_process_fork(s.group, &e), 0);
    assert_int_equal(tm_process_step(s.group, FIRST, 0, &e), 0);
    s.group->reload_ms = 100;
    assert_false(tm_process_reload(s.group, FIRST, true));
    assert_int_equal(write(go[1], "1", 1), 1); /* the first one goes on, the second waits */
    s.group->reload_ms = 1000;
    assert_false(tm_process_reload(s.group, FIRST, false));
    assert_int_equal(write(go[1], "23", 2), 2);
    s.group->reload_ms = 60000;
    assert_true(tm_process_reload(s.group, FIRST, true));
    assert_int_equal(tm_process_end(s.group, "TERM", 10000), 0);
    heard(&s, "0RrRyx");
    close(go[0]);
    close(go[1]);
    end(&s);
}

static void a_start_that_fails_tells_its_code_and_reason(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    begin(&s);
    s.fail_at = 1;
    assert_int_equal(tm_process_fork(s.group, &e), 0);
    assert_int_equal(tm_process_step(s.group, FIRST, 0, &e), 0);
    assert_int_equal(tm_process_step(s.group, FIRST, 1, &e), 3);
    assert_string_equal(e.text, "the first cannot");
    end(&s);
}

static void a_process_that_dies_while_it_starts_is_named(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    begin(&s);
    s.die_at = 2;
    assert_int_equal(tm_process_fork(s.group, &e), 0);
    assert_int_equal(tm_process_step(s.group, FIRST, 2, &e), 1);
    assert_non_null(strstr(e.text, "the first process was killed by signal 9"));
    end(&s);
}

static void a_process_that_is_killed_is_the_news(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_process_news news;
    struct scene s;
    begin(&s);
    assert_int_equal(tm_process_fork(s.group, &e), 0);
    tm_process_wait(s.group, 20, &news);
    assert_int_equal(news.event, PROCESS_TIME);
    kill(tm_process_pid(s.group, SECOND), SIGKILL);
    tm_process_wait(s.group, 10000, &news);
    assert_int_equal(news.event, PROCESS_ENDED);
    assert_string_equal(news.role, "second");
    assert_non_null(strstr(news.how.text, "signal 9"));
    end(&s);
}

static void a_call_that_was_given_up_is_told_as_such(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    if (!tm_sandbox_enforced())
        skip();
    begin(&s);
    assert_int_equal(tm_process_fork(s.group, &e), 0);
    assert_int_equal(tm_process_step(s.group, FIRST, 7, &e), 0);
    assert_int_equal(tm_process_step(s.group, FIRST, 8, &e), 1);
    assert_non_null(strstr(e.text, "the first process was killed: it tried a system call"));
    end(&s);
}

static void signals_come_to_the_parent(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_process_news news;
    struct scene s;
    begin(&s);
    assert_int_equal(tm_process_fork(s.group, &e), 0);
    kill(getpid(), SIGHUP);
    tm_process_wait(s.group, 10000, &news);
    assert_int_equal(news.event, PROCESS_SIGNAL);
    assert_int_equal(news.signal, SIGHUP);
    kill(tm_process_pid(s.group, FIRST), SIGTERM); /* it is the parent's to end it */
    assert_int_equal(tm_process_step(s.group, FIRST, 0, &e), 0);
    end(&s);
}

/* The pipe's writing end is open in the children only once the parent is gone. */
static void processes_end_with_their_parent(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    pid_t parent = fork();
    if (parent == 0) {
        struct tm_err e = {0};
        if (tm_process_fork(s.group, &e) != 0 || tm_process_step(s.group, FIRST, 0, &e) != 0)
            _exit(1);
        for (;;)
            pause();
    }
    close(s.report[1]);
    s.report[1] = open("/dev/null", O_WRONLY);
    heard(&s, "0");
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    struct pollfd p = {.fd = s.report[0], .events = POLLIN};
    char c;
    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_int_equal(read(s.report[0], &c, 1), 0);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parent_opens_what_it_thinks_is_a_roles),
        cmocka_unit_test(without_somebody_who_opens_nothing_is_opened),
        cmocka_unit_test(roles_start_reload_and_stop_in_order),
        cmocka_unit_test(an_answer_that_comes_too_late_is_not_taken_for_the_next_one),
        cmocka_unit_test(a_start_that_fails_tells_its_code_and_reason),
        cmocka_unit_test(a_process_that_dies_while_it_starts_is_named),
        cmocka_unit_test(a_process_that_is_killed_is_the_news),
        cmocka_unit_test(a_call_that_was_given_up_is_told_as_such),
        cmocka_unit_test(signals_come_to_the_parent),
        cmocka_unit_test(processes_end_with_their_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

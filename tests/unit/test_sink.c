/* Log lines for readers that are slow, gone or full: nobody waits, and a promise says the truth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/sink.h"

#define BOUND_MS 10000 /* no wait in this file is longer */

struct waiter {
    atomic_int woken;
};

static void wake(void *arg)
{
    atomic_fetch_add(&((struct waiter *)arg)->woken, 1);
}

static struct tm_sink *sink_to(int fd)
{
    struct tm_err e = {0};
    struct tm_sink *s = tm_sink_new(
        &(struct tm_sink_options){.fd = fd, .max_bytes = 65536, .patience_ms = 200}, &e);
    if (s == NULL)
        fail_msg("%s", e.text);
    return s;
}

/* Until it is settled; fails after the bound. */
static enum tm_sink_status settled(struct tm_sink_promise *p, struct waiter *w, struct tm_err *e)
{
    for (int64_t end = tm_clock_mono_ms() + BOUND_MS; tm_clock_mono_ms() < end; usleep(1000)) {
        if (atomic_load(&w->woken) > 0)
            return tm_sink_kept(p, e);
    }
    fail_msg("not woken");
    return SINK_WAIT;
}

static enum tm_sink_status promise(struct tm_sink *s, const char *line, struct tm_err *e)
{
    struct waiter w = {0};
    struct tm_sink_promise *p = NULL;
    enum tm_sink_status st = tm_sink_promise(s, line, strlen(line), wake, &w, &p, e);
    if (st != SINK_WAIT)
        return st;
    st = settled(p, &w, e);
    assert_int_equal(atomic_load(&w.woken), 1);
    tm_sink_promise_free(p);
    return st;
}

static bool works_within_bound(struct tm_sink *s)
{
    for (int64_t end = tm_clock_mono_ms() + BOUND_MS; tm_clock_mono_ms() < end; usleep(1000)) {
        if (tm_sink_works(s, NULL))
            return true;
    }
    return false;
}

/* Reads until nothing has come for a while; counts the lines, all of which must be `line`. */
static size_t drain(int fd, const char *line)
{
    static char all[1 << 20];
    size_t len = 0;
    int quiet = 0;
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    while (quiet < 100 && len < sizeof(all)) {
        ssize_t n = read(fd, all + len, sizeof(all) - len);
        quiet = n > 0 ? 0 : quiet + 1;
        len += n > 0 ? (size_t)n : 0;
        if (n <= 0)
            usleep(5000);
    }
    size_t one = strlen(line);
    assert_int_equal(len % one, 0);
    for (size_t at = 0; at < len; at += one)
        assert_memory_equal(all + at, line, one);
    return len / one;
}

static void a_reader_that_stalls_holds_up_nobody_and_gets_the_rest_when_it_is_back(void **state)
{
    (void)state;
    static const char line[] =
        "{\"message\":\"of about a hundred bytes, so that a pipe and a queue "
        "are full after a thousand or two\"}\n";
    int fds[2];
    struct tm_err e = {0};
    struct tm_sink_stats stats;
    assert_int_equal(pipe(fds), 0);
    struct tm_sink *s = sink_to(fds[1]);
    size_t taken = 0;
    int64_t begin = tm_clock_mono_ms();
    for (int i = 0; i < 5000; i++)
        taken += tm_sink_put(s, line, strlen(line));
    assert_in_range(tm_clock_mono_ms() - begin, 0, BOUND_MS / 2);
    tm_sink_stats(s, &stats);
    assert_int_equal(taken + stats.dropped, 5000);
    assert_true(stats.dropped > 0);
    assert_true(stats.waiting <= 65536 / 2);
    /* There is room for a promise that a put does not get; it is broken in time. */
    assert_int_equal(promise(s, line, &e), SINK_BROKEN);
    assert_non_null(strstr(e.text, "takes nothing"));
    assert_false(tm_sink_works(s, &e));
    size_t read_back = drain(fds[0], line);
    assert_true(read_back == taken || read_back == taken + 1); /* the promise's own line */
    assert_true(works_within_bound(s));
    assert_int_equal(promise(s, line, &e), SINK_KEPT);
    tm_sink_free(s);
    close(fds[0]);
    close(fds[1]);
}

static void a_pipe_of_its_own_never_waits_and_the_others_stays_as_it_was(void **state)
{
    (void)state;
    int fds[2];
    struct tm_err e = {0};
    struct tm_sink_promise *p = NULL;
    assert_int_equal(pipe(fds), 0);
    int own = tm_sink_own(fds[1]);
    assert_int_not_equal(own, fds[1]);
    assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(tm_sink_own(own), own); /* it needs no other */
    struct tm_sink *s = sink_to(own);
    /* Out before the call returns: no thread had a part in it. */
    assert_int_equal(tm_sink_promise(s, "a\n", 2, wake, NULL, &p, &e), SINK_KEPT);
    assert_null(p);
    assert_int_equal(drain(fds[0], "a\n"), 1);
    tm_sink_free(s);
    close(own);
    close(fds[0]);
    close(fds[1]);
}

/* Promises `count` lines "a\n" of a sink that gathers; none is out yet. */
static void gather(struct tm_sink *s, size_t count, struct waiter *w, struct tm_sink_promise **p)
{
    struct tm_err e = {0};
    for (size_t i = 0; i < count; i++)
        assert_int_equal(tm_sink_promise(s, "a\n", 2, wake, &w[i], &p[i], &e), SINK_WAIT);
}

static void kept(size_t count, struct waiter *w, struct tm_sink_promise **p)
{
    struct tm_err e = {0};
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(settled(p[i], &w[i], &e), SINK_KEPT);
        tm_sink_promise_free(p[i]);
    }
}

static void promises_that_were_gathered_go_out_together(void **state)
{
    (void)state;
    enum { LINES = 3 };
    int fds[2];
    int there = 0;
    struct tm_err e = {0};
    struct tm_sink_promise *p[LINES];
    assert_int_equal(pipe(fds), 0);
    struct tm_sink *s = tm_sink_new(&(struct tm_sink_options){.fd = fds[1], .gather = true}, &e);
    assert_non_null(s);
    struct waiter at_once[LINES] = {0};
    gather(s, LINES, at_once, p);
    assert_int_equal(ioctl(fds[0], FIONREAD, &there), 0);
    assert_int_equal(there, 0);
    tm_sink_flush(s);
    assert_int_equal(ioctl(fds[0], FIONREAD, &there), 0);
    assert_int_equal(there, 2 * LINES); /* before it returned */
    for (size_t i = 0; i < LINES; i++)
        assert_int_equal(atomic_load(&at_once[i].woken), 1);
    kept(LINES, at_once, p);
    tm_sink_flush(s); /* nothing is left */
    /* Another's line does not come before them, and takes them along. */
    struct waiter later[LINES] = {0};
    gather(s, LINES, later, p);
    assert_true(tm_sink_put(s, "a\n", 2));
    kept(LINES, later, p);
    assert_int_equal(drain(fds[0], "a\n"), 2 * LINES + 1);
    tm_sink_free(s);
    close(fds[0]);
    close(fds[1]);
}

static void what_a_full_pipe_does_not_take_of_a_round_the_thread_writes(void **state)
{
    (void)state;
    enum { LINES = 40 };
    static char line[4096];
    int fds[2];
    struct tm_err e = {0};
    struct tm_sink_promise *p[LINES];
    struct waiter w[LINES] = {0};
    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    assert_int_equal(pipe(fds), 0);
    struct tm_sink *s = tm_sink_new(
        &(struct tm_sink_options){.fd = fds[1], .gather = true, .patience_ms = BOUND_MS}, &e);
    assert_non_null(s);
    for (size_t i = 0; i < LINES; i++) /* more than a pipe holds */
        assert_int_equal(tm_sink_promise(s, line, sizeof(line), wake, &w[i], &p[i], &e), SINK_WAIT);
    tm_sink_flush(s);
    assert_int_equal(tm_sink_kept(p[LINES - 1], &e), SINK_WAIT);
    char *all = malloc(LINES * sizeof(line));
    size_t len = 0;
    while (len < LINES * sizeof(line)) {
        ssize_t n = read(fds[0], all + len, LINES * sizeof(line) - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
    for (size_t i = 0; i < LINES; i++)
        assert_memory_equal(all + i * sizeof(line), line, sizeof(line));
    kept(LINES, w, p);
    free(all);
    tm_sink_free(s);
    close(fds[0]);
    close(fds[1]);
}

struct slow {
    int fd;
    size_t bytes;
};

static void *read_slowly(void *arg)
{
    struct slow *r = arg;
    char some[4096];
    for (ssize_t n = 0; (n = read(r->fd, some, sizeof(some))) > 0; usleep(2000))
        r->bytes += (size_t)n;
    return NULL;
}

static void a_slow_reader_gets_every_promised_line(void **state)
{
    (void)state;
    char line[2001];
    int fds[2];
    struct tm_err e = {0};
    pthread_t thread;
    memset(line, 'x', sizeof(line) - 2);
    line[1999] = '\n';
    line[2000] = '\0';
    assert_int_equal(pipe(fds), 0);
    struct tm_sink *s = sink_to(fds[1]);
    struct slow r = {.fd = fds[0]};
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &r), 0);
    for (int i = 0; i < 200; i++) {
        if (promise(s, line, &e) != SINK_KEPT)
            fail_msg("line %d: %s", i, e.text);
    }
    tm_sink_free(s);
    close(fds[1]);
    pthread_join(thread, NULL);
    assert_int_equal(r.bytes, 200 * 2000);
    close(fds[0]);
}

static void a_full_device_breaks_promises(void **state)
{
    (void)state;
    struct tm_err e = {0};
    int fd = open("/dev/full", O_WRONLY);
    assert_true(fd >= 0);
    struct tm_sink *s = sink_to(fd);
    assert_int_equal(promise(s, "a\n", &e), SINK_BROKEN);
    assert_non_null(strstr(e.text, "No space left"));
    assert_false(tm_sink_works(s, &e));
    tm_sink_free(s);
    close(fd);
}

static void a_reader_that_is_gone_breaks_promises(void **state)
{
    int fds[2];
    struct tm_err e = {0};
    if (*state == NULL)
        assert_int_equal(pipe(fds), 0);
    else
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0); /* as journald's */
    struct tm_sink *s = sink_to(fds[1]);
    assert_int_equal(promise(s, "a\n", &e), SINK_KEPT);
    close(fds[0]);
    assert_int_equal(promise(s, "b\n", &e), SINK_BROKEN);
    assert_non_null(strstr(e.text, "Broken pipe"));
    assert_false(tm_sink_works(s, NULL));
    tm_sink_free(s);
    close(fds[1]);
}

static void file_is(const char *path, const char *want)
{
    char have[256];
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, have, sizeof(have) - 1);
    close(fd);
    assert_true(n >= 0);
    have[n] = '\0';
    assert_string_equal(have, want);
}

static void a_file_that_was_rotated_is_opened_anew(void **state)
{
    (void)state;
    char dir[] = "/tmp/tenmint-sink-XXXXXX";
    char path[64], old[64];
    struct tm_err e = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/audit", dir);
    snprintf(old, sizeof(old), "%s/audit.1", dir);
    struct tm_sink *s = tm_sink_new(&(struct tm_sink_options){.path = path}, &e);
    if (s == NULL)
        fail_msg("%s", e.text);
    assert_int_equal(promise(s, "one\n", &e), SINK_KEPT);
    assert_int_equal(rename(path, old), 0);
    assert_int_equal(promise(s, "two\n", &e), SINK_KEPT);
    file_is(old, "one\n");
    file_is(path, "two\n");
    tm_sink_free(s);
    unlink(path);
    unlink(old);
    rmdir(dir);
}

/* A limit on the file's size stands for a full disk: a part of a line gets out, then nothing. */
static void a_disk_with_room_again_gets_whole_lines(void **state)
{
    (void)state;
    char path[] = "/tmp/tenmint-sink-XXXXXX";
    struct rlimit old;
    struct tm_err e = {0};
    int fd = mkstemp(path);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct tm_sink *s = sink_to(fd);
    assert_int_equal(promise(s, "one\n", &e), SINK_KEPT);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){6, old.rlim_max}), 0);
    enum tm_sink_status st = promise(s, "two\n", &e);
    bool works = tm_sink_works(s, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(st, SINK_BROKEN);
    assert_false(works);
    assert_true(works_within_bound(s));
    assert_int_equal(promise(s, "three\n", &e), SINK_KEPT);
    file_is(path, "one\ntwo\nthree\n");
    tm_sink_free(s);
    close(fd);
    unlink(path);
}

static void a_promise_that_nobody_waits_for_still_wakes_once(void **state)
{
    (void)state;
    int fds[2];
    struct waiter w = {0};
    struct tm_err e = {0};
    struct tm_sink_promise *p = NULL;
    static char much[32768];
    memset(much, 'm', sizeof(much));
    much[sizeof(much) - 1] = '\n';
    assert_int_equal(pipe(fds), 0);
    struct tm_sink *s = sink_to(fds[1]);
    while (tm_sink_put(s, much, sizeof(much)))
        ;
    assert_int_equal(tm_sink_promise(s, "a\n", 2, wake, &w, &p, &e), SINK_WAIT);
    tm_sink_promise_free(p);
    assert_int_equal(atomic_load(&w.woken), 0);
    tm_sink_break(s);
    assert_int_equal(atomic_load(&w.woken), 1);
    assert_int_equal(promise(s, "b\n", &e), SINK_BROKEN);
    tm_sink_free(s);
    assert_int_equal(atomic_load(&w.woken), 1);
    close(fds[0]);
    close(fds[1]);
}

static void a_path_that_cannot_be_opened_is_named(void **state)
{
    (void)state;
    struct tm_err e = {0};
    assert_null(tm_sink_new(&(struct tm_sink_options){.path = "/dev/null/audit"}, &e));
    assert_non_null(strstr(e.text, "/dev/null/audit"));
}

int main(void)
{
    static int socket_kind;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promises_that_were_gathered_go_out_together),
        cmocka_unit_test(what_a_full_pipe_does_not_take_of_a_round_the_thread_writes),
        cmocka_unit_test(a_pipe_of_its_own_never_waits_and_the_others_stays_as_it_was),
        cmocka_unit_test(a_reader_that_stalls_holds_up_nobody_and_gets_the_rest_when_it_is_back),
        cmocka_unit_test(a_slow_reader_gets_every_promised_line),
        cmocka_unit_test(a_full_device_breaks_promises),
        cmocka_unit_test(a_reader_that_is_gone_breaks_promises),
        {"a_socket_that_is_gone_breaks_promises", a_reader_that_is_gone_breaks_promises, NULL, NULL,
         &socket_kind},
        cmocka_unit_test(a_file_that_was_rotated_is_opened_anew),
        cmocka_unit_test(a_disk_with_room_again_gets_whole_lines),
        cmocka_unit_test(a_promise_that_nobody_waits_for_still_wakes_once),
        cmocka_unit_test(a_path_that_cannot_be_opened_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

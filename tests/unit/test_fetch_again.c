/* What passes by itself is asked again, with pauses; everything else once. */
#include "tests/support/cmocka_all.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fetch/again.h"

/* Answers each connection with the next head of a list, the last one for good; "" hangs up. */
struct script {
    int fd;
    pthread_t thread;
    char url[64];
    const char *const *heads;
    atomic_int asked;
};

static void *play(void *arg)
{
    struct script *s = arg;
    const char *const *next = s->heads;
    int fd;
    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        char request[4096];
        const struct timeval patience = {.tv_sec = 10};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        ssize_t n = recv(fd, request, sizeof(request), 0);
        char answer[256];
        int len =
            snprintf(answer, sizeof(answer),
                     "HTTP/1.1 %s\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", *next);
        if (n > 0 && **next != '\0')
            n = send(fd, answer, (size_t)len, MSG_NOSIGNAL);
        close(fd);
        s->asked++;
        next += next[1] != NULL;
    }
    return NULL;
}

static void script_start(struct script *s, const char *const *heads)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    *s = (struct script){.heads = heads};
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(s->fd, 16), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d/", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&s->thread, NULL, play, s), 0);
}

static int script_stop(struct script *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    return s->asked;
}

/* How often it was asked, at most `tries` times (0: as usual); -status or the status of the last
 * answer goes to *status. */
static int asked_up_to(unsigned tries, const char *const *heads, long *status, struct tm_err *e)
{
    struct script s;
    struct tm_fetch_response r;
    script_start(&s, heads);
    const struct tm_fetch_request req = {
        .url = s.url, .post_body = "{}", .post_len = 2, .timeout_ms = 8000, .tries = tries};
    *status = tm_fetch_run_again(&req, &r, e) == 0 ? r.status : -1;
    tm_fetch_response_free(&r);
    return script_stop(&s);
}

static int asked(const char *const *heads, long *status, struct tm_err *e)
{
    return asked_up_to(0, heads, status, e);
}

static void the_caller_says_how_often(void **state)
{
    (void)state;
    const char *const heads[] = {"503 Busy", NULL};
    struct tm_err e = {0};
    long status;
    assert_int_equal(asked_up_to(1, heads, &status, &e), 1);
    assert_int_equal(status, 503);
    assert_int_equal(asked_up_to(2, heads, &status, &e), 2);
}

static void busy_and_lost_services_are_asked_again(void **state)
{
    (void)state;
    static const char *const first[] = {"429 Slow down", "502 Bad gateway", "503 Busy", "504 Late",
                                        ""};
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        const char *const heads[] = {first[i], "201 Made", NULL};
        struct tm_err e = {0};
        long status;
        assert_int_equal(asked(heads, &status, &e), 2);
        assert_int_equal(status, 201);
    }
}

static void every_other_answer_is_final(void **state)
{
    (void)state;
    static const char *const first[] = {"200 OK",        "400 Bad",       "401 Who", "404 None",
                                        "409 Duplicate", "500 Our fault", "501 What"};
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        const char *const heads[] = {first[i], "201 Made", NULL};
        struct tm_err e = {0};
        long status;
        assert_int_equal(asked(heads, &status, &e), 1);
        assert_true(status >= 200 && status != 201);
    }
}

static void after_four_tries_the_last_answer_stands(void **state)
{
    (void)state;
    const char *const heads[] = {"503 Busy", NULL};
    struct tm_err e = {0};
    long status;
    int64_t start = tm_clock_mono_ms();
    assert_int_equal(asked(heads, &status, &e), TM_FETCH_TRIES);
    assert_int_equal(status, 503);
    assert_true(tm_clock_mono_ms() - start >= 500 + 1000 + 2000);
}

static void nobody_listening_is_told_with_the_number_of_tries(void **state)
{
    (void)state;
    const char *const heads[] = {"200 OK", NULL};
    struct script s;
    struct tm_fetch_response r;
    struct tm_err e = {0};
    script_start(&s, heads);
    script_stop(&s);
    const struct tm_fetch_request req = {.url = s.url};
    assert_int_equal(tm_fetch_run_again(&req, &r, &e), -1);
    assert_true(r.lost);
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.text, "tried 4 times"));
}

static void retry_after_is_heeded_up_to_half_a_minute(void **state)
{
    (void)state;
    const char *const heads[] = {"503 Busy\r\nRetry-After: 2", "200 OK", NULL};
    struct tm_err e = {0};
    long status;
    int64_t start = tm_clock_mono_ms();
    assert_int_equal(asked(heads, &status, &e), 2);
    assert_int_equal(status, 200);
    assert_true(tm_clock_mono_ms() - start >= 2000);
    for (unsigned i = 0; i < 100; i++) {
        assert_in_range(tm_fetch_pause_ms(1, -1), 500, 625);
        assert_in_range(tm_fetch_pause_ms(3, 0), 2000, 2500);
        assert_in_range(tm_fetch_pause_ms(1, 7), 7000, 8750);
        assert_int_equal(tm_fetch_pause_ms(1, INT64_MAX), 30000);
        assert_int_equal(tm_fetch_pause_ms(1, 86400), 30000);
        assert_int_equal(tm_fetch_pause_ms(4000000000U, -1), 30000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_caller_says_how_often),
        cmocka_unit_test(busy_and_lost_services_are_asked_again),
        cmocka_unit_test(every_other_answer_is_final),
        cmocka_unit_test(after_four_tries_the_last_answer_stands),
        cmocka_unit_test(nobody_listening_is_told_with_the_number_of_tries),
        cmocka_unit_test(retry_after_is_heeded_up_to_half_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A folder that is made whole or not at all, also when several begin at once. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "tests/support/cmocka_all.h"
#include "tools/tenmint-ca/init/init_stage.h"

#define AT_ONCE 8
#define ROUNDS 10
#define WINS 5 /* over a run that has made its folder and not locked it */
#define PATIENCE_MS 60000

static const char *const files[] = {"one", "two", "three"};
#define FILES (sizeof(files) / sizeof(files[0]))

enum outcome { MADE, FOUND, FAILED };

static enum outcome make(struct init_stage *s)
{
    struct tm_err e = {0};
    for (size_t i = 0; i < FILES; i++) {
        char path[PATH_MAX];
        if (tm_file_join(s->dir, files[i], path, sizeof(path), &e) != 0 ||
            tm_file_create(path, 0600, files[i], strlen(files[i]), &e) != 0)
            break;
    }
    if (e.text[0] == '\0' && init_stage_commit(s, &e) == 0)
        return MADE;
    fprintf(stderr, "%s\n", e.text);
    return FAILED;
}

/* As `init --if-missing` does it. */
static enum outcome run(const char *place)
{
    int64_t until = tm_clock_mono_ms() + PATIENCE_MS;
    struct tm_err e = {0};
    while (tm_clock_mono_ms() < until) {
        struct init_stage s;
        switch (init_stage_begin(&s, place, &e)) {
        case INIT_STAGE_BEGUN:
            return make(&s);
        case INIT_STAGE_TAKEN:
            return FOUND;
        case INIT_STAGE_BUSY:
            break;
        default:
            fprintf(stderr, "%s\n", e.text);
            return FAILED;
        }
    }
    return FAILED;
}

/* All are let go by one end of a pipe that closes. */
static void begin_at_once(const char *place, unsigned outcomes[FAILED + 1])
{
    int gate[2];
    pid_t pid[AT_ONCE];
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < AT_ONCE; i++) {
        pid[i] = fork();
        assert_true(pid[i] >= 0);
        if (pid[i] == 0) {
            char c;
            close(gate[1]);
            (void)!read(gate[0], &c, 1);
            _exit((int)run(place));
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < AT_ONCE; i++) {
        int status;
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        outcomes[WIFEXITED(status) && WEXITSTATUS(status) <= FAILED ? WEXITSTATUS(status)
                                                                    : FAILED]++;
    }
}

static void of_many_that_begin_at_once_one_makes_it_and_none_fails(void **state)
{
    char dir[] = "/tmp/test_init_stage.XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(dir));
    for (int round = 0; round < ROUNDS; round++) {
        unsigned outcomes[FAILED + 1] = {0};
        char place[64], left[PATH_MAX];
        snprintf(place, sizeof(place), "%s/%d", dir, round);
        snprintf(left, sizeof(left), "%s.init", place);
        begin_at_once(place, outcomes);
        assert_int_equal(outcomes[FAILED], 0);
        assert_int_equal(outcomes[MADE], 1);
        assert_int_equal(outcomes[FOUND], AT_ONCE - 1);
        assert_int_not_equal(access(left, F_OK), 0);
        for (size_t i = 0; i < FILES; i++) {
            assert_int_equal(tm_file_join(place, files[i], left, sizeof(left), NULL), 0);
            assert_int_equal(unlink(left), 0);
        }
        assert_int_equal(rmdir(place), 0);
    }
    assert_int_equal(rmdir(dir), 0);
}

/* ---- a folder that another has locked ---- */

struct watcher {
    const char *folder;
    atomic_bool stop;
    int fd; /* holds the lock; -1: the run was faster */
};

static void *lock_when_made(void *arg)
{
    struct watcher *w = arg;
    while (w->fd < 0 && !atomic_load(&w->stop))
        w->fd = open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->fd >= 0 && flock(w->fd, LOCK_EX | LOCK_NB) != 0) {
        close(w->fd);
        w->fd = -1;
    }
    return NULL;
}

/* Whether the watcher was faster; then the folder is its own. */
static bool race(const char *place, const char *folder)
{
    pthread_t thread;
    struct watcher w = {.folder = folder, .fd = -1};
    struct init_stage s;
    struct tm_err e = {0};
    assert_int_equal(pthread_create(&thread, NULL, lock_when_made, &w), 0);
    enum init_stage_state state = init_stage_begin(&s, place, &e);
    atomic_store(&w.stop, true);
    pthread_join(thread, NULL);
    bool won = w.fd >= 0 && state == INIT_STAGE_BUSY;
    if (won)
        assert_int_equal(rmdir(folder), 0); /* it is there */
    else if (state == INIT_STAGE_BEGUN)
        init_stage_drop(&s);
    if (w.fd >= 0)
        close(w.fd);
    return won;
}

static void a_folder_that_another_has_locked_is_left_to_it(void **state)
{
    char dir[] = "/tmp/test_init_stage.XXXXXX";
    char place[64], folder[80];
    int wins = 0;
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(place, sizeof(place), "%s/ca", dir);
    snprintf(folder, sizeof(folder), "%s.init", place);
    for (int64_t until = tm_clock_mono_ms() + PATIENCE_MS;
         wins < WINS && tm_clock_mono_ms() < until;)
        wins += race(place, folder);
    (void)rmdir(folder);
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(wins, WINS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_many_that_begin_at_once_one_makes_it_and_none_fails),
        cmocka_unit_test(a_folder_that_another_has_locked_is_left_to_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

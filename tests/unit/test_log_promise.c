/* What an SCT promises, a checkpoint in time: a log that cannot keep it takes no more entries, and
 * takes them again when it can. And where an anchor shows nothing. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/logbox.h"

struct scene {
    struct logbox box;
    char away[200], anchor[240];
};

static int setup(void **state)
{
    static struct scene s;
    struct tm_err e = {0};
    memset(&s, 0, sizeof(s));
    logbox_init(&s.box);
    snprintf(s.away, sizeof(s.away), "%s.other", s.box.dir);
    snprintf(s.anchor, sizeof(s.anchor), "%s/anchor", s.away);
    assert_int_equal(mkdir(s.away, 0755), 0);
    assert_int_equal(ca_ctlog_create(&s.box.o, &e), 0);
    s.box.o.anchor = s.anchor;
    s.box.o.checkpoint_interval_ms = 50;
    s.box.o.merge_delay_ms = 500;
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    logbox_remove(s->away);
    logbox_free(&s->box);
    return 0;
}

static void nap(long ms)
{
    (void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static int add(struct ca_ctlog *l, uint64_t number, struct tm_err *e)
{
    struct tm_buf sct = {0};
    uint64_t index = 0;
    int rc = logbox_add(l, number, 64, &sct, &index, e);
    tm_buf_free(&sct);
    return rc;
}

static void no_checkpoints_no_entries(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    char gone[210];
    struct ca_ctlog *l = logbox_open(&s->box);
    assert_int_equal(add(l, 0, &e), 0);
    assert_int_equal(ca_log_sync(ca_ctlog_log(l), &e), 0);
    snprintf(gone, sizeof(gone), "%s.gone", s->away);
    assert_int_equal(rename(s->away, gone), 0); /* as storage that is unmounted */
    assert_int_equal(add(l, 1, &e), 0);
    nap(700);
    assert_int_equal(add(l, 2, &e), -1);
    assert_non_null(strstr(e.text, "no checkpoint could be published for"));
    assert_int_equal(logbox_checkpoint(&s->box).size, 1);
    assert_int_equal(rename(gone, s->away), 0);
    int rc = -1;
    for (int i = 0; i < 250 && rc != 0; i++, nap(20))
        rc = add(l, 3, &e);
    assert_int_equal(rc, 0);
    assert_int_equal(ca_log_sync(ca_ctlog_log(l), &e), 0);
    assert_int_equal(logbox_checkpoint(&s->box).size, 3); /* entry 1 is in, 2 never was */
    nap(700);                                             /* and an idle log is not late */
    assert_int_equal(add(l, 4, &e), 0);
    ca_ctlog_close(l);
}

static void an_anchor_lies_elsewhere(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    static const char *const inside[] = {"anchor", "state/anchor", "./anchor", "tile/../anchor"};
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s/%s", s->box.dir, inside[i]);
        s->box.o.anchor = path;
        assert_null(ca_ctlog_open(&s->box.o, &e));
        assert_non_null(strstr(e.text, "lies in the log's own directory"));
    }
    char beside[256];
    snprintf(beside, sizeof(beside), "%s.anchor", s->box.dir); /* the name goes on, the path not */
    s->box.o.anchor = beside;
    struct ca_ctlog *l = logbox_open(&s->box);
    ca_ctlog_close(l);
    unlink(beside);
    s->box.o.anchor = "/nonexistent/anchor";
    assert_null(ca_ctlog_open(&s->box.o, &e));
    assert_non_null(strstr(e.text, "anchor '/nonexistent/anchor': No such file"));
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        SCENE(no_checkpoints_no_entries),
        SCENE(an_anchor_lies_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

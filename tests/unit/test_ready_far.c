/* What another process says of its readiness, and when it says nothing. */
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "ca/api/ready_far.h"
#include "common/ipc/channel.h"
#include "tests/support/cmocka_all.h"

static int look(void *ctx, struct tm_err *e)
{
    return atomic_load((atomic_int *)ctx) != 0 ? 0 : tm_err_set(e, "its disk is full");
}

/* Until it says this, or ten seconds. */
static bool says(struct ca_ready_asker *a, int want, struct tm_err *e)
{
    for (int i = 0; i < 1000; i++) {
        if (ca_ready_asker_look(a, e) == want)
            return true;
        usleep(10000);
    }
    return false;
}

static void each_look_asks_for_the_next(void **state)
{
    (void)state;
    struct tm_err e = {0};
    atomic_int well = 1;
    int fd[2];
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    struct ca_ready_teller *t = ca_ready_teller_new(fd[0], look, &well, &e);
    struct ca_ready_asker *a = ca_ready_asker_new(fd[1], &e);
    assert_non_null(t);
    assert_non_null(a);
    assert_int_equal(ca_ready_asker_look(a, &e), 0); /* not asked yet: it has just begun */
    assert_int_equal(ca_ready_teller_start(t, &e), 0);
    atomic_store(&well, 0);
    assert_true(says(a, -1, &e));
    assert_string_equal(e.text, "its disk is full");
    atomic_store(&well, 1);
    assert_true(says(a, 0, &e));
    ca_ready_teller_free(t); /* its process ends */
    assert_true(says(a, -1, &e));
    assert_non_null(strstr(e.text, "its process"));
    ca_ready_asker_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_look_asks_for_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

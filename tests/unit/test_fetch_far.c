/* Fetches that another process carries out: here the other side is a thread. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "common/fetch/far_internal.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/fakeissuer.h"

struct pair {
    struct tm_ipc_loop *loop;
    struct tm_fetch_service *service;
    struct tm_fetch_hub *hub;
    struct tm_fetch_pool *pool;
};

struct result {
    pthread_mutex_t lock;
    pthread_cond_t came;
    int calls, rc;
    long status;
    size_t len;
    struct tm_err why;
};

static void on_done(void *arg, int rc, struct tm_fetch_response *r, const struct tm_err *e)
{
    struct result *x = arg;
    pthread_mutex_lock(&x->lock);
    x->calls++;
    x->rc = rc;
    x->status = r->status;
    x->len = r->body.len;
    x->why = *e;
    pthread_cond_signal(&x->came);
    pthread_mutex_unlock(&x->lock);
}

static void result_init(struct result *x)
{
    memset(x, 0, sizeof(*x));
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->came, NULL);
}

static void wait_for(struct result *x)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&x->lock);
    while (x->calls == 0)
        assert_int_equal(pthread_cond_timedwait(&x->came, &x->lock, &until), 0);
    pthread_mutex_unlock(&x->lock);
}

static void build(struct pair *p)
{
    struct tm_err e = {0};
    int fd[2];
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    p->loop = tm_ipc_loop_new(NULL, NULL, 0, &e);
    p->service = tm_fetch_service_new(fd[0], p->loop, &e);
    p->hub = tm_fetch_hub_new(fd[1], &e);
    p->pool = tm_fetch_pool_open(p->hub, 8, &e);
    assert_non_null(p->pool);
    assert_int_equal(tm_ipc_loop_start(p->loop, &e), 0);
}

static void take_down(struct pair *p)
{
    tm_fetch_pool_free(p->pool);
    tm_fetch_hub_free(p->hub);
    tm_ipc_loop_join(p->loop);
    tm_fetch_service_free(p->service);
    tm_ipc_loop_free(p->loop);
}

static void the_answer_is_the_same_as_from_here(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct pair p;
    struct result x;
    struct fake_issuer f;
    char url[256];
    const char *headers[] = {"Accept: application/json", "X-Other: 1", NULL};
    build(&p);
    result_init(&x);
    fake_issuer_start(&f, NULL, NULL);
    snprintf(url, sizeof(url), "%s/.well-known/openid-configuration", f.url);
    const struct tm_fetch_request q = {.url = url, .headers = headers};
    assert_int_equal(tm_fetch_pool_start(p.pool, &q, on_done, &x, &e), 0);
    wait_for(&x);
    assert_int_equal(x.rc, 0);
    assert_int_equal(x.status, 200);
    assert_true(x.len > 20);
    assert_int_equal(atomic_load(&f.discoveries), 1);
    fake_issuer_stop(&f);
    take_down(&p);
}

static void a_failure_tells_why(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct pair p;
    struct result x;
    build(&p);
    result_init(&x);
    const struct tm_fetch_request q = {.url = "http://127.0.0.1:1/x", .timeout_ms = 5000};
    assert_int_equal(tm_fetch_pool_start(p.pool, &q, on_done, &x, &e), 0);
    wait_for(&x);
    assert_int_equal(x.rc, -1);
    assert_non_null(strstr(x.why.text, "127.0.0.1:1"));
    const struct tm_fetch_request bad = {.url = "ftp://example.com/"};
    assert_int_equal(tm_fetch_pool_start(p.pool, &bad, on_done, &x, &e), -1);
    take_down(&p);
}

static void the_end_of_a_pool_ends_its_fetches_and_no_others(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct pair p;
    struct result mine;
    struct result other;
    struct fake_issuer f;
    char url[256];
    build(&p);
    result_init(&mine);
    result_init(&other);
    fake_issuer_start(&f, NULL, NULL);
    atomic_store(&f.mode, FAKE_SLOW);
    atomic_store(&f.delay_ms, 1000);
    snprintf(url, sizeof(url), "%s/.well-known/openid-configuration", f.url);
    const struct tm_fetch_request q = {.url = url};
    struct tm_fetch_pool *second = tm_fetch_pool_open(p.hub, 8, &e);
    assert_int_equal(tm_fetch_pool_start(p.pool, &q, on_done, &other, &e), 0);
    assert_int_equal(tm_fetch_pool_start(second, &q, on_done, &mine, &e), 0);
    tm_fetch_pool_free(second);
    assert_int_equal(mine.calls, 1);
    assert_int_equal(mine.rc, -1);
    wait_for(&other);
    assert_int_equal(other.rc, 0);
    usleep(100000);
    assert_int_equal(mine.calls, 1); /* its late answer is nobody's */
    fake_issuer_stop(&f);
    take_down(&p);
}

static void a_pool_that_is_freed_makes_room_for_another(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct pair p;
    struct tm_fetch_pool *more[FAR_POOLS_MAX];
    size_t count = 0;
    build(&p);
    for (int i = 0; i < 100; i++) {
        struct result x;
        struct tm_fetch_pool *pool = tm_fetch_pool_open(p.hub, 1, &e);
        const struct tm_fetch_request q = {.url = "http://127.0.0.1:1/x", .timeout_ms = 5000};
        assert_non_null(pool);
        result_init(&x);
        assert_int_equal(tm_fetch_pool_start(pool, &q, on_done, &x, &e), 0);
        if (i % 2 == 0) /* the others end with their answer under way */
            wait_for(&x);
        tm_fetch_pool_free(pool);
        assert_int_equal(x.calls, 1);
    }
    while (count < FAR_POOLS_MAX && (more[count] = tm_fetch_pool_open(p.hub, 1, &e)) != NULL)
        count++;
    assert_int_equal(count, FAR_POOLS_MAX - 1); /* and the first */
    assert_non_null(strstr(e.text, "more than 16 pools at once"));
    while (count > 0)
        tm_fetch_pool_free(more[--count]);
    take_down(&p);
}

/* A fetch process that somebody has taken over answers what was never asked. */
static void answers_to_nothing_are_dropped(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct result x;
    int fd[2];
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    struct tm_ipc_channel *far = tm_ipc_channel_new(fd[0], &tm_fetch_protocol, &e);
    struct tm_fetch_hub *hub = tm_fetch_hub_new(fd[1], &e);
    struct tm_fetch_pool *pool = tm_fetch_pool_open(hub, 8, &e);
    result_init(&x);
    const struct tm_fetch_request q = {.url = "http://127.0.0.1:1/x"};
    assert_int_equal(tm_fetch_pool_start(pool, &q, on_done, &x, &e), 0);
    struct tm_fetch_ask asked = {0};
    unsigned type = 0;
    while (tm_ipc_next(far, &type, &asked, sizeof(asked), &e) != 1) {
        (void)tm_ipc_fill(far, &e);
        usleep(1000);
    }
    const uint64_t wrong[] = {asked.id + 1, asked.id + ((uint64_t)1 << 32), UINT64_MAX};
    struct tm_fetch_answer a = {.status = 200, .content_type = "text/plain"};
    for (size_t i = 0; i < 3; i++) {
        a.id = wrong[i];
        assert_int_equal(tm_ipc_put(far, FAR_ANSWER, &a, &e), 0);
    }
    a.id = asked.id;
    a.status = 204;
    assert_int_equal(tm_ipc_put(far, FAR_ANSWER, &a, &e), 0);
    assert_int_equal(tm_ipc_put(far, FAR_ANSWER, &a, &e), 0);
    assert_int_equal(tm_ipc_flush(far), 0);
    wait_for(&x);
    assert_int_equal(x.status, 204);
    tm_ipc_channel_free(far); /* it ends: nothing more can be asked */
    int rc = 0;
    for (int i = 0; i < 2000 && rc == 0; i++) {
        struct result late;
        result_init(&late);
        rc = tm_fetch_pool_start(pool, &q, on_done, &late, &e);
        if (rc == 0)
            wait_for(&late);
    }
    assert_int_equal(rc, -1);
    assert_int_equal(x.calls, 1);
    tm_fetch_pool_free(pool);
    tm_fetch_hub_free(hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_is_the_same_as_from_here),
        cmocka_unit_test(a_failure_tells_why),
        cmocka_unit_test(the_end_of_a_pool_ends_its_fetches_and_no_others),
        cmocka_unit_test(a_pool_that_is_freed_makes_room_for_another),
        cmocka_unit_test(answers_to_nothing_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

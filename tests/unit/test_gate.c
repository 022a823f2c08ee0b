/* Pointers swapped while others read them, and objects shared without a lock. Run under ASan and
 * TSan, which see what a missing wait would do. */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "common/gate.h"
#include "common/shelf.h"
#include "tests/support/cmocka_all.h"

#define READERS 4
#define SWAPS 3000
#define ALIVE 0x5eedu

struct thing {
    atomic_uint refs;
    unsigned mark; /* plain: written before it is shared and when it ends */
};

struct scene {
    struct tm_gate gate;
    struct thing *_Atomic thing;
    atomic_bool stop;
    atomic_ulong reads;
    atomic_ulong ended;
};

static struct thing *thing_new(void)
{
    struct thing *t = malloc(sizeof(*t));
    assert_non_null(t);
    atomic_init(&t->refs, 1);
    t->mark = ALIVE;
    return t;
}

static void thing_unref(struct scene *s, struct thing *t)
{
    if (atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    t->mark = 0;
    free(t);
    atomic_fetch_add(&s->ended, 1);
}

static void *read_on(void *arg)
{
    struct scene *s = arg;
    while (!atomic_load(&s->stop)) {
        unsigned at = tm_gate_enter(&s->gate);
        struct thing *t = atomic_load(&s->thing);
        atomic_fetch_add(&t->refs, 1);
        tm_gate_leave(&s->gate, at);
        bool alive = t->mark == ALIVE;
        thing_unref(s, t);
        if (!alive)
            return s;
        atomic_fetch_add(&s->reads, 1);
    }
    return NULL;
}

static void *swap_on(void *arg)
{
    struct scene *s = arg;
    for (int i = 0; i < SWAPS; i++) {
        struct thing *old = atomic_exchange(&s->thing, thing_new());
        tm_gate_wait(&s->gate);
        thing_unref(s, old);
    }
    return NULL;
}

static void readers_and_writers_at_once(void **state)
{
    (void)state;
    struct scene *s = calloc(1, sizeof(*s));
    pthread_t reader[READERS];
    pthread_t writer[2];
    atomic_init(&s->thing, thing_new());
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&reader[i], NULL, read_on, s), 0);
    while (atomic_load(&s->reads) == 0)
        ;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&writer[i], NULL, swap_on, s), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(writer[i], NULL);
    atomic_store(&s->stop, true);
    for (int i = 0; i < READERS; i++) {
        void *bad = NULL;
        pthread_join(reader[i], &bad);
        assert_null(bad);
    }
    thing_unref(s, atomic_load(&s->thing));
    assert_int_equal(atomic_load(&s->ended), 2 * SWAPS + 1);
    free(s);
}

static void *wait_at(void *arg)
{
    struct scene *s = arg;
    tm_gate_wait(&s->gate);
    atomic_store(&s->stop, true);
    return NULL;
}

static void a_writer_waits_for_who_is_inside(void **state)
{
    (void)state;
    struct scene *s = calloc(1, sizeof(*s));
    pthread_t t;
    tm_gate_wait(&s->gate); /* nobody: at once */
    unsigned at = tm_gate_enter(&s->gate);
    assert_int_equal(pthread_create(&t, NULL, wait_at, s), 0);
    for (int i = 0; i < 20; i++) {
        struct timespec ms = {.tv_nsec = 1000000};
        nanosleep(&ms, NULL);
        assert_false(atomic_load(&s->stop));
    }
    tm_gate_leave(&s->gate, at);
    pthread_join(t, NULL);
    assert_true(atomic_load(&s->stop));
    free(s);
}

static void *borrow(void *arg)
{
    struct tm_shelf *shelf = arg;
    for (int i = 0; i < 20000; i++) {
        unsigned *one = tm_shelf_take(shelf);
        if (one == NULL)
            one = calloc(1, sizeof(*one));
        if (one == NULL || ++*one == 0) /* plain: nobody else may have it */
            return shelf;
        if (!tm_shelf_put(shelf, one))
            free(one);
    }
    return NULL;
}

static void a_shelf_gives_each_object_to_one(void **state)
{
    (void)state;
    struct tm_shelf shelf = {.place = {NULL}};
    pthread_t t[READERS];
    int things[SHELF_PLACES + 1];
    assert_null(tm_shelf_take(&shelf));
    for (int i = 0; i <= SHELF_PLACES; i++)
        assert_int_equal(tm_shelf_put(&shelf, &things[i]), i < SHELF_PLACES);
    for (int i = 0; i < SHELF_PLACES; i++)
        assert_non_null(tm_shelf_take(&shelf));
    assert_null(tm_shelf_take(&shelf));
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, borrow, &shelf), 0);
    for (int i = 0; i < READERS; i++) {
        void *bad = NULL;
        pthread_join(t[i], &bad);
        assert_null(bad);
    }
    void *left;
    while ((left = tm_shelf_take(&shelf)) != NULL)
        free(left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_and_writers_at_once),
        cmocka_unit_test(a_writer_waits_for_who_is_inside),
        cmocka_unit_test(a_shelf_gives_each_object_to_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

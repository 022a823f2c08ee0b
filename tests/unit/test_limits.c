/* Limits by issuer and identity, the one use of a token, and what is counted for each entry. */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca/api/fault.h"
#include "ca/api/ledger.h"
#include "ca/api/limits.h"
#include "ca/api/once.h"
#include "ca/api/tally.h"

#define SECOND INT64_C(1000000)

static struct ca_limits *limits_of(struct ca_limits_options o)
{
    struct tm_err e = {0};
    struct ca_limits *l = ca_limits_new(&o, &e);
    if (l == NULL)
        fail_msg("%s", e.text);
    return l;
}

/* How many of `tries` at one time are allowed. */
static int allowed(struct ca_limits *l, const char *issuer, const char *san, int64_t now_us,
                   int tries)
{
    struct oidc_result who = {.principal = {.san = (char *)(uintptr_t)san}};
    int n = 0;
    snprintf(who.issuer, sizeof(who.issuer), "%s", issuer);
    for (int i = 0; i < tries; i++) {
        struct tm_err e = {0};
        int64_t retry_s = 0;
        int rc = ca_limits_take(l, &who, now_us, &retry_s, &e);
        n += rc == 0;
        assert_true(rc == 0 || (retry_s >= 1 && strstr(e.text, "too many certificates") != NULL));
    }
    return n;
}

static void a_burst_is_allowed_and_then_the_rate(void **state)
{
    (void)state;
    struct ca_limits *l = limits_of((struct ca_limits_options){.identity = {60, 5}});
    int64_t t = 1000 * SECOND;
    assert_int_equal(allowed(l, "i", "a", t, 20), 5);
    assert_int_equal(allowed(l, "i", "b", t, 20), 5); /* another identity */
    assert_int_equal(allowed(l, "j", "a", t, 20), 5); /* another issuer's */
    assert_int_equal(allowed(l, "i", "a", t + SECOND, 20), 1);
    assert_int_equal(allowed(l, "i", "a", t + 3 * SECOND, 20), 2);
    assert_int_equal(allowed(l, "i", "a", t + 3600 * SECOND, 20), 5); /* no more than the burst */
    ca_limits_free(l);
}

static void retry_after_is_when_there_is_room(void **state)
{
    (void)state;
    struct ca_limits *l = limits_of((struct ca_limits_options){.issuer = {2, 1}});
    struct oidc_result who = {.issuer = "i", .principal = {.san = (char *)(uintptr_t) "a"}};
    int64_t retry_s = 0;
    struct tm_err e = {0};
    assert_int_equal(ca_limits_take(l, &who, SECOND, &retry_s, &e), 0);
    assert_int_equal(ca_limits_take(l, &who, SECOND, &retry_s, &e), -1);
    assert_in_range(retry_s, 30, 31);
    assert_int_equal(ca_limits_take(l, &who, (1 + retry_s) * SECOND, &retry_s, &e), 0);
    ca_limits_free(l);
}

static void an_identity_over_its_limit_costs_its_issuer_nothing(void **state)
{
    (void)state;
    struct ca_limits *l = limits_of((struct ca_limits_options){{60, 10}, {60, 2}});
    assert_int_equal(allowed(l, "i", "a", SECOND, 100), 2);
    assert_int_equal(allowed(l, "i", "b", SECOND, 100), 2);
    assert_int_equal(allowed(l, "i", "c", SECOND, 2) + allowed(l, "i", "d", SECOND, 2), 4);
    assert_int_equal(allowed(l, "i", "e", SECOND, 5), 2); /* the issuer's tenth */
    assert_int_equal(allowed(l, "i", "f", SECOND, 5), 0);
    assert_int_equal(allowed(l, "i", "f", 2 * SECOND, 5), 1); /* and it was not taken from f */
    ca_limits_free(l);
}

static void what_came_to_nothing_is_given_back_less_the_time_that_passed(void **state)
{
    (void)state;
    struct ca_limits *l = limits_of((struct ca_limits_options){{60, 2}, {60, 2}});
    struct oidc_result who = {.issuer = "i", .principal = {.san = (char *)(uintptr_t) "a"}};
    assert_int_equal(allowed(l, "i", "a", SECOND, 5), 2);
    ca_limits_give_back(l, &who, SECOND, SECOND);
    assert_int_equal(allowed(l, "i", "a", SECOND, 5), 1);
    ca_limits_give_back(l, &who, SECOND, SECOND + SECOND / 2);
    assert_int_equal(allowed(l, "i", "a", SECOND + SECOND / 2, 5), 1);
    assert_int_equal(allowed(l, "i", "b", 10 * SECOND, 5), 2);
    who.principal.san = (char *)(uintptr_t) "b";
    ca_limits_give_back(l, &who, SECOND, 10 * SECOND); /* long since free again */
    assert_int_equal(allowed(l, "i", "b", 10 * SECOND, 5), 0);
    ca_limits_give_back(NULL, &who, SECOND, SECOND);
    ca_limits_free(l);
}

static void many_identities_do_not_grow_the_memory_or_free_the_busy(void **state)
{
    (void)state;
    struct ca_limits *l = limits_of((struct ca_limits_options){.identity = {1, 3}});
    assert_int_equal(allowed(l, "i", "busy", SECOND, 5), 3);
    for (int i = 0; i < 20000; i++) {
        char san[32];
        snprintf(san, sizeof(san), "made-up-%d", i);
        (void)allowed(l, "i", san, SECOND, 1);
    }
    assert_int_equal(allowed(l, "i", "busy", SECOND, 5), 0);
    ca_limits_free(l);
}

static void without_limits_there_is_nothing(void **state)
{
    (void)state;
    struct tm_err e = {0};
    const struct ca_limits_options none = {0};
    assert_null(ca_limits_new(&none, &e));
    assert_string_equal(e.text, "");
    assert_int_equal(allowed(NULL, "i", "a", 0, 10), 10);
}

static struct oidc_token_use use_of(unsigned n, int64_t until_s)
{
    struct oidc_token_use u = {.until_s = until_s};
    memcpy(u.id, &n, sizeof(n));
    memcpy(u.id + 8, &n, sizeof(n));
    return u;
}

static enum ca_once_status claim(struct ca_once *o, const struct oidc_token_use *u, int64_t now_s)
{
    void *ticket = NULL;
    struct tm_err e = {0};
    struct ca_once_claim c = {.use = u};
    return o->claim(o->ctx, &c, now_s, NULL, &ticket, &e);
}

static void release(struct ca_once *o, const struct oidc_token_use *u, int64_t now_s)
{
    const struct ca_once_claim c = {.use = u, .held = true};
    o->release(o->ctx, &c, now_s);
}

static void a_token_is_used_once_until_it_expires_or_is_given_back(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct ca_once *o = ca_once_memory_new(-1, 16, -1, &e);
    struct oidc_token_use a = use_of(1, 200);
    struct oidc_token_use b = use_of(2, 200);
    assert_int_equal(claim(o, &a, 100), ONCE_FIRST);
    assert_int_equal(claim(o, &a, 100), ONCE_USED);
    assert_int_equal(claim(o, &a, 199), ONCE_USED);
    assert_int_equal(claim(o, &b, 100), ONCE_FIRST);
    release(o, &a, 100);
    assert_int_equal(claim(o, &a, 100), ONCE_FIRST);
    assert_int_equal(claim(o, &a, 100), ONCE_USED);
    release(o, &a, 100);
    release(o, &a, 100);
    assert_int_equal(claim(o, &b, 100), ONCE_USED);
    ca_once_memory_free(o);
}

static void a_full_store_forgets_no_token_that_is_valid(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct ca_once *o = ca_once_memory_new(-1, 1, -1, &e);
    for (unsigned i = 0; i < LEDGER_WAYS; i++) {
        struct oidc_token_use u = use_of(i, 200 + i);
        assert_int_equal(claim(o, &u, 100), ONCE_FIRST);
    }
    struct oidc_token_use more = use_of(1000, 300);
    assert_int_equal(claim(o, &more, 100), ONCE_UNKNOWN);
    assert_int_equal(claim(o, &more, 200), ONCE_FIRST); /* the first has expired */
    for (unsigned i = 1; i < LEDGER_WAYS; i++) {
        struct oidc_token_use u = use_of(i, 200 + i);
        assert_int_equal(claim(o, &u, 200), ONCE_USED);
    }
    ca_once_memory_free(o);
}

static void of_a_token_older_than_the_memory_it_cannot_tell(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct ca_once *o = ca_once_memory_new(-1, 16, 100, &e);
    struct oidc_token_use older = use_of(1, 200);
    struct oidc_token_use newer = use_of(2, 200);
    struct oidc_token_use undated = use_of(3, 200);
    older.from_s = 99;
    newer.from_s = 101;
    struct oidc_token_use then = use_of(4, 200);
    then.from_s = 100;
    assert_int_equal(claim(o, &older, 110), ONCE_YOUNG);
    assert_int_equal(claim(o, &newer, 110), ONCE_FIRST);
    assert_int_equal(claim(o, &then, 110), ONCE_YOUNG); /* used just before it began */
    assert_int_equal(claim(o, &undated, 110), ONCE_YOUNG);
    assert_int_equal(claim(o, &older, 110), ONCE_USED); /* the claim counts */
    release(o, &older, 110);
    assert_int_equal(claim(o, &older, 110), ONCE_YOUNG);
    ca_once_memory_free(o);
}

/* As a process does that has the memory for itself; it may be killed. */
static struct ca_once *next_process(int fd, int64_t now_s)
{
    struct tm_err e = {0};
    int own = dup(fd);
    assert_true(own >= 0);
    struct ca_once *o = ca_once_memory_new(own, ONCE_SETS, now_s, &e);
    assert_non_null(o);
    return o;
}

static void what_one_process_remembered_the_next_one_knows(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct oidc_token_use older = use_of(1, 900), newer = use_of(2, 900), third = use_of(3, 900);
    older.from_s = 99;
    newer.from_s = 101;
    third.from_s = 150;
    int fd = ca_once_memory_open(&e);
    assert_true(fd >= 0);
    pid_t pid = fork();
    if (pid == 0) { /* it ends without a word */
        struct ca_once *o = next_process(fd, 100);
        _exit(claim(o, &newer, 110) == ONCE_FIRST ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    struct ca_once *o = next_process(fd, 200);
    assert_int_equal(claim(o, &newer, 210), ONCE_USED);
    assert_int_equal(claim(o, &third, 210), ONCE_FIRST); /* it began at 100, not at 200 */
    assert_int_equal(claim(o, &older, 210), ONCE_YOUNG);
    ca_once_memory_free(o);
    o = next_process(fd, 300);
    assert_int_equal(claim(o, &third, 310), ONCE_USED);
    ca_once_memory_free(o);
    assert_int_equal(ftruncate(fd, 0), -1); /* under who has it mapped */
    close(fd);
}

static void who_took_nothing_gives_nothing_back(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct ca_once *o = ca_once_memory_new(-1, 16, -1, &e);
    struct oidc_token_use a = use_of(1, 200);
    struct ca_once_claim one = {.use = &a}, two = {.use = &a};
    void *ticket = NULL;
    assert_int_equal(o->claim(o->ctx, &one, 100, NULL, &ticket, &e), ONCE_FIRST);
    assert_int_equal(o->claim(o->ctx, &two, 100, NULL, &ticket, &e), ONCE_USED);
    o->release(o->ctx, &two, 100);
    assert_int_equal(claim(o, &a, 100), ONCE_USED);
    ca_once_memory_free(o);
}

struct race {
    struct ca_once *once;
    atomic_int first;
};

static void *claim_all(void *arg)
{
    struct race *r = arg;
    for (unsigned i = 0; i < 2000; i++) {
        struct oidc_token_use u = use_of(i, 1000);
        atomic_fetch_add(&r->first, claim(r->once, &u, 1) == ONCE_FIRST);
    }
    return NULL;
}

static void of_many_threads_one_gets_each_token(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct race r = {.once = ca_once_memory_new(-1, 1024, -1, &e)};
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, claim_all, &r), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(atomic_load(&r.first), 2000);
    ca_once_memory_free(r.once);
}

static void entries_are_counted_apart_and_their_number_is_bounded(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf out = {0};
    struct ca_tally *t = ca_tally_new(&e);
    struct ca_api_failure f = {.fault = API_FAULT_TOKEN, .reason = OIDC_REASON_RULES};
    ca_tally_issued(t, "https://*.a\"b");
    ca_tally_issued(t, "https://*.a\"b");
    ca_tally_refused(t, "https://*.a\"b", ca_api_reason_index(&f));
    ca_tally_issued(t, "");
    ca_tally_render(t, &out);
    assert_non_null(strstr(tm_buf_str(&out), "issued_total{issuer=\"https://*.a\\\"b\"} 2\n"));
    assert_non_null(strstr(tm_buf_str(&out),
                           "refused_total{issuer=\"https://*.a\\\"b\",reason=\"rules\"} 1\n"));
    assert_null(strstr(tm_buf_str(&out), "issuer=\"\""));
    for (int i = 0; i < 5000; i++) {
        char entry[32];
        snprintf(entry, sizeof(entry), "https://%d", i);
        ca_tally_issued(t, entry);
    }
    tm_buf_reset(&out);
    ca_tally_render(t, &out);
    assert_true(out.len < 300000);
    tm_buf_free(&out);
    ca_tally_free(t);
}

static void a_refused_token_is_told_what_it_shows_itself(void **state)
{
    (void)state;
    static const char words[] = "There was an error processing the identity token: ";
    static const struct {
        enum oidc_reason reason;
        const char *says;
    } rows[] = {
        {OIDC_REASON_AUDIENCE, "the detail (request 12ab)"},
        {OIDC_REASON_EXPIRED, "the detail (request 12ab)"},
        {OIDC_REASON_ISSUER, "the detail (request 12ab)"},
        {OIDC_REASON_RULES, "rules (request 12ab)"},         /* the operator's affair */
        {OIDC_REASON_SIGNATURE, "signature (request 12ab)"}, /* so are the keys held */
        {OIDC_REASON_USED, "token_used (request 12ab)"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ca_api_failure f = {
            .fault = API_FAULT_TOKEN, .reason = rows[i].reason, .detail = {.text = "the detail"}};
        ca_api_failure_say(&f, "12ab");
        const char *said = ca_api_fault_message(&f);
        assert_int_equal(strncmp(said, words, sizeof(words) - 1), 0);
        assert_string_equal(said + sizeof(words) - 1, rows[i].says);
    }
    struct ca_api_failure other = {.fault = API_FAULT_CSR};
    ca_api_failure_say(&other, "12ab");
    assert_string_equal(ca_api_fault_message(&other),
                        "The certificate signing request could not be parsed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_allowed_and_then_the_rate),
        cmocka_unit_test(retry_after_is_when_there_is_room),
        cmocka_unit_test(an_identity_over_its_limit_costs_its_issuer_nothing),
        cmocka_unit_test(what_came_to_nothing_is_given_back_less_the_time_that_passed),
        cmocka_unit_test(many_identities_do_not_grow_the_memory_or_free_the_busy),
        cmocka_unit_test(without_limits_there_is_nothing),
        cmocka_unit_test(a_token_is_used_once_until_it_expires_or_is_given_back),
        cmocka_unit_test(of_a_token_older_than_the_memory_it_cannot_tell),
        cmocka_unit_test(a_full_store_forgets_no_token_that_is_valid),
        cmocka_unit_test(of_many_threads_one_gets_each_token),
        cmocka_unit_test(what_one_process_remembered_the_next_one_knows),
        cmocka_unit_test(who_took_nothing_gives_nothing_back),
        cmocka_unit_test(entries_are_counted_apart_and_their_number_is_bounded),
        cmocka_unit_test(a_refused_token_is_told_what_it_shows_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Used tokens in a shared store: the side that issues, the side that asks, and a store that
 * misbehaves. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ca/once/internal.h"
#include "common/clock.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/fakeredis.h"
#include "tests/support/waiting.h"

#define TIMEOUT_MS 300
#define PATIENCE_MS 20000

struct server {
    struct ca_redis_options options;
    struct tm_ipc_loop *loop;
    struct ca_once_service *service;
    struct ca_once *memory;
    struct ca_once_far *far;
    const struct ca_once *once;
    struct tm_jlog *log; /* of the side that issues; NULL: none */
    bool lenient;
};

static int64_t now_s(void)
{
    return tm_clock_wall_ms() / 1000;
}

/* Whether it is ready as is wanted, within the test's patience. */
static bool is_up(struct server *s, int want, struct tm_err *e)
{
    int64_t until_ms = tm_clock_mono_ms() + PATIENCE_MS;
    while (ca_once_far_look(s->far, e) != want) {
        if (tm_clock_mono_ms() > until_ms)
            return false;
        usleep(5000);
    }
    return true;
}

static void server_start(struct server *s, const struct fakeredis *store)
{
    struct tm_err e = {0};
    int fd[2];
    s->options = (struct ca_redis_options){.url = fakeredis_url(store), .timeout_ms = TIMEOUT_MS};
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    s->loop = tm_ipc_loop_new(NULL, NULL, 0, &e);
    assert_non_null(s->loop);
    s->service = ca_once_service_new(fd[0], s->loop, &s->options, s->lenient, &e);
    s->memory = ca_once_memory_new(-1, 64, now_s(), &e);
    assert_non_null(s->memory);
    s->far = ca_once_far_new(fd[1], s->memory, s->lenient, s->log, &e);
    assert_non_null(s->service);
    assert_non_null(s->far);
    s->once = ca_once_far_store(s->far);
    assert_int_equal(tm_ipc_loop_start(s->loop, &e), 0);
    assert_int_equal(ca_once_service_start(s->service, &e), 0);
}

static void stop_service(struct server *s)
{
    if (s->loop == NULL)
        return;
    tm_ipc_loop_join(s->loop);
    ca_once_service_free(s->service);
    tm_ipc_loop_free(s->loop);
    s->loop = NULL;
}

static void server_stop(struct server *s)
{
    ca_once_far_stop(s->far);
    stop_service(s);
    ca_once_far_free(s->far);
    ca_once_memory_free(s->memory);
}

/* ---- a token ---- */

struct claim {
    struct oidc_token_use use;
    struct ca_once_claim claim;
    struct waiting waiting;
    struct oidc_waiter waiter;
    void *ticket;
    enum ca_once_status status; /* what claim() said */
    struct tm_err why;
};

/* Asks of token number `id`, which is good from then on, and does not wait. */
static void begin_from(const struct server *s, struct claim *c, unsigned id, int64_t from_s)
{
    *c = (struct claim){.waiting = WAITING_INIT, .claim = {.use = &c->use}};
    memcpy(c->use.id, &id, sizeof(id));
    c->use.from_s = from_s;
    c->use.until_s = now_s() + 600;
    c->waiter = (struct oidc_waiter){waiting_wake, &c->waiting};
    c->status = s->once->claim(s->once->ctx, &c->claim, now_s(), &c->waiter, &c->ticket, &c->why);
}

static void begin(const struct server *s, struct claim *c, unsigned id, int64_t age_s)
{
    begin_from(s, c, id, now_s() - age_s);
}

static enum ca_once_status settle(const struct server *s, struct claim *c)
{
    if (c->status != ONCE_WAIT)
        return c->status;
    assert_int_equal(waiting_for(&c->waiting, 1), 0);
    return s->once->collect(s->once->ctx, c->ticket, &c->waiter, &c->why);
}

#define NEW_S (-60) /* issued after the store began to remember, whatever second that was */

static enum ca_once_status claim(const struct server *s, struct claim *c, unsigned id)
{
    begin(s, c, id, NEW_S);
    return settle(s, c);
}

/* Nothing says when a release has been carried out: until the store has as many keys. */
static bool has_keys(struct fakeredis *store, size_t want)
{
    int64_t until_ms = tm_clock_mono_ms() + PATIENCE_MS;
    while (fakeredis_keys(store) != want) {
        if (tm_clock_mono_ms() > until_ms)
            return false;
        usleep(5000);
    }
    return true;
}

/* ---- tests ---- */

/* A server counts as ready until it says otherwise: an answered claim says that it is. */
static void begins_as(struct fakeredis **store, struct server *s, bool lenient)
{
    struct claim c;
    *store = fakeredis_new();
    *s = (struct server){.lenient = lenient};
    server_start(s, *store);
    assert_int_equal(claim(s, &c, UINT_MAX), ONCE_FIRST);
    s->once->release(s->once->ctx, &c.claim, now_s());
    assert_true(has_keys(*store, 0));
}

static void begins(struct fakeredis **store, struct server *s)
{
    begins_as(store, s, false);
}

static void ends(struct fakeredis *store, struct server *s)
{
    server_stop(s);
    fakeredis_free(store);
}

static void a_token_is_the_first_claims_until_it_is_released(void **state)
{
    struct fakeredis *store;
    struct server s;
    struct claim c, d;
    (void)state;
    begins(&store, &s);
    assert_int_equal(claim(&s, &c, 1), ONCE_FIRST);
    assert_int_equal(claim(&s, &d, 1), ONCE_USED);
    assert_int_equal(claim(&s, &d, 2), ONCE_FIRST);
    /* A release is behind the claims before it, and in front of those after it. */
    s.once->release(s.once->ctx, &c.claim, now_s());
    assert_int_equal(claim(&s, &d, 1), ONCE_FIRST);
    /* It is another's now: a second release by the first one gives nothing back. */
    s.once->release(s.once->ctx, &c.claim, now_s());
    assert_int_equal(claim(&s, &c, 1), ONCE_USED);
    ends(store, &s);
}

static void another_server_knows_what_this_one_has_taken(void **state)
{
    struct fakeredis *store;
    struct server s;
    struct claim c, d;
    (void)state;
    begins(&store, &s);
    assert_int_equal(claim(&s, &c, 1), ONCE_FIRST);
    server_stop(&s);
    server_start(&s, store);
    assert_int_equal(claim(&s, &d, 2), ONCE_FIRST);
    assert_int_equal(claim(&s, &d, 1), ONCE_USED);
    /* Its claim has the same number, and not the same name. */
    assert_int_equal(d.claim.number, c.claim.number);
    s.once->release(s.once->ctx, &d.claim, now_s());
    assert_int_equal(claim(&s, &d, 1), ONCE_USED);
    ends(store, &s);
}

#define TOKENS 300

static void of_many_claims_at_once_one_for_each_token_is_the_first(void **state)
{
    static struct claim c[2 * TOKENS];
    struct fakeredis *store;
    struct server s;
    size_t count[ONCE_UNKNOWN + 1] = {0};
    (void)state;
    begins(&store, &s);
    for (unsigned i = 0; i < 2 * TOKENS; i++)
        begin(&s, &c[i], i % TOKENS, NEW_S);
    for (unsigned i = 0; i < 2 * TOKENS; i++)
        count[settle(&s, &c[i])]++;
    assert_int_equal(count[ONCE_FIRST], TOKENS);
    assert_int_equal(count[ONCE_USED], TOKENS);
    assert_int_equal(fakeredis_connections(store), 1);
    ends(store, &s);
}

/* What the store did without an answer is undone as soon as it answers again. */
static void takes_back(enum fakeredis_mode mode, const char *why)
{
    struct fakeredis *store;
    struct server s;
    struct claim c;
    struct tm_err e = {0};
    begins(&store, &s);
    fakeredis_set(store, mode);
    assert_int_equal(claim(&s, &c, 1), ONCE_UNKNOWN);
    assert_non_null(strstr(c.why.text, "the store of used tokens: "));
    assert_non_null(strstr(c.why.text, why));
    assert_true(is_up(&s, -1, &e));
    assert_non_null(strstr(e.text, why));
    assert_int_equal(fakeredis_keys(store), 1);
    fakeredis_set(store, FAKEREDIS_GOOD);
    assert_true(is_up(&s, 0, &e));
    assert_true(has_keys(store, 0));
    assert_int_equal(claim(&s, &c, 1), ONCE_FIRST);
    ends(store, &s);
}

static void a_claim_whose_answer_is_late_is_unknown_and_taken_back(void **state)
{
    (void)state;
    takes_back(FAKEREDIS_SILENT, "no answer within 300 ms");
}

static void a_claim_whose_connection_is_lost_is_unknown_and_taken_back(void **state)
{
    (void)state;
    takes_back(FAKEREDIS_HANGS_UP, "it closed the connection");
}

/* A claim may be asked twice: the key is its own already. */
static void a_connection_that_is_lost_once_is_made_anew(void **state)
{
    struct fakeredis *store;
    struct server s;
    struct claim c;
    (void)state;
    begins(&store, &s);
    fakeredis_set(store, FAKEREDIS_STUMBLES);
    assert_int_equal(claim(&s, &c, 1), ONCE_FIRST);
    assert_int_equal(fakeredis_connections(store), 2);
    ends(store, &s);
}

/* While the store is away nobody waits for it. */
static void a_store_that_refuses_is_away_until_it_does_not(void **state)
{
    struct fakeredis *store;
    struct server s;
    struct claim c;
    struct tm_err e = {0};
    (void)state;
    begins(&store, &s);
    fakeredis_set(store, FAKEREDIS_LOADING);
    assert_int_equal(claim(&s, &c, 1), ONCE_UNKNOWN);
    assert_non_null(strstr(c.why.text, "is refused: LOADING"));
    assert_true(is_up(&s, -1, &e));
    assert_int_equal(claim(&s, &c, 1), ONCE_UNKNOWN);
    fakeredis_set(store, FAKEREDIS_GOOD);
    assert_true(is_up(&s, 0, &e));
    assert_int_equal(claim(&s, &c, 1), ONCE_FIRST);
    ends(store, &s);
}

static void a_store_that_keeps_nothing_vouches_for_nothing(void **state)
{
    struct fakeredis *store;
    struct server s;
    struct claim c;
    (void)state;
    begins(&store, &s);
    fakeredis_set(store, FAKEREDIS_FORGETFUL);
    assert_int_equal(claim(&s, &c, 1), ONCE_UNKNOWN);
    assert_string_equal(c.why.text, "the store does not keep what it is given");
    ends(store, &s);
}

static void of_tokens_from_before_the_store_forgot_nothing_is_known(void **state)
{
    struct fakeredis *store;
    struct server s;
    struct claim c;
    (void)state;
    begins(&store, &s);
    assert_int_equal(claim(&s, &c, 1), ONCE_FIRST);
    fakeredis_forget(store);
    server_stop(&s); /* another server, which has not used it; nor does the store know */
    server_start(&s, store);
    begin(&s, &c, 1, 30);
    assert_int_equal(settle(&s, &c), ONCE_YOUNG);
    assert_non_null(strstr(c.why.text, "before the store began to remember"));
    begin(&s, &c, 2, 30);
    assert_int_equal(settle(&s, &c), ONCE_YOUNG);
    begin(&s, &c, 2, 30); /* from now on it does */
    assert_int_equal(settle(&s, &c), ONCE_USED);
    assert_int_equal(claim(&s, &c, 3), ONCE_FIRST);
    ends(store, &s);
}

static void of_tokens_that_could_be_used_when_it_began_nothing_is_known(void **state)
{
    struct fakeredis *store;
    struct server s;
    struct claim c;
    char begin_text[24];
    int64_t begun_s = now_s() - 100;
    (void)state;
    begins(&store, &s);
    fakeredis_forget(store);
    snprintf(begin_text, sizeof(begin_text), "%" PRId64, begun_s);
    fakeredis_put(store, "tenmint:used:begin", begin_text);
    begin_from(&s, &c, 1, begun_s);
    assert_int_equal(settle(&s, &c), ONCE_YOUNG);
    begin_from(&s, &c, 2, begun_s + 30 - 60); /* its iat is ahead by less than the skew */
    assert_int_equal(settle(&s, &c), ONCE_YOUNG);
    begin_from(&s, &c, 3, begun_s + 1);
    assert_int_equal(settle(&s, &c), ONCE_FIRST);
    ends(store, &s);
}

static void a_beginning_that_is_no_time_is_none(void **state)
{
    static const char *const values[] = {"", "soon", "-1", "1e3", "12345678901234567890"};
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct fakeredis *store;
        struct server s;
        struct claim c;
        begins(&store, &s);
        fakeredis_forget(store);
        fakeredis_put(store, "tenmint:used:begin", values[i]);
        assert_int_equal(claim(&s, &c, 1), ONCE_YOUNG);
        ends(store, &s);
    }
}

/* The store refuses an end that it cannot count, and a refusal would be everybody's. */
static void a_token_that_ends_never_or_long_ago_is_a_token_too(void **state)
{
    static const int64_t ends_s[] = {INT64_MAX, INT64_MAX / 1000, 0, INT64_MIN};
    struct fakeredis *store;
    struct server s;
    (void)state;
    begins(&store, &s);
    for (unsigned i = 0; i < sizeof(ends_s) / sizeof(ends_s[0]); i++) {
        struct claim c = {.waiting = WAITING_INIT, .claim = {.use = &c.use}};
        c.use.id[0] = (unsigned char)i;
        c.use.until_s = ends_s[i];
        c.use.from_s = now_s() - NEW_S;
        c.waiter = (struct oidc_waiter){waiting_wake, &c.waiting};
        c.status = s.once->claim(s.once->ctx, &c.claim, now_s(), &c.waiter, &c.ticket, &c.why);
        assert_int_equal(settle(&s, &c), ONCE_FIRST);
    }
    ends(store, &s);
}

static void who_gives_up_is_woken_and_the_token_is_given_back(void **state)
{
    struct fakeredis *store;
    struct server s;
    struct claim c;
    (void)state;
    begins(&store, &s);
    fakeredis_set(store, FAKEREDIS_SILENT); /* given up before the answer ... */
    begin(&s, &c, 1, NEW_S);
    assert_int_equal(c.status, ONCE_WAIT);
    s.once->cancel(s.once->ctx, &c.claim, c.ticket, now_s());
    fakeredis_set(store, FAKEREDIS_GOOD);
    assert_int_equal(waiting_for(&c.waiting, 1), 0);
    assert_true(has_keys(store, 0));
    struct tm_err e = {0};
    assert_true(is_up(&s, 0, &e));
    begin(&s, &c, 1, NEW_S); /* ... and after it */
    assert_int_equal(waiting_for(&c.waiting, 1), 0);
    s.once->cancel(s.once->ctx, &c.claim, c.ticket, now_s());
    assert_true(has_keys(store, 0));
    assert_int_equal(c.waiting.wakes, 1);
    ends(store, &s);
}

static void who_waits_is_answered_when_a_process_ends(void **state)
{
    struct fakeredis *store;
    struct server s;
    struct claim c;
    struct tm_err e = {0};
    (void)state;
    begins(&store, &s);
    fakeredis_set(store, FAKEREDIS_SILENT);
    begin(&s, &c, 1, NEW_S);
    ca_once_far_stop(s.far); /* this one: it is told at once */
    assert_int_equal(settle(&s, &c), ONCE_UNKNOWN);
    assert_string_equal(c.why.text, "the server stops");
    ends(store, &s);

    begins(&store, &s);
    stop_service(&s); /* the one that asks */
    assert_true(is_up(&s, -1, &e));
    assert_int_equal(claim(&s, &c, 1), ONCE_UNKNOWN);
    assert_string_not_equal(c.why.text, "");
    ends(store, &s);
}

/* Whether the metrics say so, within the test's patience. */
static bool metrics_say(struct server *s, const char *line)
{
    int64_t until_ms = tm_clock_mono_ms() + PATIENCE_MS;
    bool found = false;
    while (!found && tm_clock_mono_ms() < until_ms) {
        struct tm_buf out = {0};
        ca_once_far_metrics(s->far, &out);
        found = strstr(tm_buf_str(&out), line) != NULL;
        tm_buf_free(&out);
        usleep(5000);
    }
    return found;
}

/* The store carried it out, or never heard of it: the certificate left, so it counts as used here,
 * and, as soon as the store is there, at the other servers. */
static void what_was_let_in_unknown_stays_used(void **state)
{
    static const enum fakeredis_mode modes[] = {FAKEREDIS_SILENT, FAKEREDIS_HANGS_UP,
                                                FAKEREDIS_LOADING};
    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct fakeredis *store;
        struct server s, other = {0};
        struct claim c, d;
        struct tm_err e = {0};
        begins_as(&store, &s, true);
        fakeredis_set(store, modes[i]);
        assert_int_equal(claim(&s, &c, 1), ONCE_UNKNOWN);
        assert_int_equal(claim(&s, &d, 1), ONCE_USED);
        assert_true(is_up(&s, -1, &e));
        assert_int_equal(claim(&s, &c, 2), ONCE_UNKNOWN); /* it is not even asked */
        assert_int_equal(claim(&s, &d, 2), ONCE_USED);
        fakeredis_set(store, FAKEREDIS_GOOD);
        assert_true(is_up(&s, 0, &e));
        assert_true(has_keys(store, 2));
        server_stop(&s); /* the fake takes one connection at a time */
        server_start(&other, store);
        assert_int_equal(claim(&other, &d, 1), ONCE_USED);
        assert_int_equal(claim(&other, &d, 2), ONCE_USED);
        ends(store, &other);
    }
}

/* Two requests with one token wait for an answer at the same time, and it does not come. */
static void of_two_that_nobody_can_tell_of_one_is_let_in(void **state)
{
    struct fakeredis *store;
    struct server s;
    struct claim c, d;
    (void)state;
    begins_as(&store, &s, true);
    fakeredis_set(store, FAKEREDIS_SILENT);
    begin(&s, &c, 1, NEW_S);
    begin(&s, &d, 1, NEW_S);
    assert_int_equal(d.status, ONCE_WAIT);
    assert_int_equal(settle(&s, &c), ONCE_UNKNOWN);
    assert_int_equal(settle(&s, &d), ONCE_USED);
    ends(store, &s);
}

/* How often a log, which ends, has told of a token that another server let in, too. */
static unsigned told_of_others(struct tm_jlog *log, int fd)
{
    char text[4096] = {0};
    unsigned n = 0;
    tm_jlog_free(log);
    assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
    close(fd);
    for (const char *at = text; (at = strstr(at, "used at another server, too")) != NULL; at++)
        n++;
    return n;
}

/* Two requests with one token while the store is away: one of them came to nothing, and what the
 * store hears of either when it is back is this server's own. Another server's mark is not. */
static void only_what_another_server_let_in_too_is_told_of(void **state)
{
    (void)state;
    for (unsigned others = 0; others <= 1; others++) {
        struct fakeredis *store;
        struct claim c, d, last;
        struct tm_err e = {0};
        int fd = memfd_create("log", MFD_CLOEXEC);
        struct server s = {.lenient = true, .log = tm_jlog_new(fd, JLOG_WARN)};
        assert_non_null(s.log);
        store = fakeredis_new();
        server_start(&s, store);
        assert_int_equal(claim(&s, &c, UINT_MAX), ONCE_FIRST);
        fakeredis_set(store, FAKEREDIS_LOADING);
        begin(&s, &c, 1, NEW_S);
        begin(&s, &d, 1, NEW_S);
        assert_int_equal(settle(&s, &c), ONCE_UNKNOWN);
        assert_int_equal(settle(&s, &d), ONCE_USED);
        assert_true(is_up(&s, -1, &e)); /* it is told after the claims */
        if (others != 0)                /* 1, as ids are written here */
            fakeredis_put(store, "tenmint:used:01000000000000000000000000000000",
                          "0123456789abcdef:1");
        fakeredis_set(store, FAKEREDIS_GOOD);
        assert_true(is_up(&s, 0, &e));
        assert_true(has_keys(store, 2));
        assert_int_equal(claim(&s, &last, 2), ONCE_FIRST); /* behind what was asked again */
        server_stop(&s);
        assert_int_equal(told_of_others(s.log, fd), 2 * others); /* for either request */
        fakeredis_free(store);
    }
}

/* No certificate left after all: the token is free here, and in the store. */
static void what_was_let_in_unknown_may_be_given_back(void **state)
{
    struct fakeredis *store;
    struct server s;
    struct claim c;
    struct tm_err e = {0};
    (void)state;
    begins_as(&store, &s, true);
    fakeredis_set(store, FAKEREDIS_HANGS_UP);
    assert_int_equal(claim(&s, &c, 1), ONCE_UNKNOWN);
    s.once->release(s.once->ctx, &c.claim, now_s());
    fakeredis_set(store, FAKEREDIS_GOOD);
    assert_true(is_up(&s, 0, &e));
    assert_true(has_keys(store, 0));
    assert_int_equal(claim(&s, &c, 1), ONCE_FIRST);
    ends(store, &s);
}

/* What it has let in the server knows, whatever became of the store's key. */
static void what_the_store_forgot_the_server_still_knows(void **state)
{
    struct fakeredis *store;
    struct server s;
    struct claim c, d;
    (void)state;
    begins(&store, &s);
    assert_int_equal(claim(&s, &c, 1), ONCE_FIRST);
    fakeredis_forget(store);
    assert_int_equal(claim(&s, &d, 1), ONCE_USED);
    ends(store, &s);
}

static void a_store_that_may_evict_is_of_no_use(void **state)
{
    static const char *const infos[] = {"1048576 allkeys-lru", "1 volatile-ttl"};
    (void)state;
    for (size_t i = 0; i < sizeof(infos) / sizeof(infos[0]); i++) {
        struct fakeredis *store = fakeredis_new();
        struct server s = {0};
        struct claim c;
        struct tm_err e = {0};
        fakeredis_evicts(store, infos[i]);
        server_start(&s, store);
        assert_true(is_up(&s, -1, &e));
        assert_non_null(strstr(e.text, "it may evict keys (maxmemory "));
        assert_non_null(strstr(e.text, "want maxmemory-policy noeviction"));
        assert_int_equal(claim(&s, &c, 1), ONCE_UNKNOWN);
        assert_true(metrics_say(&s, "tenmint_token_store_evicts 1\n"));
        fakeredis_evicts(store, "1048576 noeviction"); /* mended: no restart is needed */
        assert_true(is_up(&s, 0, &e));
        assert_int_equal(claim(&s, &c, 1), ONCE_FIRST);
        assert_true(metrics_say(&s, "tenmint_token_store_evicts 0\n"));
        ends(store, &s);
    }
}

/* Without a bound, no policy evicts; what is not known, or does not matter, is said and no more. */
static void a_store_that_may_evict_is_told_of_in_the_metrics(void **state)
{
    static const struct {
        const char *info;
        bool lenient;
        const char *line;
    } rows[] = {{"0 allkeys-lru", false, "tenmint_token_store_evicts 0\n"},
                {NULL, false, "tenmint_token_store_evicts NaN\n"},
                {"1 allkeys-lru", true, "tenmint_token_store_evicts 1\n"}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fakeredis *store = fakeredis_new();
        struct server s = {.lenient = rows[i].lenient};
        struct claim c;
        fakeredis_evicts(store, rows[i].info);
        server_start(&s, store);
        assert_true(metrics_say(&s, rows[i].line));
        assert_int_equal(claim(&s, &c, 1), ONCE_FIRST);
        ends(store, &s);
    }
}

static void the_metrics_count_the_answers(void **state)
{
    static const char *const lines[] = {
        "tenmint_token_store_up 1\n",
        "tenmint_token_store_claims_total{answer=\"first\"} 2\n",
        "tenmint_token_store_claims_total{answer=\"used\"} 2\n",
        "tenmint_token_store_claims_total{answer=\"unknown\"} 1\n",
    };
    struct fakeredis *store;
    struct server s;
    struct claim c;
    struct tm_buf out = {0};
    (void)state;
    begins(&store, &s);
    assert_int_equal(claim(&s, &c, 1), ONCE_FIRST);
    assert_int_equal(claim(&s, &c, 1), ONCE_USED);
    assert_int_equal(claim(&s, &c, 1), ONCE_USED);
    fakeredis_set(store, FAKEREDIS_FORGETFUL);
    assert_int_equal(claim(&s, &c, 2), ONCE_UNKNOWN);
    ca_once_far_metrics(s.far, &out);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_non_null(strstr(tm_buf_str(&out), lines[i]));
    tm_buf_free(&out);
    ends(store, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_the_first_claims_until_it_is_released),
        cmocka_unit_test(another_server_knows_what_this_one_has_taken),
        cmocka_unit_test(of_many_claims_at_once_one_for_each_token_is_the_first),
        cmocka_unit_test(a_claim_whose_answer_is_late_is_unknown_and_taken_back),
        cmocka_unit_test(a_claim_whose_connection_is_lost_is_unknown_and_taken_back),
        cmocka_unit_test(a_connection_that_is_lost_once_is_made_anew),
        cmocka_unit_test(a_store_that_refuses_is_away_until_it_does_not),
        cmocka_unit_test(a_store_that_keeps_nothing_vouches_for_nothing),
        cmocka_unit_test(of_tokens_from_before_the_store_forgot_nothing_is_known),
        cmocka_unit_test(of_tokens_that_could_be_used_when_it_began_nothing_is_known),
        cmocka_unit_test(a_beginning_that_is_no_time_is_none),
        cmocka_unit_test(a_token_that_ends_never_or_long_ago_is_a_token_too),
        cmocka_unit_test(who_gives_up_is_woken_and_the_token_is_given_back),
        cmocka_unit_test(who_waits_is_answered_when_a_process_ends),
        cmocka_unit_test(the_metrics_count_the_answers),
        cmocka_unit_test(what_was_let_in_unknown_stays_used),
        cmocka_unit_test(of_two_that_nobody_can_tell_of_one_is_let_in),
        cmocka_unit_test(only_what_another_server_let_in_too_is_told_of),
        cmocka_unit_test(what_was_let_in_unknown_may_be_given_back),
        cmocka_unit_test(what_the_store_forgot_the_server_still_knows),
        cmocka_unit_test(a_store_that_may_evict_is_of_no_use),
        cmocka_unit_test(a_store_that_may_evict_is_told_of_in_the_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A key of a service asked for by another process: common/kms/lane.h, with the service in between
 * (tests/support/fake_kms.py), and signatures that wait on threads of their own. */
#include "tests/support/cmocka_all.h"
#include "tests/support/fakekms.h"

#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fetch/fetch.h"
#include "common/kms/lane_internal.h"
#include "common/offload.h"

static struct fake_kms fake;

static int start_fake(void **state)
{
    (void)state;
    int rc = fake_kms_start(&fake, "20");
    setenv("VAULT_ADDR", fake.base, 1);
    setenv("VAULT_TOKEN", "static-token", 1);
    return rc;
}

static int stop_fake(void **state)
{
    (void)state;
    return fake_kms_stop(&fake);
}

static void set_fault(const char *kind, unsigned count)
{
    char url[96], body[64];
    snprintf(url, sizeof(url), "%s/_fault", fake.base);
    snprintf(body, sizeof(body), "{\"kind\":\"%s\",\"count\":%u}", kind, count);
    struct tm_err e = {0};
    struct tm_fetch_response r;
    const struct tm_fetch_request q = {
        .url = url, .post_body = body, .post_len = strlen(body), .put = true};
    assert_int_equal(tm_fetch_run(&q, &r, &e), 0);
    tm_fetch_response_free(&r);
}

/* ---- both sides ---- */

struct both {
    const char *uri; /* where the key is, by the side that asks the service */
    struct tm_ipc_loop *loop;
    struct tm_kms_lane *lane;
    struct tm_kms_asker *asker;
    struct tm_key_far far;
};

static int where(void *ctx, struct tm_key_uri *u, struct tm_err *e)
{
    const struct both *b = ctx;
    return tm_key_uri_parse(b->uri, strlen(b->uri), u, e);
}

static void begin(struct both *b, const char *uri)
{
    struct tm_err e = {0};
    int fd[2];
    b->uri = uri;
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    b->loop = tm_ipc_loop_new(NULL, NULL, 0, &e);
    const struct tm_kms_lane_options o = {.role = "test", .where = where, .ctx = b};
    b->lane = tm_kms_lane_new(fd[0], b->loop, &o, &e);
    assert_non_null(b->lane);
    assert_int_equal(tm_ipc_loop_start(b->loop, &e), 0);
    b->asker = tm_kms_asker_new(fd[1], &e);
    assert_non_null(b->asker);
    b->far = tm_kms_asker_far(b->asker);
}

static void end(struct both *b)
{
    tm_kms_asker_free(b->asker);
    tm_ipc_loop_join(b->loop);
    tm_kms_lane_free(b->lane);
    tm_ipc_loop_free(b->loop);
}

static struct tm_key *open_key(struct both *b, struct tm_err *e)
{
    const struct tm_key_source s = {.uri = "vault:it-knows-which", .far = &b->far};
    return tm_key_open(&s, "CA key", e);
}

static bool signs(struct tm_key *k, struct tm_err *e)
{
    unsigned char sig[256];
    size_t len = sizeof(sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, tm_key_pkey(k), NULL) == 1 &&
              EVP_DigestSign(ctx, sig, &len, (const unsigned char *)"text", 4) == 1;
    EVP_MD_CTX_free(ctx);
    if (!ok)
        tm_err_openssl(e, "sign");
    return ok;
}

static void a_key_signs_for_another_process_and_so_does_the_one_that_follows_it(void **state)
{
    (void)state;
    struct both b;
    struct tm_err e = {0};
    begin(&b, "vault:p256");
    struct tm_key *first = open_key(&b, &e);
    assert_non_null(first);
    assert_true(signs(first, &e));
    b.uri = "vault:log";
    struct tm_key *second = open_key(&b, &e);
    assert_non_null(second);
    assert_int_equal(EVP_PKEY_eq(tm_key_pkey(first), tm_key_pkey(second)), 0);
    assert_true(signs(second, &e) && signs(first, &e));
    tm_key_free(first);
    assert_true(signs(second, &e));
    tm_key_free(second);
    end(&b);
}

static void why_there_is_no_key_or_signature_reaches_who_asked(void **state)
{
    (void)state;
    struct both b;
    struct tm_err e = {0};
    begin(&b, "vault:missing");
    assert_null(open_key(&b, &e));
    assert_non_null(strstr(e.text, "no such key or mount"));
    b.uri = "vault:p256";
    struct tm_key *k = open_key(&b, &e);
    assert_non_null(k);
    set_fault("wrong-key", 1);
    assert_false(signs(k, &e));
    assert_non_null(strstr(e.text, "no signature by this key"));
    unsigned failed = 2; /* this one, and the next but for these */
    for (int i = 0; i < 100 && !signs(k, &e); i++, usleep(100 * 1000))
        failed++; /* who lies is away until it signs rightly */
    set_fault("503", 1000);
    assert_false(signs(k, &e));
    assert_non_null(strstr(e.text, "tried 4 times"));
    bool away = false;
    for (int i = 0; i < 100 && !away; i++, usleep(100 * 1000))
        away = tm_key_is_away(k, &e);
    assert_true(away);
    set_fault("none", 0);
    for (int i = 0; i < 100 && away; i++, usleep(100 * 1000))
        away = tm_key_is_away(k, &e); /* by itself: nobody signs */
    assert_false(away);
    assert_true(signs(k, &e));
    struct tm_buf page = {0};
    tm_kms_asker_metrics(b.asker, "ca", &page);
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "tenmint_ca_key_service_failures_total %u\n", failed);
    assert_non_null(strstr(tm_buf_str(&page), wanted));
    assert_non_null(strstr(tm_buf_str(&page), "tenmint_ca_key_service_seconds_count 2\n"));
    tm_buf_free(&page);
    tm_key_free(k);
    end(&b);
}

/* Anything but the forms of the other side ends the channel, and what waits fails. */
static void who_asks_learns_that_the_other_process_has_ended(void **state)
{
    (void)state;
    struct tm_err e = {0};
    int fd[2];
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    struct tm_kms_asker *a = tm_kms_asker_new(fd[1], &e);
    struct both b = {.far = tm_kms_asker_far(a)};
    close(fd[0]);
    assert_null(open_key(&b, &e));
    assert_non_null(strstr(e.text, "has ended"));
    tm_kms_asker_free(a);
}

static void a_number_or_kind_that_is_none_gets_no_signature(void **state)
{
    (void)state;
    struct tm_err e = {0};
    int fd[2];
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    struct both b = {.uri = "vault:p256"};
    struct tm_ipc_loop *loop = tm_ipc_loop_new(NULL, NULL, 0, &e);
    const struct tm_kms_lane_options o = {.role = "test", .where = where, .ctx = &b};
    struct tm_kms_lane *lane = tm_kms_lane_new(fd[0], loop, &o, &e);
    assert_int_equal(tm_ipc_loop_start(loop, &e), 0);
    struct tm_ipc_channel *c = tm_ipc_channel_new(fd[1], &tm_kms_protocol, &e);
    static const unsigned char digest[32];
    const struct tm_kms_sign bad[] = {
        {.id = 1, .key = 1, .data = {digest, 32}},
        {.id = 2, .key = UINT64_MAX, .scheme = UINT64_MAX, .hash = UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(tm_ipc_put(c, LANE_SIGN, &bad[i], &e), 0);
    assert_int_equal(tm_ipc_flush(c), 0);
    uint64_t refused = 0;
    for (int i = 0; i < 1000 && refused < 2; i++, usleep(10 * 1000)) {
        struct tm_kms_signed m;
        unsigned type = 0;
        assert_true(tm_ipc_fill(c, &e) >= 0);
        while (tm_ipc_next(c, &type, &m, sizeof(m), &e) == 1) {
            assert_int_equal(type, LANE_SIGNED);
            assert_int_equal(m.signature.len, 0);
            refused++;
        }
    }
    assert_int_equal(refused, 2);
    tm_ipc_loop_join(loop);
    tm_kms_lane_free(lane);
    tm_ipc_loop_free(loop);
    tm_ipc_channel_free(c);
}

/* Its asker gave up while it was opened: nobody else knows its number. */
static void a_key_that_is_opened_too_late_is_closed(void **state)
{
    (void)state;
    struct tm_err e = {0};
    int fd[2];
    unsigned char spki[] = {1, 2, 3};
    const struct tm_kms_opened late = {.id = 77, .key = 5, .spki = {spki, sizeof(spki)}};
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    struct tm_ipc_channel *c = tm_ipc_channel_new(fd[0], &tm_kms_protocol, &e);
    struct tm_kms_asker *a = tm_kms_asker_new(fd[1], &e);
    assert_int_equal(tm_ipc_put(c, LANE_OPENED, &late, &e), 0);
    assert_int_equal(tm_ipc_flush(c), 0);
    struct tm_kms_close m = {0};
    unsigned type = 0;
    int got = 0;
    for (int i = 0; i < 1000 && got == 0; i++, usleep(10 * 1000)) {
        assert_true(tm_ipc_fill(c, &e) >= 0);
        got = tm_ipc_next(c, &type, &m, sizeof(m), &e);
    }
    assert_int_equal(got, 1);
    assert_int_equal(type, LANE_CLOSE);
    assert_int_equal(m.key, 5);
    tm_kms_asker_free(a);
    tm_ipc_channel_free(c);
}

/* The service is gone as soon as it was there: both are said before the asker has looked. */
static void *open_and_be_away(void *channel)
{
    struct tm_ipc_channel *c = channel;
    struct tm_err e = {0};
    struct tm_kms_open asked = {0};
    unsigned char *der = NULL;
    unsigned type = LANE_STATE;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    for (int i = 0; i < 1000 && type != LANE_OPEN; i++, usleep(10 * 1000)) {
        if (tm_ipc_fill(c, &e) < 0 || tm_ipc_next(c, &type, &asked, sizeof(asked), &e) < 0)
            break;
    }
    int len = i2d_PUBKEY(key, &der);
    const struct tm_kms_opened opened = {.id = asked.id, .key = 5, .spki = {der, (size_t)len}};
    const struct tm_kms_state away = {5, 1, "gone"};
    bool sent = tm_ipc_put(c, LANE_OPENED, &opened, &e) == 0 &&
                tm_ipc_put(c, LANE_STATE, &away, &e) == 0 && tm_ipc_flush(c) == 0;
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    return sent ? c : NULL;
}

static void a_state_right_after_the_opening_is_not_lost(void **state)
{
    (void)state;
    struct tm_err e = {0};
    int fd[2];
    pthread_t other;
    void *sent = NULL;
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    struct tm_ipc_channel *c = tm_ipc_channel_new(fd[0], &tm_kms_protocol, &e);
    struct both b = {.asker = tm_kms_asker_new(fd[1], &e)};
    b.far = tm_kms_asker_far(b.asker);
    assert_int_equal(pthread_create(&other, NULL, open_and_be_away, c), 0);
    struct tm_key *k = open_key(&b, &e);
    assert_int_equal(pthread_join(other, &sent), 0);
    assert_ptr_equal(sent, c);
    if (k == NULL)
        fail_msg("%s", e.text);
    bool away = false;
    for (int i = 0; i < 100 && !away; i++, usleep(100 * 1000))
        away = tm_key_is_away(k, &e);
    assert_true(away);
    assert_string_equal(e.text, "gone");
    tm_key_free(k);
    tm_kms_asker_free(b.asker);
    tm_ipc_channel_free(c);
}

static int where_slowly(void *ctx, struct tm_key_uri *u, struct tm_err *e)
{
    sleep(1);
    return where(ctx, u, e);
}

/* More often than there are places; and an end while one is opened, or closed. */
static void keys_are_opened_and_closed_without_end(void **state)
{
    (void)state;
    struct both b;
    struct tm_err e = {0};
    begin(&b, "vault:p256");
    for (int i = 0; i < 20; i++) {
        struct tm_key *k = open_key(&b, &e);
        if (k == NULL)
            fail_msg("key %d: %s", i, e.text);
        tm_key_free(k);
    }
    end(&b);
    int fd[2];
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    struct tm_ipc_loop *loop = tm_ipc_loop_new(NULL, NULL, 0, &e);
    const struct tm_kms_lane_options o = {.role = "test", .where = where_slowly, .ctx = &b};
    struct tm_kms_lane *lane = tm_kms_lane_new(fd[0], loop, &o, &e);
    assert_int_equal(tm_ipc_loop_start(loop, &e), 0);
    struct tm_ipc_channel *c = tm_ipc_channel_new(fd[1], &tm_kms_protocol, &e);
    const struct tm_kms_open m = {.id = 1};
    assert_int_equal(tm_ipc_put(c, LANE_OPEN, &m, &e), 0);
    assert_int_equal(tm_ipc_flush(c), 0);
    usleep(300 * 1000);
    tm_ipc_loop_join(loop);
    tm_kms_lane_free(lane);
    tm_ipc_loop_free(loop);
    tm_ipc_channel_free(c);
}

/* ---- many at once ---- */

struct errand {
    struct tm_offload_task task; /* first */
    struct tm_key *key;
    atomic_uint *left, *bad;
};

static void run(struct tm_offload_task *t)
{
    struct errand *n = (struct errand *)(void *)t;
    struct tm_err e = {0};
    if (!signs(n->key, &e))
        atomic_fetch_add(n->bad, 1);
    atomic_fetch_sub(n->left, 1);
}

static void sixty_four_threads_have_signatures_made_at_once(void **state)
{
    (void)state;
    enum { MANY = 256 };
    struct both b;
    struct tm_err e = {0};
    atomic_uint left = MANY;
    atomic_uint bad = 0;
    struct errand *all = calloc(MANY, sizeof(*all));
    begin(&b, "vault:p256");
    struct tm_key *k = open_key(&b, &e);
    assert_non_null(k);
    struct tm_offload *threads = tm_offload_new(KMS_PARALLEL, &e);
    assert_non_null(threads);
    for (size_t i = 0; i < MANY; i++) {
        all[i] = (struct errand){.task.run = run, .key = k, .left = &left, .bad = &bad};
        tm_offload_put(threads, &all[i].task);
    }
    tm_offload_free(threads); /* waits for all */
    assert_int_equal(left, 0);
    assert_int_equal(bad, 0);
    tm_key_free(k);
    end(&b);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_signs_for_another_process_and_so_does_the_one_that_follows_it),
        cmocka_unit_test(why_there_is_no_key_or_signature_reaches_who_asked),
        cmocka_unit_test(who_asks_learns_that_the_other_process_has_ended),
        cmocka_unit_test(a_number_or_kind_that_is_none_gets_no_signature),
        cmocka_unit_test(a_key_that_is_opened_too_late_is_closed),
        cmocka_unit_test(a_state_right_after_the_opening_is_not_lost),
        cmocka_unit_test(keys_are_opened_and_closed_without_end),
        cmocka_unit_test(sixty_four_threads_have_signatures_made_at_once),
    };
    return cmocka_run_group_tests(tests, start_fake, stop_fake);
}

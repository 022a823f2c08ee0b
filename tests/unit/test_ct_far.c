/*
 * The embedded log in a process of its own: an entry goes there and its SCT comes back. And each of
 * the two sides before a hostile other one, which is this program writing what it likes.
 */
#include <ftw.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/ct/far_internal.h"
#include "ca/log/ct/ctlog.h"
#include "ca/log/ct/serve.h"
#include "ca/log/engine/create.h"
#include "common/transparency/digsig.h"
#include "common/transparency/sct.h"
#include "tests/support/cmocka_all.h"

#define ORIGIN "localhost/far"

struct scene {
    char base[64], dir[80], key[80], public[80];
    struct ca_ct_embedded *log;
    struct ca_ct_desk *desk;
    struct ca_ct_far *far;         /* an honest issuer, or */
    struct tm_ipc_channel *issuer; /* a hostile one */
};

static void make_log(struct scene *s)
{
    struct tm_err e = {0};
    *s = (struct scene){0};
    snprintf(s->base, sizeof(s->base), "/tmp/ctfar.XXXXXX");
    assert_non_null(mkdtemp(s->base));
    snprintf(s->dir, sizeof(s->dir), "%s/log", s->base);
    snprintf(s->key, sizeof(s->key), "%s/key", s->base);
    snprintf(s->public, sizeof(s->public), "%s/pem", s->base);
    const struct ca_log_new n = {
        .directory = s->dir, .origin = ORIGIN, .key_file = s->key, .public_file = s->public};
    assert_int_equal(ca_log_create_new(&n, ca_ctlog_create, &e), 0);
    const struct ca_kept_options o = {
        .directory = s->dir, .origin = ORIGIN, .key = {.file = s->key}};
    s->log = ca_ct_embedded_open(&o, &e);
    assert_non_null(s->log);
}

static void begin(struct scene *s, bool honest)
{
    struct tm_err e = {0};
    int fd[2];
    make_log(s);
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    s->desk = ca_ct_desk_new(fd[0], s->log, &e);
    assert_non_null(s->desk);
    assert_int_equal(ca_ct_desk_start(s->desk, &e), 0);
    if (honest)
        assert_non_null(s->far = ca_ct_far_new(fd[1], &e));
    else
        assert_non_null(s->issuer = tm_ipc_channel_new(fd[1], &ca_ct_far_protocol, &e));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* How many entries the log has. */
static uint64_t logged(const struct scene *s)
{
    struct ca_log_stats stats;
    ca_log_stats_get(ca_ct_embedded_log(s->log), &stats);
    return stats.size;
}

static void end(struct scene *s)
{
    ca_ct_far_free(s->far);
    tm_ipc_channel_free(s->issuer);
    ca_ct_desk_free(s->desk);
    ca_ct_embedded_close(s->log);
    (void)nftw(s->base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- an honest issuer ---- */

static void on_wake(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void wait_until(atomic_int *n, int want)
{
    for (int i = 0; i < 20000 && atomic_load(n) < want; i++)
        usleep(1000);
    assert_int_equal(atomic_load(n), want);
}

struct sample {
    unsigned char tbs[400], precert[500], hash[32], ca[300], root[200];
    const unsigned char *der[2];
    size_t der_len[2];
    struct tm_buf tbs_buf, precert_buf;
    struct ca_signer_chain chain;
};

static const struct ca_issue_log_entry *entry_of(struct sample *x, unsigned char salt,
                                                 struct ca_issue_log_entry *out)
{
    *x = (struct sample){.chain.count = 2};
    memset(x->tbs, salt, sizeof(x->tbs));
    memset(x->precert, 0x22, sizeof(x->precert));
    memset(x->hash, 0x33, sizeof(x->hash));
    memset(x->ca, 0x44, sizeof(x->ca));
    memset(x->root, 0x55, sizeof(x->root));
    x->der[0] = x->ca;
    x->der[1] = x->root;
    x->der_len[0] = sizeof(x->ca);
    x->der_len[1] = sizeof(x->root);
    x->chain.der = x->der;
    x->chain.der_len = x->der_len;
    x->tbs_buf = (struct tm_buf){.data = x->tbs, .len = sizeof(x->tbs)};
    x->precert_buf = (struct tm_buf){.data = x->precert, .len = sizeof(x->precert)};
    *out = (struct ca_issue_log_entry){.tbs = &x->tbs_buf,
                                       .precert = &x->precert_buf,
                                       .issuer_key_hash = x->hash,
                                       .chain = &x->chain};
    return out;
}

static void an_entry_comes_back_with_the_logs_sct(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    struct sample x;
    struct ca_issue_log_entry entry;
    atomic_int woken = 0;
    begin(&s, true);
    const struct ca_issue_log *log = ca_ct_far_issue_log(s.far);
    EVP_PKEY *key = ca_log_key(ca_ct_embedded_log(s.log));
    assert_true(log->needs_precert);
    for (int i = 0; i < 20; i++) {
        struct tm_buf list = {0};
        struct tm_sct sct;
        size_t at = 0;
        void *ticket = NULL;
        const struct oidc_waiter w = {on_wake, &woken};
        entry_of(&x, (unsigned char)i, &entry);
        x.root[0] = (unsigned char)(i / 10); /* another chain, later */
        assert_int_equal(log->submit(log->ctx, &entry, &w, &ticket, &list, &e), ISSUE_LOG_WAIT);
        wait_until(&woken, i + 1);
        assert_int_equal(log->collect(log->ctx, ticket, &w, &list, &e), ISSUE_LOG_DONE);
        assert_int_equal(tm_sct_list_next(list.data, list.len, &at, &sct, &e), 1);
        const struct tm_sct_entry logged = {SCT_PRECERT, x.tbs, sizeof(x.tbs), x.hash};
        assert_int_equal(tm_sct_verify(&sct, &logged, key, INT64_MAX - 1, 0, &e), 0);
        assert_memory_equal(sct.log_id, ca_ct_far_id(s.far), 32);
        tm_buf_free(&list);
    }
    assert_int_equal(logged(&s), 20);
    end(&s);
}

/* Each waiter is called once, whatever becomes of its ticket. */
static void tickets_that_are_given_up_are_called_all_the_same(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    struct sample x;
    struct ca_issue_log_entry entry;
    struct tm_buf list = {0};
    atomic_int woken = 0;
    begin(&s, true);
    const struct ca_issue_log *log = ca_ct_far_issue_log(s.far);
    const struct oidc_waiter w = {on_wake, &woken};
    for (int i = 0; i < 10; i++) {
        void *ticket = NULL;
        entry_of(&x, (unsigned char)i, &entry);
        assert_int_equal(log->submit(log->ctx, &entry, &w, &ticket, &list, &e), ISSUE_LOG_WAIT);
        if (i % 2 == 0)
            wait_until(&woken, i + 1);
        log->cancel(log->ctx, ticket);
    }
    wait_until(&woken, 10);
    end(&s);
}

static void whether_it_is_ready_is_the_logs_own_word(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    char gone[128];
    begin(&s, true);
    const struct ca_issue_log *log = ca_ct_far_issue_log(s.far);
    for (int i = 0; i < 3; i++, usleep(20000))
        assert_int_equal(log->ready(log->ctx, &e), 0);
    snprintf(gone, sizeof(gone), "%s.gone", s.dir);
    assert_int_equal(rename(s.dir, gone), 0);
    int rc = 0;
    for (int i = 0; i < 1000 && rc == 0; i++, usleep(10000))
        rc = log->ready(log->ctx, &e);
    assert_int_equal(rc, -1);
    assert_non_null(strstr(e.text, "the log's directory"));
    assert_int_equal(rename(gone, s.dir), 0);
    for (int i = 0; i < 1000 && rc != 0; i++, usleep(10000))
        rc = log->ready(log->ctx, &e);
    assert_int_equal(rc, 0);
    end(&s);
}

static void add_root(void *arg, const unsigned char *der, size_t len)
{
    tm_buf_append(arg, der, len);
}

static void the_root_in_force_is_told(void **state)
{
    (void)state;
    struct scene s;
    struct tm_buf got = {0};
    begin(&s, true);
    ca_ct_far_set_root(s.far, (const unsigned char *)"first", 5);
    ca_ct_far_set_root(s.far, (const unsigned char *)"second", 6);
    for (int i = 0; i < 2000 && (got.len != 6 || memcmp(got.data, "second", 6) != 0); i++) {
        tm_buf_reset(&got);
        ca_ct_desk_roots(s.desk, add_root, &got);
        usleep(1000);
    }
    assert_memory_equal(got.data, "second", 6);
    tm_buf_free(&got);
    end(&s);
}

/* ---- a log whose process ends, or lies ---- */

static struct tm_ipc_channel *stand_in(struct scene *s, const unsigned char *id, size_t id_len)
{
    struct tm_err e = {0};
    int fd[2];
    *s = (struct scene){0};
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    struct tm_ipc_channel *c = tm_ipc_channel_new(fd[0], &ca_ct_far_protocol, &e);
    const struct ca_ct_far_hello hello = {{id, id_len}};
    assert_int_equal(tm_ipc_put(c, CT_FAR_HELLO, &hello, &e), 0);
    assert_int_equal(tm_ipc_flush(c), 0);
    s->far = ca_ct_far_new(fd[1], &e);
    return c;
}

static const unsigned char some_id[32] = {1};

static void a_log_that_ends_leaves_nobody_waiting(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    struct sample x;
    struct ca_issue_log_entry entry;
    struct tm_buf list = {0};
    void *ticket[3] = {NULL};
    atomic_int woken = 0;
    struct tm_ipc_channel *c = stand_in(&s, some_id, sizeof(some_id));
    assert_non_null(s.far);
    const struct ca_issue_log *log = ca_ct_far_issue_log(s.far);
    const struct oidc_waiter w = {on_wake, &woken};
    entry_of(&x, 1, &entry);
    for (int i = 0; i < 3; i++)
        assert_int_equal(log->submit(log->ctx, &entry, &w, &ticket[i], &list, &e), ISSUE_LOG_WAIT);
    log->cancel(log->ctx, ticket[1]);
    tm_ipc_channel_free(c);
    wait_until(&woken, 3);
    assert_int_equal(log->collect(log->ctx, ticket[0], &w, &list, &e), ISSUE_LOG_FAILED);
    assert_non_null(strstr(e.text, "the log's process"));
    assert_int_equal(log->collect(log->ctx, ticket[2], &w, &list, &e), ISSUE_LOG_FAILED);
    assert_int_equal(log->submit(log->ctx, &entry, &w, &ticket[0], &list, &e), ISSUE_LOG_FAILED);
    assert_int_equal(log->ready(log->ctx, &e), -1);
    assert_int_equal(list.len, 0);
    ca_ct_far_free(s.far);
}

static void an_sct_of_another_log_or_none_at_all_is_refused(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    struct sample x;
    struct ca_issue_log_entry entry;
    struct tm_buf list = {0};
    struct tm_buf sct = {0};
    atomic_int woken = 0;
    struct tm_ipc_channel *c = stand_in(&s, some_id, sizeof(some_id));
    const struct ca_issue_log *log = ca_ct_far_issue_log(s.far);
    const struct oidc_waiter w = {on_wake, &woken};
    const struct tm_sct other = {
        .log_id = {2}, .signature = (const unsigned char *)"\x04\x03\x00\x01x", .signature_len = 5};
    tm_sct_put(&other, &sct);
    struct ca_ct_far_sct answers[] = {{.sct = {sct.data, sct.len}},
                                      {.sct = {(const unsigned char *)"garbage", 7}},
                                      {.why = NULL},
                                      {.why = "it does not"}};
    entry_of(&x, 1, &entry);
    for (size_t i = 0; i < 4; i++) {
        void *ticket = NULL;
        assert_int_equal(log->submit(log->ctx, &entry, &w, &ticket, &list, &e), ISSUE_LOG_WAIT);
        answers[i].id = (uint64_t)i << 32; /* one slot, its turn */
        struct ca_ct_far_sct unknown = {.id = 77, .why = "for nobody"};
        assert_int_equal(tm_ipc_put(c, CT_FAR_SCT, &unknown, &e), 0);
        assert_int_equal(tm_ipc_put(c, CT_FAR_SCT, &answers[i], &e), 0);
        assert_int_equal(tm_ipc_put(c, CT_FAR_SCT, &answers[i], &e), 0);
        (void)tm_ipc_flush(c);
        wait_until(&woken, (int)i + 1);
        assert_int_equal(log->collect(log->ctx, ticket, &w, &list, &e), ISSUE_LOG_FAILED);
    }
    assert_string_equal(e.text, "it does not");
    assert_int_equal(list.len, 0);
    tm_ipc_channel_free(c);
    tm_buf_free(&sct);
    ca_ct_far_free(s.far);
}

static void a_log_that_does_not_say_who_it_is_is_refused(void **state)
{
    (void)state;
    struct scene s;
    struct tm_ipc_channel *c = stand_in(&s, some_id, 31);
    assert_null(s.far);
    tm_ipc_channel_free(c);
}

/* ---- a hostile issuer ---- */

/* The next message of a form, which must come. False: the channel has ended. */
static bool heard(struct scene *s, unsigned want, void *msg, size_t room)
{
    struct tm_err e = {0};
    for (;;) {
        unsigned type = 0;
        int rc = tm_ipc_next(s->issuer, &type, msg, room, &e);
        assert_true(rc >= 0);
        if (rc == 1 && type == want)
            return true;
        if (rc == 1)
            continue;
        struct pollfd p = {.fd = tm_ipc_channel_fd(s->issuer), .events = POLLIN};
        assert_int_equal(poll(&p, 1, 20000), 1);
        if (tm_ipc_fill(s->issuer, &e) < 0)
            return false;
    }
}

static void put(struct scene *s, unsigned type, const void *msg)
{
    struct tm_err e = {0};
    assert_int_equal(tm_ipc_put(s->issuer, type, msg, &e), 0);
    (void)tm_ipc_flush(s->issuer);
}

/* What is no whole entry is answered with the reason, and nothing is signed or logged. */
static void entries_without_their_parts_are_refused(void **state)
{
    (void)state;
    struct scene s;
    static const unsigned char bytes[64] = {0x30};
    static const unsigned char chain[] = {0, 0, 2, 0x30, 0};
    static const unsigned char bad_chain[] = {0, 0, 9, 0x30, 0};
    const struct ca_ct_far_certificates good = {{chain, sizeof(chain)}};
    const struct ca_ct_far_certificates bad = {{bad_chain, sizeof(bad_chain)}};
    const struct ca_ct_far_entry whole = {
        .id = 1, .cert = {bytes, 64}, .precert = {bytes, 64}, .issuer_key_hash = {bytes, 32}};
    struct ca_ct_far_entry e[4] = {whole, whole, whole, whole};
    struct ca_ct_far_sct got;
    begin(&s, false);
    e[1].cert.len = 0;
    e[2].issuer_key_hash.len = 31;
    e[3].precert.len = 0;
    put(&s, CT_FAR_ENTRY, &whole); /* before any chain */
    assert_true(heard(&s, CT_FAR_SCT, &got, sizeof(got)));
    assert_int_equal(got.sct.len, 0);
    put(&s, CT_FAR_CHAIN, &good);
    for (size_t i = 1; i < 4; i++) {
        put(&s, CT_FAR_ENTRY, &e[i]);
        assert_true(heard(&s, CT_FAR_SCT, &got, sizeof(got)));
        assert_int_equal(got.sct.len, 0);
        assert_non_null(got.why);
    }
    put(&s, CT_FAR_CHAIN, &bad);
    put(&s, CT_FAR_ENTRY, &whole);
    assert_true(heard(&s, CT_FAR_SCT, &got, sizeof(got)));
    assert_int_equal(got.sct.len, 0);
    assert_int_equal(logged(&s), 0);
    end(&s);
}

/* The SCT is over what RFC 6962 makes of the entry, whatever that holds: not over given bytes. */
static void bytes_of_ones_choice_are_not_signed(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    static const unsigned char chain[] = {0, 0, 2, 0x30, 0};
    static const char head[] = ORIGIN "\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    static const unsigned char hash[32] = {9};
    const struct ca_ct_far_certificates good = {{chain, sizeof(chain)}};
    const struct ca_ct_far_entry entry = {.id = 5,
                                          .detached = 1,
                                          .cert = {(const unsigned char *)head, sizeof(head) - 1},
                                          .issuer_key_hash = {hash, 32}};
    struct ca_ct_far_sct got;
    struct tm_sct sct;
    begin(&s, false);
    EVP_PKEY *key = ca_log_key(ca_ct_embedded_log(s.log));
    put(&s, CT_FAR_CHAIN, &good);
    put(&s, CT_FAR_ENTRY, &entry);
    assert_true(heard(&s, CT_FAR_SCT, &got, sizeof(got)));
    assert_int_equal(tm_sct_parse(got.sct.data, got.sct.len, &sct, &e), 0);
    const struct tm_sct_entry logged = {SCT_X509, (const unsigned char *)head, sizeof(head) - 1,
                                        NULL};
    assert_int_equal(tm_sct_verify(&sct, &logged, key, INT64_MAX - 1, 0, &e), 0);
    assert_int_not_equal(
        tm_digsig_verify(key, head, sizeof(head) - 1, sct.signature, sct.signature_len, &e), 0);
    end(&s);
}

static const struct {
    unsigned char bytes[16];
    size_t len;
    const char *what;
} noise[] = {
    {{0xff, 0xff, 0xff, 0x7f, 9, 0, 0, 0}, 8, "an unknown form"},
    {{0xff, 0xff, 0xff, 0x7f, CT_FAR_ENTRY, 0, 0, 0}, 8, "over-long"},
    {{4, 0, 0, 0, CT_FAR_ASK, 0, 0, 0, 1, 2, 3, 4}, 12, "short of a field"},
    {{8, 0, 0, 0, CT_FAR_ASK, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8}, 16, "a descriptor that is none"},
    {{8, 0, 0, 0, CT_FAR_STATE, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}, 16, "the log's to send"},
};

static void what_is_no_message_ends_the_channel(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
        struct scene s;
        struct ca_ct_far_state got;
        const struct ca_ct_far_ask a = {7};
        begin(&s, false);
        put(&s, CT_FAR_ASK, &a);
        assert_true(heard(&s, CT_FAR_STATE, &got, sizeof(got)));
        assert_int_equal(write(tm_ipc_channel_fd(s.issuer), noise[i].bytes, noise[i].len),
                         (ssize_t)noise[i].len);
        put(&s, CT_FAR_ASK, &a);
        struct pollfd p = {.fd = tm_ipc_channel_fd(s.issuer), .events = POLLIN};
        if (poll(&p, 1, 200) != 0)
            fail_msg("%s: it is answered", noise[i].what);
        end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_comes_back_with_the_logs_sct),
        cmocka_unit_test(tickets_that_are_given_up_are_called_all_the_same),
        cmocka_unit_test(whether_it_is_ready_is_the_logs_own_word),
        cmocka_unit_test(the_root_in_force_is_told),
        cmocka_unit_test(a_log_that_ends_leaves_nobody_waiting),
        cmocka_unit_test(an_sct_of_another_log_or_none_at_all_is_refused),
        cmocka_unit_test(a_log_that_does_not_say_who_it_is_is_refused),
        cmocka_unit_test(entries_without_their_parts_are_refused),
        cmocka_unit_test(bytes_of_ones_choice_are_not_signed),
        cmocka_unit_test(what_is_no_message_ends_the_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

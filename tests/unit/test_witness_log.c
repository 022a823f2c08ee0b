/* A log and its witnesses over real HTTP: none of them holds up an entry, whatever it does; one
 * that proves that the log was rolled back or has forked stops it. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ca/ct/embedded.h"
#include "common/http/http.h"
#include "ca/log/witness/request.h"
#include "ca/log/witness/witness.h"
#include "common/clock.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/logbox.h"

#define ORIGIN "example.com/witnessed"
#define HANG_MS 2500
#define WRITERS 4

enum manner {
    GOOD,
    HANG,
    ERROR,
    GARBAGE,       /* 200, but no signature line */
    HUGE_ANSWER,   /* 200 without end */
    OTHER_KEY,     /* 200, its name and key id, another's signature */
    CONFLICT_SAME, /* 409 with the size that it was asked with */
    CONFLICT_TEXT, /* 409 without a number */
    CONFLICT_HUGE, /* 409 with a number that is none */
    AHEAD,         /* 409, a large size, and no checkpoint to prove it */
    AHEAD_GARBAGE, /* … with a page for a checkpoint */
    AHEAD_HANG,    /* … that never comes */
    AHEAD_FORGED,  /* … signed by another key */
    AHEAD_OTHER,   /* … of another log */
    UNPROCESSABLE, /* 422, with a checkpoint that the log does continue */
    REDIRECT,
    MANNERS
};

struct scene {
    struct logbox box; /* its directory and key */
    char witness_dir[200], key_file[200], public_file[200], vkey[256], url[64];
    EVP_PKEY *witness_key, *other_key;
    struct tm_note_key note_key;
    struct ca_witness_log watched;
    struct ca_witness *witness;
    struct tm_http_server *http;
    char path[WITNESS_HASH_TEXT + 16];
    struct tm_http_route routes[2];
    _Atomic enum manner manner;
    atomic_uint asked;
    struct ca_witness_peer peer;
    struct ca_kept_options o;
};

static void nap(int64_t ms)
{
    (void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void answer(struct tm_http_exchange *x, unsigned status, const char *text)
{
    struct tm_buf b = {0};
    tm_buf_puts(&b, text);
    tm_http_reply(x, status, "text/plain", &b);
}

static void huge(struct tm_http_exchange *x)
{
    struct tm_buf b = {0};
    const size_t len = (size_t)4 * 1024 * 1024;
    memset(tm_buf_reserve(&b, len), 'x', len);
    b.len = len;
    tm_http_reply(x, 200, "text/plain", &b);
}

/* A cosignature under the witness's name and key id that it did not make. */
static void forge(struct scene *s, struct tm_http_exchange *x)
{
    struct ca_witness_request r;
    struct tm_note n;
    struct tm_err e;
    struct tm_buf line = {0};
    struct tm_note_key key = s->note_key;
    const struct tm_buf *body = tm_http_body(x);
    key.key = s->other_key;
    assert_int_equal(ca_witness_request_parse(body->data, body->len, &r, &e), 0);
    assert_int_equal(tm_note_parse(r.note, r.note_len, &n, &e), 0);
    assert_int_equal(
        tm_note_sign(n.text, n.text_len, &key, (uint64_t)tm_clock_wall_ms(), &line, &e), 0);
    tm_note_free(&n);
    tm_http_reply(x, 200, "text/plain", &line);
}

static enum tm_http_result on_add(void *ctx, struct tm_http_exchange *x)
{
    struct scene *s = ctx;
    struct tm_buf reply = {0};
    struct tm_err e;
    const struct tm_buf *body = tm_http_body(x);
    atomic_fetch_add(&s->asked, 1);
    switch (atomic_load(&s->manner)) {
    case GOOD: {
        unsigned status = ca_witness_add_checkpoint(s->witness, body->data, body->len,
                                                    tm_clock_wall_ms(), &reply, &e);
        tm_http_reply(x, status, "text/plain", &reply);
        break;
    }
    case HANG:
        nap(HANG_MS);
        answer(x, 200, "");
        break;
    case GARBAGE:
        answer(x, 200, "<html>it works</html>\n");
        break;
    case HUGE_ANSWER:
        huge(x);
        break;
    case OTHER_KEY:
        forge(s, x);
        break;
    case CONFLICT_SAME:
        answer(x, 409, "0\n");
        break;
    case CONFLICT_TEXT:
        answer(x, 409, "many\n");
        break;
    case CONFLICT_HUGE:
        answer(x, 409, "99999999999999999999999999\n");
        break;
    case AHEAD:
    case AHEAD_GARBAGE:
    case AHEAD_HANG:
    case AHEAD_FORGED:
    case AHEAD_OTHER:
        answer(x, 409, "1000000\n");
        break;
    case UNPROCESSABLE:
        answer(x, 422, "no\n");
        break;
    case REDIRECT:
        answer(x, 302, "elsewhere\n");
        tm_http_reply_header(x, "Location", "http://127.0.0.1:1/");
        break;
    default:
        answer(x, 500, "");
    }
    return HTTP_DONE;
}

static void reply_checkpoint(struct tm_http_exchange *x, const char *origin, EVP_PKEY *key)
{
    struct tm_checkpoint c = {.size = 1000000};
    struct tm_buf note = {0};
    struct tm_note_key k;
    struct tm_err e;
    snprintf(c.origin, sizeof(c.origin), "%s", origin);
    tm_checkpoint_text(&c, &note);
    size_t len = note.len;
    char *text = strdup(tm_buf_str(&note));
    buf_putc(&note, '\n');
    assert_int_equal(tm_note_key_init(&k, origin, NOTE_RFC6962, key, &e), 0);
    assert_int_equal(tm_note_sign(text, len, &k, 1700000000000, &note, &e), 0);
    free(text);
    tm_http_reply(x, 200, "text/plain", &note);
}

static enum tm_http_result on_checkpoint(void *ctx, struct tm_http_exchange *x)
{
    struct scene *s = ctx;
    struct tm_buf reply = {0};
    switch (atomic_load(&s->manner)) {
    case AHEAD_GARBAGE:
        answer(x, 200, "<html>it works</html>\n");
        break;
    case AHEAD_HANG:
        nap(HANG_MS);
        answer(x, 200, "");
        break;
    case AHEAD_FORGED:
        reply_checkpoint(x, ORIGIN, s->other_key);
        break;
    case AHEAD_OTHER:
        reply_checkpoint(x, "example.com/another", s->box.key);
        break;
    case GOOD:
    case UNPROCESSABLE: {
        char hash[WITNESS_HASH_TEXT];
        snprintf(hash, sizeof(hash), "%.64s", tm_http_path(x) + 1);
        unsigned status = ca_witness_checkpoint(s->witness, hash, &reply);
        tm_http_reply(x, status, "text/plain", &reply);
        break;
    }
    default:
        answer(x, 404, "");
    }
    return HTTP_DONE;
}

static void no_page(void *ctx, struct tm_http_exchange *x, enum tm_http_fault f)
{
    (void)ctx;
    (void)f;
    answer(x, 404, "");
}

static void start_witness(struct scene *s)
{
    struct tm_err e = {0};
    struct tm_http_options o;
    struct tm_buf vkey = {0};
    char hash[WITNESS_HASH_TEXT];
    s->witness_key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_int_equal(
        tm_note_key_init(&s->note_key, "w.example.com", NOTE_COSIGNATURE, s->witness_key, &e), 0);
    assert_int_equal(tm_note_vkey_put(&s->note_key, &vkey, &e), 0);
    snprintf(s->vkey, sizeof(s->vkey), "%s", tm_buf_str(&vkey));
    tm_buf_free(&vkey);
    s->watched = (struct ca_witness_log){ORIGIN, s->box.key};
    s->witness = ca_witness_open(s->witness_dir, &s->note_key, &s->watched, 1, &e);
    assert_non_null(s->witness);
    ca_witness_origin_hash(ORIGIN, hash);
    snprintf(s->path, sizeof(s->path), "/%s/checkpoint", hash);
    s->routes[0] = (struct tm_http_route){"/add-checkpoint", HTTP_POST, on_add};
    s->routes[1] = (struct tm_http_route){s->path, HTTP_GET, on_checkpoint};
    tm_http_options_default(&o);
    o.listen = "127.0.0.1:0";
    o.workers = 3;
    o.routes = s->routes;
    o.route_count = 2;
    o.ctx = s;
    o.fault = no_page;
    s->http = tm_http_server_start(&o, &e);
    if (s->http == NULL)
        fail_msg("%s", e.text);
    snprintf(s->url, sizeof(s->url), "http://%s/", tm_http_server_address(s->http));
}

static int setup(void **state)
{
    struct tm_err e = {0};
    struct scene *s = calloc(1, sizeof(*s));
    logbox_init(&s->box);
    s->box.o.origin = ORIGIN;
    s->other_key = EVP_EC_gen("P-256");
    snprintf(s->witness_dir, sizeof(s->witness_dir), "%s.witness", s->box.dir);
    snprintf(s->key_file, sizeof(s->key_file), "%s.key", s->box.dir);
    assert_int_equal(tm_key_write_file(s->key_file, s->box.key, NULL, &e), 0);
    assert_int_equal(ca_ctlog_create(&s->box.o, &e), 0);
    start_witness(s);
    s->peer = (struct ca_witness_peer){.name = (char *)"one", .url = s->url, .vkey = s->vkey};
    s->o = (struct ca_kept_options){.directory = s->box.dir,
                                    .origin = ORIGIN,
                                    .key = {.file = s->key_file},
                                    .checkpoint_interval_ms = 100,
                                    .witness = &s->peer,
                                    .witness_count = 1,
                                    .witness_quorum = 1,
                                    .witness_timeout_ms = 1000,
                                    .witness_rest_ms = 50};
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    tm_http_server_stop(s->http, 0);
    tm_http_server_free(s->http);
    ca_witness_close(s->witness);
    EVP_PKEY_free(s->witness_key);
    EVP_PKEY_free(s->other_key);
    logbox_remove(s->witness_dir);
    unlink(s->key_file);
    logbox_free(&s->box);
    free(s);
    return 0;
}

static struct ca_ct_embedded *open_log(struct scene *s)
{
    struct tm_err e = {0};
    struct ca_ct_embedded *x = ca_ct_embedded_open(&s->o, &e);
    if (x == NULL)
        fail_msg("%s", e.text);
    return x;
}

/* ---- load ---- */

struct load {
    struct ca_ctlog *log;
    atomic_ullong next, done, failed;
    atomic_llong slowest_ms;
    atomic_bool stop;
    pthread_t thread[WRITERS];
};

static void *write_on(void *arg)
{
    struct load *l = arg;
    while (!atomic_load(&l->stop)) {
        struct tm_err e = {0};
        struct tm_buf sct = {0};
        uint64_t index = 0;
        int64_t from = tm_clock_mono_ms();
        bool ok = logbox_add(l->log, atomic_fetch_add(&l->next, 1), 300, &sct, &index, &e) == 0;
        long long took = tm_clock_mono_ms() - from;
        long long slowest = atomic_load(&l->slowest_ms);
        while (took > slowest && !atomic_compare_exchange_weak(&l->slowest_ms, &slowest, took))
            ;
        atomic_fetch_add(ok ? &l->done : &l->failed, 1);
        tm_buf_free(&sct);
        if (!ok)
            nap(5);
    }
    return NULL;
}

static void load_begin(struct load *l, struct ca_ct_embedded *x)
{
    *l = (struct load){.log = ca_ct_embedded_ctlog(x)};
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&l->thread[i], NULL, write_on, l), 0);
}

static void load_end(struct load *l)
{
    atomic_store(&l->stop, true);
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(l->thread[i], NULL);
}

static bool metric_is(const struct ca_ct_embedded *x, const char *line)
{
    const struct ca_issue_log *il = ca_ct_embedded_issue_log(x);
    struct tm_buf out = {0};
    il->metrics(il->ctx, &out);
    bool found = strstr(tm_buf_str(&out), line) != NULL;
    tm_buf_free(&out);
    return found;
}

static void nothing_holds_up_an_entry(void **state)
{
    struct scene *s = *state;
    for (int m = 0; m < MANNERS; m++) {
        struct load l;
        struct tm_err e = {0};
        unsigned asked = atomic_load(&s->asked);
        atomic_store(&s->manner, (enum manner)m);
        s->o.witness_timeout_ms = m == HANG || m == AHEAD_HANG ? HANG_MS - 500 : 1000;
        int64_t from = tm_clock_mono_ms();
        struct ca_ct_embedded *x = open_log(s);
        load_begin(&l, x);
        nap(400);
        load_end(&l);
        if (ca_log_sync(ca_ct_embedded_log(x), &e) != 0)
            fail_msg("manner %d: %s", m, e.text);
        if (atomic_load(&l.failed) > 0 || atomic_load(&l.done) < WRITERS)
            fail_msg("manner %d: %llu entries, %llu failed", m, atomic_load(&l.done),
                     atomic_load(&l.failed));
        if (atomic_load(&l.slowest_ms) >= HANG_MS - 600)
            fail_msg("manner %d: an entry took %lld ms", m, atomic_load(&l.slowest_ms));
        assert_true(atomic_load(&s->asked) > asked);
        assert_true(metric_is(x, "tenmint_log_contradicted 0\n"));
        assert_true(metric_is(x, m == GOOD ? "tenmint_log_cosignatures 1\n"
                                           : "tenmint_log_cosignatures 0\n"));
        assert_true(logbox_checkpoint(&s->box).size >= atomic_load(&l.done));
        ca_ct_embedded_close(x);
        assert_true(tm_clock_mono_ms() - from < 30000);
    }
    atomic_store(&s->manner, GOOD); /* and each is forgiven */
    struct ca_ct_embedded *x = open_log(s);
    assert_true(metric_is(x, "tenmint_log_cosignatures 1\n"));
    ca_ct_embedded_close(x);
}

/* ---- a log that is not what it was ---- */

/* Entries and a checkpoint that covers them. */
static void grow(struct ca_ct_embedded *x, uint64_t first, uint64_t count)
{
    struct tm_err e = {0};
    for (uint64_t i = first; i < first + count; i++) {
        struct tm_buf sct = {0};
        uint64_t index = 0;
        if (logbox_add(ca_ct_embedded_ctlog(x), i, 100, &sct, &index, &e) != 0)
            fail_msg("%s", e.text);
        tm_buf_free(&sct);
    }
    if (ca_log_sync(ca_ct_embedded_log(x), &e) != 0)
        fail_msg("%s", e.text);
}

/* The witness has seen 20 entries; the directory is a copy from when there were 10. */
static void restore_old_backup(struct scene *s)
{
    char backup[200];
    snprintf(backup, sizeof(backup), "%s.backup", s->box.dir);
    struct ca_ct_embedded *x = open_log(s);
    grow(x, 0, 10);
    ca_ct_embedded_close(x);
    logbox_copy(s->box.dir, backup);
    x = open_log(s);
    grow(x, 10, 10);
    ca_ct_embedded_close(x);
    logbox_remove(s->box.dir);
    assert_int_equal(rename(backup, s->box.dir), 0);
}

static void an_old_backup_is_refused_at_the_start(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    restore_old_backup(s);
    for (int i = 0; i < 2; i++) {
        assert_null(ca_ct_embedded_open(&s->o, &e));
        assert_non_null(strstr(e.text, "witness 'w.example.com' has a checkpoint of 20 entries"));
        assert_non_null(strstr(e.text, "is an older copy"));
        assert_int_equal(logbox_checkpoint(&s->box).size, 10);
    }
}

static void wait_for_contradiction(const struct ca_ct_embedded *x)
{
    for (int i = 0; i < 500 && !metric_is(x, "tenmint_log_contradicted 1\n"); i++)
        nap(20);
    assert_true(metric_is(x, "tenmint_log_contradicted 1\n"));
}

/* The witness was away when the log was opened, and the log has grown to `size` since. */
static void comes_too_late(struct scene *s, uint64_t size, const char *text)
{
    struct tm_err e = {0};
    struct tm_buf sct = {0};
    uint64_t index = 0;
    struct load l;
    restore_old_backup(s);
    atomic_store(&s->manner, ERROR);
    struct ca_ct_embedded *x = open_log(s);
    grow(x, 1000, size - 10);
    assert_int_equal(logbox_checkpoint(&s->box).size, size);
    load_begin(&l, x);
    atomic_store(&s->manner, GOOD);
    wait_for_contradiction(x);
    unsigned long long failed = atomic_load(&l.failed);
    nap(200);
    assert_true(atomic_load(&l.failed) > failed);
    load_end(&l); /* nobody hangs */
    struct tm_checkpoint last = logbox_checkpoint(&s->box);
    assert_int_equal(logbox_add(ca_ct_embedded_ctlog(x), 5000, 100, &sct, &index, &e), -1);
    assert_int_equal(sct.len, 0);
    if (strstr(e.text, text) == NULL)
        fail_msg("%s", e.text);
    assert_non_null(strstr(e.text, "Bring back the newest copy"));
    assert_int_equal(ca_log_sync(ca_ct_embedded_log(x), &e), -1);
    ca_ct_embedded_close(x);
    assert_int_equal(logbox_checkpoint(&s->box).size, last.size); /* no more was published */
    assert_null(ca_ct_embedded_open(&s->o, &e));
    assert_non_null(strstr(e.text, "does not continue"));
}

static void a_late_witness_stops_a_log_that_forked(void **state)
{
    comes_too_late(*state, 30, "has forked");
}

static void a_late_witness_stops_a_log_that_went_back(void **state)
{
    comes_too_late(*state, 12, "does not continue");
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        SCENE(nothing_holds_up_an_entry),
        SCENE(an_old_backup_is_refused_at_the_start),
        SCENE(a_late_witness_stops_a_log_that_forked),
        SCENE(a_late_witness_stops_a_log_that_went_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

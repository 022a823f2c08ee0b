/* Reading a log that is not trusted: tiles, RFC 6962, proven scans, the monitor's memory. */
#include <dirent.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/log/monitor/certificate.h"
#include "ca/log/monitor/watch.h"
#include "common/b64.h"
#include "common/file.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/mtree.h"
#include "tests/support/weblog.h"

static struct ca_log_source *open_source(const char *location, enum ca_source_api api,
                                         const char *origin, const struct testlog *t)
{
    struct tm_err e = {0};
    struct ca_source_options o = {.store = {.location = location, .timeout_ms = 2000},
                                  .api = api,
                                  .origin = origin,
                                  .log_key = t->key};
    struct ca_log_source *s = ca_log_source_open(&o, &e);
    if (s == NULL)
        fail_msg("%s", e.text);
    return s;
}

static void trust_of(const struct testlog *t, struct ca_head_trust *out)
{
    *out = (struct ca_head_trust){.log_key = t->key};
    EVP_PKEY_up_ref(t->key);
}

struct seen {
    uint64_t next;
    size_t count;
    size_t theirs; /* certificates for https://example.com/7 */
};

static int see(void *ctx, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    struct seen *s = ctx;
    struct ca_certificate c;
    struct ca_filter f = {.identity = "https://example.com/7"};
    assert_int_equal(index, s->next);
    assert_int_equal(ca_certificate_read(&n->logged, &c, e), 0);
    s->next++;
    s->count++;
    s->theirs += ca_filter_judge(&f, n->timestamp_ms, &c) == FILTER_MATCH;
    return 0;
}

static void get_head(struct ca_log_source *s, const struct ca_head_trust *trust, struct ca_head *h)
{
    struct tm_buf note = {0};
    struct tm_err e = {0};
    if (ca_log_source_checkpoint(s, &note, &e) != 0 ||
        ca_head_read(trust, note.data, note.len, 1800000000000, h, &e) != 0)
        fail_msg("%s", e.text);
    tm_buf_free(&note);
}

/* Every entry of a log, proven, in each of three ways to read it. */
static void scan_all_ways(void **state)
{
    (void)state;
    struct testlog t;
    struct weblog files;
    struct weblog api;
    testlog_init(&t, "example.com/log");
    testlog_add_many(&t, 700);
    testlog_publish(&t);
    weblog_start(&files, &t, true);
    weblog_start(&api, &t, false);
    const struct {
        const char *location;
        enum ca_source_api api, want;
    } way[] = {{t.dir, SOURCE_ANY, SOURCE_TILES},
               {files.url, SOURCE_ANY, SOURCE_TILES},
               {api.url, SOURCE_ANY, SOURCE_RFC6962}};
    struct ca_head_trust trust;
    trust_of(&t, &trust);
    for (size_t i = 0; i < 3; i++) {
        for (uint64_t start = 0; start <= 700; start += 175) {
            struct tm_err e = {0};
            struct ca_head h = {0};
            struct tm_frontier at;
            struct seen seen = {.next = start};
            struct ca_scan_sink sink = {&seen, see, NULL};
            struct ca_log_source *s = open_source(way[i].location, way[i].api, t.origin, &t);
            assert_int_equal(ca_log_source_api(s), way[i].want);
            get_head(s, &trust, &h);
            assert_true(h.verified);
            assert_int_equal(h.tree.size, 700);
            assert_string_equal(h.tree.origin, t.origin);
            if (ca_scan_start(s, &h.tree, start, &at, &e) != 0 ||
                ca_scan_run(s, &h.tree, &at, 700, &sink, &e) != 0)
                fail_msg("%s", e.text);
            assert_int_equal(seen.count, 700 - start);
            assert_int_equal(seen.theirs, start == 0 ? 1 : 0);
            ca_head_free(&h);
            ca_log_source_free(s);
        }
    }
    ca_head_trust_free(&trust);
    weblog_stop(&files);
    weblog_stop(&api);
    testlog_free(&t);
}

/* Proofs out of tiles against the RFC's recursion. */
static void tile_proofs(void **state)
{
    (void)state;
    struct testlog t;
    struct tm_err e = {0};
    const size_t size = 600;
    testlog_init(&t, "example.com/log");
    testlog_add_many(&t, size);
    testlog_publish(&t);
    struct mtree *m = mtree_new((const struct mtree_hash *)t.hash, size);
    struct ca_log_source *s = open_source(t.dir, SOURCE_ANY, NULL, &t);
    for (size_t old = 0; old <= size; old++) {
        struct tm_merkle_hash proof[MERKLE_PROOF_MAX];
        struct tm_merkle_hash root;
        struct tm_frontier f;
        struct mtree_proof want = {.count = 0};
        size_t count = 99;
        struct mtree_hash old_root = mtree_root(m, old);
        assert_int_equal(ca_log_source_consistency(s, old, size, proof, &count, &e), 0);
        if (old > 0)
            mtree_proof(m, old, size, &want);
        assert_int_equal(count, want.count);
        assert_memory_equal(proof, want.hash, count * sizeof(proof[0]));
        assert_int_equal(ca_log_source_frontier(s, size, old, &f, &e), 0);
        tm_frontier_root(&f, &root);
        assert_memory_equal(root.b, old_root.b, sizeof(root.b));
    }
    ca_log_source_free(s);
    mtree_free(m);
    testlog_free(&t);
}

static int count_entry(void *ctx, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    (void)index;
    (void)n;
    (void)e;
    (*(size_t *)ctx)++;
    return 0;
}

/* What is not the signed tree's is never handed out. */
static void scan_hands_out_nothing_unproven(void **state)
{
    (void)state;
    struct testlog t;
    struct tm_err e = {0};
    struct ca_head_trust trust;
    struct ca_head h;
    size_t handed = 0;
    struct tm_frontier at = {0};
    struct ca_scan_sink sink = {&handed, count_entry, NULL};
    testlog_init(&t, "example.com/log");
    testlog_add_many(&t, 300);
    testlog_publish(&t);
    testlog_damage(&t, "tile/data/000", 3); /* a timestamp: it still parses */
    trust_of(&t, &trust);
    struct ca_log_source *s = open_source(t.dir, SOURCE_ANY, NULL, &t);
    get_head(s, &trust, &h);
    assert_int_equal(ca_scan_run(s, &h.tree, &at, 300, &sink, &e), -1);
    assert_non_null(strstr(e.text, "tile/data/000"));
    assert_int_equal(handed, 0);
    assert_int_equal(at.size, 0);
    ca_head_free(&h);
    ca_log_source_free(s);
    ca_head_trust_free(&trust);
    testlog_free(&t);
}

/* Each bad manner of a server is an error that says so. */
static void bad_servers(void **state)
{
    (void)state;
    static const struct {
        enum weblog_manner manner;
        const char *says;
    } row[] = {{WEBLOG_ERROR, "status 500"},
               {WEBLOG_HUGE, "more than"},
               {WEBLOG_SLOW, "imeout"},
               {WEBLOG_SHORT, "get-sth"},
               {WEBLOG_NOT_JSON, "answer: JSON line 1"},
               {WEBLOG_REDIRECT, "redirects"}};
    struct testlog t;
    struct weblog w;
    testlog_init(&t, "example.com/log");
    testlog_add_many(&t, 10);
    weblog_start(&w, &t, false);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tm_err e = {0};
        struct tm_buf note = {0};
        struct ca_log_source *s = open_source(w.url, SOURCE_RFC6962, t.origin, &t);
        w.manner = row[i].manner;
        assert_int_equal(ca_log_source_checkpoint(s, &note, &e), -1);
        if (strstr(e.text, row[i].says) == NULL)
            fail_msg("manner %d: '%s'", (int)row[i].manner, e.text);
        w.manner = WEBLOG_GOOD;
        assert_int_equal(ca_log_source_checkpoint(s, &note, &e), 0);
        tm_buf_free(&note);
        ca_log_source_free(s);
    }
    struct tm_err e = {0};
    struct tm_buf note = {0};
    struct ca_log_source *s = open_source(w.url, SOURCE_RFC6962, t.origin, &t);
    w.manner = WEBLOG_BUSY_ONCE;
    unsigned before = w.requests;
    assert_int_equal(ca_log_source_checkpoint(s, &note, &e), 0);
    assert_int_equal(w.requests, before + 2);
    tm_buf_free(&note);
    ca_log_source_free(s);
    weblog_stop(&w);
    testlog_free(&t);
}

/* ---- the monitor ---- */

struct look {
    struct testlog t;
    struct ca_head_trust trust;
    char state[300], evidence[300];
    struct seen seen;
};

static int look_setup(void **state)
{
    struct look *l = calloc(1, sizeof(*l));
    testlog_init(&l->t, "example.com/log");
    trust_of(&l->t, &l->trust);
    snprintf(l->state, sizeof(l->state), "%s/state.json", l->t.dir);
    snprintf(l->evidence, sizeof(l->evidence), "%s/evidence", l->t.dir);
    *state = l;
    return 0;
}

static int look_teardown(void **state)
{
    struct look *l = *state;
    ca_head_trust_free(&l->trust);
    testlog_free(&l->t);
    free(l);
    return 0;
}

static enum ca_watch_result look_at(struct look *l, const char *location, enum ca_source_api api,
                                    struct ca_watch_options o, struct tm_err *e)
{
    struct ca_head h;
    struct ca_watch_state st;
    *e = (struct tm_err){0};
    o.source = open_source(location, api, l->t.origin, &l->t);
    o.trust = &l->trust;
    o.state_path = l->state;
    o.evidence_dir = l->evidence;
    o.now_ms = o.now_ms > 0 ? o.now_ms : (int64_t)l->t.now_ms;
    o.sink = (struct ca_scan_sink){&l->seen, see, NULL};
    if (ca_watch_state_load(l->state, &st, e) != 0) {
        ca_log_source_free(o.source);
        return WATCH_FAILED;
    }
    enum ca_watch_result r = ca_watch_look(&o, &st, &h, e);
    ca_head_free(&h);
    ca_watch_state_free(&st);
    ca_log_source_free(o.source);
    return r;
}

static enum ca_watch_result look(struct look *l, struct tm_err *e)
{
    return look_at(l, l->t.dir, SOURCE_ANY, (struct ca_watch_options){0}, e);
}

static size_t evidence_files(const struct look *l)
{
    size_t n = 0;
    DIR *d = opendir(l->evidence);
    for (struct dirent *f; d != NULL && (f = readdir(d)) != NULL;)
        n += f->d_name[0] != '.';
    if (d != NULL)
        closedir(d);
    return n;
}

static void grow_to(struct look *l, size_t size)
{
    testlog_add_many(&l->t, size - l->t.count);
    testlog_publish(&l->t);
}

static void watch_follows(void **state)
{
    struct look *l = *state;
    struct tm_err e;
    grow_to(l, 0);
    assert_int_equal(look(l, &e), WATCH_OK);
    static const size_t sizes[] = {1, 2, 255, 256, 257, 300, 700};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        grow_to(l, sizes[i]);
        if (look(l, &e) != WATCH_OK)
            fail_msg("%zu: %s", sizes[i], e.text);
        assert_int_equal(l->seen.count, sizes[i]);
    }
    assert_int_equal(look(l, &e), WATCH_OK); /* nothing new */
    assert_int_equal(l->seen.count, 700);
    assert_int_equal(l->seen.theirs, 1);
    assert_int_equal(evidence_files(l), 0);
}

static void watch_from_now(void **state)
{
    struct look *l = *state;
    struct tm_err e;
    grow_to(l, 300);
    l->seen.next = 300;
    assert_int_equal(
        look_at(l, l->t.dir, SOURCE_ANY, (struct ca_watch_options){.start_at_end = true}, &e),
        WATCH_OK);
    assert_int_equal(l->seen.count, 0);
    grow_to(l, 310);
    assert_int_equal(look(l, &e), WATCH_OK);
    assert_int_equal(l->seen.count, 10);
}

static void watch_sees_a_rollback(void **state)
{
    struct look *l = *state;
    struct tm_err e;
    grow_to(l, 300);
    assert_int_equal(look(l, &e), WATCH_OK);
    testlog_cut(&l->t, 1);
    testlog_publish(&l->t);
    for (int i = 0; i < 2; i++) { /* and goes on saying so */
        assert_int_equal(look(l, &e), WATCH_ROLLBACK);
        assert_non_null(strstr(e.text, "ROLLBACK"));
        assert_int_equal(evidence_files(l), 2);
    }
}

/* The log forgets its last entries and signs others in their place. */
static void fork_log(struct look *l, size_t cut, size_t size)
{
    testlog_cut(&l->t, cut);
    testlog_add(&l->t, "https://evil.example.com/", "https://git.example.com/evil");
    grow_to(l, size);
}

static void watch_sees_a_fork(void **state)
{
    struct look *l = *state;
    struct tm_err e;
    grow_to(l, 300);
    assert_int_equal(look(l, &e), WATCH_OK);
    fork_log(l, 2, 300);
    assert_int_equal(look(l, &e), WATCH_FORK); /* two roots at one size */
    fork_log(l, 2, 400);
    assert_int_equal(look(l, &e), WATCH_FORK); /* a tree that does not extend it */
    assert_non_null(strstr(e.text, "FORK"));
    assert_int_equal(evidence_files(l), 3);
    assert_int_equal(l->seen.count, 300);
}

static void watch_sees_a_fork_by_rfc6962(void **state)
{
    struct look *l = *state;
    struct weblog w;
    struct tm_err e;
    testlog_add_many(&l->t, 300);
    weblog_start(&w, &l->t, false);
    struct ca_watch_options o = {0};
    assert_int_equal(look_at(l, w.url, SOURCE_RFC6962, o, &e), WATCH_OK);
    testlog_add_many(&l->t, 50);
    assert_int_equal(look_at(l, w.url, SOURCE_RFC6962, o, &e), WATCH_OK);
    assert_int_equal(l->seen.count, 350);
    testlog_cut(&l->t, 60);
    testlog_add_many(&l->t, 150);
    assert_int_equal(look_at(l, w.url, SOURCE_RFC6962, o, &e), WATCH_FORK);
    testlog_cut(&l->t, 150);
    assert_int_equal(look_at(l, w.url, SOURCE_RFC6962, o, &e), WATCH_ROLLBACK);
    assert_int_equal(l->seen.count, 350);
    weblog_stop(&w);
}

/* Tiles that are not the checkpoint's prove nothing, and are no success either. */
static void watch_and_bad_tiles(void **state)
{
    struct look *l = *state;
    struct tm_err e;
    grow_to(l, 300);
    assert_int_equal(look(l, &e), WATCH_OK);
    grow_to(l, 400);
    testlog_damage(&l->t, "tile/0/001.p/144", (size_t)143 * 32);
    assert_int_equal(look(l, &e), WATCH_FAILED);
    assert_non_null(strstr(e.text, "do not lead to its checkpoint"));
    assert_int_equal(evidence_files(l), 0);
}

static void watch_refuses_a_bad_signature(void **state)
{
    struct look *l = *state;
    struct tm_err e;
    grow_to(l, 3);
    EVP_PKEY *other = EVP_EC_gen("P-256");
    EVP_PKEY *right = l->trust.log_key;
    l->trust.log_key = other;
    assert_int_equal(look(l, &e), WATCH_FAILED);
    l->trust.log_key = right;
    EVP_PKEY_free(other);
    assert_int_equal(look(l, &e), WATCH_OK);
    l->trust.origin = strdup("example.com/another");
    assert_int_equal(look(l, &e), WATCH_FAILED);
    assert_non_null(strstr(e.text, "example.com/another"));
}

static void watch_refuses_other_times(void **state)
{
    struct look *l = *state;
    struct tm_err e;
    grow_to(l, 3);
    struct ca_watch_options o = {.now_ms = (int64_t)l->t.now_ms - 600000};
    assert_int_equal(look_at(l, l->t.dir, SOURCE_ANY, o, &e), WATCH_FAILED);
    assert_non_null(strstr(e.text, "future"));
    o = (struct ca_watch_options){.now_ms = (int64_t)l->t.now_ms + 600000, .max_age_ms = 60000};
    assert_int_equal(look_at(l, l->t.dir, SOURCE_ANY, o, &e), WATCH_FAILED);
    assert_non_null(strstr(e.text, "stands still"));
}

static void state_refuses(void **state)
{
    struct look *l = *state;
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"version\":2}",
        "{\"version\":1,\"checkpoint\":\"x\",\"read\":0,\"frontier\":[]}",
        "{\"version\":1,\"version\":1}",
        "not json"};
    struct ca_watch_state st;
    struct tm_buf text = {0};
    struct tm_err e;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(tm_file_write_atomic(l->state, 0600, bad[i], strlen(bad[i]), &e), 0);
        assert_int_equal(ca_watch_state_load(l->state, &st, &e), -1);
        assert_non_null(strstr(e.text, "state.json"));
    }
    unlink(l->state);
    grow_to(l, 5);
    assert_int_equal(look(l, &e), WATCH_OK);
    /* A frontier that is not the checkpoint's. */
    assert_int_equal(tm_file_read(l->state, 65536, &text, &e), 0);
    char *peaks = strstr(tm_buf_str(&text), "\"frontier\"");
    assert_non_null(peaks);
    char *digit = strchr(strchr(peaks, '['), '"') + 1;
    *digit = *digit == 'A' ? 'B' : 'A';
    assert_int_equal(tm_file_write_atomic(l->state, 0600, text.data, text.len, &e), 0);
    assert_int_equal(ca_watch_state_load(l->state, &st, &e), -1);
    tm_buf_free(&text);
}

static void vkey_of(const char *name, EVP_PKEY *key, struct tm_buf *out)
{
    struct tm_note_key k;
    struct tm_err e;
    assert_int_equal(tm_note_key_init(&k, name, NOTE_COSIGNATURE, key, &e), 0);
    assert_int_equal(tm_note_vkey_put(&k, out, &e), 0);
}

static void cosign(const char *name, EVP_PKEY *key, uint64_t when_ms, struct tm_buf *note)
{
    struct tm_note_key k;
    struct tm_note n;
    struct tm_buf copy = {0};
    struct tm_err e;
    tm_buf_append(&copy, note->data, note->len);
    assert_int_equal(tm_note_key_init(&k, name, NOTE_COSIGNATURE, key, &e), 0);
    assert_int_equal(tm_note_parse(copy.data, copy.len, &n, &e), 0);
    assert_int_equal(tm_note_sign(n.text, n.text_len, &k, when_ms, note, &e), 0);
    tm_note_free(&n);
    tm_buf_free(&copy);
}

static void quorum(void **state)
{
    struct look *l = *state;
    EVP_PKEY *w[3];
    char name[3][32];
    struct tm_err e = {0};
    struct ca_head h;
    struct tm_buf note = {0};
    struct tm_buf vkey = {0};
    for (size_t i = 0; i < 3; i++) {
        w[i] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        snprintf(name[i], sizeof(name[i]), "example.com/w%zu", i);
        tm_buf_reset(&vkey);
        vkey_of(name[i], w[i], &vkey);
        assert_int_equal(ca_head_trust_witness(&l->trust, tm_buf_str(&vkey), &e), 0);
    }
    assert_int_equal(ca_head_trust_witness(&l->trust, tm_buf_str(&vkey), &e), -1); /* twice */
    int64_t now = (int64_t)l->t.now_ms + 60000;
    testlog_checkpoint(&l->t, 0, &note);
    l->trust.quorum = 2;
    assert_int_equal(ca_head_read(&l->trust, note.data, note.len, now, &h, &e), -1);
    assert_non_null(strstr(e.text, "0 of 3 witnesses"));
    cosign(name[0], w[0], (uint64_t)now, &note);
    cosign(name[0], w[0], (uint64_t)now, &note); /* one witness counts once */
    assert_int_equal(ca_head_read(&l->trust, note.data, note.len, now, &h, &e), -1);
    assert_non_null(strstr(e.text, "1 of 3 witnesses"));
    size_t one = note.len;
    cosign(name[1], w[2], (uint64_t)now, &note); /* another's key under this name */
    assert_int_equal(ca_head_read(&l->trust, note.data, note.len, now, &h, &e), -1);
    note.len = one;
    cosign(name[1], w[1], (uint64_t)now + 3600000, &note); /* from the future */
    assert_int_equal(ca_head_read(&l->trust, note.data, note.len, now, &h, &e), -1);
    note.len = one;
    cosign(name[1], w[1], (uint64_t)now, &note);
    assert_int_equal(ca_head_read(&l->trust, note.data, note.len, now, &h, &e), 0);
    assert_int_equal(h.cosigned, 2);
    assert_int_equal(h.cosigned_ms, now / 1000 * 1000);
    ca_head_free(&h);
    for (size_t i = 0; i < 3; i++)
        EVP_PKEY_free(w[i]);
    tm_buf_free(&note);
    tm_buf_free(&vkey);
}

int main(void)
{
#define LOOK(f) cmocka_unit_test_setup_teardown(f, look_setup, look_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scan_all_ways),
        cmocka_unit_test(tile_proofs),
        cmocka_unit_test(scan_hands_out_nothing_unproven),
        cmocka_unit_test(bad_servers),
        LOOK(watch_follows),
        LOOK(watch_from_now),
        LOOK(watch_sees_a_rollback),
        LOOK(watch_sees_a_fork),
        LOOK(watch_sees_a_fork_by_rfc6962),
        LOOK(watch_and_bad_tiles),
        LOOK(watch_refuses_a_bad_signature),
        LOOK(watch_refuses_other_times),
        LOOK(state_refuses),
        LOOK(quorum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

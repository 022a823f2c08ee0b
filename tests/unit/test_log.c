/* The embedded log: what it hands out is in the tree, at every size, after every fault. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/transparency/sct.h"
#include "tests/support/cmocka_all.h"
#include "ca/log/ct/format.h"
#include "tests/support/logbox.h"
#include "tests/support/pki.h"
#include "tests/support/mtree.h"

#define SIZES 300

static void proofs_for_all_sizes(void **state)
{
    (void)state;
    struct logbox b;
    struct tm_err e = {0};
    struct mtree_hash leaf[SIZES];
    struct tm_merkle_hash root[SIZES + 1];
    logbox_init(&b);
    assert_int_equal(ca_ctlog_create(&b.o, &e), 0);
    struct ca_ctlog *l = logbox_open(&b);
    root[0] = logbox_checkpoint(&b).root;
    for (uint64_t i = 0; i < SIZES; i++) {
        struct tm_buf sct = {0};
        uint64_t index = UINT64_MAX;
        assert_int_equal(logbox_add(l, i, 100, &sct, &index, &e), 0);
        assert_int_equal(index, i);
        assert_int_equal(ca_log_sync(ca_ctlog_log(l), &e), 0);
        logbox_check_sct(&b, i, 100, &sct, i);
        struct tm_checkpoint c = logbox_checkpoint(&b);
        assert_int_equal(c.size, i + 1);
        root[i + 1] = c.root;
        tm_buf_free(&sct);
    }
    ca_ctlog_close(l);
    struct ca_log_dir d = {.path = b.dir, .size = SIZES};
    struct ca_log_tiles t = ca_log_dir_tiles(&d);
    for (size_t i = 0; i < SIZES; i++) {
        struct tm_merkle_hash h;
        assert_int_equal(ca_log_tree_leaf(&t, i, SIZES, &h, &e), 0);
        memcpy(leaf[i].b, h.b, 32);
        uint64_t at = 0;
        assert_int_equal(ca_log_dir_find(&d, &h, &at, &e), 1);
        assert_int_equal(at, i);
    }
    struct mtree *oracle = mtree_new(leaf, SIZES);
    for (size_t n = 0; n <= SIZES; n++) {
        struct ca_log_proof p;
        struct mtree_proof want;
        struct tm_merkle_hash r;
        struct mtree_hash theirs = mtree_root(oracle, n);
        assert_memory_equal(root[n].b, theirs.b, 32);
        assert_int_equal(ca_log_tree_root(&t, n, &r, &e), 0);
        assert_memory_equal(r.b, theirs.b, 32);
        for (size_t m = 0; m < n; m++) {
            assert_int_equal(ca_log_tree_inclusion(&t, m, n, &p, &e), 0);
            mtree_path(oracle, m, n, &want);
            assert_int_equal(p.count, want.count);
            assert_memory_equal(p.hash, want.hash, 32 * p.count);
            assert_int_equal(ca_log_tree_consistency(&t, m, n, &p, &e), 0);
            if (m == 0) {
                assert_int_equal(p.count, 0);
                continue;
            }
            mtree_proof(oracle, m, n, &want);
            assert_int_equal(p.count, want.count);
            assert_memory_equal(p.hash, want.hash, 32 * p.count);
        }
        assert_int_equal(ca_log_tree_inclusion(&t, n, n, &p, &e), -1);
        assert_int_equal(ca_log_tree_consistency(&t, n + 1, n, &p, &e), -1);
    }
    mtree_free(oracle);
    logbox_free(&b);
}

/* ---- start-up: what a crash, a backup or a disk may have done to the directory ---- */

static uint64_t add_many(struct ca_ctlog *l, uint64_t from, uint64_t count)
{
    struct tm_err e = {0};
    uint64_t index = 0;
    for (uint64_t i = from; i < from + count; i++) {
        struct tm_buf sct = {0};
        if (logbox_add(l, i, 64, &sct, &index, &e) != 0)
            fail_msg("entry %llu: %s", (unsigned long long)i, e.text);
        tm_buf_free(&sct);
    }
    return index + 1;
}

/* A closed log of `count` entries. */
static void box_with(struct logbox *b, uint64_t count)
{
    struct tm_err e = {0};
    logbox_init(b);
    assert_int_equal(ca_ctlog_create(&b->o, &e), 0);
    struct ca_ctlog *l = logbox_open(b);
    (void)add_many(l, 0, count);
    ca_ctlog_close(l);
}

static void path_in(const struct logbox *b, const char *name, char out[256])
{
    snprintf(out, 256, "%s/%s", b->dir, name);
}

static void patch(const struct logbox *b, const char *name, long at, const char *bytes, size_t len)
{
    char path[256];
    path_in(b, name, path);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static void refused(struct logbox *b, const char *why)
{
    struct tm_err e = {0};
    struct ca_ctlog *l = ca_ctlog_open(&b->o, &e);
    if (l != NULL)
        fail_msg("opened, but should have said: %s", why);
    if (strstr(e.text, why) == NULL)
        fail_msg("said '%s', not '%s'", e.text, why);
}

static void opens_with(struct logbox *b, uint64_t size)
{
    struct ca_ctlog *l = logbox_open(b);
    assert_int_equal(logbox_checkpoint(b).size, size);
    assert_int_equal(add_many(l, 100000 + size, 1), size + 1);
    ca_ctlog_close(l);
    assert_int_equal(logbox_checkpoint(b).size, size + 1);
}

static void goes_on_after_a_restart(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, 255, 256, 257, 511, 512, 600};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct logbox b;
        box_with(&b, sizes[i]);
        opens_with(&b, sizes[i]);
        opens_with(&b, sizes[i] + 1);
        logbox_free(&b);
    }
}

static void one_writer(void **state)
{
    (void)state;
    struct logbox b;
    struct tm_err e = {0};
    box_with(&b, 3);
    struct ca_ctlog *l = logbox_open(&b);
    refused(&b, "in use by another process");
    ca_ctlog_close(l);
    opens_with(&b, 3);
    assert_int_equal(ca_ctlog_create(&b.o, &e), -1);
    assert_non_null(strstr(e.text, "holds a log already"));
    logbox_free(&b);
}

static void another_key_or_origin_is_refused(void **state)
{
    (void)state;
    struct logbox b;
    box_with(&b, 3);
    EVP_PKEY *right = b.key;
    b.o.key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    refused(&b, "another log key");
    EVP_PKEY_free(b.o.key);
    b.o.key = right;
    b.o.origin = "log.example/other";
    refused(&b, "it is the log of origin 'log.example/test'");
    b.o.origin = "https://log.example";
    refused(&b, "without its scheme");
    b.o.origin = "log.example/test";
    opens_with(&b, 3);
    logbox_free(&b);
}

static void a_torn_group_is_left_out(void **state)
{
    (void)state;
    struct logbox b;
    char path[256];
    box_with(&b, 10);
    path_in(&b, "state/journal", path);
    FILE *f = fopen(path, "a");
    fputs("GRUP torn", f);
    fclose(f);
    opens_with(&b, 10);
    logbox_free(&b);
}

static void a_damaged_journal_is_refused(void **state)
{
    (void)state;
    struct logbox b;
    struct tm_err e = {0};
    logbox_init(&b);
    assert_int_equal(ca_ctlog_create(&b.o, &e), 0);
    struct ca_ctlog *l = logbox_open(&b);
    (void)add_many(l, 0, 10);
    char whole[160];
    snprintf(whole, sizeof(whole), "%s.copy", b.dir);
    assert_int_equal(ca_log_sync(ca_ctlog_log(l), &e), 0);
    logbox_copy(b.dir, whole); /* as a crash would leave it */
    ca_ctlog_close(l);
    struct logbox c = b;
    snprintf(c.dir, sizeof(c.dir), "%.120s", whole);
    c.o.directory = c.dir;
    patch(&c, "state/journal", 300, "\xff", 1);
    refused(&c, "entries that were promised follow");
    patch(&c, "state/journal", 20, "\xff", 1);
    refused(&c, "its head is damaged");
    char path[256];
    path_in(&c, "state/journal", path);
    assert_int_equal(truncate(path, 56), 0);
    patch(&c, "state/journal", 0, "x", 1);
    refused(&c, "it is no journal");
    unlink(path);
    refused(&c, "state/journal");
    logbox_remove(whole);
    logbox_free(&b);
}

static void an_older_copy_is_refused(void **state)
{
    (void)state;
    struct logbox b;
    char anchor[160];
    char old[160];
    char from[256];
    char to[256];
    box_with(&b, 5);
    snprintf(anchor, sizeof(anchor), "%s.anchor", b.dir);
    snprintf(old, sizeof(old), "%s.old", b.dir);
    b.o.anchor = anchor;
    opens_with(&b, 5);
    logbox_copy(b.dir, old);
    opens_with(&b, 6);
    /* the old journal with the new checkpoint and tiles */
    snprintf(from, sizeof(from), "%s/state/journal", old);
    path_in(&b, "state/journal", to);
    struct tm_buf keep = {0};
    struct tm_err e = {0};
    assert_int_equal(tm_file_read(to, 1 << 20, &keep, &e), 0);
    unlink(to);
    logbox_copy(from, to);
    refused(&b, "it is an older copy");
    /* … with the old checkpoint too: the tiles tell */
    snprintf(from, sizeof(from), "%s/checkpoint", old);
    path_in(&b, "checkpoint", to);
    unlink(to);
    logbox_copy(from, to);
    b.o.anchor = NULL;
    refused(&b, "holds entries beyond the journal's");
    /* the whole old directory: only the anchor tells */
    b.o.anchor = anchor;
    logbox_remove(b.dir);
    logbox_copy(old, b.dir);
    refused(&b, "its anchor is of 7");
    b.o.anchor = NULL;
    opens_with(&b, 6);
    tm_buf_free(&keep);
    logbox_remove(old);
    unlink(anchor);
    logbox_free(&b);
}

static void a_forked_checkpoint_is_refused(void **state)
{
    (void)state;
    struct logbox b;
    struct tm_err e = {0};
    struct tm_buf note = {0};
    struct tm_note_key k;
    char path[256];
    box_with(&b, 300);
    struct tm_checkpoint c = logbox_checkpoint(&b);
    for (uint64_t size = 300; size >= 200; size -= 100) { /* in the journal's part, and before */
        c.size = size;
        c.root.b[0] ^= 1;
        tm_buf_reset(&note);
        tm_checkpoint_text(&c, &note);
        size_t text_len = note.len;
        buf_putc(&note, '\n');
        assert_int_equal(tm_note_key_init(&k, b.o.origin, NOTE_RFC6962, b.key, &e), 0);
        struct tm_buf text = {0};
        tm_buf_append(&text, note.data, text_len);
        assert_int_equal(tm_note_sign(tm_buf_str(&text), text_len, &k, 1, &note, &e), 0);
        tm_buf_free(&text);
        path_in(&b, "checkpoint", path);
        assert_int_equal(tm_file_write_atomic(path, 0644, note.data, note.len, &e), 0);
        refused(&b, "another root hash");
    }
    struct ca_log_options other = b.o;
    EVP_PKEY *stranger = pki_key("P-256"); /* signs the right tree under the log's name */
    c.size = 300;
    tm_buf_reset(&note);
    tm_checkpoint_text(&c, &note);
    struct tm_buf text = {0};
    tm_buf_append(&text, note.data, note.len);
    buf_putc(&note, '\n');
    assert_int_equal(tm_note_key_init(&k, other.origin, NOTE_RFC6962, stranger, &e), 0);
    assert_int_equal(tm_note_sign(tm_buf_str(&text), text.len, &k, 1, &note, &e), 0);
    tm_buf_free(&text);
    EVP_PKEY_free(stranger);
    assert_int_equal(tm_file_write_atomic(path, 0644, note.data, note.len, &e), 0);
    refused(&b, "checkpoint");
    patch(&b, "checkpoint", 20, "9", 1);
    refused(&b, "checkpoint");
    tm_buf_free(&note);
    logbox_free(&b);
}

static void damaged_tiles_are_refused_or_made_anew(void **state)
{
    (void)state;
    struct logbox b;
    char path[256];
    box_with(&b, 600);
    /* what the journal still holds is written anew */
    path_in(&b, "tile/0/002.p/88", path);
    assert_int_equal(truncate(path, 0), 0);
    path_in(&b, "tile/data/002.p/88", path);
    unlink(path);
    opens_with(&b, 600);
    /* what only the tiles hold is not */
    patch(&b, "tile/0/001", 100, "\xff\xff", 2);
    refused(&b, "another root hash");
    path_in(&b, "tile/0/001", path);
    assert_int_equal(truncate(path, 8191), 0);
    refused(&b, "has 8191 bytes");
    unlink(path);
    refused(&b, "tile/0/001");
    logbox_free(&b);
}

static void readers_tell_damage(void **state)
{
    (void)state;
    struct logbox b;
    struct tm_err e = {0};
    struct ca_log_proof p;
    struct tm_merkle_hash leaf;
    char path[256];
    box_with(&b, 300);
    struct tm_checkpoint c = logbox_checkpoint(&b);
    struct ca_log_dir d = {.path = b.dir, .size = c.size};
    struct ca_log_tiles t = ca_log_dir_tiles(&d);
    assert_int_equal(ca_log_tree_leaf(&t, 7, 300, &leaf, &e), 0);
    patch(&b, "tile/0/000", 9 * 32L, "\xff\xff", 2);
    assert_int_equal(ca_log_tree_inclusion(&t, 7, 300, &p, &e), 0);
    assert_int_equal(tm_merkle_check_inclusion(7, 300, &leaf, p.hash, p.count, &c.root, &e), -1);
    path_in(&b, "tile/0/000", path);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(ca_log_tree_inclusion(&t, 7, 300, &p, &e), -1);
    assert_non_null(strstr(e.text, "100 bytes"));
    unlink(path);
    assert_int_equal(ca_log_tree_inclusion(&t, 7, 300, &p, &e), -1);
    assert_non_null(strstr(e.text, "tile/0/000"));
    assert_int_equal(t.hashes(t.ctx, 0, 5, 1, &leaf, &e), -1);
    assert_non_null(strstr(e.text, "beyond the tree"));
    logbox_free(&b);
}

/* A file that may not grow stands for a disk that is full. */
static void a_full_disk_loses_nothing(void **state)
{
    (void)state;
    struct logbox b;
    struct tm_err e = {0};
    struct rlimit before;
    struct stat st;
    char path[256];
    uint64_t index = 0;
    struct tm_buf sct = {0};
    logbox_init(&b);
    b.o.checkpoint_interval_ms = 60000;
    assert_int_equal(ca_ctlog_create(&b.o, &e), 0);
    struct ca_ctlog *l = logbox_open(&b);
    (void)add_many(l, 0, 20);
    path_in(&b, "state/journal", path);
    assert_int_equal(stat(path, &st), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit tight = {(rlim_t)st.st_size + 50, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
    for (int i = 0; i < 5; i++) { /* in the middle of a group, then of the journal's renewal */
        assert_int_equal(logbox_add(l, 1000, 64, &sct, &index, &e), -1);
        assert_non_null(strstr(e.text, "journal"));
        tight.rlim_cur = 100;
        setrlimit(RLIMIT_FSIZE, &tight);
    }
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(logbox_add(l, 20, 64, &sct, &index, &e), 0);
    assert_int_equal(index, 20);
    struct ca_log_stats stats;
    ca_log_stats_get(ca_ctlog_log(l), &stats);
    assert_int_equal(stats.failures, 5);
    assert_int_equal(ca_log_sync(ca_ctlog_log(l), &e), 0);
    logbox_check_sct(&b, 20, 64, &sct, 20);
    ca_ctlog_close(l);
    opens_with(&b, 21);
    tm_buf_free(&sct);
    logbox_free(&b);
}

static int64_t test_clock; /* ms */

static int64_t test_now(void)
{
    return test_clock;
}

static void a_small_step_back_of_the_clock_is_waited_out(void **state)
{
    (void)state;
    struct logbox b;
    struct tm_err e = {0};
    struct tm_sct s;
    struct tm_buf sct = {0};
    uint64_t index = 0;
    static const struct {
        int64_t clock;
        uint64_t timestamp;
    } steps[] = {
        {1000000000, 1000000000},
        {1000000005, 1000000005},
        {999999000, 1000000005},
    };
    logbox_init(&b);
    b.o.now_ms = test_now;
    test_clock = steps[0].clock;
    assert_int_equal(ca_ctlog_create(&b.o, &e), 0);
    struct ca_ctlog *l = logbox_open(&b);
    uint64_t last_head = 0;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct tm_buf text = {0};
        struct tm_note n;
        struct tm_note_key k;
        uint64_t head = 0;
        test_clock = steps[i].clock;
        tm_buf_reset(&sct);
        assert_int_equal(logbox_add(l, i, 64, &sct, &index, &e), 0);
        assert_int_equal(tm_sct_parse(sct.data, sct.len, &s, &e), 0);
        assert_int_equal(s.timestamp_ms, steps[i].timestamp);
        assert_int_equal(ca_log_sync(ca_ctlog_log(l), &e), 0);
        (void)ca_log_checkpoint(ca_ctlog_log(l), &text);
        assert_int_equal(tm_note_parse(text.data, text.len, &n, &e), 0);
        assert_int_equal(tm_note_key_init(&k, b.o.origin, NOTE_RFC6962, b.key, &e), 0);
        assert_int_equal(tm_note_verify(&n, &k, &head, &e), 0);
        assert_true(head > last_head && head >= 1000000000);
        last_head = head;
        tm_note_free(&n);
        tm_buf_free(&text);
    }
    ca_ctlog_close(l);
    tm_buf_free(&sct);
    logbox_free(&b);
}

/* The clock goes back between an entry and the checkpoint that covers it. */
static void a_tree_head_is_never_older_than_its_newest_sct(void **state)
{
    (void)state;
    struct logbox b;
    struct tm_err e = {0};
    struct tm_buf sct = {0};
    struct tm_buf text = {0};
    struct tm_note n;
    struct tm_note_key k;
    uint64_t index = 0;
    uint64_t head = 0;
    logbox_init(&b);
    b.o.now_ms = test_now;
    b.o.checkpoint_interval_ms = 600000; /* only when asked */
    test_clock = 1000000000;
    assert_int_equal(ca_ctlog_create(&b.o, &e), 0);
    struct ca_ctlog *l = logbox_open(&b);
    test_clock = 1000009000;
    assert_int_equal(logbox_add(l, 1, 64, &sct, &index, &e), 0);
    test_clock = 1000001000;
    assert_int_equal(ca_log_sync(ca_ctlog_log(l), &e), 0);
    assert_int_equal(ca_log_checkpoint(ca_ctlog_log(l), &text), 1);
    assert_int_equal(tm_note_parse(text.data, text.len, &n, &e), 0);
    assert_int_equal(tm_note_key_init(&k, b.o.origin, NOTE_RFC6962, b.key, &e), 0);
    assert_int_equal(tm_note_verify(&n, &k, &head, &e), 0);
    assert_true(head >= 1000009000);
    tm_note_free(&n);
    tm_buf_free(&text);
    tm_buf_free(&sct);
    ca_ctlog_close(l);
    logbox_free(&b);
}

static uint64_t head_time(const struct logbox *b, struct ca_ctlog *l)
{
    struct tm_buf text = {0};
    struct tm_note n;
    struct tm_note_key k;
    struct tm_err e = {0};
    uint64_t head = 0;
    (void)ca_log_checkpoint(ca_ctlog_log(l), &text);
    assert_int_equal(tm_note_parse(text.data, text.len, &n, &e), 0);
    assert_int_equal(tm_note_key_init(&k, b->o.origin, NOTE_RFC6962, b->key, &e), 0);
    assert_int_equal(tm_note_verify(&n, &k, &head, &e), 0);
    tm_note_free(&n);
    tm_buf_free(&text);
    return head;
}

/* The clock was wrong, an entry and a checkpoint were dated by it; now it is right. */
static void a_log_from_the_future_is_refused_with_the_way_out(void **state)
{
    (void)state;
    struct logbox b;
    struct tm_err e = {0};
    struct tm_buf sct = {0};
    uint64_t index = 0;
    uint64_t newest = 0;
    logbox_init(&b);
    b.o.now_ms = test_now;
    test_clock = 2460000000000; /* 2047 */
    assert_int_equal(ca_ctlog_create(&b.o, &e), 0);
    struct ca_ctlog *l = logbox_open(&b);
    assert_int_equal(logbox_add(l, 1, 64, &sct, &index, &e), 0);
    test_clock = 1800000000000;
    assert_int_equal(logbox_add(l, 2, 64, &sct, &index, &e), -1);
    assert_non_null(strstr(e.text, "behind the log's last entry"));
    assert_int_equal(ca_log_redate(&ca_log_format_ct, b.dir, test_clock, &newest, &e), -1);
    ca_ctlog_close(l);

    assert_null(ca_ctlog_open(&b.o, &e));
    assert_non_null(strstr(e.text, "2047-12-15"));
    assert_non_null(strstr(e.text, "tenmint-ca log redate"));
    assert_int_equal(ca_log_redate(&ca_log_format_ct, b.dir, test_clock, &newest, &e), 0);
    assert_true(newest >= 2460000000000);
    for (uint64_t i = 0; i < 2; i++) { /* not once only: the entries stay where they are */
        test_clock += 1000;
        l = logbox_open(&b);
        assert_int_equal(head_time(&b, l), test_clock);
        assert_int_equal(logbox_add(l, 3 + i, 64, &sct, &index, &e), 0);
        ca_ctlog_close(l);
    }
    test_clock -= 120000; /* what came later is no excuse */
    assert_null(ca_ctlog_open(&b.o, &e));
    tm_buf_free(&sct);
    logbox_free(&b);
}

static void a_late_checkpoint_comes_by_itself(void **state)
{
    (void)state;
    struct logbox b;
    struct tm_err e = {0};
    logbox_init(&b);
    b.o.checkpoint_interval_ms = 200;
    assert_int_equal(ca_ctlog_create(&b.o, &e), 0);
    struct ca_ctlog *l = logbox_open(&b);
    (void)add_many(l, 0, 3);
    uint64_t seen = 0;
    for (int i = 0; i < 100 && seen < 3; i++) {
        usleep(20000);
        seen = logbox_checkpoint(&b).size;
    }
    assert_int_equal(seen, 3);
    ca_ctlog_close(l);
    logbox_free(&b);
}

static void bad_entries_are_refused(void **state)
{
    (void)state;
    struct logbox b;
    struct tm_err e = {0};
    struct ca_log_ticket *t = NULL;
    box_with(&b, 0);
    struct ca_ctlog *l = logbox_open(&b);
    struct ca_log_entry x = logbox_entry(1, LOG_ENTRY_MAX);
    assert_int_equal(ca_ctlog_add(l, &x, NULL, NULL, &t, &e), -1);
    assert_non_null(strstr(e.text, "larger than"));
    x = logbox_entry(1, 64);
    x.precert_len = 0;
    assert_int_equal(ca_ctlog_add(l, &x, NULL, NULL, &t, &e), -1);
    x = logbox_entry(1, 64);
    x.signed_entry.cert_len = 0;
    assert_int_equal(ca_ctlog_add(l, &x, NULL, NULL, &t, &e), -1);
    x = logbox_entry(1, 64);
    x.issuer_count = LOG_ISSUERS_MAX + 1;
    assert_int_equal(ca_ctlog_add(l, &x, NULL, NULL, &t, &e), -1);
    assert_int_equal(add_many(l, 0, 1), 1);
    ca_ctlog_close(l);
    logbox_free(&b);
}

static void tile_paths_are_strict(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int level;
        uint64_t n;
        unsigned width;
    } good[] = {{"tile/0/000", 0, 0, 256},
                {"tile/5/x001/x234/067", 5, 1234067, 256},
                {"tile/data/x001/000.p/1", -1, 1000, 1},
                {"tile/1/999.p/255", 1, 999, 255}};
    static const char *const bad[] = {
        "",
        "tile/0/",
        "tile/0/00",
        "tile/0/0000",
        "tile/6/000",
        "tile/00/000",
        "tile/0/x000/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/x001",
        "tile/0/000/",
        "tile/0/-01",
        "tile/data/x001/x001/x001/x001/x001/001",
        "tile/x/000",
        "tile/0/../000",
        "tile/0/x001/x/000",
    };
    int level = 0;
    uint64_t n = 0;
    unsigned width = 0;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        char path[TILE_PATH_MAX];
        assert_int_equal(ca_log_tile_path_parse(good[i].path, &level, &n, &width), 0);
        assert_true(level == good[i].level && n == good[i].n && width == good[i].width);
        tm_tile_path(level, n, width, path);
        assert_string_equal(path, good[i].path);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ca_log_tile_path_parse(bad[i], &level, &n, &width) == 0)
            fail_msg("accepted '%s'", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proofs_for_all_sizes),
        cmocka_unit_test(goes_on_after_a_restart),
        cmocka_unit_test(one_writer),
        cmocka_unit_test(another_key_or_origin_is_refused),
        cmocka_unit_test(a_torn_group_is_left_out),
        cmocka_unit_test(a_damaged_journal_is_refused),
        cmocka_unit_test(an_older_copy_is_refused),
        cmocka_unit_test(a_forked_checkpoint_is_refused),
        cmocka_unit_test(damaged_tiles_are_refused_or_made_anew),
        cmocka_unit_test(readers_tell_damage),
        cmocka_unit_test(a_full_disk_loses_nothing),
        cmocka_unit_test(a_small_step_back_of_the_clock_is_waited_out),
        cmocka_unit_test(a_tree_head_is_never_older_than_its_newest_sct),
        cmocka_unit_test(a_log_from_the_future_is_refused_with_the_way_out),
        cmocka_unit_test(a_late_checkpoint_comes_by_itself),
        cmocka_unit_test(bad_entries_are_refused),
        cmocka_unit_test(tile_paths_are_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

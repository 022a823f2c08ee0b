/* ca_log_verify names the file and the entry that is damaged. */
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/log/monitor/verify.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/testlog.h"

#define SIZE 700 /* two full tiles and a partial one */

struct faults {
    char text[16384];
};

static void on_fault(void *ctx, const char *text)
{
    struct faults *f = ctx;
    size_t at = strlen(f->text);
    snprintf(f->text + at, sizeof(f->text) - at, "%s\n", text);
}

static uint64_t verify(const struct testlog *t, const struct tm_buf *older, struct faults *f)
{
    struct tm_err e = {0};
    struct tm_buf note = {0};
    struct ca_head h;
    struct ca_head old = {0};
    struct ca_verify_report r;
    struct ca_head_trust trust = {.log_key = t->key};
    struct ca_source_options so = {.store = {.location = t->dir}};
    struct ca_log_source *s = ca_log_source_open(&so, &e);
    f->text[0] = '\0';
    if (s == NULL || ca_log_source_checkpoint(s, &note, &e) != 0 ||
        ca_head_read(&trust, note.data, note.len, (int64_t)t->now_ms, &h, &e) != 0)
        fail_msg("%s", e.text);
    if (older != NULL &&
        ca_head_read(&trust, older->data, older->len, (int64_t)t->now_ms, &old, &e) != 0)
        fail_msg("%s", e.text);
    struct ca_verify_options o = {.source = s,
                                  .head = &h,
                                  .older = &old,
                                  .older_count = older != NULL,
                                  .ctx = f,
                                  .fault = on_fault};
    if (ca_log_verify(&o, &r, &e) != 0)
        fail_msg("%s", e.text);
    ca_head_free(&h);
    ca_head_free(&old);
    tm_buf_free(&note);
    ca_log_source_free(s);
    return r.faults;
}

static int setup(void **state)
{
    struct testlog *t = calloc(1, sizeof(*t));
    testlog_init(t, "example.com/log");
    testlog_add_many(t, SIZE);
    testlog_publish(t);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    testlog_free(*state);
    free(*state);
    return 0;
}

static void sound(void **state)
{
    struct faults f;
    assert_int_equal(verify(*state, NULL, &f), 0);
    assert_string_equal(f.text, "");
}

/* Offset of entry `i` in the tile that begins with entry `first`. */
static size_t offset_of(const struct testlog *t, size_t first, size_t i)
{
    size_t at = 0;
    for (size_t n = first; n < i; n++)
        at += t->leaf[n].len;
    return at;
}

static void damaged_entry(void **state)
{
    struct testlog *t = *state;
    struct faults f;
    const struct {
        const char *path;
        size_t first, entry;
    } row[] = {
        {"tile/data/000", 0, 0}, {"tile/data/001", 256, 300}, {"tile/data/002.p/188", 512, 699}};
    for (size_t i = 0; i < 3; i++) {
        char want[64];
        size_t at = offset_of(t, row[i].first, row[i].entry) + 5; /* in its timestamp */
        testlog_damage(t, row[i].path, at);
        assert_true(verify(t, NULL, &f) > 0);
        snprintf(want, sizeof(want), "entry %zu is not what the signed tree says", row[i].entry);
        if (strstr(f.text, want) == NULL || strstr(f.text, row[i].path) == NULL ||
            strstr(f.text, "root hash that is signed") != NULL)
            fail_msg("%s: %s", row[i].path, f.text);
        testlog_damage(t, row[i].path, at);
    }
    assert_int_equal(verify(t, NULL, &f), 0);
}

static void entry_that_does_not_parse(void **state)
{
    struct testlog *t = *state;
    struct faults f;
    testlog_damage(t, "tile/data/001", offset_of(t, 256, 300) + 9); /* its type */
    assert_int_equal(verify(t, NULL, &f), 1);
    assert_non_null(strstr(f.text, "tile/data/001': entry 300: its entry type"));
}

static void damaged_hash(void **state)
{
    struct testlog *t = *state;
    struct faults f;
    static const char *const path[] = {"tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2"};
    for (size_t i = 0; i < 3; i++) {
        testlog_damage(t, path[i], 33);
        assert_int_equal(verify(t, NULL, &f), 1);
        if (strstr(f.text, path[i]) == NULL || strstr(f.text, "hash 1 is wrong") == NULL)
            fail_msg("%s: %s", path[i], f.text);
        testlog_damage(t, path[i], 33);
    }
}

static void missing_and_short(void **state)
{
    struct testlog *t = *state;
    struct faults f;
    char path[512];
    snprintf(path, sizeof(path), "%s/tile/1/000.p/2", t->dir);
    assert_int_equal(truncate(path, 40), 0);
    assert_int_equal(verify(t, NULL, &f), 1);
    assert_non_null(strstr(f.text, "has 40 bytes, want 64"));
    unlink(path);
    snprintf(path, sizeof(path), "%s/tile/data/000", t->dir);
    assert_int_equal(truncate(path, 1000), 0);
    assert_int_equal(verify(t, NULL, &f), 2);
    assert_non_null(strstr(f.text, "tile/1/000.p/2' is missing"));
    assert_non_null(strstr(f.text, "nothing after it can be read"));
    unlink(path);
    assert_int_equal(verify(t, NULL, &f), 2);
    assert_non_null(strstr(f.text, "tile/data/000' is missing"));
}

static void issuers(void **state)
{
    struct testlog *t = *state;
    struct faults f;
    char path[128] = "issuer/";
    char name[512];
    for (size_t i = 0; i < 32; i++)
        snprintf(path + 7 + 2 * i, 3, "%02x", t->fingerprint[i]);
    testlog_damage(t, path, 30);
    assert_int_equal(verify(t, NULL, &f), 1);
    assert_non_null(strstr(f.text, "does not hash to its name"));
    snprintf(name, sizeof(name), "%s/%s", t->dir, path);
    unlink(name);
    assert_int_equal(verify(t, NULL, &f), 1);
    assert_non_null(strstr(f.text, "is missing"));
}

static void older_checkpoints(void **state)
{
    struct testlog *t = *state;
    struct faults f;
    static const size_t sizes[] = {0, 1, 255, 256, 257, 699, SIZE};
    struct tm_buf note = {0};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        tm_buf_reset(&note);
        testlog_checkpoint(t, sizes[i], &note);
        assert_int_equal(verify(t, &note, &f), 0);
    }
    /* The last entries are replaced: the checkpoint before that is another tree's. */
    testlog_cut(t, 1);
    testlog_add(t, "https://evil.example.com", "https://git.example.com/evil");
    testlog_publish(t);
    assert_int_equal(verify(t, &note, &f), 1);
    assert_non_null(strstr(f.text, "FORK"));
    testlog_cut(t, 2);
    testlog_publish(t);
    assert_int_equal(verify(t, &note, &f), 1);
    assert_non_null(strstr(f.text, "ROLLBACK"));
    tm_buf_free(&note);
}

/* Entries and tiles changed together, by who has not the key. */
static void another_tree(void **state)
{
    struct testlog *t = *state;
    struct faults f;
    char path[512];
    char kept[512];
    snprintf(path, sizeof(path), "%s/checkpoint", t->dir);
    snprintf(kept, sizeof(kept), "%s/kept", t->dir);
    assert_int_equal(rename(path, kept), 0);
    testlog_cut(t, 1);
    testlog_add_many(t, 1);
    testlog_publish(t);
    assert_int_equal(rename(kept, path), 0);
    assert_true(verify(t, NULL, &f) >= 1);
    assert_non_null(strstr(f.text, "root hash that is signed"));
}

int main(void)
{
#define LOG(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        LOG(sound),
        LOG(damaged_entry),
        LOG(entry_that_does_not_parse),
        LOG(damaged_hash),
        LOG(missing_and_short),
        LOG(issuers),
        LOG(older_checkpoints),
        LOG(another_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

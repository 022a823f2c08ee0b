/* Which leaf hashes a signature log has: the newest from memory, older ones from the disk. */
#include <ftw.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/log/signatures/known.h"
#include "common/file.h"
#include "tests/support/cmocka_all.h"

#define TILES (SIG_KNOWN / TILE_WIDTH + 6) /* more than memory holds */

struct scene {
    char dir[64];
    struct ca_sig_known *known;
};

static struct tm_merkle_hash leaf_of(uint64_t i)
{
    struct tm_merkle_hash h;
    SHA256((const unsigned char *)&i, sizeof(i), h.b);
    return h;
}

static void write_tile(const struct scene *s, uint64_t n, unsigned width)
{
    struct tm_merkle_hash h[TILE_WIDTH];
    char name[TILE_PATH_MAX];
    char path[256];
    struct tm_err e = {0};
    for (unsigned i = 0; i < width; i++)
        h[i] = leaf_of(n * TILE_WIDTH + i);
    tm_tile_path(0, n, width, name);
    snprintf(path, sizeof(path), "%s/%s", s->dir, name);
    *strrchr(path, '/') = '\0';
    assert_int_equal(tm_file_mkdirs(path, 0755, &e), 0);
    path[strlen(path)] = '/';
    assert_int_equal(tm_file_write_passing(path, 0644, h, width * sizeof(h[0]), &e), 0);
}

static int open_scene(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    struct tm_err e = {0};
    assert_non_null(s);
    snprintf(s->dir, sizeof(s->dir), "/tmp/tenmint-known.XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    for (uint64_t n = 0; n < TILES; n++)
        write_tile(s, n, TILE_WIDTH);
    s->known = ca_sig_known_new(&e);
    assert_non_null(s->known);
    *state = s;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int close_scene(void **state)
{
    struct scene *s = *state;
    ca_sig_known_free(s->known);
    (void)nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(s);
    return 0;
}

/* The position that is found in a tree of `size`, or -1. */
static int64_t find(const struct scene *s, uint64_t size, uint64_t leaf)
{
    struct ca_log_dir d = {.path = s->dir, .size = size, .tile_level = TILE_LEVEL_ENTRIES};
    const struct tm_merkle_hash h = leaf_of(leaf);
    uint64_t index = 0;
    struct tm_err e = {0};
    int rc = ca_sig_known_find(s->known, &d, &h, &index, &e);
    if (rc < 0)
        fail_msg("%s", e.text);
    return rc > 0 ? (int64_t)index : -1;
}

static void every_published_entry_is_found_and_no_other(void **state)
{
    const struct scene *s = *state;
    const uint64_t sizes[] = {0, 256, 1024, SIG_KNOWN, SIG_KNOWN + 256, TILES * TILE_WIDTH};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (uint64_t at = 0; at < sizes[i]; at += 101)
            assert_int_equal(find(s, sizes[i], at), (int64_t)at);
        if (sizes[i] > 0)
            assert_int_equal(find(s, sizes[i], sizes[i] - 1), (int64_t)sizes[i] - 1);
        assert_int_equal(find(s, sizes[i], sizes[i]), -1);
        assert_int_equal(find(s, sizes[i], UINT64_MAX), -1);
    }
}

static void a_log_that_was_long_before_the_start_is_known_whole(void **state)
{
    const struct scene *s = *state;
    const uint64_t size = TILES * TILE_WIDTH;
    const uint64_t from = size - SIG_KNOWN;
    const uint64_t at[] = {0, 1, from - 1, from, from + 1, size - 1};
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
        assert_int_equal(find(s, size, at[i]), (int64_t)at[i]);
    assert_int_equal(find(s, size, size), -1);
}

static void a_tile_that_grows_is_taken_up_where_it_was_left(void **state)
{
    const struct scene *s = *state;
    write_tile(s, 0, 3);
    write_tile(s, 0, 200);
    assert_int_equal(find(s, 3, 2), 2);
    assert_int_equal(find(s, 3, 3), -1);
    assert_int_equal(find(s, 200, 3), 3);
    assert_int_equal(find(s, 256, 255), 255);
    assert_int_equal(find(s, 300 + 212, 300), 300);
}

static void a_tile_that_is_gone_is_an_error_and_not_an_absence(void **state)
{
    const struct scene *s = *state;
    struct ca_log_dir d = {.path = "/tmp/tenmint-known-nothing", .size = 300};
    const struct tm_merkle_hash h = leaf_of(1);
    uint64_t index = 0;
    struct tm_err e = {0};
    assert_int_equal(ca_sig_known_find(s->known, &d, &h, &index, &e), -1);
    assert_int_equal(find(s, 512, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_published_entry_is_found_and_no_other, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(a_log_that_was_long_before_the_start_is_known_whole,
                                        open_scene, close_scene),
        cmocka_unit_test_setup_teardown(a_tile_that_grows_is_taken_up_where_it_was_left, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(a_tile_that_is_gone_is_an_error_and_not_an_absence,
                                        open_scene, close_scene),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

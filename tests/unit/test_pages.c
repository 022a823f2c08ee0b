/* ca/pages: the book that finds entries, and what people see of them. */
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/pages/keeper.h"
#include "ca/pages/pages.h"
#include "ca/pages/search.h"
#include "common/file.h"
#include "common/hex.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/testlog.h"

struct scene {
    struct testlog log;
    char key[300], book[300];
    struct ca_shelf_options options;
    struct ca_book *open;
};

static void write_key(const struct scene *s)
{
    FILE *f = fopen(s->key, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_PUBKEY(f, s->log.key), 1);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    struct tm_err e = {0};
    testlog_init(&s->log, "log.example.com/pages");
    snprintf(s->key, sizeof(s->key), "%s/key.pem", s->log.dir);
    snprintf(s->book, sizeof(s->book), "%s/book", s->log.dir);
    write_key(s);
    s->options = (struct ca_shelf_options){
        .name = "log", .location = s->log.dir, .public_key = s->key, .address = "https://x/log"};
    s->open = ca_book_open(s->book, &e);
    if (s->open == NULL)
        fail_msg("%s", e.text);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    ca_book_free(s->open);
    testlog_free(&s->log);
    free(s);
    return 0;
}

/* The keeper's round, and what the book says of the log then. */
static struct ca_keeper_place keep(const struct scene *s)
{
    struct tm_err e = {0};
    struct ca_keeper *k = ca_keeper_new(s->open, &s->options, 1, NULL, &e);
    assert_non_null(k);
    if (ca_keeper_round(k, &e) != 0)
        fail_msg("%s", e.text);
    struct ca_keeper_place p = ca_keeper_place(k, 0);
    ca_keeper_free(k);
    return p;
}

static size_t ask(const struct scene *s, const char *text, uint64_t before,
                  struct ca_search_found *found)
{
    struct tm_err e = {0};
    struct ca_question q;
    struct ca_keeper_place place = keep(s);
    struct ca_shelf *shelf = ca_shelf_open(&s->options, &e);
    assert_non_null(shelf);
    assert_int_equal(ca_shelf_look(shelf, &e), 0);
    assert_int_equal(ca_question_read(text, &q, &e), 0);
    const struct ca_search search = {s->open, place.id, shelf, &q, before};
    if (ca_search_run(&search, found, &e) != 0)
        fail_msg("%s: %s", text, e.text);
    ca_shelf_free(shelf);
    return found->count;
}

static size_t count_of(const struct scene *s, const char *text)
{
    struct ca_search_found found;
    size_t n = ask(s, text, UINT64_MAX, &found);
    ca_search_free(&found);
    return n;
}

static void an_entry_is_found_however_its_names_are_written(void **state)
{
    struct scene *s = *state;
    testlog_add(&s->log, "https://github.com/Acme/w/.github/workflows/r.yml@refs/heads/main",
                "https://github.com/Acme/w");
    testlog_add(&s->log, "https://example.com/other", "https://example.com/x/y");
    testlog_publish(&s->log);
    static const struct {
        const char *asked;
        size_t found;
    } cases[] = {
        {"acme/w", 1},
        {"  Acme/W.git ", 1},
        {"https://github.com/acme/w", 1},
        {"git@github.com:acme/w.git", 1},
        {"github.com/acme/w/", 1},
        {"acme/w2", 0},
        {"acme", 0},
        {"https://github.com/Acme/w/.github/workflows/r.yml@refs/heads/main", 1},
        {"https://github.com/acme/w/.github/workflows/r.yml@refs/heads/MAIN", 1},
        {"https://github.com/Acme/w/.github/workflows/r.yml", 0},
        {"https://example.com/other/", 1},
        {"x/y", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (count_of(s, cases[i].asked) != cases[i].found)
            fail_msg("'%s' was not found %zu times", cases[i].asked, cases[i].found);
    }
}

static void a_leaf_hash_finds_its_entry_and_no_other(void **state)
{
    struct scene *s = *state;
    struct ca_search_found found;
    char hex[65];
    testlog_add_many(&s->log, 300);
    testlog_publish(&s->log);
    assert_int_equal(ask(s, "https://example.com/257", UINT64_MAX, &found), 1);
    assert_int_equal(found.entry[0].index, 257);
    tm_hex_encode(found.entry[0].leaf.b, 32, hex);
    ca_search_free(&found);
    assert_int_equal(count_of(s, hex), 1);
    hex[3] = hex[3] == '0' ? '1' : '0';
    assert_int_equal(count_of(s, hex), 0);
}

static void many_are_shown_a_page_at_a_time_the_newest_first(void **state)
{
    struct scene *s = *state;
    struct ca_search_found found;
    uint64_t before = UINT64_MAX;
    uint64_t want = 50;
    for (size_t i = 0; i < 50; i++)
        testlog_add(&s->log, "https://example.com/same", "https://example.com/a/b");
    testlog_publish(&s->log);
    do {
        size_t n = ask(s, "a/b", before, &found);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(found.entry[i].index, --want);
        before = found.next;
        bool more = found.more;
        ca_search_free(&found);
        assert_int_equal(more, want > 0);
    } while (want > 0);
}

static void the_book_goes_on_where_it_was_and_is_made_anew_when_it_is_lost(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    testlog_add_many(&s->log, 10);
    testlog_publish(&s->log);
    assert_int_equal(keep(s).size, 10);
    testlog_add_many(&s->log, 300);
    testlog_publish(&s->log);
    assert_int_equal(keep(s).size, 310);
    ca_book_free(s->open);
    int fd = open(s->book, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "this is no book at all, but text", 32, 0), 32);
    close(fd);
    s->open = ca_book_open(s->book, &e);
    assert_non_null(s->open);
    assert_int_equal(count_of(s, "https://example.com/7"), 1);
}

static void entries_of_a_tree_that_was_replaced_are_forgotten(void **state)
{
    struct scene *s = *state;
    testlog_add(&s->log, "https://example.com/gone", "https://example.com/a/b");
    testlog_add_many(&s->log, 4);
    testlog_publish(&s->log);
    assert_int_equal(count_of(s, "https://example.com/gone"), 1);
    testlog_cut(&s->log, 5);
    testlog_add_many(&s->log, 7);
    testlog_publish(&s->log);
    assert_int_equal(keep(s).size, 7);
    assert_int_equal(count_of(s, "https://example.com/gone"), 0);
    assert_int_equal(count_of(s, "https://example.com/6"), 1);
}

static void an_entry_that_is_not_the_trees_is_not_shown(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    struct ca_shelf_entry n;
    testlog_add_many(&s->log, 5);
    testlog_publish(&s->log);
    struct ca_shelf *shelf = ca_shelf_open(&s->options, &e);
    assert_int_equal(ca_shelf_look(shelf, &e), 0);
    assert_int_equal(ca_shelf_entry(shelf, 5, &n, &e), 0);
    ca_shelf_entry_free(&n);
    testlog_damage(&s->log, "tile/data/000.p/5", 3); /* in the first entry's time */
    assert_int_equal(ca_shelf_entry(shelf, 0, &n, &e), -1);
    ca_shelf_entry_free(&n);
    ca_shelf_free(shelf);
}

/* As a browser would see it: no element comes from what an entry says. */
static void a_hostile_identity_stays_text(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    struct tm_html h = {0};
    struct ca_shelf_entry n;
    const struct ca_page_site site = {"a <b> site", true};
    testlog_add(&s->log, "https://e.com/\"><script>alert(1)</script>", "https://e.com/<i>/'x");
    testlog_publish(&s->log);
    struct ca_shelf *shelf = ca_shelf_open(&s->options, &e);
    assert_int_equal(ca_shelf_look(shelf, &e), 0);
    assert_int_equal(ca_shelf_entry(shelf, 0, &n, &e), 1);
    const struct ca_page_entry page = {.log = &s->options,
                                       .head = ca_shelf_head(shelf),
                                       .at = &n,
                                       .now = 1800000000,
                                       .version = "0.0.0"};
    ca_page_entry(&h, &site, &page);
    const char *text = tm_html_str(&h);
    assert_non_null(text);
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "<i>"));
    assert_non_null(strstr(text, "&lt;script&gt;alert(1)&lt;/<wbr />script&gt;"));
    assert_non_null(strstr(text, "It is the only entry"));
    tm_html_free(&h);
    ca_shelf_entry_free(&n);
    ca_shelf_free(shelf);
}

static void what_can_find_nothing_is_refused(void **state)
{
    (void)state;
    struct ca_question q;
    struct tm_err e = {0};
    char longer[CA_QUESTION_BYTES + 2];
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(ca_question_read("", &q, &e), -1);
    assert_int_equal(ca_question_read(" \t ", &q, &e), -1);
    assert_int_equal(ca_question_read(longer, &q, &e), -1);
    longer[CA_QUESTION_BYTES] = '\0';
    assert_int_equal(ca_question_read(longer, &q, &e), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_entry_is_found_however_its_names_are_written),
        CASE(a_leaf_hash_finds_its_entry_and_no_other),
        CASE(many_are_shown_a_page_at_a_time_the_newest_first),
        CASE(the_book_goes_on_where_it_was_and_is_made_anew_when_it_is_lost),
        CASE(entries_of_a_tree_that_was_replaced_are_forgotten),
        CASE(an_entry_that_is_not_the_trees_is_not_shown),
        CASE(a_hostile_identity_stays_text),
        cmocka_unit_test(what_can_find_nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

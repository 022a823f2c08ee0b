/* Which certificates `log find` and a watcher's list of identities pick out. */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "ca/log/monitor/filter.h"
#include "common/der.h"

#define URI (DER_CONTEXT | 6)
#define EMAIL (DER_CONTEXT | 1)

struct named {
    unsigned char text[16384];
    struct ca_certificate c;
};

static void add_name(struct named *n, unsigned char tag, const void *name, size_t len)
{
    unsigned char *to = n->text + n->c.names.len;
    const unsigned char head[] = {tag, 0x82, (unsigned char)(len >> 8), (unsigned char)len};
    size_t head_len = len < 128 ? 2 : sizeof(head);
    assert_true(n->c.names.len + head_len + len <= sizeof(n->text) && (len < 128 || len > 255));
    memcpy(to, head, head_len);
    if (len < 128)
        to[1] = (unsigned char)len;
    memcpy(to + head_len, name, len);
    n->c.names.p = n->text;
    n->c.names.len += head_len + len;
}

static bool matches(const char *pattern, const struct named *n)
{
    struct ca_filter f = {0};
    struct tm_err e = {0};
    if (ca_filter_set_pattern(&f, pattern, &e) != 0)
        fail_msg("%s: %s", pattern, e.text);
    bool yes = ca_filter_judge(&f, 0, &n->c) == FILTER_MATCH;
    ca_filter_free(&f);
    return yes;
}

static void a_pattern_matches_a_part_of_any_name(void **state)
{
    (void)state;
    static struct named n;
    n.c.names.len = 0;
    assert_false(matches("", &n)); /* there is no name */
    add_name(&n, EMAIL, "dev@example.com", 15);
    add_name(&n, URI, "https://github.com/acme/widget", 30);
    assert_true(matches("@example\\.com$", &n));
    assert_true(matches("^https://github\\.com/acme/", &n));
    assert_true(matches("acme|nobody", &n));
    assert_false(matches("@example\\.co$", &n));
    assert_false(matches("^github", &n));
    struct ca_filter f = {0};
    struct tm_err e = {0};
    assert_int_equal(ca_filter_set_pattern(&f, "(", &e), -1);
    assert_non_null(strstr(e.text, "'('"));
}

/* Nobody gets round a watcher by a name that is odd, long, or made to keep the expression busy. */
static void odd_names_are_shown(void **state)
{
    (void)state;
    static struct named n;
    static char name[8000];
    memset(name, 'a', sizeof(name));
    n.c.names.len = 0;
    add_name(&n, URI,
             "\xff\xfe"
             "acme",
             6);
    assert_true(matches("acme", &n));
    n.c.names.len = 0;
    add_name(&n, URI, "x\0acme", 6);
    assert_true(matches("acme$", &n));
    n.c.names.len = 0;
    for (size_t i = 0; i < 4; i++)
        name[sizeof(name) - 4 + i] = "acme"[i];
    add_name(&n, URI, name, sizeof(name));
    assert_true(matches("acme$", &n));
    assert_false(matches("^acme", &n));
    assert_true(matches("^(a|aa)+[bc]", &n)); /* would take for ever */
}

static void a_list_of_identities(void **state)
{
    (void)state;
    static const char list[] = "identity: [dev@example.com]\n"
                               "identity-regexp: ['/acme/']\n"
                               "repository: [acme/widget]\n";
    static const struct {
        const char *name, *repository;
        bool theirs;
    } row[] = {{"dev@example.com", NULL, true},
               {"dev@example.com.evil", NULL, false},
               {"https://x/acme/y", NULL, true},
               {"https://x/y", "acme/widget", true},
               {"https://x/y", "acme/widgets", false}};
    struct ca_identities own;
    struct tm_err e = {0};
    if (ca_identities_parse("list", list, strlen(list), &own, &e) != 0)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct named *n = calloc(1, sizeof(*n));
        add_name(n, URI, row[i].name, strlen(row[i].name));
        if (row[i].repository != NULL)
            n->c.identity[IDENTITY_GITHUB_REPOSITORY] = (struct ca_cert_text){
                (const unsigned char *)row[i].repository, strlen(row[i].repository)};
        bool theirs = false;
        for (size_t k = 0; k < own.count; k++)
            theirs = theirs || ca_filter_judge(&own.filter[k], 0, &n->c) == FILTER_MATCH;
        assert_int_equal(theirs, row[i].theirs);
        free(n);
    }
    ca_identities_free(&own);
    static const char *const bad[] = {"", "identity: []\n", "identity: [a]\nidentity: [b]\n",
                                      "identities: [a]\n", "identity-regexp: ['(']\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(ca_identities_parse("list", bad[i], strlen(bad[i]), &own, &e), -1);
        assert_non_null(strstr(e.text, "list"));
        ca_identities_free(&own);
    }
}

static void serial_numbers_and_times(void **state)
{
    (void)state;
    struct ca_filter f = {0};
    struct tm_err e = {0};
    struct ca_certificate c = {.serial = {(const unsigned char *)"\x0a\xbc", 2}};
    static const char *const same[] = {"0abc", "abc", "0A:BC", "000abc", "0x0abc", "0abc.."};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        assert_int_equal(ca_filter_set_serial(&f, same[i], &e), 0);
        assert_int_equal(ca_filter_judge(&f, 0, &c), FILTER_MATCH);
    }
    assert_int_equal(ca_filter_set_serial(&f, "0abd", &e), 0);
    assert_int_not_equal(ca_filter_judge(&f, 0, &c), FILTER_MATCH);
    static const char *const bad[] = {"", "zz", "0", ":ab", "0x", "ab..c"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(ca_filter_set_serial(&f, bad[i], &e), -1);
    struct ca_filter when = {.after_ms = 10, .before_ms = 20};
    assert_int_not_equal(ca_filter_judge(&when, 9, &c), FILTER_MATCH);
    assert_int_equal(ca_filter_judge(&when, 10, &c), FILTER_MATCH);
    assert_int_not_equal(ca_filter_judge(&when, 20, &c), FILTER_MATCH);
}

static void a_serial_number_is_found_by_how_it_begins(void **state)
{
    (void)state;
    struct ca_filter f = {0};
    struct tm_err e = {0};
    const struct ca_certificate c = {
        .serial = {(const unsigned char *)"\x0a\xbc\xde\xf0\x12\x34", 6}};
    static const struct {
        const char *text;
        enum ca_filter_result want;
    } row[] = {{"0abcdef0", FILTER_MATCH},     {"0abcdef0..", FILTER_MATCH},
               {"abcdef0", FILTER_MATCH},      {"0a:bc:de", FILTER_MISS},
               {"0a:bc:de:f", FILTER_MATCH},   {"0abcdef1", FILTER_MISS},
               {"bcdef0", FILTER_MISS},        {"0abcdef01234", FILTER_MATCH},
               {"0abcdef0123456", FILTER_MISS}};
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        assert_int_equal(ca_filter_set_serial(&f, row[i].text, &e), 0);
        if (ca_filter_judge(&f, 0, &c) != row[i].want)
            fail_msg("%s", row[i].text);
    }
}

static struct ca_cert_text text_of(const char *s)
{
    return (struct ca_cert_text){(const unsigned char *)s, strlen(s)};
}

static void a_repository_is_found_however_it_is_written(void **state)
{
    (void)state;
    static const char *const same[] = {"acme/widget",
                                       "acme/widget.git",
                                       "ACME/Widget/",
                                       "acme/widget.git/",
                                       "https://github.com/acme/widget",
                                       "http://GitHub.com/acme/widget.git",
                                       "github.com/acme/widget",
                                       "git@github.com:acme/widget.git"};
    static const char *const other[] = {"acme/widgets", "cme/widget", "widget/acme",
                                        "acme/widget/x", "https://gitlab.com/acme/widget"};
    struct ca_certificate uri = {0};
    struct ca_certificate v1 = {0};
    uri.identity[IDENTITY_SOURCE_URI] = text_of("https://github.com/Acme/widget");
    v1.identity[IDENTITY_GITHUB_REPOSITORY] = text_of("acme/widget");
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        const struct ca_filter f = {.repository = same[i]};
        if (ca_filter_judge(&f, 0, &uri) != FILTER_MATCH ||
            ca_filter_judge(&f, 0, &v1) != FILTER_MATCH)
            fail_msg("%s", same[i]);
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        const struct ca_filter f = {.repository = other[i]};
        if (ca_filter_judge(&f, 0, &uri) != FILTER_MISS ||
            ca_filter_judge(&f, 0, &v1) != FILTER_MISS)
            fail_msg("%s", other[i]);
    }
    const struct ca_filter elsewhere = {.repository = "group/sub/project"};
    uri.identity[IDENTITY_SOURCE_URI] = text_of("https://git.example.com/group/sub/project");
    assert_int_equal(ca_filter_judge(&elsewhere, 0, &uri), FILTER_MATCH);
}

static void another_case_of_an_identity_or_issuer_comes_near(void **state)
{
    (void)state;
    static struct named n;
    add_name(&n, EMAIL, "Dev@example.com", 15);
    n.c.identity[IDENTITY_ISSUER] = text_of("https://issuer.example.com");
    static const struct {
        const char *identity, *issuer;
        enum ca_filter_result want;
    } row[] = {{"Dev@example.com", NULL, FILTER_MATCH},
               {"dev@example.com", NULL, FILTER_NEAR},
               {"dev@example.co", NULL, FILTER_MISS},
               {NULL, "https://issuer.example.com/", FILTER_NEAR},
               {"Dev@example.com", "https://Issuer.example.com", FILTER_NEAR},
               {"dev@example.com", "https://issuer.example.org", FILTER_MISS}};
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        const struct ca_filter f = {.identity = row[i].identity, .issuer = row[i].issuer};
        assert_int_equal(ca_filter_judge(&f, 0, &n.c), row[i].want);
    }
}

static void a_list_that_can_match_nothing_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"identity: ['']\n",
                                      "identity: ['*@example.com']\n",
                                      "identity: ['dev@example.com ']\n",
                                      "repository: [widget]\n",
                                      "repository: [acme/*]\n",
                                      "repository: ['https://github.com/']\n",
                                      "issuer: [github]\n",
                                      "issuer: ['']\n"};
    struct ca_identities own;
    struct tm_err e = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ca_identities_parse("list", bad[i], strlen(bad[i]), &own, &e) == 0)
            fail_msg("%s", bad[i]);
        ca_identities_free(&own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_serial_number_is_found_by_how_it_begins),
        cmocka_unit_test(a_repository_is_found_however_it_is_written),
        cmocka_unit_test(another_case_of_an_identity_or_issuer_comes_near),
        cmocka_unit_test(a_list_that_can_match_nothing_is_refused),
        cmocka_unit_test(a_pattern_matches_a_part_of_any_name),
        cmocka_unit_test(odd_names_are_shown),
        cmocka_unit_test(a_list_of_identities),
        cmocka_unit_test(serial_numbers_and_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

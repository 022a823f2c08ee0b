/* Claims as text: URLs, numbers, addresses, and the paths of issuer-claim. */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "common/json/strictjson.h"
#include "oidc/token/claim.h"
#include "oidc/principal/url.h"

static void urls_come_out_as_go_writes_them(void **state)
{
    (void)state;
    static const struct {
        enum oidc_url_form form;
        const char *in;
        const char *out; /* NULL: refused */
    } rows[] = {
#include "tests/unit/test_claim_urls.inc"
        /* refused here although Go takes them */
        {URL_PARSED, "https://u@h/", NULL},
        {URL_PARSED, "https:///path", NULL},
        {URL_PARSED, "mailto:a", NULL},
        {URL_PARSED, "path", NULL},
        {URL_PARSED, "//h/p", NULL},
        {URL_PARSED, "https://h:/", NULL},
        {URL_PARSED, "https://h:123456/", NULL},
        {URL_PARSED, "https://h:x/", NULL},
        {URL_PARSED, "https://\xc3\xa9/", NULL},
        {URL_PARSED, "https://h%20/", NULL},
        {URL_PARSED, "https://h/?\xc3\xa9", NULL},
        {URL_PARSED, "https://[::1/", NULL},
        {URL_PARSED, "https://h\\@x/", NULL},
        {URL_JOINED, "https://h/%2", NULL},
        {URL_PARSED, "", NULL},
        {URL_VERBATIM, "any thing", "any thing"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_err e = {0};
        struct tm_buf out = {0};
        int rc = oidc_url_write(rows[i].in, rows[i].form, &out, &e);
        if (rc != (rows[i].out != NULL ? 0 : -1))
            fail_msg("row %zu: %s: %d %s", i, rows[i].in, rc, e.text);
        if (rc == 0)
            assert_string_equal(tm_buf_str(&out), rows[i].out);
        tm_buf_free(&out);
    }
}

/* Two branches, workflows or subjects must never have one SAN. */
static void urls_of_different_names_differ(void **state)
{
    (void)state;
    static const struct {
        enum oidc_url_form form;
        const char *in;
        const char *out; /* NULL: refused */
    } rows[] = {
        {URL_PARSED, "https://h/w.yml@refs/heads/main", "https://h/w.yml@refs/heads/main"},
        {URL_PARSED, "https://h/w.yml@refs/heads/main#", NULL}, /* '#' is fine in a branch's name */
        {URL_PARSED, "https://h/w.yml@refs/heads/main#1", "https://h/w.yml@refs/heads/main#1"},
        {URL_PARSED, "https://h/main#a%20b", NULL},
        {URL_PARSED, "https://h/\xc3\xbc", "https://h/%C3%BC"},
        {URL_PARSED, "https://h/%C3%BC", NULL},
        {URL_PARSED, "https://h/%c3%bc", NULL},
        {URL_PARSED, "https://h/a b", "https://h/a%20b"},
        {URL_PARSED, "https://h/a%20b", NULL},
        {URL_PARSED, "https://h/a b%41", NULL},
        {URL_PARSED, "https://h/a%00", NULL},
        {URL_PARSED, "https://h/a%2fb%41", "https://h/a%2fb%41"},
        {URL_PARSED, "https://h/p?%20", "https://h/p?%20"},
        {URL_PARSED, "https://h/a//b/../c", "https://h/a//b/../c"},
        {URL_PARSED, "https://h/100%", NULL},
        {URL_SENT, "https://h/a b", NULL},
        {URL_SENT, "https://h/\xc3\xbc", NULL},
        {URL_SENT, "https://h/a%20b%C3%BC", "https://h/a%20b%C3%BC"},
        {URL_SENT, "https://h/a#", NULL},
        {URL_SENT, "https://h/a#b c", NULL},
        {URL_SENT, "https://h/a?b#c", "https://h/a?b#c"},
        {URL_JOINED, "https://h/a/../b", NULL},
        {URL_JOINED, "https://h/..", NULL},
        {URL_JOINED, "https://h/a/./b", NULL},
        {URL_JOINED, "https://h//a", NULL},
        {URL_JOINED, "https://h/a//b", NULL},
        {URL_JOINED, "https://h/a//", NULL},
        {URL_JOINED, "https://h/a/b/", "https://h/a/b/"},
        {URL_JOINED_GAPS, "https://h//:a/p", "https://h/:a/p"},
        {URL_JOINED_GAPS, "https://h/a//../p", NULL},
        {URL_JOINED, "https://h/a#b", "https://h/a%23b"},
        {URL_JOINED, "https://h/a%23b", NULL},
        {URL_JOINED, "https://h/a?b", "https://h/a%3Fb"},
        {URL_JOINED, "https://h/a/...b/..c", "https://h/a/...b/..c"},
        {URL_VERBATIM, "main%20#", "main%20#"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_err e = {0};
        struct tm_buf out = {0};
        int rc = oidc_url_write_unique(rows[i].in, rows[i].form, &out, &e);
        if (rc != (rows[i].out != NULL ? 0 : -1))
            fail_msg("row %zu: %s: %d %s", i, rows[i].in, rc, e.text);
        if (rc == 0)
            assert_string_equal(tm_buf_str(&out), rows[i].out);
        tm_buf_free(&out);
    }
}

#define TAIL_MAX 5
#define TAILS 177156 /* texts of up to 5 of 11 characters */

struct written {
    char in[TAIL_MAX + 1];
    char out[40];
};

static int by_out(const void *a, const void *b)
{
    return strcmp(((const struct written *)a)->out, ((const struct written *)b)->out);
}

/* The text after this one, counted with letters; false after the last. */
static bool next_tail(char tail[TAIL_MAX + 1])
{
    static const char alphabet[] = "a%204# ?/.\"";
    size_t i = 0;
    for (; tail[i] != '\0'; i++) {
        tail[i] = strchr(alphabet, tail[i])[1];
        if (tail[i] != '\0')
            return true;
        tail[i] = alphabet[0];
    }
    if (i == TAIL_MAX)
        return false;
    tail[i] = alphabet[0];
    return true;
}

/* Every text of up to five characters out of those that URLs treat in their own ways. */
static void no_two_texts_give_one_url(void **state)
{
    (void)state;
    static const char base[] = "https://h/";
    static const enum oidc_url_form forms[] = {URL_PARSED, URL_SENT, URL_JOINED};
    struct written *w = calloc(TAILS, sizeof(*w));
    assert_non_null(w);
    for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
        size_t count = 0;
        size_t tails = 0;
        char tail[TAIL_MAX + 1] = "";
        for (bool more = true; more; more = next_tail(tail)) {
            struct tm_buf out = {0};
            char text[sizeof(base) + TAIL_MAX];
            tails++;
            snprintf(text, sizeof(text), "%s%s", base, tail);
            if (oidc_url_write_unique(text, forms[f], &out, NULL) == 0) {
                snprintf(w[count].in, sizeof(w[count].in), "%s", tail);
                snprintf(w[count++].out, sizeof(w[0].out), "%s", tm_buf_str(&out));
            }
            tm_buf_free(&out);
        }
        assert_int_equal(tails, TAILS);
        assert_true(count > 1000);
        qsort(w, count, sizeof(*w), by_out);
        for (size_t i = 1; i < count; i++) {
            if (strcmp(w[i - 1].out, w[i].out) == 0)
                fail_msg("'%s' and '%s' both give %s", w[i - 1].in, w[i].in, w[i].out);
        }
    }
    free(w);
}

static void numbers_come_out_as_go_writes_them(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *out;
    } rows[] = {
        {"0", "0"},
        {"-7", "-7"},
        {"9223372036854775807", "9223372036854775807"},
        {"1.0", "1"},
        {"1.5", "1.5"},
        {"-0.25", "-0.25"},
        {"1e3", "1000"},
        {"9e18", "9000000000000000000"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"123456.789", "123456.789"},
        {"1e-7", "0.0000001"},
        {"1.25e-3", "0.00125"},
        {"0.1", "0.1"},
        {"2.5e15", "2500000000000000"},
        {"1e-3", "0.001"},
        {"0.0", "0"},
        {"-0.0", "-0"},
        {"12.0e0", "12"},
        {"true", "true"},
        {"false", "false"},
        {"\"\"", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_err e = {0};
        struct tm_buf out = {0};
        json_t *v = tm_strictjson_parse(rows[i].json, strlen(rows[i].json), 64, &e);
        assert_non_null(v);
        assert_int_equal(oidc_claim_text(v, "x", &out, &e), 0);
        assert_string_equal(tm_buf_str(&out), rows[i].out);
        json_decref(v);
        tm_buf_free(&out);
    }
    struct tm_buf out = {0};
    json_t *tiny = json_real(5e-324);
    assert_int_equal(oidc_claim_text(tiny, "x", &out, NULL), 0);
    assert_int_equal(out.len, 326);
    json_decref(tiny);
    tm_buf_free(&out);
}

/* Two of them would be one identity. */
static void a_number_that_stands_for_many_is_no_identity(void **state)
{
    (void)state;
    static const char *const rows[] = {"9223372036854775808",
                                       "-9223372036854775809",
                                       "1e23",
                                       "12345678901234567890",
                                       "1e400",
                                       "-1e400"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_err e = {0};
        struct tm_buf out = {0};
        json_t *v = tm_strictjson_parse_wide(rows[i], strlen(rows[i]), 64, &e);
        assert_true(json_is_real(v));
        assert_int_equal(oidc_claim_text(v, "x", &out, &e), -1);
        assert_string_equal(e.text, "claim 'x' is a number too large to be exact");
        json_decref(v);
        tm_buf_free(&out);
    }
}

static void addresses(void **state)
{
    (void)state;
    static const char *const good[] = {"a@b.co", "a.b@c.d.example", "!#$%&'*+/=?^_`{|}~-@x.org",
                                       "a@1.example", "A@B.C"};
    static const char *const bad[] = {
        "",
        "a",
        "@b.co",
        "a@",
        "a@b",
        "a@b.",
        "a@.b",
        "a@b..c",
        ".a@b.co",
        "a.@b.co",
        "a..b@b.co",
        "a b@b.co",
        "a@b c.co",
        "a@-b.co",
        "a@b-.co",
        "a@b.1",
        "a@b_c.co",
        "a@b@c.co",
        "\"a\"@b.co",
        "a@[127.0.0.1]",
        "\xc3\xa9@b.co",
        "a@\xc3\xa9.co",
        "a@b.co\n",
        "<a@b.co>",
        "a,b@c.co",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!oidc_claim_is_email(good[i]) || !oidc_claim_looks_like_email(good[i]))
            fail_msg("refused %s", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (oidc_claim_is_email(bad[i]))
            fail_msg("accepted %s", bad[i]);
    }
    char local[300];
    memset(local, 'a', sizeof(local));
    memcpy(local + 250, "@b.co", sizeof("@b.co"));
    assert_false(oidc_claim_is_email(local));
    assert_true(oidc_claim_is_email(local + 10));
}

static void issuer_claim_paths(void **state)
{
    (void)state;
    static const char *const good[] = {"$.a", "$.a_1.B", "$[\"a.b\"]", "$.a['b c'].d",
                                       "$.a.b.c.d.e.f.g.h"};
    static const char *const bad[] = {"",
                                      "$",
                                      "a",
                                      ".a",
                                      "$a",
                                      "$.",
                                      "$..a",
                                      "$.a.",
                                      "$.a[0]",
                                      "$.a[*]",
                                      "$.*",
                                      "$.a-b",
                                      "$.1",
                                      "$[\"a]",
                                      "$[\"a\\\"\"]",
                                      "$[\"\"]",
                                      "$.a b",
                                      "$.a?(@.b)",
                                      "$.a.b.c.d.e.f.g.h.i",
                                      "$['a\"]"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!oidc_claim_path_ok(good[i]))
            fail_msg("refused %s", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (oidc_claim_path_ok(bad[i]))
            fail_msg("accepted %s", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_come_out_as_go_writes_them),
        cmocka_unit_test(urls_of_different_names_differ),
        cmocka_unit_test(no_two_texts_give_one_url),
        cmocka_unit_test(numbers_come_out_as_go_writes_them),
        cmocka_unit_test(a_number_that_stands_for_many_is_no_identity),
        cmocka_unit_test(addresses),
        cmocka_unit_test(issuer_claim_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

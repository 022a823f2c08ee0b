/* common/html: what others wrote stays text, and what is misused gives no page. */
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/b64.h"
#include "common/html/timeline.h"

#define FFFD "\xef\xbf\xbd"

static void expect(struct tm_html *h, const char *want)
{
    const char *is = tm_html_str(h);
    assert_non_null(is);
    assert_string_equal(is, want);
    tm_html_free(h);
}

static void text_of_others_cannot_become_markup(void **state)
{
    (void)state;
    struct tm_html h = {0};
    tm_html_open(&h, "p");
    tm_html_attr(&h, "title", "\"><script>x()</script>'");
    tm_html_text(&h, "</p><img src=x onerror=\"x()\">&amp;'");
    tm_html_close(&h);
    expect(&h, "<p title=\"&quot;&gt;&lt;script&gt;x()&lt;/script&gt;&#39;\">"
               "&lt;/p&gt;&lt;img src=x onerror=&quot;x()&quot;&gt;&amp;amp;&#39;</p>");
}

static void what_cannot_be_seen_is_shown_as_a_replacement(void **state)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"a\nb", "a\nb"},
        {"a\tb\rc\x1b[2J\x7f", "a" FFFD "b" FFFD "c" FFFD "[2J" FFFD},
        {"\xe2\x80\xae"
         "exe.txt",
         FFFD "exe.txt"},                       /* right-to-left override */
        {"adm\xe2\x80\x8bin", "adm" FFFD "in"}, /* zero width space */
        {"\xc3\xbc\xf0\x9f\x94\x91", "\xc3\xbc\xf0\x9f\x94\x91"},
        {"\xc0\xbc\xff", FFFD FFFD FFFD},        /* an overlong '<' */
        {"\xed\xa0\x80", FFFD FFFD FFFD},        /* a surrogate */
        {"\xef\xbf\xbe\xef\xbf\xbf", FFFD FFFD}, /* no characters */
        {"\xe2\x82", FFFD FFFD},                 /* cut off */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tm_html h = {0};
        tm_html_text(&h, cases[i].text);
        expect(&h, cases[i].shown);
    }
    struct tm_html h = {0};
    tm_html_bytes(&h, "a\0b", 3);
    expect(&h, "a" FFFD "b");
}

static void a_link_stays_in_its_folder_and_its_attribute(void **state)
{
    (void)state;
    struct tm_html h = {0};
    tm_html_link(&h, "roles.html", "role-\"a b\"<%", "<b>");
    tm_html_link(&h, "index.html", NULL, NULL);
    expect(&h, "<a href=\"roles.html#role-%22a%20b%22%3C%25\">&lt;b&gt;</a>"
               "<a href=\"index.html\"></a>");
}

static void write_attribute_late(struct tm_html *h)
{
    tm_html_open(h, "p");
    tm_html_text(h, "x");
    tm_html_class(h, "late");
    tm_html_close(h);
}

static void write_handler(struct tm_html *h)
{
    tm_html_open(h, "p");
    tm_html_attr(h, "onclick", "x()");
    tm_html_close(h);
}

static void write_address(struct tm_html *h)
{
    tm_html_open(h, "a");
    tm_html_attr(h, "href", "javascript:x()");
    tm_html_close(h);
}

static void write_inline_style(struct tm_html *h)
{
    tm_html_open(h, "p");
    tm_html_attr(h, "style", "color:red");
    tm_html_close(h);
}

static void write_unclosed(struct tm_html *h)
{
    tm_html_open(h, "p");
    tm_html_text(h, "x");
}

static void write_closed_twice(struct tm_html *h)
{
    tm_html_element(h, "p", "x");
    tm_html_close(h);
}

static void write_deep(struct tm_html *h)
{
    for (int i = 0; i <= TM_HTML_DEPTH; i++)
        tm_html_open(h, "b");
    for (int i = 0; i < TM_HTML_DEPTH; i++)
        tm_html_close(h);
}

static const char *const columns[] = {"key", "holder"};

static void write_short_row(struct tm_html *h)
{
    struct tm_html_table t;
    tm_html_table_begin(&t, h, "keys", columns, 2);
    tm_html_row(&t);
    tm_html_cell_text(&t, "only one");
    tm_html_table_end(&t);
}

static void write_long_row(struct tm_html *h)
{
    struct tm_html_table t;
    tm_html_table_begin(&t, h, "keys", columns, 2);
    tm_html_row(&t);
    for (int i = 0; i < 3; i++)
        tm_html_cell_text(&t, "x");
    tm_html_table_end(&t);
}

static void what_is_misused_gives_no_page(void **state)
{
    static void (*const wrong[])(struct tm_html *) = {
        write_attribute_late, write_handler, write_address,   write_inline_style, write_unclosed,
        write_closed_twice,   write_deep,    write_short_row, write_long_row,
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct tm_html h = {0};
        wrong[i](&h);
        if (tm_html_str(&h) != NULL)
            fail_msg("misuse %zu gives a page", i);
        tm_html_free(&h);
    }
}

static void a_cell_knows_its_column(void **state)
{
    (void)state;
    struct tm_html h = {0};
    struct tm_html_table t;
    tm_html_table_begin(&t, &h, "keys", columns, 2);
    tm_html_row(&t);
    tm_html_cell_text(&t, "2f1c");
    tm_html_cell(&t);
    tm_html_badge(&h, TM_HTML_BAD, "nobody");
    tm_html_table_end(&t);
    const char *is = tm_html_str(&h);
    assert_non_null(is);
    assert_non_null(strstr(is, "<caption>keys</caption>"));
    assert_non_null(strstr(is, "data-label=\"key\"><div>2f1c</div></td>"));
    assert_non_null(strstr(
        is, "data-label=\"holder\"><div><span class=\"badge bad\">nobody</span></div></td>"));
    tm_html_free(&h);
}

/* One cell's content. */
static void expect_in_cell(const char *text, const char *want)
{
    static const char *const one_column[] = {"a"};
    struct tm_html h = {0};
    struct tm_html_table t;
    tm_html_table_begin(&t, &h, "c", one_column, 1);
    tm_html_row(&t);
    tm_html_cell_text(&t, text);
    tm_html_table_end(&t);
    const char *is = tm_html_str(&h);
    assert_non_null(is);
    const char *at = strstr(is, "<div>");
    assert_non_null(at);
    at += strlen("<div>");
    assert_int_equal(strncmp(at, want, strlen(want)), 0);
    assert_int_equal(strncmp(at + strlen(want), "</div>", 6), 0);
    tm_html_free(&h);
}

static void a_long_word_of_a_cell_breaks_between_its_parts(void **state)
{
    (void)state;
    expect_in_cell("https://github.com/acme/widget/.github",
                   "https://<wbr />github.com/<wbr />acme/widget/.github");
    expect_in_cell("https://token.actions.githubusercontent.com",
                   "https://<wbr />token.actions.<wbr />githubusercontent.com");
    expect_in_cell("0123456789abcdef0123456789abcdef01234567",
                   "0123456789abcdef<wbr />0123456789abcdef<wbr />01234567");
    expect_in_cell("four-and-twenty.bytes.of and a/short/one",
                   "four-and-twenty.bytes.of and a/short/one");
    expect_in_cell("a <word&word@example.com-is.long>",
                   "a &lt;word&amp;<wbr />word@<wbr />example.com-is.long&gt;");
    /* a character of two bytes, of which the 16th byte is the first */
    expect_in_cell("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4x\xc3\xa4\xc3\xa4\xc3"
                   "\xa4\xc3\xa4\xc3\xa4",
                   "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4x\xc3\xa4<wbr />"
                   "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4");
}

static void a_fact_breaks_between_the_parts_of_its_words_and_a_digest_anywhere(void **state)
{
    (void)state;
    struct tm_html h = {0};
    tm_html_facts(&h);
    tm_html_fact(&h, "Repository", "https://github.com/acme/widget");
    tm_html_fact_code(&h, "Digest", "0123456789abcdef0123456789abcdef01234567");
    tm_html_close(&h);
    tm_html_element(&h, "p", "https://example.com/a/long/name");
    assert_string_equal(
        tm_html_str(&h),
        "<dl><dt>Repository</dt><dd>https://<wbr />github.com/acme/widget</dd>"
        "<dt>Digest</dt><dd><code>0123456789abcdef0123456789abcdef01234567</code></dd>"
        "</dl><p>https://example.com/a/long/name</p>");
    tm_html_free(&h);
}

static void a_word_outside_a_table_is_left_whole(void **state)
{
    (void)state;
    struct tm_html h = {0};
    struct tm_html_table t;
    static const char *const one_column[] = {"https://example.com/a/long/name"};
    tm_html_table_begin(&t, &h, "c", one_column, 1);
    tm_html_row(&t);
    tm_html_cell_text(&t, "");
    tm_html_table_end(&t);
    tm_html_element(&h, "p", "https://example.com/a/long/name");
    const char *is = tm_html_str(&h);
    assert_non_null(is);
    assert_null(strstr(is, "wbr"));
    tm_html_free(&h);
}

/* The part of `text` between two marks, copied. */
static void between(const char *text, const char *from, const char *to, struct tm_buf *out)
{
    const char *start = strstr(text, from);
    assert_non_null(start);
    start += strlen(from);
    const char *end = strstr(start, to);
    assert_non_null(end);
    tm_buf_append(out, start, (size_t)(end - start));
}

static void the_policy_of_a_page_lets_only_its_own_style_pass(void **state)
{
    static const struct tm_html_nav nav[] = {{"index.html", "Now"}, {"roots.html", "Roots"}};
    const struct tm_html_page page = {
        .site = "<site>", .title = "A & B", .lead = "x", .nav = nav, .nav_count = 2, .here = 1};
    (void)state;
    struct tm_html h = {0};
    tm_html_page_begin(&h, &page);
    tm_html_page_end(&h, "made by <us>");
    const char *is = tm_html_str(&h);
    assert_non_null(is);
    struct tm_buf style = {0};
    struct tm_buf want = {0};
    unsigned char hash[SHA256_DIGEST_LENGTH];
    between(is, "<style>", "</style>", &style);
    assert_true(style.len > 1000);
    SHA256(style.data, style.len, hash);
    tm_buf_puts(&want, "content=\"default-src &#39;none&#39;; style-src &#39;sha256-");
    tm_b64_encode(B64_STD, hash, sizeof(hash), &want);
    tm_buf_puts(&want, "&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;\"");
    assert_non_null(strstr(is, tm_buf_str(&want)));
    assert_non_null(strstr(is, "<title>A &amp; B - &lt;site&gt;</title>"));
    assert_non_null(strstr(is, "<strong aria-current=\"page\">Roots</strong>"));
    assert_non_null(strstr(is, "<a href=\"index.html\">Now</a>"));
    assert_non_null(strstr(is, "<footer>made by &lt;us&gt;</footer>"));
    tm_buf_free(&style);
    tm_buf_free(&want);
    tm_html_free(&h);
}

/* ---- time lines ---- */

#define NOW INT64_C(1800000000) /* 2027-01-15T08:00:00Z */
#define DAY INT64_C(86400)

static void expect_row(const struct tm_html_axis *axis, const struct tm_html_bar *bar,
                       const char *want)
{
    struct tm_html h = {0};
    tm_html_timeline_begin(&h);
    tm_html_timeline_bar(&h, axis, bar);
    tm_html_timeline_end(&h, axis);
    const char *is = tm_html_str(&h);
    assert_non_null(is);
    if (strstr(is, want) == NULL)
        fail_msg("'%s' is not in %s", want, is);
    tm_html_free(&h);
}

static void a_bar_stands_where_its_time_is(void **state)
{
    (void)state;
    const struct tm_html_axis even = {.from = NOW - 100 * DAY, .to = NOW + 100 * DAY, .now = NOW};
    const struct tm_html_bar half = {
        .name = "<a>", .note = "<b>", .from = NOW - 50 * DAY, .to = NOW, .tone = TM_HTML_GOOD};
    const struct tm_html_bar endless = {.to = INT64_MAX, .tone = TM_HTML_WARN};
    const struct tm_html_bar past = {.from = 1, .to = 2, .tone = TM_HTML_BAD};
    const struct tm_html_bar future = {.from = NOW * 2, .to = NOW * 3, .tone = TM_HTML_PLAIN};
    expect_row(&even, &half, "class=\"good\" x=\"24.9%\" y=\"5\" width=\"25.0%\"");
    expect_row(&even, &half, "class=\"now\" x1=\"49.9%\" x2=\"49.9%\"");
    expect_row(&even, &half, "<span class=\"name\">&lt;a&gt;</span>");
    expect_row(&even, &half, "<span class=\"note\">&lt;b&gt;</span>");
    expect_row(&even, &endless, "class=\"warn\" x=\"0.0%\" y=\"5\" width=\"100.0%\"");
    expect_row(&even, &past, "class=\"bad\" x=\"0.0%\" y=\"5\" width=\"0.6%\"");
    expect_row(&even, &future, "class=\"plain\" x=\"99.4%\" y=\"5\" width=\"0.6%\"");
    /* hour, day, week: a third each */
    const struct tm_html_axis growing = {
        .from = NOW, .to = NOW + 5 * DAY, .growing = true, .now = NOW};
    const struct tm_html_bar day = {
        .from = NOW, .to = NOW + DAY, .mark = NOW + DAY / 24, .tone = TM_HTML_GOOD};
    expect_row(&growing, &day, "x=\"0.0%\" y=\"5\" width=\"66.6%\"");
    expect_row(&growing, &day, "class=\"mark\" x1=\"33.3%\"");
    expect_row(&growing, &endless, "width=\"100.0%\"");
}

static void an_axis_names_its_parts(void **state)
{
    static const struct {
        struct tm_html_axis axis;
        const char *first, *last;
    } cases[] = {
        {{NOW, NOW + 3600, true, NOW}, ">now<", ">1 hour<"},
        {{NOW, NOW + 400 * DAY, true, NOW}, ">now<", ">5 years<"},
        {{NOW, NOW + 40000 * DAY, true, NOW}, ">now<", ">25 years<"},
        {{NOW, NOW + 100 * DAY, false, NOW}, ">2027-02<", ">2027-04<"},
        {{NOW, NOW + 3650 * DAY, false, NOW}, ">2028<", ">2036<"},
        {{0, INT64_C(253402300799), false, NOW}, ">4000<", ">8000<"}, /* to the year 9999 */
    };
    const struct tm_html_bar bar = {.from = NOW, .to = NOW + 1};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_row(&cases[i].axis, &bar, cases[i].first);
        expect_row(&cases[i].axis, &bar, cases[i].last);
    }
}

static void an_address_made_at_run_time_stays_on_the_site(void **state)
{
    static const struct {
        const char *address;
        bool good;
    } cases[] = {
        {"/entry/log/7", true},
        {"entry-7.html", true},
        {"/search?q=a%20b&before=7", true},
        {"//evil.example/x", false},
        {"javascript:alert(1)", false},
        {"https://evil.example", false},
        {"/x\"onclick=", false},
        {"/a b", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tm_html h = {0};
        tm_html_link_to(&h, cases[i].address, "x");
        if ((tm_html_str(&h) != NULL) != cases[i].good)
            fail_msg("'%s'", cases[i].address);
        tm_html_free(&h);
    }
    struct tm_buf q = {0};
    tm_html_query(&q, "a b&c=\"<\xc3\xbc");
    assert_string_equal(tm_buf_str(&q), "a%20b%26c%3D%22%3C%C3%BC");
    tm_buf_free(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_others_cannot_become_markup),
        cmocka_unit_test(what_cannot_be_seen_is_shown_as_a_replacement),
        cmocka_unit_test(a_link_stays_in_its_folder_and_its_attribute),
        cmocka_unit_test(what_is_misused_gives_no_page),
        cmocka_unit_test(a_cell_knows_its_column),
        cmocka_unit_test(a_long_word_of_a_cell_breaks_between_its_parts),
        cmocka_unit_test(a_fact_breaks_between_the_parts_of_its_words_and_a_digest_anywhere),
        cmocka_unit_test(a_word_outside_a_table_is_left_whole),
        cmocka_unit_test(the_policy_of_a_page_lets_only_its_own_style_pass),
        cmocka_unit_test(a_bar_stands_where_its_time_is),
        cmocka_unit_test(an_axis_names_its_parts),
        cmocka_unit_test(an_address_made_at_run_time_stays_on_the_site),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

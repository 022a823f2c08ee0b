/* Which issuers a meta-issuer's pattern stands for (GHSA-59jp-pj84-45mr). */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "oidc/trust/internal.h"

static void wildcards_stay_in_their_segment(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *text;
        bool match;
    } rows[] = {
        {"https://*.example.com", "https://a.example.com", true},
        {"https://*.example.com", "https://a.b.example.com", false},
        {"https://*.example.com", "https://.example.com", false},
        {"https://*.example.com", "https://a.example.com.evil.com", false},
        {"https://*.example.com", "http://evil/https://a.example.com", false},
        {"https://*.example.com", "https://a:1.example.com", false},
        {"https://*.example.com", "https://a%2e.example.com", false},
        {"https://*.example.com", "https://\xc3\xa9.example.com", false},
        {"https://x.com/*", "https://x.com/a/b", false},
        {"https://x.com/*", "https://x.com/", false},
        {"https://x.com/*", "https://x.com/a\n", false},
        {"https://x.com/*/", "https://x.com/abc/", true},
        {"https://x.com/*", "https://xycom/a", false},
        {"*a*a", "aaaa", true},
        {"*a*a", "ab", false},
        {"*", "", false},
        {"", "", true},
        {"**", "a", false},
        {"**", "ab", true},
        {"*a.*b", "aa.a.bb", false},
        {"*x.x*y", "ax.x.xy", false},
        {"https://*-x.com", "https://a-x-x.com", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (oidc_wildcard_match(rows[i].pattern, rows[i].text, strlen(rows[i].text)) !=
            rows[i].match)
            fail_msg("row %zu: %s against %s", i, rows[i].pattern, rows[i].text);
    }
}

/* By the definition: try every length. */
static bool slow_match(const char *p, const char *t)
{
    if (*p == '\0')
        return *t == '\0';
    if (*p != '*')
        return *p == *t && slow_match(p + 1, t + 1);
    size_t run = strspn(t, "ab");
    for (size_t n = 1; n <= run; n++) {
        if (slow_match(p + 1, t + n))
            return true;
    }
    return false;
}

/* Every pattern of up to 5 of "*a." against every text of up to 6 of "ab.". */
static void the_matcher_follows_the_definition(void **state)
{
    (void)state;
    size_t matches = 0;
    for (unsigned pn = 0; pn < 3 * 3 * 3 * 3 * 3; pn++) {
        char p[6] = {0};
        for (unsigned i = 0, v = pn; i < 5; i++, v /= 3)
            p[i] = "*a."[v % 3];
        for (unsigned cut = 0; cut <= 5; cut++) {
            const char *pattern = p + cut;
            for (unsigned tn = 0; tn < 729; tn++) {
                char t[7] = {0};
                for (unsigned i = 0, v = tn; i < 6; i++, v /= 3)
                    t[i] = "ab."[v % 3];
                for (unsigned from = 0; from <= 6; from++) {
                    const char *text = t + from;
                    bool want = slow_match(pattern, text);
                    matches += want;
                    if (oidc_wildcard_match(pattern, text, strlen(text)) != want)
                        fail_msg("%s against %s", pattern, text);
                }
            }
        }
    }
    assert_true(matches > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wildcards_stay_in_their_segment),
        cmocka_unit_test(the_matcher_follows_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

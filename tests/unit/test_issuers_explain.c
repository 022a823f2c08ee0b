/* What a review says of a list of issuers: the danger of rules that refuse nobody. */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "tools/tenmint-tuf/issuers.h"

#define PLAIN "https://ci.example.com"
#define PATTERN "https://*.example.com"

static void count_danger(void *arg, const char *text, bool danger)
{
    (void)text;
    *(unsigned *)arg += danger;
}

/* A list with this issuer and, unless "", these rules. */
static void list(struct tm_buf *out, const char *issuer, const char *rules)
{
    tm_buf_printf(out, "%s:\n  \"%s\":\n    issuer-url: \"%s\"\n    client-id: sigstore\n",
                  strchr(issuer, '*') != NULL ? "meta-issuers" : "oidc-issuers", issuer, issuer);
    tm_buf_puts(out, "    type: github-workflow\n");
    if (rules[0] != '\0')
        tm_buf_printf(out, "    allow: [%s]\n", rules);
}

static void rules_that_refuse_nobody_hide_no_danger(void **state)
{
    (void)state;
    static const char exact[] = "{claim: repository, is: a/b}";
    static const struct {
        const char *issuer, *was, *is; /* rules; was NULL: no list before */
        bool danger;
    } row[] = {
        {PLAIN, exact, "{claim: repository, glob: '*'}", true},
        {PLAIN, exact, "{claim: sub, match: '.*'}", true},
        {PLAIN, exact, "{claim: iss, is: '" PLAIN "'}", true},
        {PATTERN, NULL, "{claim: sub, glob: '*'}", true},
        {PATTERN, NULL, "{claim: sub, match: '.+'}", true},
        {PATTERN, NULL, "{any-of: [{claim: sub, is: x}, {claim: sub, glob: '**'}]}", true},
        {PATTERN, NULL, "", true},
        {PLAIN, exact, "", true},
        {PLAIN, exact, "{claim: repository, glob: 'a/*'}", true},
        {PLAIN, "{any-of: [{claim: repository, is: a/b}, {claim: ref, is: x}]}", exact, true},
        {PATTERN, NULL, exact, false},
        {PATTERN, NULL, "{claim: sub, glob: 'repo:a/*'}", false},
        {PLAIN, exact, "{claim: repository, is: a/c}", false},
        {PLAIN, exact, "{any-of: [{claim: repository, is: a/b}, {claim: repository, is: a/c}]}",
         false},
        {PLAIN, "{claim: sub, glob: '*'}", "", false},
        {PLAIN, NULL, "", false},
    };
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tm_buf before = {0};
        struct tm_buf after = {0};
        unsigned dangers = 0;
        if (row[i].was != NULL)
            list(&before, row[i].issuer, row[i].was);
        list(&after, row[i].issuer, row[i].is);
        issuers_explain(&before, &after, count_danger, &dangers);
        if ((dangers > 0) != row[i].danger)
            fail_msg("row %zu: %u dangers", i, dangers);
        tm_buf_free(&before);
        tm_buf_free(&after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_that_refuse_nobody_hide_no_danger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

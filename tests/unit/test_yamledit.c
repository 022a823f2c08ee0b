/* Values of a YAML file are set, and all else in it stays as it was. */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "common/yamledit.h"

struct row {
    const char *text;
    const char *path[4];
    const char *value;
    const char *want; /* the new text; NULL: refused */
};

static void expect(const struct row *r)
{
    struct tm_buf out = {0};
    struct tm_err e = {0};
    int rc = tm_yamledit_set("dir/file", r->text, strlen(r->text), r->path, r->value, &out, &e);
    const char *got = rc == 0 ? tm_buf_str(&out) : NULL;
    if (r->want == NULL ? got != NULL || e.text[0] == '\0'
                        : got == NULL || strcmp(got, r->want) != 0)
        fail_msg("%s\nbecame\n%s(%s)", r->text, got != NULL ? got : "nothing ", e.text);
    tm_buf_free(&out);
}

static void a_value_is_replaced_where_it_stands(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"# top\na: 1 # one\nb: {c: 'x', d: y} # two\n",
         {"a"},
         "2",
         "# top\na: '2' # one\nb: {c: 'x', d: y} # two\n"},
        {"b: {c: 'x', d: y} # two\n", {"b", "c"}, "z", "b: {c: z, d: y} # two\n"},
        {"b:\n  c: \"x\\ty\"   # \xc3\xa9\n  d: y\n",
         {"b", "d"},
         "/p/q-1",
         "b:\n  c: \"x\\ty\"   # \xc3\xa9\n  d: '/p/q-1'\n"},
        {"a: x", {"a"}, "it's: here", "a: 'it''s: here'"},
        {"a: x\r\nb: y\r\n", {"b"}, "z", "a: x\r\nb: z\r\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect(&rows[i]);
}

static void a_key_that_is_missing_is_added_behind_its_neighbours(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a: 1\n# end\n", {"b"}, "x", "a: 1\nb: x\n# end\n"},
        {"a: 1", {"b"}, "x", "a: 1\nb: x\n"},
        {"s:\n    a: 1 # one\n\n# next\nt: 2\n",
         {"s", "b"},
         "x",
         "s:\n    a: 1 # one\n    b: x\n\n# next\nt: 2\n"},
        {"s:\n  l:\n    - 1\n    - 2\nt: 2\n",
         {"s", "b"},
         "x",
         "s:\n  l:\n    - 1\n    - 2\n  b: x\nt: 2\n"},
        {"s: {a: 1}\n", {"s", "b"}, "x", "s: {a: 1, b: x}\n"},
        {"s: {a: 1}\n", {"s", "b", "c"}, "x", "s: {a: 1, b: {c: x}}\n"},
        {"s:\n  a: 1\n", {"s", "b", "c"}, "x", "s:\n  a: 1\n  b:\n    c: x\n"},
        {"s:\n  b: {c: 1}\n", {"s", "b", "d"}, "x", "s:\n  b: {c: 1, d: x}\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect(&rows[i]);
}

static void what_cannot_be_edited_safely_is_refused(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"s: {}\n", {"s", "b"}, "x", NULL},
        {"s:\n", {"s", "b"}, "x", NULL},
        {"s:\n", {"s"}, "x", NULL},
        {"s: [1]\n", {"s", "b"}, "x", NULL},
        {"s: [1]\n", {"s"}, "x", NULL},
        {"s: {a: 1}\n", {"s"}, "x", NULL},
        {"s: |\n  a\n  b\n", {"s"}, "x", NULL},
        {"r: &r {a: 1}\ns: *r\n", {"s", "a"}, "x", NULL},
        {"r: &r 1\ns: *r\n", {"s"}, "x", NULL},
        {"a: x\n", {"a"}, "x\ny", NULL},
        {"a: x\n", {"b"}, "x\xc2\x85y", NULL},
        {"a: [x\n", {"a"}, "x", NULL},
        {"", {"a"}, "x", NULL},
        {"just text\n", {"a"}, "x", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect(&rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_replaced_where_it_stands),
        cmocka_unit_test(a_key_that_is_missing_is_added_behind_its_neighbours),
        cmocka_unit_test(what_cannot_be_edited_safely_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

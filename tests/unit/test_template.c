/* Claim templates: what upstream uses works, anything more is refused. */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "oidc/principal/template.h"

/* "a" and "x/y" are "v", "e" is empty, "big" is long, "bad" is not usable. */
static int look(void *arg, const char *key, struct tm_buf *out, struct tm_err *e)
{
    (void)arg;
    if (strcmp(key, "bad") == 0)
        return tm_err_set(e, "claim 'bad' is a list");
    if (strcmp(key, "e") == 0)
        return 0;
    if (strcmp(key, "big") == 0) {
        for (int i = 0; i < 1000; i++)
            tm_buf_puts(out, "x");
        return 0;
    }
    if (strcmp(key, "a") != 0 && strcmp(key, "x/y") != 0)
        return 1;
    tm_buf_puts(out, "v");
    return 0;
}

static void what_upstream_uses_works(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        const char *result; /* NULL: fails when evaluated */
    } rows[] = {
        {"a", "v"},
        {"nothing", NULL},
        {" a", NULL}, /* a bare name is not trimmed */
        {"a}}", NULL},
        {"{{.a}}", "v"},
        {"{{ .a }}-{{.a}}", "v-v"},
        {"{{\t.a\n}}", "v"},
        {"{ {{.a}} }}", "{ v }}"},
        {"{{(.a)}}", "v"},
        {"{{ ( ( .a ) ) }}", "v"},
        {"{{ .b }}", NULL},
        {"{{ .bad }}", NULL},
        {"{{ .e }}", ""},
        {"{{index . \"b\"}}x", "x"},
        {"{{index . \"bad\"}}x", NULL},
        {"{{(index . \"x/y\")}}", "v"},
        {"{{index . \"x/y\"}}", "v"},
        {"{{if eq .a \"v\"}}yes{{ else }}no{{end}}!", "yes!"},
        {"{{if eq .a \"w\"}}yes{{ else }}no{{end}}!", "no!"},
        {"{{ if eq .a \"\" }}yes{{ else }}no{{ end }}", "no"},
        {"{{if (eq .a \"v\")}}yes{{end}}", "yes"},
        {"{{if eq (index . \"b\") \"\"}}1{{end}}2", "12"},
        {"{{if eq (index . \"x/y\") \"v\"}}ssh{{ else }}\"\"{{end}}", "ssh"},
        {"{{if eq (index . \"b\") \"true\"}}ssh{{ else }}\"\"{{end}}", "\"\""},
        {"{{if eq .b \"\"}}1{{end}}", NULL},
        {"{{if eq .bad \"\"}}1{{end}}", NULL},
        {"{{if eq .a \"}}\"}}1{{else}}2{{end}}", "2"},
        {"{{if eq .a \"w\"}}{{.b}}{{end}}3", "3"}, /* what is not reached may miss */
        {"{{if eq .a \"w\"}}{{if eq .a \"v\"}}1{{end}}2{{end}}3", "3"},
        {"{{if eq .a \"v\"}}{{if eq .a \"w\"}}1{{else}}2{{end}}{{else}}3{{end}}4", "24"},
        {"{{.big}}{{.big}}{{.big}}{{.big}}", ""},           /* 4000 bytes: see below */
        {"{{.big}}{{.big}}{{.big}}{{.big}}{{.big}}", NULL}, /* over the limit */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_err e = {0};
        struct tm_buf out = {0};
        struct oidc_template *t = oidc_template_compile(rows[i].source, &e);
        if (t == NULL)
            fail_msg("row %zu: %s", i, e.text);
        int rc = oidc_template_eval(t, look, NULL, &out, &e);
        if (rc != (rows[i].result != NULL ? 0 : -1))
            fail_msg("row %zu: %d, %s", i, rc, e.text);
        if (rc != 0)
            assert_string_not_equal(e.text, "");
        else if (strstr(rows[i].source, ".big") != NULL)
            assert_int_equal(out.len, 4000);
        else
            assert_string_equal(tm_buf_str(&out), rows[i].result);
        oidc_template_free(t);
        tm_buf_free(&out);
    }
}

static const char *const refused[] = {
    "",
    " ",
    "\t\n",
    "{{",
    "{{ .a",
    "{{ .a }",
    "{{}}",
    "{{ }}",
    "{{ . }}",
    "{{ . a }}",
    "{{ .a | html }}",
    "{{ printf \"x\" }}",
    "{{- .a }}",
    "{{ .a -}}",
    "{{/* c */}}",
    "{{ range .a }}{{end}}",
    "{{ with .a }}{{end}}",
    "{{ block \"x\" . }}{{end}}",
    "{{ define \"x\" }}{{end}}",
    "{{ template \"x\" }}",
    "{{ len .a }}",
    "{{ not .a }}",
    "{{ .a.b }}",
    "{{ .a .b }}",
    "{{ $x }}",
    "{{ $x := .a }}",
    "{{ \"text\" }}",
    "{{ 1 }}",
    "{{ true }}",
    "{{ .1a }}",
    "{{ .a-b }}",
    "{{ .\xc3\xa9 }}",
    "{{ if .a }}x{{end}}",
    "{{ if eq .a .b }}x{{end}}",
    "{{ if eq \"b\" .a }}x{{end}}",
    "{{ if ne .a \"b\" }}x{{end}}",
    "{{ if eq .a \"b\" \"c\" }}x{{end}}",
    "{{ if eq .a \"b\" | not }}x{{end}}",
    "{{ if eq .a \"b\" }}x",
    "{{ else }}",
    "{{ end }}",
    "{{ if eq .a \"b\" }}{{else}}",
    "{{ if eq .a \"b\" }}{{else}}{{else}}{{end}}",
    "{{ if eq .a \"b\" }}{{end}}{{end}}",
    "{{ if eq .a \"b\" }}{{else if eq .a \"c\"}}{{end}}",
    "{{ index .a \"b\" }}",
    "{{ index . `b` }}",
    "{{ index . 'b' }}",
    "{{ index . \"b\" \"c\" }}",
    "{{ index . \"\" }}",
    "{{ index . \"b\\n\" }}",
    "{{ index . \"b\nc\" }}",
    "{{ index . .a }}",
    "{{ index.\"b\" }}",
    "{{ index .\"b\" }}",
    "{{ eq .a \"b\" }}",
    "{{ if eq .a\"b\" }}{{end}}",
    "{{ (.a }}",
    "{{ .a) }}",
    "{{ ((((((((((.a)))))))))) }}",
    "{{ifeq .a \"b\"}}{{end}}",
    "{{ end x }}",
    "{{ else x }}",
    "{{ break }}",
    "{{ .a ; }}",
    "{{ .a\v}}",
};

static void anything_more_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct tm_err e = {0};
        struct oidc_template *t = oidc_template_compile(refused[i], &e);
        if (t != NULL)
            fail_msg("accepted %s", refused[i]);
        assert_string_not_equal(e.text, "");
    }
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    struct tm_buf long_one = {0};
    struct tm_buf many = {0};
    struct tm_buf deep = {0};
    while (long_one.len <= TEMPLATE_MAX)
        buf_putc(&long_one, 'a');
    for (int i = 0; i < 200; i++)
        tm_buf_puts(&many, "{{.a}}");
    for (int i = 0; i < 9; i++)
        tm_buf_puts(&deep, "{{if eq .a \"v\"}}");
    for (int i = 0; i < 9; i++)
        tm_buf_puts(&deep, "{{end}}");
    struct tm_err e = {0};
    assert_null(oidc_template_compile(tm_buf_str(&long_one), &e));
    assert_non_null(strstr(e.text, "longer"));
    assert_null(oidc_template_compile(tm_buf_str(&many), &e));
    assert_non_null(strstr(e.text, "parts"));
    assert_null(oidc_template_compile(tm_buf_str(&deep), &e));
    assert_non_null(strstr(e.text, "nested"));
    long_one.len = TEMPLATE_MAX;
    struct oidc_template *t = oidc_template_compile(tm_buf_str(&long_one), &e);
    assert_non_null(t);
    oidc_template_free(t);
    tm_buf_free(&long_one);
    tm_buf_free(&many);
    tm_buf_free(&deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_upstream_uses_works),
        cmocka_unit_test(anything_more_is_refused),
        cmocka_unit_test(sizes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

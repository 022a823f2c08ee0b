/* YAML by tables: each type, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/yamlmap.h"

struct sample {
    char *text, *path;
};

static const struct tm_yamlmap_key keys[] = {
    {"text", YAMLMAP_TEXT, offsetof(struct sample, text), 0, 0, NULL},
    {"path", YAMLMAP_PATH, offsetof(struct sample, path), 0, 0, NULL},
    {NULL, YAMLMAP_TEXT, 0, 0, 0, NULL},
};

static void path_is(const char *file, const char *text, const char *expected)
{
    struct sample s = {0};
    struct tm_err e = {0};
    assert_int_equal(tm_yamlmap_read(file, text, strlen(text), keys, &s, &e), 0);
    assert_string_equal(s.path, expected);
    tm_yamlmap_free(keys, &s);
}

static void a_path_begins_at_the_folder_of_its_file(void **state)
{
    (void)state;
    path_is("/etc/x/a.yaml", "path: keys/ca.pem\n", "/etc/x/keys/ca.pem");
    path_is("x/a.yaml", "path: ../ca.pem\n", "x/../ca.pem");
    path_is("/a.yaml", "path: ca.pem\n", "/ca.pem");
}

static void an_absolute_path_stays_and_so_does_one_of_a_file_here(void **state)
{
    (void)state;
    path_is("/etc/x/a.yaml", "path: /var/ca.pem\n", "/var/ca.pem");
    path_is("a.yaml", "path: ca.pem\n", "ca.pem");
}

static void an_empty_path_and_a_list_are_no_path(void **state)
{
    (void)state;
    static const char *const texts[] = {"path: ''\n", "path: [a]\n", "path:\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct sample s = {0};
        struct tm_err e = {0};
        assert_int_equal(tm_yamlmap_read("x/a.yaml", texts[i], strlen(texts[i]), keys, &s, &e), -1);
        assert_non_null(strstr(e.text, "x/a.yaml:1: 'path' must be a non-empty string"));
        tm_yamlmap_free(keys, &s);
    }
}

static void refused(const char *text, const char *says)
{
    struct sample s = {0};
    struct tm_err e = {0};
    assert_int_equal(tm_yamlmap_read("a.yaml", text, strlen(text), keys, &s, &e), -1);
    if (strstr(e.text, says) == NULL)
        fail_msg("'%s' is not in: %s", says, e.text);
    tm_yamlmap_free(keys, &s);
}

static void what_is_not_one_flat_document_of_known_keys_is_refused(void **state)
{
    (void)state;
    refused("text: a\n---\ntext: b\n", "a.yaml:2: a second YAML document");
    refused("text: a\ntext: b\n", "a.yaml:2: key 'text' is given twice");
    refused("txet: a\n", "did you mean 'text'?");
    refused("Text: a\n", "a YAML file calls it 'text'");
    refused("? [a]\n: b\n", "a key must be a string");
    refused("text: ~\n", "'text' must be a non-empty string");
    refused("text: \"a\\0b\"\n", "'text' must be a non-empty string");
    refused("[[[[[[[[[[[[[[[[[[[[[[[[", "nested too deeply");
    refused("", "the file is empty");
    refused("{\"text\": \"a\"} x", "a.yaml:1"); /* no JSON here, and no YAML either */
}

/* Each line refers to the one before nine times: a reader that follows them all never ends. */
static void a_bomb_of_aliases_costs_no_more_than_its_text(void **state)
{
    (void)state;
    struct tm_buf b = {0};
    tm_buf_puts(&b, "a0: &a0 [x]\n");
    for (int i = 1; i < 40; i++)
        tm_buf_printf(&b, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1,
                      i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    refused(tm_buf_str(&b), "unknown key 'a0'");
    tm_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_begins_at_the_folder_of_its_file),
        cmocka_unit_test(an_absolute_path_stays_and_so_does_one_of_a_file_here),
        cmocka_unit_test(what_is_not_one_flat_document_of_known_keys_is_refused),
        cmocka_unit_test(a_bomb_of_aliases_costs_no_more_than_its_text),
        cmocka_unit_test(an_empty_path_and_a_list_are_no_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

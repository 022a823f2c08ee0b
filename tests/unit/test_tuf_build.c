/* Metadata made, compared and written entry by entry: tuf/metadata/build.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json/strictjson.h"
#include "tests/support/tufedit.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/canonical.h"

#define EXPIRES INT64_C(1893456000)

static json_t *entry(int n)
{
    char hex[65];
    snprintf(hex, sizeof(hex), "%064x", n);
    return json_pack("{s:i, s:{s:s}}", "length", n, "hashes", "sha256", hex);
}

/* Names that sort otherwise as text, as canonical JSON or as escapes; and members nobody knows. */
static json_t *weird_body(int64_t version)
{
    static const char *const names[] = {
        "b",    "a", "a/b",  "A",  "\"",       "\\",           "\\\\",
        "q\"",  "q", "\x01", "\n", "\xc3\xa9", "\xef\xbd\x9e", "\xf0\x90\x80\x80",
        "\x7f", " ", "~",    "{}", "",
    };
    json_t *body = tuf_signed_new(TUF_TARGETS, version, EXPIRES);
    json_t *targets = json_object_get(body, "targets");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        json_object_set_new(targets, names[i], entry((int)i));
    json_object_set_new(json_object_get(targets, "a"), "custom",
                        json_pack("{s:s, s:[n, b], s:{}}", "z", "\t\x02/", "b", 1, "\xc3\xa9"));
    json_object_set_new(body, "zzz", json_pack("{s:{}}", "targets"));
    json_object_set_new(body, "x-\n", json_string("\r\x1f\\"));
    return body;
}

static json_t *weird_envelope(int64_t version)
{
    json_t *envelope = tuf_envelope_new(weird_body(version));
    json_object_set_new(envelope, "more", json_pack("{s:[{}]}", "targets"));
    tuf_envelope_put_signature(envelope, json_pack("{s:s, s:s}", "keyid", "k", "sig", ""));
    return envelope;
}

static struct tuf_metadata *from_json(json_t *envelope)
{
    struct tm_err e = {0};
    struct tuf_metadata *m = tuf_metadata_from_json(envelope, TUF_TARGETS, &e);
    if (m == NULL)
        fail_msg("%s", e.text);
    return m;
}

/* Whatever it was made of, it is written as its tree is. */
static void writes_as(const struct tuf_metadata *m, const json_t *tree)
{
    for (int indented = 0; indented < 2; indented++) {
        struct tm_err e = {0};
        struct tm_buf got = {0};
        struct tm_buf want = {0};
        assert_int_equal(tuf_metadata_dump(m, indented, tm_jsondump_to_buf, &got, &e), 0);
        assert_int_equal(tuf_envelope_dump(tree, indented, &want, &e), 0);
        assert_string_equal(tm_buf_str(&got), tm_buf_str(&want));
        tm_buf_free(&got);
        tm_buf_free(&want);
    }
}

static void signs_as(const struct tuf_metadata *m, const json_t *tree)
{
    struct tm_err e = {0};
    struct tm_buf want = {0};
    char hex[65];
    char wanted[65];
    const json_t *body = json_object_get(tree, "signed");
    const struct tm_buf *got = tuf_metadata_canonical(m);
    assert_int_equal(tuf_canonical_write(body, &want, &e), 0);
    assert_int_equal(got->len, want.len);
    assert_memory_equal(got->data, want.data, want.len);
    assert_int_equal(tuf_metadata_sha256(m, hex, &e), 0);
    assert_int_equal(tuf_canonical_sha256(body, wanted, &e), 0);
    assert_string_equal(hex, wanted);
    tm_buf_free(&want);
}

static void a_tree_and_its_metadata_have_the_same_bytes(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf text = {0};
    json_t *tree = weird_envelope(3);
    json_t *before = json_deep_copy(tree);
    struct tuf_metadata *m = from_json(json_incref(tree));
    assert_true(json_equal(tree, before)); /* it is not emptied */
    writes_as(m, tree);
    signs_as(m, tree);
    assert_int_equal(tuf_metadata_dump(m, true, tm_jsondump_to_buf, &text, &e), 0);
    struct tuf_metadata *again = tuf_metadata_parse(text.data, text.len, TUF_TARGETS, &e);
    assert_non_null(again);
    writes_as(again, tree);
    signs_as(again, tree);
    assert_true(tuf_metadata_equal(m, again));
    tm_buf_free(&text);
    tuf_metadata_free(again);
    tuf_metadata_free(m);
    json_decref(before);
    json_decref(tree);
}

/* In any order, one at a time. */
static void built_metadata_is_that_of_the_tree(void **state)
{
    (void)state;
    struct tm_err e = {0};
    json_t *tree = weird_envelope(3);
    json_t *targets = json_object_get(json_object_get(tree, "signed"), "targets");
    struct tuf_entries *entries = tuf_entries_new(TUF_TARGETS, 0, &e);
    const char *name;
    json_t *value;
    json_object_foreach(targets, name, value)
    {
        assert_int_equal(tuf_entries_add(entries, name, strlen(name), value, &e), 0);
    }
    json_t *hollow = json_deep_copy(tree);
    json_object_clear(json_object_get(json_object_get(hollow, "signed"), "targets"));
    struct tuf_metadata *m = tuf_metadata_build(hollow, TUF_TARGETS, entries, &e);
    struct tuf_metadata *other = from_json(json_incref(tree));
    assert_non_null(m);
    writes_as(m, tree);
    signs_as(m, tree);
    assert_true(tuf_metadata_equal(m, other));
    struct tuf_entries *copy = tuf_entries_copy(m, &e);
    struct tuf_frame frame;
    assert_int_equal(tuf_metadata_frame(m, false, &frame, &e), 0);
    const json_t *place = json_object_get(json_object_get(frame.envelope, "signed"), "targets");
    assert_ptr_equal(place, frame.place);
    assert_int_equal(json_object_size(place), 0);
    struct tuf_metadata *third = tuf_metadata_build(frame.envelope, TUF_TARGETS, copy, &e);
    assert_non_null(third);
    writes_as(third, tree);
    signs_as(third, tree);
    tuf_metadata_free(third);
    tuf_metadata_free(other);
    tuf_metadata_free(m);
    json_decref(tree);
}

static void what_no_parser_takes_is_not_built(void **state)
{
    (void)state;
    struct tm_err e = {0};
    json_t *one = entry(1);
    json_t *bad = json_pack("{s:i}", "length", 1);
    struct tuf_entries *t = tuf_entries_new(TUF_TARGETS, 100, &e);
    assert_int_equal(tuf_entries_add(t, "x", 1, bad, &e), -1);
    assert_non_null(strstr(e.text, "target 'x'"));
    assert_int_equal(tuf_entries_add(t, "b", 1, one, &e), 0);
    assert_int_equal(tuf_entries_add(t, "a", 1, one, &e), 0);
    assert_int_equal(tuf_entries_add(t, "b", 1, one, &e), 0);
    json_t *envelope = tuf_envelope_new(tuf_signed_new(TUF_TARGETS, 1, EXPIRES));
    assert_null(tuf_metadata_build(envelope, TUF_TARGETS, t, &e));
    assert_non_null(strstr(e.text, "listed twice"));
    t = tuf_entries_new(TUF_TARGETS, 0, &e);
    assert_int_equal(tuf_entries_add(t, "a", 1, one, &e), 0);
    envelope = tuf_envelope_new(tuf_signed_new(TUF_TARGETS, 0, EXPIRES));
    assert_null(tuf_metadata_build(envelope, TUF_TARGETS, t, &e));
    assert_non_null(strstr(e.text, "version"));
    json_decref(bad);
    json_decref(one);
}

/* ---- comparing ---- */

static int write_down(void *arg, const char *name, const struct tuf_entry *before,
                      const struct tuf_entry *after, struct tm_err *e)
{
    (void)e;
    tm_buf_printf(arg, "%s:%d:%d ", name, before != NULL ? (int)before->length : -1,
                  after != NULL ? (int)after->length : -1);
    return strcmp(name, "stop") == 0 ? 7 : 0;
}

static struct tuf_metadata *with(int64_t version, const char *const *names, int first)
{
    json_t *body = tuf_signed_new(TUF_TARGETS, version, EXPIRES + version);
    for (int i = 0; names[i] != NULL; i++)
        json_object_set_new(json_object_get(body, "targets"), names[i], entry(first + i));
    return from_json(tuf_envelope_new(body));
}

static void changes_come_in_the_order_of_names(void **state)
{
    (void)state;
    static const char *const a[] = {"k", "b", "c", NULL};
    static const char *const b[] = {"k", "z", "c", "a", NULL};
    static const char *const c[] = {"y", "stop", "a", NULL};
    struct tm_err e = {0};
    struct tm_buf text = {0};
    struct tuf_metadata *x = with(1, a, 0);
    struct tuf_metadata *y = with(2, b, 0);
    struct tuf_metadata *z = with(2, c, 0);
    assert_int_equal(tuf_entries_compare(x, y, write_down, &text, &e), 0);
    assert_string_equal(tm_buf_str(&text), "a:-1:3 b:1:-1 z:-1:1 ");
    tm_buf_reset(&text);
    assert_int_equal(tuf_entries_compare(NULL, x, write_down, &text, &e), 0);
    assert_string_equal(tm_buf_str(&text), "b:-1:1 c:-1:2 k:-1:0 ");
    tm_buf_reset(&text);
    assert_int_equal(tuf_entries_compare(x, x, write_down, &text, &e), 0);
    assert_string_equal(tm_buf_str(&text), "");
    assert_int_equal(tuf_entries_compare(NULL, z, write_down, &text, &e), 7);
    assert_string_equal(tm_buf_str(&text), "a:-1:2 stop:-1:1 ");
    tm_buf_free(&text);
    tuf_metadata_free(x);
    tuf_metadata_free(y);
    tuf_metadata_free(z);
}

static void content_is_all_but_version_and_date(void **state)
{
    (void)state;
    static const char *const a[] = {"k", "b", NULL};
    static const char *const b[] = {"k", "b", "c", NULL};
    static const char *const none[] = {NULL};
    struct tuf_metadata *m[] = {with(1, a, 0), with(2, a, 0),    with(2, a, 1),
                                with(2, b, 0), with(2, none, 0), with(3, none, 0)};
    assert_true(tuf_metadata_same_content(m[0], m[1]));
    assert_false(tuf_metadata_equal(m[0], m[1]));
    assert_true(tuf_metadata_equal(m[1], m[1]));
    assert_false(tuf_metadata_equal(m[1], NULL));
    assert_true(tuf_metadata_equal(NULL, NULL));
    for (size_t i = 2; i < 5; i++) {
        assert_false(tuf_metadata_same_content(m[0], m[i]));
        assert_false(tuf_metadata_equal(m[0], m[i]));
    }
    assert_true(tuf_metadata_same_content(m[4], m[5]));
    for (size_t i = 0; i < sizeof(m) / sizeof(m[0]); i++)
        tuf_metadata_free(m[i]);
}

static void entries_are_numbered_by_name(void **state)
{
    (void)state;
    static const char *const names[] = {"k", "\"", "\xc3\xa9", NULL};
    static const char *const sorted[] = {"\"", "k", "\xc3\xa9"};
    struct tm_buf name = {0};
    struct tuf_metadata *m = with(1, names, 0);
    struct tuf_metadata *same = tuf_metadata_ref(m);
    tuf_metadata_free(m);
    assert_int_equal(tuf_entries_count(same), 3);
    for (size_t i = 0; i < 3; i++) {
        json_t *value = tuf_entry_at(same, i, &name);
        assert_non_null(value);
        assert_string_equal(tm_buf_str(&name), sorted[i]);
        json_decref(value);
    }
    tuf_metadata_free(same);
    tm_buf_free(&name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_and_its_metadata_have_the_same_bytes),
        cmocka_unit_test(built_metadata_is_that_of_the_tree),
        cmocka_unit_test(what_no_parser_takes_is_not_built),
        cmocka_unit_test(changes_come_in_the_order_of_names),
        cmocka_unit_test(content_is_all_but_version_and_date),
        cmocka_unit_test(entries_are_numbered_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

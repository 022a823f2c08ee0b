/* JSON that is read and written in parts: common/json/tm_jsondump.h, tm_jsonparse_aside(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json/jsondump.h"
#include "common/json/strictjson.h"

static json_t *parse(const char *text)
{
    struct tm_err e = {0};
    json_t *v = tm_strictjson_parse(text, strlen(text), strlen(text), &e);
    if (v == NULL)
        fail_msg("%s: %s", text, e.text);
    return v;
}

static void same_as_jansson(const json_t *v, bool indented)
{
    struct tm_err e = {0};
    struct tm_buf got = {0};
    const struct tm_jsondump_to to = {
        .indented = indented, .write = tm_jsondump_to_buf, .arg = &got};
    char *want = json_dumps(v, (indented ? JSON_INDENT(1) : JSON_COMPACT) | JSON_SORT_KEYS);
    assert_non_null(want);
    assert_int_equal(tm_jsondump(v, &to, &e), 0);
    assert_string_equal(tm_buf_str(&got), want);
    free(want);
    tm_buf_free(&got);
}

static void text_is_that_of_jansson(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        "[[], {}, [[]], {\"\": {}}]",
        "{\"b\": [1, -9223372036854775808, 9223372036854775807, 0], \"a\": {\"z\": null, \"y\": "
        "true, \"B\": false, \"aa\": \"\", \"a\": [\"x\"]}}",
        "{\"\\u00e9\": 1, \"\\ud800\\udc00\": \"\\uffff\", \"\\uff5e\": \"a/b\", \"\\u007f\": "
        "\"\\u0080\\u2028\"}",
        "[1.5, 1e300, -0.25, 0.0]",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_t *v = parse(texts[i]);
        same_as_jansson(v, true);
        same_as_jansson(v, false);
        json_decref(v);
    }
}

static void every_byte_is_escaped_as_by_jansson(void **state)
{
    (void)state;
    json_t *v = json_object();
    for (int c = 1; c < 0x80; c++) {
        const char text[] = {'x', (char)c, (char)c, 'y', '\0'};
        json_object_set_new(v, text, json_string(text));
    }
    same_as_jansson(v, true);
    same_as_jansson(v, false);
    json_decref(v);
}

/* Far more than one block. */
static void long_text_comes_in_parts(void **state)
{
    (void)state;
    json_t *v = json_array();
    for (int i = 0; i < 50000; i++)
        json_array_append_new(v, json_pack("{s:i, s:s}", "n", i, "text", "some words"));
    same_as_jansson(v, true);
    json_decref(v);
}

static int refuse(void *arg, const void *data, size_t len, struct tm_err *e)
{
    (void)data;
    *(size_t *)arg += len;
    return tm_err_set(e, "disk full");
}

static void a_failing_sink_ends_it(void **state)
{
    (void)state;
    struct tm_err e = {0};
    size_t seen = 0;
    json_t *v = json_array();
    for (int i = 0; i < 200000; i++)
        json_array_append_new(v, json_integer(i));
    const struct tm_jsondump_to to = {.write = refuse, .arg = &seen};
    assert_int_equal(tm_jsondump(v, &to, &e), -1);
    assert_string_equal(e.text, "disk full");
    assert_in_range(seen, 1, 100000); /* one block, not all of it */
    json_decref(v);
}

struct filling {
    const json_t *place, *members;
};

static int fill(void *arg, const json_t *object, struct tm_jsondump *d, struct tm_err *e)
{
    const struct filling *f = arg;
    const char *key;
    json_t *value;
    if (object != f->place)
        return 0;
    json_object_foreach((json_t *)f->members, key, value)
    {
        if (tm_jsondump_member(d, key, strlen(key), value, e) != 0)
            return -1;
    }
    return 0;
}

static void members_from_elsewhere_stand_in_their_place(void **state)
{
    (void)state;
    struct tm_err e = {0};
    json_t *whole =
        parse("{\"a\": {}, \"m\": {\"1\": {}, \"2\": [3, {\"x\": \"y\"}]}, \"z\": [{}, 1]}");
    json_t *hollow = json_copy(whole);
    json_object_set_new(hollow, "m", json_object());
    struct filling f = {json_object_get(hollow, "m"), json_object_get(whole, "m")};
    for (int indented = 0; indented < 2; indented++) {
        struct tm_buf got = {0};
        const struct tm_jsondump_to to = {indented, tm_jsondump_to_buf, &got, fill, &f};
        char *want = json_dumps(whole, (indented ? JSON_INDENT(1) : JSON_COMPACT) | JSON_SORT_KEYS);
        assert_int_equal(tm_jsondump(hollow, &to, &e), 0);
        assert_string_equal(tm_buf_str(&got), want);
        tm_buf_free(&got);
        free(want);
    }
    json_decref(hollow);
    json_decref(whole);
}

/* ---- reading ---- */

struct seen {
    struct tm_buf text;
};

static int begin(void *arg, const struct tm_jsonparse_key *keys, struct tm_err *e)
{
    struct seen *s = arg;
    if (keys[0].len == 3 && memcmp(keys[0].text, "bad", 3) == 0)
        return tm_err_set(e, "not this one");
    if (keys[0].len != 1 || keys[0].text[0] == 'n')
        return 0;
    for (int i = 0; i < 3; i++)
        tm_buf_printf(&s->text, "%.*s/", (int)keys[i].len, keys[i].text);
    buf_putc(&s->text, ' ');
    return 1;
}

static int each(void *arg, const char *key, size_t len, json_t *value, struct tm_err *e)
{
    struct seen *s = arg;
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    tm_buf_printf(&s->text, "%.*s=%s ", (int)len, key, text);
    free(text);
    return len == 4 && memcmp(key, "stop", 4) == 0 ? tm_err_set(e, "enough") : 0;
}

/* What stays of `text`, and what was set aside. */
static void aside(const char *text, const char *stays, const char *told)
{
    struct tm_err e = {0};
    struct seen s = {{0}};
    const struct tm_jsonparse_aside a = {
        .path = {NULL, NULL, "m"}, .depth = 3, .each = each, .begin = begin, .arg = &s};
    json_t *v = tm_strictjson_parse_aside(text, strlen(text), &a, &e);
    char *got = v != NULL ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    assert_string_equal(got != NULL ? got : e.text, stays);
    assert_string_equal(tm_buf_str(&s.text), told);
    free(got);
    json_decref(v);
    tm_buf_free(&s.text);
}

static void objects_on_the_path_are_set_aside(void **state)
{
    (void)state;
    aside("{\"a\":{\"b\":{\"m\":{\"x\":1,\"y\":[{}]},\"n\":{\"m\":1}}},\"c\":{\"d\":{\"m\":{}}}}",
          "{\"a\":{\"b\":{\"m\":{},\"n\":{\"m\":1}}},\"c\":{\"d\":{\"m\":{}}}}",
          "a/b/m/ x=1 y=[{}] c/d/m/ ");
    /* Deeper, shallower, in arrays, no object, or not wanted: as always. */
    aside("{\"m\":{\"m\":{\"k\":{\"m\":2}}},\"a\":[{\"m\":{\"m\":1}}],\"b\":{\"c\":{\"m\":[]}},"
          "\"n\":{\"b\":{\"m\":{\"q\":1}}}}",
          "{\"m\":{\"m\":{\"k\":{\"m\":2}}},\"a\":[{\"m\":{\"m\":1}}],\"b\":{\"c\":{\"m\":[]}},"
          "\"n\":{\"b\":{\"m\":{\"q\":1}}}}",
          "");
    /* A key with an escape is the same key. */
    aside("{\"\\u0061\":{\"\\n\":{\"\\u006d\":{\"\\\"\":\"\\u0001\"}}}}",
          "{\"a\":{\"\\n\":{\"m\":{}}}}", "a/\n/m/ \"=\"\\u0001\" ");
    aside("{\"bad\":{\"b\":{\"m\":{\"x\":1}}}}", "not this one", "");
    aside("{\"a\":{\"b\":{\"m\":{\"x\":1,\"stop\":2,\"z\":3}}}}", "enough", "a/b/m/ x=1 stop=2 ");
    aside("{\"a\":{\"b\":{\"m\":{\"x\":1},\"m\":{}}}}", "JSON line 1, column 27: duplicate key",
          "a/b/m/ x=1 ");
    aside("{\"a\":{\"b\":{\"m\":{\"x\":1}},\"b\":{}}}", "JSON line 1, column 28: duplicate key",
          "a/b/m/ x=1 ");
    aside("{\"a\":{\"b\":{\"m\":{\"x\":1,}}}}", "JSON line 1, column 23: syntax error",
          "a/b/m/ x=1 ");
}

/* ---- a text that is given up as it is read ---- */

#define MANY 60000 /* members: several steps of what is forgotten at once */

static int count(void *arg, const char *key, size_t len, json_t *value, struct tm_err *e)
{
    size_t *n = arg;
    char want[24];
    (void)e;
    snprintf(want, sizeof(want), "member-%06zu", *n % MANY);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(key, want, len);
    assert_int_equal(json_integer_value(json_object_get(value, "n")), (json_int_t)(*n % MANY));
    (*n)++;
    return 0;
}

static int on_the_way(void *arg, const struct tm_jsonparse_key *keys, struct tm_err *e)
{
    (void)arg;
    (void)e;
    assert_memory_equal(keys[0].text, "outer", 5); /* of the text's first bytes */
    assert_int_equal(keys[1].len, 1);
    return 1;
}

static void put_many(struct tm_buf *text, const char *name)
{
    tm_buf_printf(text, "\"%s\": {\"m\": {", name);
    for (int i = 0; i < MANY; i++)
        tm_buf_printf(text, "%s\n \"member-%06d\": {\"n\": %d, \"pad\": \"%064d\"}",
                      i > 0 ? "," : "", i, i, i);
    tm_buf_puts(text, "}}");
}

/* {"outer": {"a": {"m": {...}}, "b": {"m": {...}}}} and what follows. */
static json_t *parse_many(const char *follows, bool spent, size_t *seen, struct tm_err *e)
{
    struct tm_buf text = {0};
    const struct tm_jsonparse_aside a = {.path = {NULL, NULL, "m"},
                                         .depth = 3,
                                         .each = count,
                                         .begin = on_the_way,
                                         .arg = seen,
                                         .spent = spent ? &text : NULL};
    tm_buf_puts(&text, "{\"outer\": {");
    put_many(&text, "a");
    tm_buf_puts(&text, ", ");
    put_many(&text, "b");
    tm_buf_puts(&text, follows);
    json_t *v = tm_strictjson_parse_aside((const char *)text.data, text.len, &a, e);
    assert_true(text.len > 10000000);
    assert_int_equal(text.data[4096 * 2] == 0, spent); /* given back: read as zeros */
    tm_buf_free(&text);
    return v;
}

static void a_spent_text_is_read_as_it_was(void **state)
{
    (void)state;
    struct tm_err e = {0};
    size_t seen = 0;
    json_t *v = parse_many("}}", true, &seen, &e);
    char *got = v != NULL ? json_dumps(v, JSON_COMPACT) : NULL;
    assert_string_equal(got != NULL ? got : e.text,
                        "{\"outer\":{\"a\":{\"m\":{}},\"b\":{\"m\":{}}}}");
    assert_int_equal(seen, 2 * MANY);
    free(got);
    json_decref(v);
}

static void a_fault_behind_what_was_forgotten_has_its_line(void **state)
{
    (void)state;
    static const char *const follows[] = {"x}}", "}}\n]", ", \"a\": 1}}", ", \"c\":\n\n"};
    for (size_t i = 0; i < sizeof(follows) / sizeof(follows[0]); i++) {
        struct tm_err e[2];
        for (int spent = 0; spent < 2; spent++) {
            size_t seen = 0;
            e[spent] = (struct tm_err){0};
            assert_null(parse_many(follows[i], spent == 1, &seen, &e[spent]));
            assert_non_null(strstr(e[spent].text, "JSON line 12000"));
        }
        assert_string_equal(e[1].text, e[0].text);
    }
}

static void a_buffer_that_grows_keeps_all_of_it(void **state)
{
    (void)state;
    struct tm_buf b = {0};
    for (uint32_t i = 0; i < 3000000; i++)
        tm_buf_append(&b, &i, sizeof(i));
    for (uint32_t i = 0; i < 3000000; i++) {
        uint32_t is;
        memcpy(&is, b.data + i * sizeof(i), sizeof(is));
        if (is != i)
            fail_msg("%u where %u was written", is, i);
    }
    tm_buf_forget(&b, 0, 1000001);
    tm_buf_forget(&b, 1000001, 8000003);
    uint32_t at = 8000004 / 4;
    assert_memory_equal(b.data + 8000004, &at, 4); /* what stands behind stays */
    assert_int_equal(b.data[7990000], 0);
    tm_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_that_of_jansson),
        cmocka_unit_test(every_byte_is_escaped_as_by_jansson),
        cmocka_unit_test(long_text_comes_in_parts),
        cmocka_unit_test(a_failing_sink_ends_it),
        cmocka_unit_test(members_from_elsewhere_stand_in_their_place),
        cmocka_unit_test(objects_on_the_path_are_set_aside),
        cmocka_unit_test(a_spent_text_is_read_as_it_was),
        cmocka_unit_test(a_fault_behind_what_was_forgotten_has_its_line),
        cmocka_unit_test(a_buffer_that_grows_keeps_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The table reader and writer of JSON. */
#include <stdlib.h>
#include <string.h>

#include "common/json/jsonmap.h"
#include "tests/support/cmocka_all.h"

struct key {
    struct tm_buf bytes;
    int details;
};
struct log {
    char *url;
    bool has_size;
    int64_t size;
    struct key key;
};
struct holder {
    char *name;
    char *url;
};
struct file {
    char *type;
    bool fresh;
    struct {
        struct log *item;
        size_t count;
    } logs;
    struct {
        struct holder *item;
        size_t count;
    } holders;
    struct tm_jsonmap_list words;
    json_t *anything;
    json_t *rest;
    int even;
};

static const struct tm_jsonmap_name details[] = {
    {"PKIX_ED25519", 1, 7}, {"PKIX_ECDSA", 2, 5}, {NULL, 0, 0}};

static const struct tm_jsonmap_member key_members[] = {
    JSONMAP_NEED(struct key, "rawBytes", bytes, BASE64, .max = 4),
    JSONMAP_ROW(struct key, "keyDetails", details, ENUM, .names = details),
    {0}};
static const struct tm_jsonmap key_map = {
    .members = key_members, .size = sizeof(struct key), .unknown = JSONMAP_IGNORE, .proto = true};

static const struct tm_jsonmap_member log_members[] = {
    JSONMAP_ROW(struct log, "baseUrl", url, TEXT, .max = 8),
    JSONMAP_ROW(struct log, "treeSize", size, INTEGER, .flags = JSONMAP_NOTED,
                .has = offsetof(struct log, has_size), .max = 100),
    JSONMAP_NEED(struct log, "publicKey", key, OBJECT, .map = &key_map),
    {0}};
static const struct tm_jsonmap log_map = {
    .members = log_members, .size = sizeof(struct log), .unknown = JSONMAP_IGNORE, .proto = true};
static const struct tm_jsonmap_member a_log = {.kind = JSONMAP_OBJECT, .map = &log_map};
static const struct tm_jsonmap_member a_word = {.kind = JSONMAP_TEXT, .min = 1};
static const struct tm_jsonmap_member a_holder = {JSONMAP_AT(struct holder, url),
                                                  .kind = JSONMAP_TEXT};

/* A kind of this file's: an even number. */
static int read_even(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                     struct tm_err *e)
{
    (void)how;
    int *n = place;
    *n = (int)json_integer_value(v);
    return *n % 2 == 0 ? 0 : tm_err_set(e, "is odd");
}

static json_t *write_even(const void *place, struct tm_err *e)
{
    const int *n = place;
    (void)e;
    return *n != 0 ? json_integer(*n) : NULL;
}

static const struct tm_jsonmap_type even = {read_even, write_even, NULL};

static int check_file(const void *it, const struct tm_jsonmap_how *how, struct tm_err *e)
{
    const struct file *f = it;
    (void)how;
    return f->fresh && f->words.count == 0 ? tm_err_set(e, "a fresh file has words") : 0;
}

static const struct tm_jsonmap_member file_members[] = {
    JSONMAP_NEED(struct file, "type", type, TEXT, .min = 1, .max = 10),
    JSONMAP_ROW(struct file, "fresh", fresh, BOOL),
    JSONMAP_ROW(struct file, "logs", logs, LIST, .each = &a_log, .size = sizeof(struct log),
                .max = 2),
    JSONMAP_ROW(struct file, "holders", holders, NAMED, .each = &a_holder,
                .size = sizeof(struct holder)),
    JSONMAP_ROW(struct file, "words", words, LIST, .each = &a_word, .size = sizeof(char *)),
    JSONMAP_ROW(struct file, "anything", anything, TREE),
    JSONMAP_ROW(struct file, "even", even, OWN, .type = &even),
    {0}};
static const struct tm_jsonmap strict_map = {
    .members = file_members, .size = sizeof(struct file), .check = check_file};
static const struct tm_jsonmap keeping_map = {.members = file_members,
                                              .size = sizeof(struct file),
                                              .unknown = JSONMAP_KEEP,
                                              .rest = offsetof(struct file, rest)};

static int parse(const char *text, const struct tm_jsonmap *map, const struct tm_jsonmap_how *how,
                 struct file *f, struct tm_err *e)
{
    *f = (struct file){0};
    *e = (struct tm_err){0};
    return tm_jsonmap_parse(text, strlen(text), 4096, map, how, f, e);
}

static void refuses(const char *text, const char *message)
{
    struct file f;
    struct tm_err e;
    assert_int_equal(parse(text, &strict_map, NULL, &f, &e), -1);
    assert_string_equal(e.text, message);
    tm_jsonmap_free(&strict_map, &f);
}

static const char whole[] =
    "{\"type\":\"t\",\"fresh\":true,\"logs\":[{\"baseUrl\":\"a\",\"treeSize\":\"7\",\"publicKey\":"
    "{\"rawBytes\":\"AQID\",\"keyDetails\":\"PKIX_ECDSA\"}}],\"holders\":{\"x\":\"1\",\"y\":\"2\"},"
    "\"words\":[\"v\",\"w\"],\"anything\":[1,null],\"even\":8}";

static void a_whole_file_fills_the_struct(void **state)
{
    struct file f;
    struct tm_err e;
    (void)state;
    assert_int_equal(parse(whole, &strict_map, NULL, &f, &e), 0);
    assert_string_equal(f.type, "t");
    assert_true(f.fresh);
    assert_int_equal(f.logs.count, 1);
    assert_string_equal(f.logs.item[0].url, "a");
    assert_true(f.logs.item[0].has_size);
    assert_int_equal(f.logs.item[0].size, 7);
    assert_int_equal(f.logs.item[0].key.bytes.len, 3);
    assert_int_equal(f.logs.item[0].key.details, 2);
    assert_int_equal(f.holders.count, 2);
    assert_string_equal(f.holders.item[1].name, "y");
    assert_string_equal(f.holders.item[1].url, "2");
    assert_string_equal(((char **)f.words.item)[1], "w");
    assert_int_equal(json_array_size(f.anything), 2);
    assert_int_equal(f.even, 8);
    tm_jsonmap_free(&strict_map, &f);
    assert_null(f.type);
    assert_int_equal(f.logs.count, 0);
}

static void what_was_read_is_written_in_the_order_of_the_table(void **state)
{
    struct file f;
    struct tm_err e;
    (void)state;
    assert_int_equal(parse(whole, &strict_map, NULL, &f, &e), 0);
    json_t *v = tm_jsonmap_write(&strict_map, &f, &e);
    assert_non_null(v);
    char *text = json_dumps(v, JSON_COMPACT);
    assert_string_equal(
        text,
        "{\"type\":\"t\",\"fresh\":true,\"logs\":[{\"baseUrl\":\"a\",\"treeSize\":7,\"publicKey\":"
        "{\"rawBytes\":\"AQID\",\"keyDetails\":\"PKIX_ECDSA\"}}],\"holders\":{\"x\":\"1\",\"y\":"
        "\"2\"},\"words\":[\"v\",\"w\"],\"anything\":[1,null],\"even\":8}");
    free(text);
    json_decref(v);
    tm_jsonmap_free(&strict_map, &f);
}

static void a_fault_names_the_member_and_where_it_stands(void **state)
{
    (void)state;
    refuses("[]", "not an object");
    refuses("{}", "'type' is missing");
    refuses("{\"type\":\"\"}", "'type' is empty");
    refuses("{\"type\":\"12345678901\"}", "'type' is longer than 10 bytes");
    refuses("{\"type\":null}", "'type' is not a string");
    refuses("{\"type\":\"t\",\"fresh\":1}", "'fresh' is neither true nor false");
    refuses("{\"type\":\"t\",\"logs\":{}}", "'logs' is not an array");
    refuses("{\"type\":\"t\",\"logs\":[1]}", "'logs[0]' is not an object");
    refuses("{\"type\":\"t\",\"logs\":[{},{},{}]}", "'logs' has more than 2 items");
    refuses("{\"type\":\"t\",\"logs\":[{}]}", "logs[0]: 'publicKey' is missing");
    refuses("{\"type\":\"t\",\"logs\":[{\"publicKey\":{}}]}",
            "logs[0].publicKey: 'rawBytes' is missing");
    refuses("{\"type\":\"t\",\"logs\":[{\"publicKey\":{\"rawBytes\":\"!\"}}]}",
            "logs[0].publicKey: 'rawBytes' is not base64");
    refuses("{\"type\":\"t\",\"logs\":[{\"treeSize\":101}]}",
            "logs[0]: 'treeSize' is out of range: 0 to 100");
    refuses("{\"type\":\"t\",\"logs\":[{\"treeSize\":\"07\"}]}",
            "logs[0]: 'treeSize' is not a 64-bit integer");
    refuses("{\"type\":\"t\",\"holders\":{\"x\":1}}", "holders: 'x' is not a string");
    refuses("{\"type\":\"t\",\"words\":[\"v\",\"\"]}", "'words[1]' is empty");
    refuses("{\"type\":\"t\",\"even\":3}", "'even' is odd");
    refuses("{\"type\":\"t\",\"fresh\":true}", "a fresh file has words");
    refuses("{\"type\":\"t\",\"wrods\":[]}", "unknown member 'wrods'; is 'words' meant?");
    refuses("{\"type\":\"t\",\"type\":\"t\"}", "JSON line 1, column 19: duplicate key");
}

static void unknown_members_are_kept_and_written_again(void **state)
{
    struct file f;
    struct tm_err e;
    (void)state;
    assert_int_equal(
        parse("{\"later\":{\"a\":1},\"type\":\"t\",\"x\":[]}", &keeping_map, NULL, &f, &e), 0);
    assert_int_equal(json_object_size(f.rest), 2);
    json_t *v = tm_jsonmap_write(&keeping_map, &f, &e);
    char *text = json_dumps(v, JSON_COMPACT);
    assert_string_equal(text, "{\"type\":\"t\",\"fresh\":false,\"later\":{\"a\":1},\"x\":[]}");
    free(text);
    json_decref(v);
    tm_jsonmap_free(&keeping_map, &f);
}

struct loose {
    char *text;
    bool has_holder;
    struct holder holder;
    int64_t n;
    json_t *rest;
};

static void a_loose_row_keeps_what_it_does_not_take(void **state)
{
    static const struct tm_jsonmap_member holder_rows[] = {
        JSONMAP_NEED(struct holder, "url", url, TEXT), {0}};
    static const struct tm_jsonmap holder_map = {.members = holder_rows,
                                                 .size = sizeof(struct holder)};
    static const struct tm_jsonmap_member rows[] = {
        JSONMAP_ROW(struct loose, "text", text, TEXT, .flags = JSONMAP_LOOSE | JSONMAP_NULL),
        JSONMAP_ROW(struct loose, "holder", holder, OBJECT, .map = &holder_map,
                    .flags = JSONMAP_LOOSE | JSONMAP_NOTED,
                    .has = offsetof(struct loose, has_holder)),
        JSONMAP_ROW(struct loose, "n", n, INTEGER, .min = 1, .max = 9,
                    .flags = JSONMAP_LOOSE | JSONMAP_OMIT),
        {0}};
    static const struct tm_jsonmap map = {.members = rows,
                                          .size = sizeof(struct loose),
                                          .unknown = JSONMAP_KEEP,
                                          .rest = offsetof(struct loose, rest)};
    static const struct {
        const char *text;
        size_t kept;
    } cases[] = {
        {"{\"text\":\"a\",\"holder\":{\"url\":\"u\"},\"n\":9}", 0},
        {"{\"text\":null,\"holder\":{\"url\":\"u\"},\"n\":0}", 2},
        {"{\"text\":1,\"holder\":{\"url\":\"u\",\"x\":1},\"n\":\"9\"}", 3},
        {"{\"text\":[],\"holder\":null,\"n\":10,\"also\":true}", 4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct loose l = {0};
        struct tm_err e = {0};
        json_t *v = json_loads(cases[i].text, 0, NULL);
        assert_int_equal(tm_jsonmap_read(v, &map, NULL, &l, &e), 0);
        assert_int_equal(json_object_size(l.rest), cases[i].kept);
        assert_int_equal(l.has_holder, l.holder.url != NULL);
        json_t *again = tm_jsonmap_write(&map, &l, &e);
        assert_true(json_equal(v, again));
        json_decref(again);
        json_decref(v);
        tm_jsonmap_free(&map, &l);
    }
}

struct lone {
    struct holder holder;
    char *text;
    char *why;
};

struct lones {
    struct lone *item;
    size_t count;
};

/* An item that cannot be read says why and leaves the rest, but not to a strict reader; a loose row
 * of a table that ignores is empty. */
static void an_item_that_stands_alone_spoils_no_other(void **state)
{
    static const struct tm_jsonmap_member rows[] = {
        JSONMAP_NEED(struct lone, "url", holder.url, TEXT),
        JSONMAP_ROW(struct lone, "text", text, TEXT, .flags = JSONMAP_LOOSE),
        {0}};
    static const struct tm_jsonmap map = {
        .members = rows, .size = sizeof(struct lone), .unknown = JSONMAP_IGNORE, .proto = true};
    static const struct tm_jsonmap_member each = {.kind = JSONMAP_OBJECT,
                                                  .map = &map,
                                                  .flags = JSONMAP_ALONE,
                                                  .has = offsetof(struct lone, why)};
    static const struct tm_jsonmap_member list_rows[] = {
        {.name = "list", .kind = JSONMAP_LIST, .each = &each, .size = sizeof(struct lone)}, {0}};
    static const struct tm_jsonmap list_map = {.members = list_rows, .size = sizeof(struct lones)};
    static const char text[] = "{\"list\":[{\"text\":\"t\",\"url\":7},{\"url\":\"u\",\"text\":{}},"
                               "null]}";
    static const struct tm_jsonmap_how strictly = {.strict = true};
    struct tm_err e = {0};
    struct lones l = {0};
    (void)state;
    assert_int_equal(tm_jsonmap_parse(text, strlen(text), 999, &list_map, NULL, &l, &e), 0);
    assert_int_equal(l.count, 3);
    assert_string_equal(l.item[0].why, "'url' is not a string");
    assert_null(l.item[0].text);
    assert_null(l.item[1].why);
    assert_string_equal(l.item[1].holder.url, "u");
    assert_string_equal(l.item[1].text, "");
    assert_string_equal(l.item[2].why, "not an object");
    tm_jsonmap_free(&list_map, &l);
    assert_null(l.item);
    assert_int_equal(tm_jsonmap_parse(text, strlen(text), 999, &list_map, &strictly, &l, &e), -1);
    assert_string_equal(e.text, "list[0]: 'url' is not a string");
    tm_jsonmap_free(&list_map, &l);
}

static void note(void *arg, const char *text)
{
    tm_buf_puts(arg, text);
}

static void a_strict_reader_refuses_what_a_tolerant_one_notes_or_leaves_out(void **state)
{
    static const char later[] = "{\"type\":\"t\",\"logs\":[{\"publicKey\":{\"rawBytes\":\"AQ\","
                                "\"keyDetails\":\"ML_DSA_87\"},\"mirror\":true}]}";
    struct tm_buf notes = {0};
    const struct tm_jsonmap_how tolerant = {.note = note, .arg = &notes};
    const struct tm_jsonmap_how strict = {.strict = true};
    struct file f;
    struct tm_err e;
    (void)state;
    assert_int_equal(parse(later, &strict_map, &tolerant, &f, &e), 0);
    assert_int_equal(f.logs.item[0].key.details, JSONMAP_UNKNOWN);
    assert_string_equal(tm_buf_str(&notes), "logs[0].publicKey: 'keyDetails' is 'ML_DSA_87', which "
                                            "is unknown here");
    tm_jsonmap_free(&strict_map, &f);
    tm_buf_free(&notes);
    assert_int_equal(parse(later, &strict_map, &strict, &f, &e), -1);
    assert_non_null(strstr(e.text, "ML_DSA_87"));
    tm_jsonmap_free(&strict_map, &f);
    assert_int_equal(
        parse("{\"type\":\"t\",\"logs\":[{\"mirror\":true}]}", &strict_map, &strict, &f, &e), -1);
    assert_string_equal(e.text, "logs[0]: unknown member 'mirror'");
    tm_jsonmap_free(&strict_map, &f);
}

static void protobuf_may_write_snake_case_numbers_as_text_and_enums_as_numbers(void **state)
{
    struct file f;
    struct tm_err e;
    (void)state;
    assert_int_equal(
        parse("{\"type\":\"t\",\"logs\":[{\"base_url\":null,\"tree_size\":4.0,\"public_"
              "key\":{\"raw_bytes\":\"_-8\",\"key_details\":7}}]}",
              &strict_map, NULL, &f, &e),
        0);
    assert_string_equal(f.logs.item[0].url, "");
    assert_int_equal(f.logs.item[0].size, 4);
    assert_int_equal(f.logs.item[0].key.details, 1);
    assert_int_equal(f.logs.item[0].key.bytes.len, 2);
    tm_jsonmap_free(&strict_map, &f);
    refuses("{\"type\":\"t\",\"logs\":[{\"baseUrl\":\"a\",\"base_url\":\"b\"}]}",
            "logs[0]: 'baseUrl' is given twice");
    refuses("{\"type\":\"t\",\"logs\":[{\"base__url\":\"a\"}]}", "logs[0]: 'publicKey' is missing");
}

static void an_integer_beyond_64_bits_is_for_nobody_and_harms_nobody(void **state)
{
    struct file f;
    struct tm_err e;
    (void)state;
#define BEYOND "123456789012345678901"
    assert_int_equal(parse("{\"type\":\"t\",\"logs\":[{\"future\":[" BEYOND "],\"publicKey\":{"
                           "\"rawBytes\":\"AA==\",\"x\":-" BEYOND "}}]}",
                           &strict_map, NULL, &f, &e),
                     0);
    assert_int_equal(f.logs.count, 1);
    tm_jsonmap_free(&strict_map, &f);
    refuses("{\"type\":" BEYOND "}", "'type' is not a string");
    refuses("{\"type\":\"t\",\"fresh\":" BEYOND "}", "'fresh' is neither true nor false");
    refuses("{\"type\":\"t\",\"words\":[" BEYOND "]}", "'words[0]' is not a string");
    refuses("{\"type\":\"t\",\"logs\":[{\"publicKey\":{\"rawBytes\":" BEYOND "}}]}",
            "logs[0].publicKey: 'rawBytes' is not a string");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_fills_the_struct),
        cmocka_unit_test(what_was_read_is_written_in_the_order_of_the_table),
        cmocka_unit_test(a_fault_names_the_member_and_where_it_stands),
        cmocka_unit_test(unknown_members_are_kept_and_written_again),
        cmocka_unit_test(a_loose_row_keeps_what_it_does_not_take),
        cmocka_unit_test(an_item_that_stands_alone_spoils_no_other),
        cmocka_unit_test(a_strict_reader_refuses_what_a_tolerant_one_notes_or_leaves_out),
        cmocka_unit_test(protobuf_may_write_snake_case_numbers_as_text_and_enums_as_numbers),
        cmocka_unit_test(an_integer_beyond_64_bits_is_for_nobody_and_harms_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* signing_config.v0.2.json: reading, writing, and which service a signer picks. */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "common/json/strictjson.h"
#include "tuf/verify/trust/signing_config.h"

#define NOW 1767225600000LL /* 2026-01-01T00:00:00Z */
#define DAY 86400000LL

static void add(struct tuf_signing_config *c, enum tuf_service_kind kind, const char *url,
                uint32_t version, int64_t start, const char *operator_name)
{
    struct tm_err e = {0};
    struct tuf_service s = {
        (char *)url, version, {.has_start = true, .start_ms = start}, (char *)operator_name};
    if (tuf_signing_config_add(c, kind, &s, &e) != 0)
        fail_msg("%s", e.text);
}

static size_t chosen(const struct tuf_signing_config *c, enum tuf_service_kind kind, int64_t now,
                     const struct tuf_service **out)
{
    struct tm_err e = {0};
    size_t count = 0;
    return tuf_signing_config_select(c, kind, now, 2, out, 8, &count, &e) == 0 ? count : 99;
}

static void it_is_written_as_the_proto_has_it_and_reads_back(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf out = {0};
    struct tuf_signing_config *c = tuf_signing_config_new(&e);
    add(c, SERVICE_CA, "https://ca.example.com", 1, NOW, "example.com");
    add(c, SERVICE_TSA, "https://tsa.example.com/api/v1/timestamp", 1, NOW, "example.com");
    assert_int_equal(tuf_signing_config_set_selector(c, SERVICE_TSA, SELECT_EXACT, 1, &e), 0);
    assert_int_equal(tuf_signing_config_write(c, &out, &e), 0);
    json_t *v = tm_strictjson_parse((const char *)out.data, out.len, out.len, &e);
    assert_string_equal(json_string_value(json_object_get(v, "mediaType")),
                        "application/vnd.dev.sigstore.signingconfig.v0.2+json");
    const json_t *ca = json_array_get(json_object_get(v, "caUrls"), 0);
    assert_string_equal(json_string_value(json_object_get(ca, "url")), "https://ca.example.com");
    assert_string_equal(json_string_value(json_object_get(ca, "operator")), "example.com");
    assert_int_equal(json_integer_value(json_object_get(ca, "majorApiVersion")), 1);
    const json_t *tsa = json_object_get(v, "tsaConfig");
    assert_string_equal(json_string_value(json_object_get(tsa, "selector")), "EXACT");
    assert_int_equal(json_integer_value(json_object_get(tsa, "count")), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(v, "rekorTlogConfig"), "selector")),
        "ANY");
    json_decref(v);
    struct tuf_signing_config *again = tuf_signing_config_parse(out.data, out.len, &e);
    struct tm_buf twice = {0};
    assert_non_null(again);
    assert_int_equal(tuf_signing_config_write(again, &twice, &e), 0);
    assert_string_equal(tm_buf_str(&twice), tm_buf_str(&out));
    tm_buf_free(&out);
    tm_buf_free(&twice);
    tuf_signing_config_free(c);
    tuf_signing_config_free(again);
}

static void the_newest_of_the_highest_version_is_chosen(void **state)
{
    (void)state;
    struct tm_err e = {0};
    const struct tuf_service *out[8];
    struct tuf_signing_config *c = tuf_signing_config_new(&e);
    assert_int_equal(chosen(c, SERVICE_CA, NOW, out), 0);
    add(c, SERVICE_CA, "https://old.example.com", 1, NOW - 9 * DAY, "a");
    add(c, SERVICE_CA, "https://new.example.com", 1, NOW - DAY, "a");
    add(c, SERVICE_CA, "https://next.example.com", 1, NOW + DAY, "a");
    add(c, SERVICE_CA, "https://beyond.example.com", 3, NOW - DAY, "a");
    assert_int_equal(chosen(c, SERVICE_CA, NOW, out), 1);
    assert_string_equal(out[0]->url, "https://new.example.com");
    assert_int_equal(chosen(c, SERVICE_CA, NOW + DAY, out), 1); /* a planned switch */
    assert_string_equal(out[0]->url, "https://next.example.com");
    add(c, SERVICE_CA, "https://v2.example.com", 2, NOW - 20 * DAY, "a");
    assert_int_equal(chosen(c, SERVICE_CA, NOW, out), 1);
    assert_string_equal(out[0]->url, "https://v2.example.com");
    assert_int_equal(tuf_signing_config_set_selector(c, SERVICE_CA, SELECT_ALL, 0, &e), -1);
    tuf_signing_config_free(c);
}

static void logs_are_chosen_one_per_operator_as_the_selector_says(void **state)
{
    (void)state;
    struct tm_err e = {0};
    const struct tuf_service *out[8];
    struct tuf_signing_config *c = tuf_signing_config_new(&e);
    add(c, SERVICE_TLOG, "https://a1.example.com", 2, NOW - 2 * DAY, "a");
    add(c, SERVICE_TLOG, "https://a2.example.com", 2, NOW - DAY, "a");
    add(c, SERVICE_TLOG, "https://b.example.com", 2, NOW - 3 * DAY, "b");
    add(c, SERVICE_TLOG, "https://c1.example.com", 1, NOW - DAY, "c");
    assert_int_equal(chosen(c, SERVICE_TLOG, NOW, out), 1);
    assert_int_equal(tuf_signing_config_set_selector(c, SERVICE_TLOG, SELECT_ALL, 0, &e), 0);
    assert_int_equal(chosen(c, SERVICE_TLOG, NOW, out), 2);
    assert_string_equal(out[0]->url, "https://a2.example.com");
    assert_string_equal(out[1]->url, "https://b.example.com");
    assert_int_equal(tuf_signing_config_set_selector(c, SERVICE_TLOG, SELECT_EXACT, 2, &e), 0);
    assert_int_equal(chosen(c, SERVICE_TLOG, NOW, out), 2);
    assert_int_equal(tuf_signing_config_set_selector(c, SERVICE_TLOG, SELECT_EXACT, 3, &e), 0);
    assert_int_equal(chosen(c, SERVICE_TLOG, NOW, out), 99);
    assert_int_equal(tuf_signing_config_set_selector(c, SERVICE_TLOG, SELECT_EXACT, 0, &e), -1);
    assert_int_equal(tuf_signing_config_set_selector(c, SERVICE_TLOG, SELECT_ANY, 1, &e), -1);
    tuf_signing_config_free(c);
}

static void services_end_and_go(void **state)
{
    (void)state;
    struct tm_err e = {0};
    size_t at = 9;
    const struct tuf_service *out[8];
    struct tuf_signing_config *c = tuf_signing_config_new(&e);
    add(c, SERVICE_CA, "https://ca.example.com", 1, NOW - 9 * DAY, "");
    struct tuf_service twin = {
        (char *)"https://ca.example.com", 1, {.has_start = true, .start_ms = NOW}, NULL};
    assert_int_equal(tuf_signing_config_add(c, SERVICE_CA, &twin, &e), -1);
    assert_non_null(strstr(e.text, "already"));
    assert_int_equal(tuf_signing_config_find(c, SERVICE_CA, "https://nope.example.com", &at, &e),
                     -1);
    assert_non_null(strstr(e.text, "https://ca.example.com"));
    assert_int_equal(tuf_signing_config_find(c, SERVICE_CA, "https://ca.example.com", &at, &e), 0);
    assert_int_equal(tuf_signing_config_retire(c, SERVICE_CA, at, NOW - 10 * DAY, &e), -1);
    assert_int_equal(tuf_signing_config_retire(c, SERVICE_CA, at, NOW, &e), 0);
    assert_int_equal(chosen(c, SERVICE_CA, NOW, out), 1); /* the end is inclusive */
    assert_int_equal(chosen(c, SERVICE_CA, NOW + 1, out), 99);
    twin.valid.start_ms = NOW + 1;
    assert_int_equal(tuf_signing_config_add(c, SERVICE_CA, &twin, &e), 0);
    assert_int_equal(tuf_signing_config_find(c, SERVICE_CA, "https://ca.example.com", &at, &e), 0);
    assert_int_equal(at, 0); /* the open one */
    assert_int_equal(tuf_signing_config_remove(c, SERVICE_CA, 0, &e), 0);
    assert_int_equal(tuf_signing_config_remove(c, SERVICE_CA, 1, &e), -1);
    assert_int_equal(tuf_signing_config_count(c, SERVICE_CA), 1);
    tuf_signing_config_free(c);
}

static void only_https_addresses_are_added(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        int rc;
    } cases[] = {{"https://ca.example.com", 0},
                 {"http://127.0.0.1:5555", 0},
                 {"http://ca.example.com", -1},
                 {"ca.example.com", -1},
                 {"https://", -1},
                 {"https:///path", -1},
                 {"ftp://ca.example.com", -1},
                 {"", -1}};
    struct tm_err e = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tuf_signing_config *c = tuf_signing_config_new(&e);
        struct tuf_service s = {
            (char *)cases[i].url, 1, {.has_start = true, .start_ms = NOW}, NULL};
        if (tuf_signing_config_add(c, SERVICE_CA, &s, &e) != cases[i].rc)
            fail_msg("'%s'", cases[i].url);
        tuf_signing_config_free(c);
    }
}

#define HEAD "{\"mediaType\":\"application/vnd.dev.sigstore.signingconfig.v0.2+json\""
#define SERVICE \
    ",\"caUrls\":[{\"url\":\"https://ca.example.com\",\"majorApiVersion\":1," \
    "\"validFor\":{\"start\":\"2026-01-01T00:00:00Z\"},\"operator\":\"a\"}]"

static void what_is_not_a_signing_config_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } bad[] = {
        {"{\"mediaType\":\"application/vnd.dev.sigstore.signingconfig.v0.1+json\"}", "mediaType"},
        {HEAD ",\"caUrl\":\"https://x\"}", "unknown member"},
        {HEAD ",\"caUrls\":{}}", "not an array"},
        {HEAD ",\"caUrls\":[{\"url\":\"u\"}]}", "no 'start'"},
        {HEAD ",\"caUrls\":[{\"validFor\":{\"start\":\"2026-01-01T00:00:00Z\"}}]}", "'url'"},
        {HEAD ",\"caUrls\":[{\"url\":\"u\",\"majorApiVersion\":-1}]}", "majorApiVersion"},
        {HEAD ",\"tsaConfig\":{\"selector\":\"SOME\"}}", "selector"},
        {HEAD ",\"tsaConfig\":{\"selector\":\"EXACT\"}}", "count"},
        {HEAD ",\"tsaConfig\":{\"selector\":\"ANY\",\"count\":2}}", "count"},
        {HEAD SERVICE SERVICE "}", "duplicate"},
        {HEAD SERVICE "}}", "follows"},
    };
    struct tm_err e = {0};
    struct tuf_signing_config *c =
        tuf_signing_config_parse(HEAD SERVICE "}", strlen(HEAD SERVICE "}"), &e);
    assert_non_null(c);
    const struct tuf_service *out[2];
    size_t count;
    assert_int_equal(tuf_signing_config_select(c, SERVICE_CA, NOW, 1, out, 2, &count, &e), 0);
    assert_int_equal(count, 1);
    tuf_signing_config_free(c);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        c = tuf_signing_config_parse_strict(bad[i].text, strlen(bad[i].text), &e);
        if (c != NULL)
            fail_msg("accepted %s", bad[i].text);
        if (strstr(e.text, bad[i].reason) == NULL)
            fail_msg("%s: '%s' does not say '%s'", bad[i].text, e.text, bad[i].reason);
    }
}

/* What a signer cannot read of one service leaves the others. */
static void a_service_that_cannot_be_read_spoils_no_other(void **state)
{
    static const char *const odd[] = {
        "null",
        "7",
        "{\"url\":{}}",
        "{\"url\":\"https://b\",\"majorApiVersion\":18446744073709551616}",
        "{\"url\":\"https://b\",\"majorApiVersion\":\"one\"}",
        "{\"url\":\"https://b\",\"validFor\":{\"start\":\"99999-01-01T00:00:00Z\"}}",
        "{\"url\":\"https://b\",\"validFor\":[]}",
        "{\"url\":\"https://b\",\"operator\":[]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct tm_err e = {0};
        struct tm_buf text = {0};
        tm_buf_printf(&text,
                      HEAD ",\"caUrls\":[%s,{\"url\":\"https://ca.example.com\","
                           "\"validFor\":{\"start\":\"2026-01-01T00:00:00Z\"}}]}",
                      odd[i]);
        struct tuf_signing_config *c = tuf_signing_config_parse(text.data, text.len, &e);
        if (c == NULL)
            fail_msg("%s: %s", odd[i], e.text);
        assert_int_equal(tuf_signing_config_count(c, SERVICE_CA), 1);
        assert_string_equal(tuf_signing_config_service(c, SERVICE_CA, 0)->url,
                            "https://ca.example.com");
        assert_null(tuf_signing_config_parse_strict(text.data, text.len, &e));
        tuf_signing_config_free(c);
        tm_buf_free(&text);
    }
}

static void a_service_that_counts_for_nothing_is_named_with_its_reason(void **state)
{
    (void)state;
    static const char json[] =
        "{\"mediaType\":\"application/vnd.dev.sigstore.signingconfig.v0.2+json\",\"caUrls\":["
        "{\"url\":\"https://a\",\"validFor\":{\"start\":\"2026-01-01T00:00:00Z\"}},"
        "{\"url\":\"https://b\"},{\"url\":7}],\"tsaUrls\":[{\"url\":\"https://c\\u001b[2J\"}]}";
    struct tm_err e = {0};
    struct tuf_signing_config *c = tuf_signing_config_parse(json, strlen(json), &e);
    assert_non_null(c);
    assert_int_equal(tuf_signing_config_count(c, SERVICE_CA), 1);
    assert_string_equal(tuf_signing_config_left_out(c, 0),
                        "caUrls[1] (https://b) counts for nothing: 'validFor' has no 'start'");
    assert_non_null(strstr(tuf_signing_config_left_out(c, 1), "caUrls[2] counts for nothing: "));
    assert_non_null(strstr(tuf_signing_config_left_out(c, 1), "'url'"));
    assert_null(strchr(tuf_signing_config_left_out(c, 2), 0x1b));
    assert_non_null(strstr(tuf_signing_config_left_out(c, 2), "tsaUrls[0] (https://c"));
    assert_null(tuf_signing_config_left_out(c, 3));
    assert_null(tuf_signing_config_parse_strict(json, strlen(json), &e));
    tuf_signing_config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_written_as_the_proto_has_it_and_reads_back),
        cmocka_unit_test(the_newest_of_the_highest_version_is_chosen),
        cmocka_unit_test(logs_are_chosen_one_per_operator_as_the_selector_says),
        cmocka_unit_test(services_end_and_go),
        cmocka_unit_test(only_https_addresses_are_added),
        cmocka_unit_test(what_is_not_a_signing_config_is_refused),
        cmocka_unit_test(a_service_that_cannot_be_read_spoils_no_other),
        cmocka_unit_test(a_service_that_counts_for_nothing_is_named_with_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

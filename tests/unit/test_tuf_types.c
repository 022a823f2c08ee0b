/* TUF metadata as structs: what is read is written again, whatever else stands there. */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/typesjson.h"

static json_t *parse(const char *text)
{
    struct tm_err e = {0};
    json_t *v = tm_strictjson_parse(text, strlen(text), strlen(text), &e);
    if (v == NULL)
        fail_msg("%s: %s", text, e.text);
    return v;
}

#define HEAD(type) \
    "\"_type\":\"" type "\",\"spec_version\":\"1.0.34\",\"version\":7,\"expires\":\"2030-01-" \
    "01T00:00:00Z\""
#define FILE_OF(body) "{\"signatures\":[],\"signed\":{" body "}}"

static void expect_same(const json_t *tree, enum tuf_role role, const char *name)
{
    struct tm_err e = {0};
    struct tuf_document d = {0};
    struct tuf_signed copy = {0};
    if (tuf_read_document(tree, role, &d, NULL, &e) != 0)
        fail_msg("%s: %s", name, e.text);
    json_t *again = tuf_write_document(&d, NULL, &e);
    assert_non_null(again);
    if (!json_equal((json_t *)tree, again)) {
        char *text = json_dumps(again, JSON_SORT_KEYS);
        fail_msg("%s became %s", name, text);
    }
    assert_int_equal(tuf_copy_signed(&d.body, &copy, &e), 0);
    json_t *body = tuf_write_signed(&copy, &e);
    assert_true(json_equal(body, json_object_get(tree, "signed")));
    json_decref(body);
    json_decref(again);
    tuf_free_signed(&copy);
    tuf_free_document(&d);
}

static void a_published_root_is_written_as_it_was_read(void **state)
{
    (void)state;
    for (int v = 5; v <= 15; v++) {
        struct tm_err e = {0};
        struct tm_buf b = {0};
        char path[128];
        snprintf(path, sizeof(path), "testdata/tuf/sigstore-root/%d.root.json", v);
        assert_int_equal(tm_file_read(path, 1 << 20, &b, &e), 0);
        json_t *tree = tm_strictjson_parse((char *)b.data, b.len, b.len, &e);
        assert_non_null(tree);
        expect_same(tree, TUF_ROOT, path);
        json_decref(tree);
        tm_buf_free(&b);
    }
}

#define ROLE "{\"keyids\":[\"a\",\"0\"],\"threshold\":2,\"x\":[null]}"
#define DELEGATED "\"keyids\":[\"k\"],\"threshold\":1,\"terminating\":true"

static void unknown_and_odd_members_are_kept(void **state)
{
    (void)state;
    static const struct {
        enum tuf_role role;
        const char *text;
    } rows[] = {
        {TUF_ROOT,
         "{\"o\":1.5,\"signatures\":[{\"keyid\":\"a\",\"sig\":\"\",\"m\":{}}],"
         "\"signed\":{" HEAD(
             "root") ",\"z\":{\"q\":[]},\"keys\":{"
                     "\"k\":{\"keytype\":5,\"scheme\":null,\"keyval\":[]},"
                     "\"a\":{\"keyval\":{},\"x-tenmint-keyowner\":{}},"
                     "\"b\":{\"keyval\":{\"public\":1,\"private\":\"\"},\"keyid_hash_algorithms\":["
                     "]},"
                     "\"\":{}},\"roles\":{\"root\":" ROLE ",\"timestamp\":" ROLE ",\"snapshot\":{"
                     "\"keyids\":[],\"threshold\":1,\"x-tenmint-expiry-period\":0,"
                     "\"x-tuf-on-ci-signing-period\":\"4\",\"x-tenmint-signing-period\":5},"
                     "\"targets\":" ROLE ",\"mirrors\":null}}}"},
        {TUF_TIMESTAMP, FILE_OF(HEAD("timestamp") ",\"meta\":{\"snapshot.json\":{\"version\":1,"
                                                  "\"custom\":7,\"hashes\":{\"md5\":\"x\"}}},"
                                                  "\"x-tenmint-transcript\":{\"lines\":0}")},
        {TUF_TIMESTAMP,
         FILE_OF(HEAD("timestamp") ",\"meta\":{\"snapshot.json\":{\"version\":1,\"length\":0}},"
                                   "\"x-tenmint-transcript\":{\"lines\":3,\"sha256\":\"ab\","
                                   "\"also\":1}")},
        {TUF_SNAPSHOT, FILE_OF(HEAD("snapshot") ",\"meta\":{},\"keys\":7,\"roles\":[]")},
        {TUF_TARGETS,
         FILE_OF(HEAD("targets") ",\"targets\":{},\"x-tenmint-clients-act-on\":[],"
                                 "\"delegations\":{\"keys\":{},\"roles\":[],\"n\":0}")},
        {TUF_TARGETS,
         FILE_OF(HEAD("targets") ",\"targets\":{},\"x-tenmint-clients-act-on\":[\"a\",\"b\"],"
                                 "\"x-tenmint-expiry-period\":-1,\"delegations\":{\"keys\":{\"k\":"
                                 "{\"keytype\":\"t\"}},\"roles\":[{\"name\":\"d\"," DELEGATED
                                 ",\"paths\":[],\"path_hash_prefixes\":null,\"y\":[1]},{\"name\":"
                                 "\"e\"," DELEGATED ",\"path_hash_prefixes\":[\"0a\"]}]}")},
        {TUF_TARGETS,
         FILE_OF(HEAD("targets") ",\"targets\":{},\"delegations\":{\"keys\":{},\"succinct_roles\":"
                                 "{\"keyids\":[],\"threshold\":1,\"bit_length\":4,"
                                 "\"name_prefix\":\"b\",\"z\":true}}")},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *tree = parse(rows[i].text);
        expect_same(tree, rows[i].role, rows[i].text);
        json_decref(tree);
    }
}

#define HASHED "{\"length\":1,\"hashes\":{\"a\":\"1\"},"

static void entries_are_written_as_they_were_read(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "{\"length\":1,\"hashes\":{\"sha256\":\"00\"}}",
        "{\"length\":0,\"hashes\":{\"b\":\"\",\"a\":\"1\"},\"version\":4,\"custom\":null}",
        HASHED "\"custom\":{\"sigstore\":{\"usage\":\"CTFE\",\"status\":7,\"n\":{}},\"o\":[1]}}",
        HASHED "\"custom\":{\"sigstore\":{\"uri\":\"u\"}}}",
        HASHED "\"custom\":{\"sigstore\":[]}}"};
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        struct tm_err e = {0};
        struct tuf_entry entry = {0};
        json_t *v = parse(targets[i]);
        assert_int_equal(tuf_read_entry(v, TUF_TARGETS, &entry, &e), 0);
        json_t *again = tuf_write_entry(&entry, TUF_TARGETS, &e);
        assert_true(json_equal(v, again));
        json_decref(again);
        tuf_free_entry(&entry);
        json_decref(v);
    }
}

static void typed_members_are_where_the_structs_say(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tuf_document d = {0};
    json_t *tree = parse(FILE_OF(HEAD(
        "root") ",\"consistent_snapshot\":true,\"x-tenmint-expiry-period\":60,\"keys\":{"
                "\"z\":{\"keytype\":\"ed25519\",\"scheme\":\"s\",\"keyval\":{\"public\":\"p\"},"
                "\"x-tuf-on-ci-keyowner\":\"@bob\"},\"a\":{\"x-tenmint-keyowner\":\"ann\"}},"
                "\"roles\":{\"root\":" ROLE ",\"timestamp\":" ROLE ",\"targets\":" ROLE
                ",\"snapshot\":{\"keyids\":[\"z\"],\"threshold\":3,"
                "\"x-tuf-on-ci-signing-period\":2}}"));
    if (tuf_read_document(tree, TUF_ROOT, &d, NULL, &e) != 0)
        fail_msg("%s", e.text);
    const struct tuf_root *root = &d.body.root;
    assert_int_equal(d.body.version, 7);
    assert_int_equal(d.body.expires, 1893456000);
    assert_int_equal(tuf_period_expiry(&d.body.periods), 60);
    assert_true(root->consistent_snapshot);
    const struct tuf_public_key *z = tuf_keys_find(&root->keys, "z");
    assert_string_equal(z->keytype, "ed25519");
    assert_string_equal(z->keyval.text, "p");
    assert_string_equal(tuf_key_owner(z), "@bob");
    assert_string_equal(tuf_key_owner(tuf_keys_find(&root->keys, "a")), "ann");
    assert_null(tuf_keys_find(&root->keys, "b"));
    const struct tuf_role_keys *snapshot = &root->roles.role[TUF_SNAPSHOT];
    assert_int_equal(snapshot->threshold, 3);
    assert_int_equal(snapshot->keyids.count, 1);
    assert_int_equal(tuf_period_signing(&snapshot->periods), 2 * 86400);
    tuf_free_document(&d);
    json_decref(tree);
}

static void keys_stand_in_order_whatever_comes(void **state)
{
    (void)state;
    static const char *const ids[] = {"m", "b", "z", "a", "n", "b", "zz", ""};
    struct tuf_keys keys = {0};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct tuf_public_key *k = tuf_keys_place(&keys, ids[i]);
        assert_non_null(k);
        assert_int_equal(tuf_text_set(&k->owner, ids[i]), 0);
    }
    assert_int_equal(keys.count, 7);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        assert_string_equal(tuf_keys_find(&keys, ids[i])->owner, ids[i]);
    for (size_t i = 1; i < keys.count; i++)
        assert_true(strcmp(keys.item[i - 1].keyid, keys.item[i].keyid) < 0);
    tuf_free_keys(&keys);
}

static int add_difference(void *arg, const char *name, const char *was, const char *is,
                          struct tm_err *e)
{
    (void)e;
    tm_buf_printf(arg, "%s: %s -> %s;", name, was != NULL ? was : "-", is != NULL ? is : "-");
    return 0;
}

static void a_rest_is_compared_without_a_tree(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf out = {0};
    json_t *before = parse("{\"a\":1,\"b\":[1, 2],\"c\":{\"y\":0,\"x\":1}}");
    json_t *after = parse("{\"c\":{\"x\":1,\"y\":0},\"b\":[2],\"d\":\"q\"}");
    assert_int_equal(tuf_rest_compare(before, after, add_difference, &out, &e), 0);
    assert_string_equal(tm_buf_str(&out), "b: [1,2] -> [2];d: - -> \"q\";a: 1 -> -;");
    tm_buf_reset(&out);
    assert_int_equal(tuf_rest_compare(NULL, NULL, add_difference, &out, &e), 0);
    assert_int_equal(out.len, 0);
    tm_buf_free(&out);
    json_decref(before);
    json_decref(after);
}

static void metadata_is_made_of_a_struct(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tuf_signed s = {.role = TUF_TARGETS, .version = 4, .expires = 1893456000};
    assert_int_equal(tuf_text_set(&s.spec_version, "1.0"), 0);
    s.targets.has_delegations = s.targets.delegations.has_roles = true;
    struct tuf_delegated_role *d = tuf_delegated_roles_add(&s.targets.delegations.roles, "nested");
    d->by.threshold = 1;
    d->has_paths = true;
    assert_int_equal(tuf_texts_add(&d->by.keyids, "k"), 0);
    assert_int_equal(tuf_texts_add(&d->paths, "a/*"), 0);
    struct tuf_metadata *m = tuf_metadata_make(&s, NULL, &e);
    if (m == NULL)
        fail_msg("%s", e.text);
    assert_null(s.spec_version);
    assert_int_equal(tuf_metadata_version(m), 4);
    const struct tuf_delegations *got = &tuf_metadata_signed(m)->targets.delegations;
    assert_string_equal(tuf_delegated_role_find(&got->roles, "nested")->paths.item[0], "a/*");
    assert_int_equal(tuf_metadata_signature_list(m)->count, 0);
    tuf_metadata_free(m);
}

/* Clients in Go take a member in whatever case it is written. */
static void a_member_in_another_case_is_ambiguous(void **state)
{
    (void)state;
    static const struct {
        const char *custom;
        bool ambiguous;
    } rows[] = {
        {"\"custom\":{\"sigstore\":{\"usage\":\"Fulcio\",\"status\":\"Active\",\"uri\":\"u\"}}",
         false},
        {"\"custom\":{\"sigstore\":{\"Usage\":\"Fulcio\"}}", true},
        {"\"custom\":{\"sigstore\":{\"usage\":\"Unknown\",\"USAGE\":\"Fulcio\"}}", true},
        {"\"custom\":{\"sigstore\":{\"statuS\":\"Active\"}}", true},
        {"\"custom\":{\"sigstore\":{\"Uri\":\"u\"}}", true},
        {"\"custom\":{\"Sigstore\":{\"usage\":\"Fulcio\"}}", true},
        {"\"Custom\":{\"sigstore\":{\"usage\":\"Fulcio\"}}", true},
        {"\"custom\":{\"sigstore\":{\"usage\":5}}", false},
        {"\"custom\":{\"sigstore\":[]}", false},
        {"\"custom\":\"text\"", false},
        {"\"custom\":{\"Owner\":\"a\",\"usages\":1}", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_err e = {0};
        struct tuf_entry entry = {0};
        char text[512];
        snprintf(text, sizeof(text), "{\"length\":1,\"hashes\":{\"sha256\":\"%064d\"},%s}", 0,
                 rows[i].custom);
        json_t *v = json_loads(text, 0, NULL);
        assert_non_null(v);
        if (tuf_read_entry(v, TUF_TARGETS, &entry, &e) != 0)
            fail_msg("%s: %s", text, e.text);
        if (tuf_custom_is_ambiguous(&entry) != rows[i].ambiguous)
            fail_msg("%s", text);
        tuf_free_entry(&entry);
        json_decref(v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_published_root_is_written_as_it_was_read),
        cmocka_unit_test(unknown_and_odd_members_are_kept),
        cmocka_unit_test(entries_are_written_as_they_were_read),
        cmocka_unit_test(typed_members_are_where_the_structs_say),
        cmocka_unit_test(keys_stand_in_order_whatever_comes),
        cmocka_unit_test(a_rest_is_compared_without_a_tree),
        cmocka_unit_test(metadata_is_made_of_a_struct),
        cmocka_unit_test(a_member_in_another_case_is_ambiguous),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

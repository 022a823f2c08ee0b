/* What a review says of an event: every field of what clients act on, who answers for it, and what
 * it cannot show. */
#include "tests/unit/tuf_case.h"

#include "tests/support/pki.h"
#include "tuf/manager/review/acted.h"
#include "tuf/manager/review/answer.h"
#include "tuf/manager/review/fields.h"
#include "tuf/manager/review/review.h"
#include "tuf/manager/review/textdiff.h"

#define ROOT_JSON "{\"mediaType\": \"application/vnd.dev.sigstore.trustedroot+json;version=0.1\"}\n"

/* ---- fields ---- */

static void read_fields(const char *text, struct tuf_fields *out)
{
    struct tm_err e = {0};
    if (tuf_fields_read(text, strlen(text), out, &e) != 0)
        fail_msg("%s: %s", text, e.text);
}

static void every_change_of_a_field_has_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *says; /* NULL: no line */
    } rows[] = {
        {"{\"caUrls\":[{\"url\":\"https://a\",\"majorApiVersion\":1}]}",
         "{\"caUrls\":[{\"url\":\"https://a\",\"majorApiVersion\":2}]}",
         "signers get certificates from \"https://a\", API version: 1 -> 2"},
        {"{\"caUrls\":[{\"url\":\"https://a\"}]}", "{\"caUrls\":[{\"url\":\"https://b\"}]}",
         "new: signers get certificates from \"https://b\", service address: \"https://b\""},
        {"{\"tlogs\":[{\"logId\":{\"keyId\":\"AAEC\"},\"operator\":\"a\"}]}",
         "{\"tlogs\":[{\"logId\":{\"keyId\":\"AAEC\"},\"operator\":\"b\"}]}",
         "transparency log 000102, operator: \"a\" -> \"b\""},
        {"{\"tlogs\":[{\"logId\":{\"keyId\":\"AAEC\"}}]}",
         "{\"tlogs\":[{\"logId\":{\"keyId\":\"AAEC\"},\"checkpointKeyId\":{\"keyId\":\"/w==\"}}]}",
         "new: transparency log 000102, checkpoint key id, bytes: ff"},
        {"{\"a\":{\"b\":[1,2]}}", "{\"a\":{\"b\":[1,3]}}", "\"a\", \"b\" 2: 2 -> 3"},
        {"{\"a\":[{\"url\":\"x\"},{\"url\":\"y\"}]}", "{\"a\":[{\"url\":\"y\"},{\"url\":\"x\"}]}",
         "\"a\": order changes"},
        {"{\"a\":[{\"url\":\"x\"},{\"url\":\"y\"}]}",
         "{\"a\":[{\"url\":\"z\"},{\"url\":\"x\"},{\"url\":\"y\"}]}",
         "new: \"a\" \"z\", service address"},
        {"{\"a\":[{\"url\":\"x\",\"n\":1},{\"url\":\"x\",\"n\":2}]}",
         "{\"a\":[{\"url\":\"x\",\"n\":1},{\"url\":\"x\",\"n\":3}]}",
         "\"a\" \"x\" (again, 2), \"n\": 2 -> 3"},
        {"{\"a\":{}}", "{\"a\":[]}", "\"a\": {} -> []"},
        {"{\"a\":null}", "{}", "no more: \"a\": null"},
        {"{\"a\":1,\"b\":[2]}", "{ \"b\": [2], \"a\": 1 }", NULL},
        {"{\"x, \\\"y\\\"\":1}", "{\"x\":{\"y\":1}}", "new: \"x\", \"y\": 1"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tuf_fields a;
        struct tuf_fields b;
        struct tm_buf out = {0};
        read_fields(rows[i].before, &a);
        read_fields(rows[i].after, &b);
        size_t lines = tuf_fields_difference(&a, &b, "", &out);
        const char *text = out.len > 0 ? tm_buf_str(&out) : "";
        if (rows[i].says == NULL ? lines != 0 : strstr(text, rows[i].says) == NULL)
            fail_msg("row %zu: %s", i, text);
        tuf_fields_free(&a);
        tuf_fields_free(&b);
        tm_buf_free(&out);
    }
}

/* Each member that clients know, and some that they do not. Bytes are no keys: their form is told.
 */
static const char every_member[] =
    "{\"mediaType\":\"t\",\"tlogs\":[{\"baseUrl\":\"https://r\",\"hashAlgorithm\":\"SHA2_256\","
    "\"publicKey\":{\"rawBytes\":\"+/8=\",\"keyDetails\":\"PKIX_ED25519\",\"validFor\":{\"start\":"
    "\"2025-01-01T00:00:00Z\",\"end\":\"2026-01-01T00:00:00Z\"}},\"logId\":{\"keyId\":\"+/8=\"},"
    "\"checkpointKeyId\":{\"keyId\":\"BAUG\"},\"operator\":\"o\"},{\"baseUrl\":\"https://s\","
    "\"logId\":{\"keyId\":\"BwgJ\"},\"x\":[1,2.5,true,null,{},[],[[1],[2]]]}],"
    "\"certificateAuthorities\":[{\"subject\":{\"organization\":\"o\",\"commonName\":\"c\"},"
    "\"uri\":\"https://f\",\"certChain\":{\"certificates\":[{\"rawBytes\":\"MAAA\"},{\"rawBytes\":"
    "\"MAAB\"}]},\"validFor\":{\"start\":\"2025-01-01T00:00:00Z\"},\"operator\":\"p\"},{\"uri\":"
    "\"https://f\",\"url\":\"https://g\"},{\"uri\":\"https://f\",\"url\":\"https://h\"}],"
    "\"ctlogs\":[{\"baseUrl\":\"https://t\",\"logId\":{\"keyId\":\"CgsM\"}}],"
    "\"timestampAuthorities\":[{\"uri\":\"https://"
    "u\",\"certChain\":{\"certificates\":[{\"rawBytes\":"
    "\"MAAC\"}]}}],\"caUrls\":[{\"url\":\"https://"
    "f\",\"majorApiVersion\":1,\"validFor\":{\"start\":"
    "\"2025-01-01T00:00:00Z\"},\"operator\":\"q\"},{\"url\":\"https://v\",\"majorApiVersion\":2}],"
    "\"oidcUrls\":[{\"url\":\"https://i\",\"majorApiVersion\":1}],\"rekorTlogUrls\":[{\"url\":"
    "\"https://r\",\"majorApiVersion\":2}],\"tsaUrls\":[{\"url\":\"https://u\"}],"
    "\"rekorTlogConfig\":{\"selector\":\"EXACT\",\"count\":2},\"tsaConfig\":{\"selector\":\"ANY\"},"
    "\"caUrl\":\"https://f\",\"oidcUrl\":\"https://i\",\"tlogUrls\":[\"https://r\",\"https://s\"],"
    "\"x-a\":{\"x-b\":\"1\",\"x-c\":1},\"uri\":\"a\",\"url\":\"b\",\"address\":\"c\"}";

struct change { /* number `left` of all that may be done to a document */
    size_t left;
    char what[200];
};

static bool is_this(struct change *c, const char *what, const char *where)
{
    if (c->left-- != 0)
        return false;
    snprintf(c->what, sizeof(c->what), "%s %s", what, where);
    return true;
}

/* A value in place of `v`, where `left` says so; else NULL. */
static json_t *other_value(struct change *c, const json_t *v, const char *where)
{
    const char *text = json_string_value(v);
    static const struct {
        const char *was, *is; /* the same bytes to who reads base64 leniently */
    } forms[] = {{"+", "-"}, {"/", "_"}, {"=", ""}, {"8=", "9="}, {"A", "\nA"}};
    if (is_this(c, "null for", where))
        return json_is_null(v) ? json_false() : json_null();
    if (is_this(c, "a number for", where))
        return json_integer(json_is_integer(v) ? json_integer_value(v) + 1 : 7);
    if (is_this(c, "a text for", where))
        return text != NULL ? json_sprintf("%sx", text) : json_string("1");
    if (is_this(c, "an empty object for", where))
        return json_object_size(v) > 0 || !json_is_object(v) ? json_object() : json_array();
    if (is_this(c, "an empty list for", where))
        return json_array_size(v) > 0 || !json_is_array(v) ? json_array() : json_object();
    if (is_this(c, "a list of it for", where))
        return json_pack("[O]", v);
    for (size_t i = 0; text != NULL && i < sizeof(forms) / sizeof(forms[0]); i++) {
        const char *at = strstr(text, forms[i].was);
        if (at != NULL && is_this(c, "another form of", where))
            return json_sprintf("%.*s%s%s", (int)(at - text), text, forms[i].is,
                                at + strlen(forms[i].was));
    }
    return NULL;
}

static bool change_object(struct change *c, json_t *object, const char *where)
{
    static const char *const names[] = {"uri", "url", "baseUrl", "x-new", "address", "keyId"};
    const char *member;
    json_t *value;
    void *next;
    json_object_foreach_safe(object, next, member, value)
    {
        if (is_this(c, "no", member))
            return json_object_del(object, member) == 0;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            char name[32];
            snprintf(name, sizeof(name), "%s", names[i]);
            if (json_object_get(object, name) != NULL || !is_this(c, member, name))
                continue; /* renamed */
            json_object_set(object, name, value);
            return json_object_del(object, member) == 0;
        }
        const char *also;
        json_t *other;
        json_object_foreach(object, also, other)
        {
            if (strcmp(member, also) >= 0 || json_equal(value, other) || !is_this(c, member, also))
                continue; /* swapped */
            json_incref(value);
            json_object_set(object, member, other);
            json_object_set_new(object, also, value);
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json_object_get(object, names[i]) == NULL && is_this(c, names[i], where))
            return json_object_set_new(object, names[i], json_string("new")) == 0;
    }
    return false;
}

static bool change_array(struct change *c, json_t *array, const char *where)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        json_t *item = json_array_get(array, i);
        json_t *after = json_array_get(array, i + 1);
        if (is_this(c, "an item less of", where))
            return json_array_remove(array, i) == 0;
        if (is_this(c, "an item twice in", where))
            return json_array_insert(array, i, item) == 0;
        if (after == NULL || json_equal(item, after) || !is_this(c, "another order of", where))
            continue;
        json_incref(item);
        json_array_set(array, i, after);
        return json_array_set_new(array, i + 1, item) == 0;
    }
    return is_this(c, "an item more in", where) && json_array_append_new(array, json_null()) == 0;
}

/* Does it; false: there are not so many. */
static bool change_below(struct change *c, json_t *v, const char *where)
{
    const char *member;
    json_t *value;
    json_t *other;
    size_t i;
    if (json_is_object(v) ? change_object(c, v, where)
                          : json_is_array(v) && change_array(c, v, where))
        return true;
    json_object_foreach(v, member, value)
    {
        if ((other = other_value(c, value, member)) != NULL)
            return json_object_set_new(v, member, other) == 0;
        if (change_below(c, value, member))
            return true;
    }
    json_array_foreach(v, i, value)
    {
        if ((other = other_value(c, value, where)) != NULL)
            return json_array_set_new(v, i, other) == 0;
        if (change_below(c, value, where))
            return true;
    }
    return false;
}

/* Each leaf, member, item and their order, one at a time. */
static void no_change_of_a_whole_document_goes_without_a_line(void **state)
{
    (void)state;
    struct tuf_fields was;
    size_t n = 0;
    read_fields(every_member, &was);
    for (;; n++) {
        struct change c = {.left = n};
        struct tuf_fields is;
        struct tm_buf out = {0};
        json_t *document = json_loads(every_member, 0, NULL);
        assert_non_null(document);
        bool made = change_below(&c, document, "document");
        char *text = json_dumps(document, 0);
        json_decref(document);
        if (!made) {
            free(text);
            break;
        }
        read_fields(text, &is);
        if (tuf_fields_difference(&was, &is, "", &out) == 0)
            fail_msg("%s: no line", c.what);
        tuf_fields_free(&is);
        tm_buf_free(&out);
        free(text);
    }
    tuf_fields_free(&was);
    assert_in_range(n, 1000, 10000); /* what was tried */
}

static void what_is_neither_json_nor_pem_has_no_fields(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "x", "1", "{\"a\":1,\"a\":2}", "{} {}", "-----BEGIN"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tuf_fields f;
        struct tm_err e = {0};
        assert_int_equal(tuf_fields_read(bad[i], strlen(bad[i]), &f, &e), -1);
        assert_true(e.text[0] != '\0');
    }
}

/* What stands behind it others read. */
static void a_damaged_block_makes_pem_unexplainable(void **state)
{
    (void)state;
    static const char *const damaged[] = {
        "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE\n", "-----BEGIN X-----\n"};
    struct tm_buf pem = {0};
    EVP_PKEY *key = pki_key("P-256");
    pki_public_pem(key, &pem);
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        struct tuf_fields f;
        struct tm_err e = {0};
        struct tm_buf both = {0};
        tm_buf_append(&both, pem.data, pem.len);
        tm_buf_puts(&both, damaged[i]);
        tm_buf_append(&both, pem.data, pem.len);
        assert_int_equal(tuf_fields_read(both.data, both.len, &f, &e), -1);
        assert_non_null(strstr(e.text, "damaged"));
        tm_buf_free(&both);
    }
    EVP_PKEY_free(key);
    tm_buf_free(&pem);
}

/* A text with a key in it is told whole. */
static void what_stands_around_pem_blocks_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *before, *behind, *says; /* NULL: no line */
        size_t behind_len;
    } rows[] = {
        {"", "", NULL, 0},
        {"\n \t\n", "\r\n\n", NULL, 3},
        {"trust: mallory\n", "", "new: text around the blocks: trust: mallory", 0},
        {"", "trust: mallory", "new: text around the blocks: trust: mallory", 14},
        {"", "\0mallory", "new: text around the blocks: \\0mallory", 8},
    };
    struct tm_buf pem = {0};
    struct tuf_fields was;
    EVP_PKEY *key = pki_key("P-256");
    pki_public_pem(key, &pem);
    read_fields(tm_buf_str(&pem), &was);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tuf_fields is;
        struct tm_err e = {0};
        struct tm_buf text = {0};
        struct tm_buf out = {0};
        tm_buf_puts(&text, rows[i].before);
        tm_buf_append(&text, pem.data, pem.len);
        tm_buf_append(&text, rows[i].behind, rows[i].behind_len);
        if (tuf_fields_read(text.data, text.len, &is, &e) != 0)
            fail_msg("row %zu: %s", i, e.text);
        size_t lines = tuf_fields_difference(&was, &is, "", &out);
        if (rows[i].says == NULL ? lines != 0
                                 : lines != 1 || strstr(tm_buf_str(&out), rows[i].says) == NULL)
            fail_msg("row %zu: %s", i, out.len > 0 ? tm_buf_str(&out) : "no line");
        tuf_fields_free(&is);
        tm_buf_free(&text);
        tm_buf_free(&out);
    }
    tuf_fields_free(&was);
    EVP_PKEY_free(key);
    tm_buf_free(&pem);
}

static void text_differences_name_the_lines(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *says;
        size_t max;
    } rows[] = {
        {"a\nb\nc\n", "a\nx\nc\n", "- b\n+ x\n", 40},
        {"", "a\n", "+ a\n", 40},
        {"a", "", "- a (no line feed)\n", 40},
        {"a\nb\nc\nd\n", "b\nc\nd\ne\n", "- a\n+ e\n", 40},
        {"1\n2\n3\n4\n5\n", "1\nx\n3\ny\n5\n", "- 2\n+ x\n- 4\n+ y\n", 40},
        {"a\n", "b\nc\n", "- a\n+ b\n... and 1 more lines\n", 2},
        {"a\n", "\x1b[1m\n", "- a\n+ ?[1m\n", 40},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct tm_buf a = {.data = (unsigned char *)rows[i].before,
                                 .len = strlen(rows[i].before)};
        const struct tm_buf b = {.data = (unsigned char *)rows[i].after,
                                 .len = strlen(rows[i].after)};
        struct tm_buf out = {0};
        tuf_textdiff_write(&a, &b, rows[i].max, "", &out);
        assert_string_equal(tm_buf_str(&out), rows[i].says);
        tm_buf_free(&out);
    }
    const struct tm_buf binary = {.data = (unsigned char *)"a\0b", .len = 3};
    assert_false(tuf_textdiff_is_text(&binary));
}

static void patterns_meet_when_a_path_fits_both(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool meet;
    } rows[] = {
        {"a", "a", true},         {"a", "b", false},        {"*", "trusted_root.json", true},
        {"*", "a/b", false},      {"a/*", "*/b", true},     {"a*", "*b", true},
        {"a*c", "b*", false},     {"*.json", "x*", true},   {"*.json", "x*.txt", false},
        {"npm/*", "npm/a", true}, {"npm/*", "np/*", false}, {"a?c", "abc", true},
        {"[ab]", "c", true}, /* sets are taken for what may meet */
        {"*/*", "*", false},      {"", "*", true},          {"ab", "a", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (tuf_answer_globs_meet(rows[i].a, rows[i].b) != rows[i].meet ||
            tuf_answer_globs_meet(rows[i].b, rows[i].a) != rows[i].meet)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
    }
}

/* ---- whole reviews ---- */

static struct tuf_review_result review(struct tuf_case *c, const struct tuf_event *ev, int64_t now,
                                       bool all, struct tm_buf *out)
{
    const struct tuf_review r = {.now = now, .all = all};
    struct tuf_review_result result;
    tm_buf_reset(out);
    if (tuf_review_write(ev, &r, out, &result, &c->e) != 0 || tm_buf_str(out) == NULL)
        fail_msg("%s", c->e.text);
    return result;
}

#define DELEGATION(name, paths) \
    "  " name ": {holders: [carol], threshold: 1, expiry: 90d, signing: 30d, directory: " name \
    ", paths: [" paths "]}\n"

/* A change from one policy and its files to another. */
static struct tuf_review_result change(const char *before, const char *after, const char *file,
                                       const char *gone, struct tm_buf *out)
{
    struct tuf_case c;
    struct tuf_event ev;
    char path[PATH_MAX];
    case_open(&c, before);
    case_file(&c, "targets/trusted_root.json", ROOT_JSON);
    case_file(&c, "second/s/listed", "of the second\n");
    case_propose(&c, T0, NULL, &ev);
    for (size_t i = 0; i < 3; i++) {
        static const char *const holders[] = {"alice", "bob", "carol"};
        case_try_sign(&c, &ev, holders[i], T0);
    }
    case_publish(&c, &ev, T0);
    tuf_event_free(&ev);
    case_file(&c, "policy.yaml", after);
    if (file != NULL)
        case_file(&c, file, ROOT_JSON);
    snprintf(path, sizeof(path), "%s/%s", c.dir, gone != NULL ? gone : "none");
    unlink(path);
    case_propose(&c, T0 + DAY, NULL, &ev);
    struct tuf_review_result r = review(&c, &ev, T0 + DAY, false, out);
    tuf_event_free(&ev);
    case_close(&c);
    return r;
}

#define ROLES(list) CASE_POLICY "delegations:\n" list
#define SECOND DELEGATION("second", "'s/*'")

static void a_delegation_that_could_answer_for_what_clients_act_on_is_a_danger(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *file, *gone, *says; /* NULL: no danger */
    } rows[] = {
        {CASE_POLICY, ROLES(DELEGATION("first", "'trusted_*'")), NULL, NULL,
         "'first' (threshold 1 of 1 keys) is new and could answer for trusted_root.json"},
        {CASE_POLICY, ROLES(DELEGATION("first", "'*.v0.2.json'")), NULL, NULL,
         "could answer for signing_config.v0.2.json"},
        {CASE_POLICY, ROLES(DELEGATION("first", "trusted_root.json")), "first/trusted_root.json",
         "targets/trusted_root.json", "is new and answers for trusted_root.json"},
        {ROLES(DELEGATION("first", "'*.json'")), ROLES(DELEGATION("first", "'*.json'")),
         "first/trusted_root.json", "targets/trusted_root.json",
         "'first' (threshold 1 of 1 keys) comes to answer for trusted_root.json"},
        {CASE_POLICY, CASE_POLICY, "targets/b", "targets/trusted_root.json",
         "no role that is known here answers for trusted_root.json"},
        {CASE_POLICY, ROLES(DELEGATION("first", "'npm/*'")), NULL, NULL, NULL},
        {ROLES(SECOND), ROLES(DELEGATION("first", "'s/*'") SECOND), NULL, NULL,
         "delegation 'first' comes to stand before 'second'"},
        {ROLES(SECOND), ROLES(SECOND DELEGATION("first", "'s/*'")), NULL, NULL, NULL},
        {ROLES(SECOND), ROLES(DELEGATION("first", "'t/*'") SECOND), NULL, NULL, NULL},
        {CASE_POLICY "clients-act-on: [keys/k]\n",
         CASE_POLICY "clients-act-on: [keys/k]\n"
                     "delegations:\n" DELEGATION("first", "'keys/*'"),
         NULL, NULL, "could answer for keys/k"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_buf text = {0};
        struct tuf_review_result r =
            change(rows[i].before, rows[i].after, rows[i].file, rows[i].gone, &text);
        if (rows[i].says == NULL
                ? r.dangers != 0
                : r.dangers == 0 || strstr(tm_buf_str(&text), rows[i].says) == NULL)
            fail_msg("row %zu: %zu dangers\n%s", i, r.dangers, tm_buf_str(&text));
        assert_int_equal(r.errors, 0);
        tm_buf_free(&text);
    }
}

#define CONFIG_JSON "{\"mediaType\": \"application/vnd.dev.sigstore.signingconfig.v0.2+json\"}\n"
#define BINS_OF(holder) \
    "bins: {bits: 2, prefix: bin, holders: [" holder \
    "], threshold: 1, expiry: 90d, signing: 30d, directory: bins}\n"
#define BINS BINS_OF("online")

/* Bins cover every name: also that of a second trusted root, which nobody asks for before there is
 * one: bins that are in force may list one. A delegation that names it means it. */
static void bins_are_no_danger_to_what_is_listed_or_not_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *gone, *says; /* NULL: no danger */
    } rows[] = {
        {CASE_POLICY, CASE_POLICY BINS, NULL, NULL},
        {CASE_POLICY BINS, CASE_POLICY BINS "# the same\n", NULL, NULL},
        {CASE_POLICY BINS, CASE_POLICY BINS_OF("online2"), NULL,
         "(threshold 1 of 1 keys) is new and could answer for trusted_root.ecdsa-logs.json"},
        {CASE_POLICY, CASE_POLICY BINS, "targets/signing_config.json",
         "(threshold 1 of 1 keys) is new and could answer for signing_config.json"},
        {CASE_POLICY, ROLES(DELEGATION("first", "'*.ecdsa-logs.json'")), NULL,
         "could answer for trusted_root.ecdsa-logs.json"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tuf_case c;
        struct tuf_event ev;
        struct tm_buf text = {0};
        char path[PATH_MAX];
        case_open(&c, rows[i].before);
        case_file(&c, "targets/trusted_root.json", ROOT_JSON);
        case_file(&c, "targets/signing_config.v0.2.json", CONFIG_JSON);
        case_file(&c, "targets/signing_config.json", CONFIG_JSON);
        case_file(&c, "bins/a.txt", "a\n");
        case_round(&c, T0, NULL);
        case_file(&c, "policy.yaml", rows[i].after);
        snprintf(path, sizeof(path), "%s/%s", c.dir, rows[i].gone != NULL ? rows[i].gone : "none");
        unlink(path);
        case_propose(&c, T0 + DAY, NULL, &ev);
        struct tuf_review_result r = review(&c, &ev, T0 + DAY, false, &text);
        if (rows[i].says == NULL
                ? r.dangers != 0
                : r.dangers == 0 || strstr(tm_buf_str(&text), rows[i].says) == NULL)
            fail_msg("row %zu: %zu dangers\n%s", i, r.dangers, tm_buf_str(&text));
        tm_buf_free(&text);
        tuf_event_free(&ev);
        case_close(&c);
    }
}

/* What an online key lists already is not acted on without a word, also where no policy is. */
static void what_an_online_key_lists_is_explained_before_clients_act_on_it(void **state)
{
    (void)state;
    static const struct {
        const char *name, *says; /* NULL: no danger */
    } rows[] = {{"registry/keys.json", "(threshold 1 of 1 keys) lists already, by no word"},
                {"registry/others.json", NULL}, /* nobody lists it */
                {"a.txt", NULL}};               /* targets does */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tuf_case c;
        struct tuf_event ev;
        struct tm_buf text = {0};
        char policy[4096];
        case_open(&c, CASE_POLICY BINS);
        case_file(&c, "bins/registry/keys.json", "{\"keys\": [\"mallory\"]}\n");
        case_round(&c, T0, NULL);
        snprintf(policy, sizeof(policy), "%sclients-act-on: [%s]\n", CASE_POLICY BINS,
                 rows[i].name);
        case_file(&c, "policy.yaml", policy);
        case_propose(&c, T0 + DAY, NULL, &ev);
        struct tuf_review_result r = review(&c, &ev, T0 + DAY, false, &text);
        assert_int_equal(r.errors, 0);
        if (rows[i].says == NULL ? r.dangers != 0
                                 : strstr(tm_buf_str(&text), rows[i].says) == NULL ||
                                       strstr(tm_buf_str(&text), "\"mallory\"") == NULL)
            fail_msg("row %zu: %zu dangers\n%s", i, r.dangers, tm_buf_str(&text));
        tm_buf_free(&text);
        tuf_event_free(&ev);
        case_close(&c);
    }
}

/* Nobody reviews what an online key signs: publish takes it there only where the policy says so. */
static void what_clients_act_on_is_signed_by_no_online_key_unasked(void **state)
{
    (void)state;
    static const char *const names[] = {"trusted_root.json",
                                        "trusted_root.ecdsa-logs.json",
                                        "signing_config.v0.2.json",
                                        "registry/keys.json",
                                        "Trusted_root.json",
                                        "%74rusted_root.json",
                                        "signing_config",
                                        "Registry/keys.json",
                                        "fulcio.crt.pem",
                                        "rekor.pub",
                                        "ctfe.pub",
                                        "Rekor.pub"};
    static const struct {
        const char *more; /* of the policy, beside those names */
        bool taken;
    } rows[] = {{"", false}, {"online-trust: [bins]\n", true}, {"shared-keys: [online]\n", true}};
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            struct tuf_case c;
            struct tuf_publish_report r;
            char policy[4096];
            char file[64];
            snprintf(policy, sizeof(policy), "%sclients-act-on: [registry/keys.json]\n%s",
                     CASE_POLICY BINS, rows[k].more);
            case_open(&c, policy);
            case_file(&c, "bins/a.txt", "a\n");
            case_round(&c, T0, NULL);
            snprintf(file, sizeof(file), "bins/%s", names[i]);
            case_file(&c, file, "{}");
            int rc = case_try_publish(&c, NULL, T0 + DAY, false, &r);
            if ((rc == 0) != rows[k].taken)
                fail_msg("%s with '%s': %s", names[i], rows[k].more, c.e.text);
            if (!rows[k].taken) {
                assert_non_null(strstr(c.e.text, "no holder would sign"));
                assert_non_null(strstr(c.e.text, names[i]));
            }
            case_close(&c);
        }
    }
}

/* Holders have signed the name: who writes the policy alone does not take it back. */
static void a_name_that_holders_signed_is_protected_without_its_line(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_publish_report r;
    case_open(&c, CASE_POLICY BINS "clients-act-on: [registry/keys.json]\n");
    case_file(&c, "bins/a.txt", "a\n");
    case_round(&c, T0, NULL);
    case_file(&c, "policy.yaml", CASE_POLICY BINS);
    case_file(&c, "bins/registry/keys.json", "{}");
    assert_int_equal(case_try_publish(&c, NULL, T0 + DAY, false, &r), -1);
    assert_non_null(strstr(c.e.text, "'registry/keys.json', on which clients act"));
    case_round(&c, T0 + DAY, NULL); /* which takes it from the signed list */
    case_close(&c);
}

/* It lay there before the policy knew better, or others put it there: it stays, and may be taken
 * away, but does not change. */
static void what_an_online_key_signed_already_stays_and_does_not_change(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_publish_report r;
    case_open(&c, CASE_POLICY BINS "online-trust: [bins]\n");
    case_file(&c, "bins/trusted_root.json", ROOT_JSON);
    case_round(&c, T0, NULL);
    case_file(&c, "policy.yaml", CASE_POLICY BINS);
    case_file(&c, "bins/b.txt", "b\n");
    assert_int_equal(case_try_publish(&c, NULL, T0 + DAY, false, &r), 0);
    case_refresh(&c, T0 + 80 * DAY); /* signed anew, as it is */
    case_file(&c, "bins/trusted_root.json", "{}");
    assert_int_equal(case_try_publish(&c, NULL, T0 + 80 * DAY, false, &r), -1);
    assert_non_null(strstr(c.e.text, "'trusted_root.json', on which clients act"));
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/bins/trusted_root.json", c.dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(case_try_publish(&c, NULL, T0 + 80 * DAY, false, &r), 0);
    case_close(&c);
}

static void online_trust_names_roles_of_online_keys(void **state)
{
    (void)state;
    static const struct {
        const char *policy, *says;
    } rows[] = {
        {CASE_POLICY BINS "online-trust: [bin]\n", "did you mean 'bins'?"},
        {CASE_POLICY "online-trust: [bins]\n", "'bins' is no delegation here"},
        {CASE_POLICY BINS "online-trust: [targets]\n", "'targets' is no delegation here"},
        {CASE_POLICY "delegations: {rel: {holders: [alice, bob], threshold: 2, expiry: 90d, "
                     "signing: 30d, directory: rel, paths: ['rel-*']}}\n"
                     "online-trust: [rel]\n",
         "'rel' is signed by people"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tuf_policy p;
        struct tm_err e = {0};
        assert_int_equal(tuf_policy_parse("policy", rows[i].policy, strlen(rows[i].policy), &p, &e),
                         -1);
        if (strstr(e.text, rows[i].says) == NULL)
            fail_msg("'%s' does not say '%s'", e.text, rows[i].says);
    }
}

static void what_the_policy_names_is_explained_field_by_field(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tm_buf text = {0};
    case_open(&c, CASE_POLICY "clients-act-on: [keys.json, blob]\n"
                              "custom:\n  a.txt: {usage: Fulcio, status: Active}\n");
    case_file(&c, "targets/keys.json", "{\"keys\": [{\"url\": \"https://k\", \"n\": 1}]}\n");
    case_round(&c, T0, NULL);
    case_file(&c, "targets/keys.json", "{\"keys\": [{\"url\": \"https://k\", \"n\": 2}]}\n");
    case_file(&c, "targets/a.txt", "other text\n");
    case_propose(&c, T0 + DAY, NULL, &ev);
    struct tuf_review_result r = review(&c, &ev, T0 + DAY, false, &text);
    assert_int_equal(r.errors + r.dangers, 0);
    assert_non_null(strstr(tm_buf_str(&text), "\"keys\" \"https://k\", \"n\": 1 -> 2"));
    assert_non_null(strstr(tm_buf_str(&text), "a.txt, listed by targets: changed"));
    assert_non_null(strstr(tm_buf_str(&text), "- first target\n      + other text\n"));
    tuf_event_free(&ev);
    case_file(&c, "targets/blob", "\x01\x02");
    case_propose(&c, T0 + DAY, NULL, &ev);
    r = review(&c, &ev, T0 + DAY, false, &text);
    assert_int_equal(r.unexplained, 1);
    assert_non_null(strstr(tm_buf_str(&text), "blob (listed by targets) is neither JSON"));
    tuf_event_free(&ev);
    tm_buf_free(&text);
    case_close(&c);
}

static void the_digest_covers_the_content_that_travels_along(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_event cut;
    char whole[65];
    char less[65];
    case_open(&c, CASE_POLICY);
    case_propose(&c, T0, NULL, &ev);
    assert_int_equal(tuf_event_digest(&ev, whole, &c.e), 0);
    char *text = case_text(&ev);
    json_t *tree = json_loads(text, 0, NULL);
    free(text);
    assert_int_equal(json_object_clear(json_object_get(tree, "files")), 0);
    text = json_dumps(tree, 0);
    assert_int_equal(tuf_event_parse(text, strlen(text), NULL, NULL, &cut, &c.e), 0);
    assert_int_equal(tuf_event_digest(&cut, less, &c.e), 0);
    assert_string_not_equal(whole, less);
    free(text);
    json_decref(tree);
    tuf_event_free(&cut);
    tuf_event_free(&ev);
    case_close(&c);
}

/* A trusted root as new as 400 days ago is judged by the reader's clock. */
static void a_date_of_the_event_judges_nothing(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tm_buf text = {0};
    case_open(&c, CASE_POLICY);
    case_round(&c, T0, NULL);
    case_propose(&c, T0 + DAY, "targets", &ev);
    assert_int_equal(review(&c, &ev, T0 + DAY, false, &text).errors, 0);
    static const char *const dates[] = {"2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"};
    static const char *const says[] = {"before the version of", "in the future"};
    for (size_t i = 0; i < 2; i++) {
        char *whole = case_text(&ev);
        json_t *tree = json_loads(whole, 0, NULL);
        free(whole);
        struct tuf_event other;
        json_object_set_new(tree, "created", json_string(dates[i]));
        whole = json_dumps(tree, 0);
        assert_int_equal(tuf_event_parse(whole, strlen(whole), NULL, NULL, &other, &c.e), 0);
        assert_int_equal(review(&c, &other, T0 + DAY, false, &text).errors, 1);
        assert_non_null(strstr(tm_buf_str(&text), says[i]));
        tuf_event_free(&other);
        json_decref(tree);
        free(whole);
    }
    tuf_event_free(&ev);
    tm_buf_free(&text);
    case_close(&c);
}

static void how_many_are_not_shown_is_said(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tm_buf text = {0};
    char name[64];
    case_open(&c, CASE_POLICY);
    for (int i = 0; i < 2100; i++) {
        snprintf(name, sizeof(name), "targets/n/%04d", i);
        case_file(&c, name, "x\n");
    }
    case_propose(&c, T0, NULL, &ev);
    review(&c, &ev, T0, false, &text);
    const char *part = strstr(tm_buf_str(&text), "Content of other");
    assert_non_null(part);
    assert_non_null(strstr(part, "more (--all shows them)"));
    assert_non_null(strstr(part, "more whose content is not in the event"));
    review(&c, &ev, T0, true, &text);
    part = strstr(tm_buf_str(&text), "Content of other");
    assert_null(strstr(part, "--all"));
    assert_non_null(strstr(part, "n/1900: new"));
    tuf_event_free(&ev);
    tm_buf_free(&text);
    case_close(&c);
}

static void what_a_declared_reader_cannot_read_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *policy, *file, *error, *warning; /* NULL: none */
    } rows[] = {
        {"", "targets/a%41", NULL, "a%41 (1 in all): a '%' in its name"},
        {"readers: [tough]\n", "targets/a%41", "a%41: a '%' in its name, which tough", NULL},
        {"readers: [cosign]\n", "targets/a#b", "which cosign cannot read", NULL},
        {"readers: [tough]\n", "targets/a:b", "a:b: a ':' in its name, which tough", NULL},
        {"readers: [cosign]\n", "targets/a:b", NULL, "a:b (1 in all): a ':' in its name"},
        {"readers: [cosign]\n", "targets/a/b", NULL, NULL},
        {"", "targets/a/b", NULL, NULL},
        {"readers: [cosign, tough]\n", "targets/a/b", "a/b: a '/' in its name, which tough", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tuf_case c;
        struct tuf_event ev;
        struct tuf_workspace w;
        struct tuf_findings f = {0};
        char *policy = NULL;
        assert_true(asprintf(&policy, "%s%s", CASE_POLICY, rows[i].policy) > 0);
        case_open(&c, policy);
        case_file(&c, rows[i].file, "x");
        case_propose(&c, T0, NULL, &ev);
        assert_int_equal(tuf_workspace_open(c.dir, &w, &c.e), 0);
        tuf_rules_readers(&ev, &w.policy, &f);
        assert_int_equal(f.error_count, rows[i].error != NULL);
        if (rows[i].error != NULL)
            assert_non_null(strstr(tm_buf_str(&f.errors), rows[i].error));
        assert_int_equal(f.warnings.len > 0, rows[i].warning != NULL);
        if (rows[i].warning != NULL)
            assert_non_null(strstr(tm_buf_str(&f.warnings), rows[i].warning));
        tuf_findings_free(&f);
        tuf_workspace_close(&w);
        tuf_event_free(&ev);
        free(policy);
        case_close(&c);
    }
}

/* Replaces a member of a proposed role's `signed`; `path` leads there: "roles/root/x", a number is
 * a place in a list. `value` is JSON. */
static void alter(struct tuf_event *ev, const char *role, const char *path, const char *value)
{
    struct tuf_event out;
    char copy[128];
    char *rest = copy;
    json_t *tree = case_tree(ev);
    json_t *at = json_object_get(case_role(tree, "proposed", role), "signed");
    snprintf(copy, sizeof(copy), "%s", path);
    char *step = strsep(&rest, "/");
    for (; rest != NULL; step = strsep(&rest, "/"))
        at = json_is_array(at) ? json_array_get(at, strtoul(step, NULL, 10))
                               : json_object_get(at, step);
    assert_int_equal(json_object_set_new(at, step, json_loads(value, JSON_DECODE_ANY, NULL)), 0);
    case_load(tree, &out);
    tuf_event_free(ev);
    *ev = out;
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define LISTED "{\"hashes\": {\"sha256\": \"" ZEROS "\"}, \"length\": 1}"

static void every_change_of_a_member_has_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *role, *path, *value, *says;
    } rows[] = {
        {"root", "x-new", "{\"a\":[1]}", "root: x-new {\"a\":[1]}"},
        {"root", "roles/root/x-new", "\"a\"", "root: x-new \"a\""},
        {"root", "roles/timestamp/x-tenmint-expiry-period", "\"7 days\"",
         "timestamp: x-tenmint-expiry-period \"7 days\""},
        {"root", "roles/snapshot/x-tuf-on-ci-signing-period", "3",
         "snapshot: x-tuf-on-ci-signing-period 3"},
        {"root", "roles/mirrors", "{\"keyids\":[],\"threshold\":1,\"urls\":[\"https://evil\"]}",
         "root: mirrors {\"keyids\":[],\"threshold\":1,\"urls\":[\"https://evil\"]}"},
        {"root", "x-tenmint-signing-period", "-1", "root: x-tenmint-signing-period -1"},
        {"root", "x-tenmint-transcript", "{\"lines\":2,\"sha256\":\"ab\",\"note\":1}",
         "x-tenmint-transcript: note 1"},
        {"root", "x-tenmint-transcript", "{\"lines\":2,\"sha256\":\"ab\"}",
         "names line 2 of the transcript, and the version before it line 4"},
        {"root", "x-tenmint-transcript", "{}", "is no line's number and hash"},
        {"targets", "delegations/x-new", "true", "delegations: x-new true"},
        {"targets", "delegations/roles/0/x-new", "null", "delegation releases: x-new null"},
        {"targets", "delegations/roles/0/x-tenmint-signing-period", "[]",
         "delegation releases: x-tenmint-signing-period []"},
        {"targets", "targets/a.txt/x-new", "1", "its: x-new 1"},
        {"targets", "targets/a.txt/hashes/sha512", "\"" ZEROS ZEROS "\"",
         ", sha512 " ZEROS ZEROS ")\n"},
        {"targets", "targets/Trusted_Root%2ejson", LISTED,
         "Trusted_Root%2ejson (1 in all) is not a name that clients act on"},
        {"targets", "targets/trusted_root\xe2\x80\xa4json", LISTED,
         "trusted_root%E2%80%A4json (1 in all) is not a name that clients act on"},
        {"targets", "targets/r%2fone.txt", LISTED, "target added: r%2fone.txt"},
        {"targets", "targets/r%2fone.txt", LISTED,
         "r%2fone.txt: its content was left out, although it is small and there is room"},
        {"targets", "delegations/roles/0/name", "\"Targets\"",
         "delegation Targets: its name could be taken for another role's"},
        {"targets", "delegations/roles/0/name", "\"r\\u0435leases\"",
         "delegation r%D0%B5leases: its name could be taken for another role's"},
        {"releases", "targets/a.txt", LISTED,
         "a.txt (1 in all) is listed by another role than before, with other content"},
        {"targets", "x-tenmint-expiry-period", "315360001",
         "its expiry period is longer than any policy may ask for"},
        {"targets", "targets/a.txt/custom", "{\"x-new\":1}", "{\"x-new\":1}"},
    };
    struct tuf_case c;
    case_open(&c, CASE_POLICY "delegations:\n  releases: {holders: [dave], threshold: 1, expiry: "
                              "90d, signing: 30d, paths: ['r/*'], directory: r}\n");
    case_file(&c, "r/r/one.txt", "one");
    struct tuf_event ev;
    case_propose(&c, T0, NULL, &ev);
    case_sign(&c, &ev, "alice", T0);
    case_sign(&c, &ev, "bob", T0);
    case_sign(&c, &ev, "dave", T0);
    (void)case_publish(&c, &ev, T0);
    tuf_event_free(&ev);
    (void)case_round(&c, T0, "root");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_buf text = {0};
        case_propose(&c, T0 + 1, rows[i].role, &ev);
        (void)review(&c, &ev, T0 + 1, true, &text);
        if (strstr(tm_buf_str(&text), rows[i].says) != NULL)
            fail_msg("'%s' is told before: %s", rows[i].says, tm_buf_str(&text));
        assert_null(strstr(tm_buf_str(&text), "(removed)"));
        tm_buf_reset(&text);
        alter(&ev, rows[i].role, rows[i].path, rows[i].value);
        (void)review(&c, &ev, T0 + 1, true, &text);
        if (strstr(tm_buf_str(&text), rows[i].says) == NULL)
            fail_msg("no '%s' in: %s", rows[i].says, tm_buf_str(&text));
        tm_buf_free(&text);
        tuf_event_free(&ev);
    }
    case_close(&c);
}

static json_t *keyids(json_t *root, const char *role)
{
    return json_object_get(json_object_get(json_object_get(root, "roles"), role), "keyids");
}

static const char *first_keyid(json_t *root, const char *role)
{
    return json_string_value(json_array_get(keyids(root, role), 0));
}

static void put_under_second_keyid(json_t *root)
{
    json_t *keys = json_object_get(root, "keys");
    json_t *first = json_object_get(keys, first_keyid(root, "root"));
    json_object_set_new(keys, ZEROS, json_deep_copy(first));
    json_array_append_new(keyids(root, "root"), json_string(ZEROS));
}

static void let_timestamp_sign_root(json_t *root)
{
    json_array_append_new(keyids(root, "root"), json_string(first_keyid(root, "timestamp")));
}

static void let_snapshot_sign_targets(json_t *root)
{
    json_array_append_new(keyids(root, "targets"), json_string(first_keyid(root, "snapshot")));
}

static void keys_that_count_twice_or_serve_online_are_errors(void **state)
{
    (void)state;
    static const struct {
        void (*alter)(json_t *root); /* the signed part of a proposed root */
        const char *says;            /* a whole line: as published, it would go on */
    } rows[] = {
        {put_under_second_keyid, "  root: one key is listed twice, under two keyids\n"},
        {let_timestamp_sign_root,
         "  root: a key of root also signs timestamp: keep online keys apart\n"},
        {let_snapshot_sign_targets,
         "  root: a key of targets also signs snapshot: keep online keys apart\n"},
    };
    struct tuf_case c;
    struct tuf_event ev;
    struct tm_buf text = {0};
    case_open(&c, CASE_POLICY);
    case_round(&c, T0, NULL);
    case_propose(&c, T0 + 1, "root", &ev);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tuf_event forged;
        json_t *tree = case_tree(&ev);
        rows[i].alter(json_object_get(case_role(tree, "proposed", "root"), "signed"));
        case_load(tree, &forged);
        tm_buf_reset(&text);
        (void)review(&c, &forged, T0 + 1, true, &text);
        if (strstr(tm_buf_str(&text), rows[i].says) == NULL)
            fail_msg("no '%s' in: %s", rows[i].says, tm_buf_str(&text));
        tuf_event_free(&forged);
    }
    tm_buf_free(&text);
    tuf_event_free(&ev);
    case_close(&c);
}

static void what_travels_along_is_asked_for_and_whole(void **state)
{
    (void)state;
    static const struct {
        const char *drop, *add, *says; /* of a.txt: a side or ""; a second name for it */
    } rows[] = {
        {"before", NULL, "a.txt (listed by targets) travels along without the other content"},
        {"after", NULL, "a.txt (listed by targets) travels along without the other content"},
        {"", NULL, "a.txt: its content was left out, although it is small"},
        {NULL, "b.txt", "b.txt: a content from before the change travels along, and no target"},
    };
    struct tuf_case c;
    struct tuf_event ev;
    struct tm_buf text = {0};
    case_open(&c, CASE_POLICY);
    case_file(&c, "targets/a.txt", "one\n");
    case_round(&c, T0, NULL);
    case_file(&c, "targets/a.txt", "two\n");
    case_propose(&c, T0 + DAY, NULL, &ev);
    assert_int_equal(review(&c, &ev, T0 + DAY, false, &text).unexplained, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tuf_event other;
        json_t *tree = case_tree(&ev);
        json_t *files = json_object_get(tree, "files");
        json_t *file = json_object_get(files, "a.txt");
        assert_non_null(file);
        if (rows[i].add != NULL)
            json_object_set_new(files, rows[i].add, json_deep_copy(file));
        else if (rows[i].drop[0] != '\0')
            json_object_set_new(file, rows[i].drop, json_null());
        else
            json_object_del(files, "a.txt");
        case_load(tree, &other);
        tm_buf_reset(&text);
        assert_true(review(&c, &other, T0 + DAY, false, &text).unexplained > 0);
        if (strstr(tm_buf_str(&text), rows[i].says) == NULL)
            fail_msg("no '%s' in: %s", rows[i].says, tm_buf_str(&text));
        tuf_event_free(&other);
    }
    tuf_event_free(&ev);
    tm_buf_free(&text);
    case_close(&c);
}

static void names_that_could_be_taken_for_those_that_clients_act_on(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool resembles;
    } rows[] = {
        {"trusted_root.json", false}, /* it is one, and explained */
        {"sub/trusted_root.json", false},
        {"trusted_root.json5", false},
        {"a.txt", false},
        {"", false},
        {"%", false},
        {"..", false},
        {"/", false},
        {"TRUSTED_ROOT.json", true},
        {"trusted_root.json/", true},
        {"/trusted_root.json", true},
        {"./trusted_root.json", true},
        {"a/../trusted_root.json", true},
        {"a/b/../../trusted_root.json", true},
        {"../trusted_root.json", true},
        {"a%2F..%2ftrusted%5Froot.json", true},
        {"a\\..\\trusted_root.json", true},
        {"trusted_root.json.", true},
        {" trusted_root.json\t", true},
        {"trusted_root\xe2\x80\x8b.json", true}, /* a space of no width */
        {"trusted_root\xe2\x80\xa4json", true},  /* a one dot leader */
        {"trusted_root%E2%80%A4json", true},
        {"\xd1\x82rust\xd0\xb5"
         "d_r\xd0\xbe\xd0\xbet.json",
         true},                                       /* Cyrillic */
        {"signing_con\xef\xac\x81g.v0.2.json", true}, /* a ligature */
        {"signing_c\xce\xbfnfig.v9.json", true},
        {"\xc3\xa9t\xc3\xa9.json", false},
        {"trusted_r\xc3\xb6\xc3\xb6ts.json", false},
        {"keys/\xe2\x84\xaa", true}, /* the sign of Kelvin */
        {"Signing_Config.v9.json", true},
        {"signing_config", true},
        {"signing_config.v0.2.json.sig", false},
        {"KEYS/k", true},
        {"keys//K", true},
        {"keys/k", false},
        {"keys/kk", false},
    };
    struct tuf_case c;
    struct tuf_event ev;
    char long_name[TUF_TARGET_PATH_MAX + 1];
    case_open(&c, CASE_POLICY "clients-act-on: [keys/k]\n");
    case_propose(&c, T0, NULL, &ev);
    const struct tuf_acted_names names = tuf_acted_names_of(&ev);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (tuf_acted_on_resembles(&names, rows[i].name) != rows[i].resembles)
            fail_msg("'%s'", rows[i].name);
    }
    assert_true(tuf_role_resembles("Targets"));
    assert_true(tuf_role_resembles("../root"));
    assert_true(tuf_role_resembles("snap%73hot"));
    assert_true(tuf_role_resembles("rele\xd0\xb0ses"));
    assert_false(tuf_role_resembles("targets"));
    assert_false(tuf_role_resembles("releases"));
    assert_false(tuf_role_resembles("a/root-b"));
    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    assert_false(tuf_acted_on_resembles(&names, long_name));
    tuf_event_free(&ev);
    case_close(&c);
}

/* As others began it: no key of ours has such a keyid. */
static void a_keyid_that_is_no_hash_is_refused_for_tough_alone(void **state)
{
    (void)state;
    static const char *const readers[] = {"tough", "cosign, python-tuf, tuf-js, go-tuf-v1"};
    for (size_t i = 0; i < 2; i++) {
        struct tuf_case c;
        struct tuf_event ev;
        struct tuf_workspace w;
        struct tuf_findings f = {0};
        char *policy = NULL;
        assert_true(asprintf(&policy, "%sreaders: [%s]\n", CASE_POLICY, readers[i]) > 0);
        case_open(&c, policy);
        case_propose(&c, T0, NULL, &ev);
        alter(&ev, "targets", "delegations",
              "{\"keys\": {\"first\": {\"keytype\": \"ed25519\", \"scheme\": \"ed25519\", "
              "\"keyval\": {\"public\": \"d75a980182b10ab7\"}}}, \"roles\": []}");
        assert_int_equal(tuf_workspace_open(c.dir, &w, &c.e), 0);
        tuf_rules_readers(&ev, &w.policy, &f);
        assert_int_equal(f.error_count, i == 0);
        assert_int_equal(f.warnings.len, 0);
        if (i == 0)
            assert_non_null(
                strstr(tm_buf_str(&f.errors),
                       "targets: a keyid that is not the hash of its key, which tough"));
        tuf_findings_free(&f);
        tuf_workspace_close(&w);
        tuf_event_free(&ev);
        free(policy);
        case_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_change_of_a_field_has_a_line),
        cmocka_unit_test(keys_that_count_twice_or_serve_online_are_errors),
        cmocka_unit_test(what_travels_along_is_asked_for_and_whole),
        cmocka_unit_test(names_that_could_be_taken_for_those_that_clients_act_on),
        cmocka_unit_test(no_change_of_a_whole_document_goes_without_a_line),
        cmocka_unit_test(what_is_neither_json_nor_pem_has_no_fields),
        cmocka_unit_test(a_damaged_block_makes_pem_unexplainable),
        cmocka_unit_test(what_stands_around_pem_blocks_is_told),
        cmocka_unit_test(text_differences_name_the_lines),
        cmocka_unit_test(patterns_meet_when_a_path_fits_both),
        cmocka_unit_test(a_delegation_that_could_answer_for_what_clients_act_on_is_a_danger),
        cmocka_unit_test(bins_are_no_danger_to_what_is_listed_or_not_asked_for),
        cmocka_unit_test(what_an_online_key_lists_is_explained_before_clients_act_on_it),
        cmocka_unit_test(what_clients_act_on_is_signed_by_no_online_key_unasked),
        cmocka_unit_test(a_name_that_holders_signed_is_protected_without_its_line),
        cmocka_unit_test(what_an_online_key_signed_already_stays_and_does_not_change),
        cmocka_unit_test(online_trust_names_roles_of_online_keys),
        cmocka_unit_test(what_the_policy_names_is_explained_field_by_field),
        cmocka_unit_test(the_digest_covers_the_content_that_travels_along),
        cmocka_unit_test(a_date_of_the_event_judges_nothing),
        cmocka_unit_test(how_many_are_not_shown_is_said),
        cmocka_unit_test(every_change_of_a_member_has_a_line),
        cmocka_unit_test(what_a_declared_reader_cannot_read_is_refused),
        cmocka_unit_test(a_keyid_that_is_no_hash_is_refused_for_tough_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

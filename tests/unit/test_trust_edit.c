/* Changes of the issuer list: rules on claims, two lists in words, and edits of the text. */
#include "tests/support/cmocka_all.h"

#include <jansson.h>
#include <string.h>

#include "oidc/trust/diff.h"
#include "oidc/trust/edit.h"
#include "oidc/trust/rules.h"
#include "tests/support/pki.h"

#define ISSUER \
    "  https://a.example.com:\n    issuer-url: https://a.example.com\n" \
    "    client-id: sigstore\n    type: email\n"

static struct oidc_trust *load(const char *text)
{
    struct tm_err e = {0};
    struct oidc_trust *t = NULL;
    if (oidc_trust_parse("dir/list", text, strlen(text), &t, &e) != 0)
        fail_msg("%s\n%s", e.text, text);
    return t;
}

static const struct oidc_issuer *first(const struct oidc_trust *t)
{
    return oidc_trust_at(t, 0);
}

/* ---- rules ---- */

static bool allows(const char *rules, const char *claims)
{
    char text[1024];
    struct tm_err e = {0};
    snprintf(text, sizeof(text), "oidc-issuers:\n" ISSUER "    allow: %s\n", rules);
    struct oidc_trust *t = load(text);
    json_t *c = json_loads(claims, JSON_ALLOW_NUL, NULL);
    assert_non_null(c);
    bool allowed = oidc_rules_allow(first(t)->allow, c, &e);
    assert_true(allowed || strstr(e.text, "rules do not allow") != NULL);
    json_decref(c);
    oidc_trust_unref(t);
    return allowed;
}

static void rules_match_claims_as_written(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *claims;
        bool allowed;
    } rows[] = {
        {"[{claim: r, is: a/b}]", "{\"r\":\"a/b\"}", true},
        {"[{claim: r, is: a/b}]", "{\"r\":\"a/bc\"}", false},
        {"[{claim: r, is: a/b}]", "{\"r\":\"A/b\"}", false},
        {"[{claim: r, is: a/b}]", "{}", false},
        {"[{claim: r, is: a/b}]", "{\"r\":null}", false},
        {"[{claim: r, is: [x, y]}]", "{\"r\":\"y\"}", true},
        {"[{claim: r, is: x}]", "{\"r\":[\"z\",\"x\"]}", true}, /* a list of groups */
        {"[{claim: r, is: x}]", "{\"r\":[]}", false},
        {"[{claim: r, is: x}]", "{\"r\":[[\"x\"]]}", false},
        {"[{claim: r, is: x}]", "{\"r\":{\"x\":\"x\"}}", false},
        {"[{claim: r, is: 'true'}]", "{\"r\":true}", true},
        {"[{claim: r, is: '17'}]", "{\"r\":17}", true},
        {"[{claim: r, is: x}]", "{\"r\":\"x\\u0000y\"}", false},
        {"[{claim: r, glob: 'a/*'}]", "{\"r\":\"a/b\"}", true},
        {"[{claim: r, glob: 'a/*'}]", "{\"r\":\"a/\"}", true},
        {"[{claim: r, glob: 'a/*'}]", "{\"r\":\"a/b/c\"}", false},
        {"[{claim: r, glob: 'a/**'}]", "{\"r\":\"a/b/c\"}", true},
        {"[{claim: r, glob: 'a.?'}]", "{\"r\":\"a.b\"}", true},
        {"[{claim: r, glob: 'a.?'}]", "{\"r\":\"axb\"}", false}, /* a dot is a dot */
        {"[{claim: r, glob: '[ab](c)+'}]", "{\"r\":\"[ab](c)+\"}", true},
        {"[{claim: r, glob: '\xc3\xa9*'}]", "{\"r\":\"\xc3\xa9t\"}", true},
        {"[{claim: r, match: 'a|ab'}]", "{\"r\":\"ab\"}", true},
        {"[{claim: r, match: 'a|b'}]", "{\"r\":\"ax\"}", false}, /* all of it */
        {"[{claim: r, match: 'a'}]", "{\"r\":\"a\\n\"}", false},
        {"[{claim: $.u.g, is: x}]", "{\"u\":{\"g\":\"x\"}}", true},
        {"[{claim: u.g, is: x}]", "{\"u\":{\"g\":\"x\"}}", false},
        {"[{claim: r, is: x}, {claim: s, is: y}]", "{\"r\":\"x\",\"s\":\"y\"}", true},
        {"[{claim: r, is: x}, {claim: s, is: y}]", "{\"r\":\"x\"}", false},
        {"[{any-of: [{claim: r, is: x}, {claim: s, is: y}]}]", "{\"s\":\"y\"}", true},
        {"[{any-of: [{claim: r, is: x}, {claim: s, is: y}]}]", "{\"s\":\"x\"}", false},
        {"[{any-of: [{claim: r, is: x}, {all-of: [{claim: s, is: y}, {claim: q, is: z}]}]}]",
         "{\"s\":\"y\",\"q\":\"z\"}", true},
        {"[{any-of: [{claim: r, is: x}, {all-of: [{claim: s, is: y}, {claim: q, is: z}]}]}]",
         "{\"s\":\"y\"}", false},
        /* a match that would take for ever is none */
        {"[{claim: r, match: '(a|aa)+[bc]'}]",
         "{\"r\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (allows(rows[i].rules, rows[i].claims) != rows[i].allowed)
            fail_msg("%s with %s", rows[i].rules, rows[i].claims);
    }
}

static void terms_that_say_nothing_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *key, *says;
    } rows[] = {
        {"allow: []", "empty list"},
        {"allow: {claim: a, is: b}", "list of rules"},
        {"allow: [{claim: a}]", "one of 'is'"},
        {"allow: [{is: a}]", "one of 'is'"},
        {"allow: [{claim: a, is: b, glob: c}]", "one of 'is'"},
        {"allow: [{claim: a, any-of: [{claim: a, is: b}]}]", "one of 'is'"},
        {"allow: [{any-of: []}]", "empty list"},
        {"allow: [{claim: a, is: []}]", "1 to"},
        {"allow: [{claim: a, is: ''}]", "empty text"},
        {"allow: [{claim: '', is: b}]", "name of a claim"},
        {"allow: [{claim: $.., is: b}]", "no path"},
        {"allow: [{claim: a, match: '('}]", "character"},
        {"allow: [{claim: a, iz: b}]", "did you mean 'is'"},
        {"allow: [{any-of: [{any-of: [{any-of: [{any-of: [{any-of: [{claim: a, is: b}]}]}]}]}]}]",
         "nested deeper"},
        {"not-before: 2026-13-01T00:00:00Z", "a time such as"},
        {"not-before: tomorrow", "a time such as"},
        {"not-before: 2026-02-01T00:00:00Z\n    not-after: 2026-01-01T00:00:00Z", "not later"},
        {"lifetime: 5", "a duration"},
        {"lifetime: 0s", "a duration"},
        {"jwks-file: /etc/passwd", "beside the list"},
        {"jwks-file: ..", "beside the list"},
        {"disabled: yes", "true or false"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[1024];
        struct tm_err e = {0};
        struct oidc_trust *t = NULL;
        snprintf(text, sizeof(text), "oidc-issuers:\n" ISSUER "    %s\n", rows[i].key);
        assert_int_equal(oidc_trust_parse("list", text, strlen(text), &t, &e), -1);
        if (strstr(e.text, rows[i].says) == NULL || strncmp(e.text, "list:", 5) != 0)
            fail_msg("%s: %s", rows[i].key, e.text);
    }
}

static void json_has_the_same_keys(void **state)
{
    (void)state;
    struct oidc_trust *t =
        load("{\"OIDCIssuers\":{\"https://a.example.com\":{\"IssuerURL\":\"https://a.example.com\","
             "\"ClientID\":\"c\",\"Type\":\"email\",\"NotAfter\":\"2027-01-01T00:00:00Z\","
             "\"Lifetime\":\"5m\",\"Trial\":true,\"JwksFile\":\"a.json\",\"Allow\":[{\"AnyOf\":["
             "{\"Claim\":\"g\",\"Is\":[\"x\",\"y\"]},{\"Claim\":\"r\",\"Glob\":\"a/*\"}]}]}}}");
    const struct oidc_issuer *i = first(t);
    struct tm_buf words = {0};
    oidc_issuer_describe(i, &words);
    assert_string_equal(tm_buf_str(&words),
                        "type email, audience 'c', only if (g is 'x' or 'y') or (r is like 'a/*'), "
                        "until 2027-01-01T00:00:00Z, certificates of at most 300 s, keys from "
                        "dir/jwks/a.json, on trial: gets none");
    tm_buf_free(&words);
    oidc_trust_unref(t);
}

static void an_issuer_is_in_force_between_its_times(void **state)
{
    (void)state;
    struct oidc_issuer i = {.not_before_s = 100, .not_after_s = 200};
    assert_int_equal(oidc_issuer_state(&i, 99), ISSUER_NOT_YET);
    assert_int_equal(oidc_issuer_state(&i, 100), ISSUER_IN_FORCE);
    assert_int_equal(oidc_issuer_state(&i, 199), ISSUER_IN_FORCE);
    assert_int_equal(oidc_issuer_state(&i, 200), ISSUER_OVER);
    i.disabled = true;
    assert_int_equal(oidc_issuer_state(&i, 150), ISSUER_DISABLED);
}

/* ---- differences ---- */

static void put_change(void *arg, const struct oidc_trust_change *c)
{
    tm_buf_printf(arg, "%s %s: %s\n", oidc_change_word(c->change), oidc_effect_word(c->effect),
                  c->words);
}

static void differs(const char *before, const char *after, const char *words)
{
    struct oidc_trust *a = load(before);
    struct oidc_trust *b = load(after);
    struct tm_buf out = {0};
    assert_true(oidc_trust_diff(a, b, put_change, &out) >= 0);
    assert_string_equal(tm_buf_str(&out), words);
    tm_buf_free(&out);
    oidc_trust_unref(a);
    oidc_trust_unref(b);
}

#define LIST(keys) "oidc-issuers:\n" ISSUER keys

static void a_difference_says_who_is_let_in_and_shut_out(void **state)
{
    (void)state;
    static const char other[] =
        "oidc-issuers:\n  https://b.example.com: {issuer-url: https://b.example.com, client-id: s, "
        "type: email}\n";
    differs(LIST(""), LIST(""), "");
    differs(LIST(""), LIST("    description: for people\n"), "");
    differs(LIST(""), other,
            "removed shuts out: type email, audience 'sigstore'\n"
            "added lets in: type email, audience 's'\n");
    differs(LIST(""), LIST("    disabled: true\n"), "altered shuts out: disabled\n");
    differs(LIST("    trial: true\n"), LIST(""), "altered lets in: no longer on trial\n");
    differs(LIST("    allow: [{claim: g, is: x}]\n"), LIST("    allow: [{claim: g, is: y}]\n"),
            "altered shuts out: asked for from now on: g is 'y'\n"
            "altered lets in: no longer asked for: g is 'x'\n");
    differs(LIST(""), LIST("    not-after: 2027-01-01T00:00:00Z\n"),
            "altered shuts out: not-after: 2027-01-01T00:00:00Z instead of none\n");
    differs(LIST("    not-after: 2027-01-01T00:00:00Z\n"), LIST(""),
            "altered lets in: not-after: none instead of 2027-01-01T00:00:00Z\n");
    differs(LIST(""), LIST("    lifetime: 2m\n"),
            "altered changes: lifetime: 120 s instead of 0 s (0: the server's)\n");
    differs(LIST(""), LIST("    jwks-file: k.json\n"),
            "altered lets in and shuts out: jwks-file: 'dir/jwks/k.json' instead of none\n");
    differs(LIST(""), LIST("    allow-http: true\n"),
            "altered lets in: asked for its keys over http, too\n");
    differs(LIST("    allow-http: true\n"), LIST(""),
            "altered shuts out: not asked for its keys over http\n");
}

/* Whoever has the other keys can sign with them. */
static void another_ca_of_an_issuer_lets_in_and_shuts_out(void **state)
{
    (void)state;
    static const struct oidc_issuer none = {.type_name = "email", .client_id = "s"};
    struct oidc_issuer own = none;
    struct tm_buf with = {0};
    struct tm_buf pem = {0};
    struct tm_buf list = {0};
    struct tm_buf key = {0};
    pki_tls(&pem, &key);
    tm_buf_puts(&list, LIST("    ca-cert: |\n"));
    for (const char *p = tm_buf_str(&pem), *end; (end = strchr(p, '\n')) != NULL; p = end + 1)
        tm_buf_printf(&list, "      %.*s\n", (int)(end - p), p);
    differs(LIST(""), tm_buf_str(&list), "altered lets in and shuts out: ca-cert\n");
    differs(tm_buf_str(&list), LIST(""), "altered lets in and shuts out: ca-cert\n");
    own.ca_cert = tm_buf_str(&pem);
    own.allow_http = true;
    oidc_issuer_describe(&own, &with);
    assert_string_equal(tm_buf_str(&with), "type email, audience 's', a CA of its own (ca-cert), "
                                           "its keys over http, too");
    tm_buf_free(&with);
    tm_buf_free(&list);
    tm_buf_free(&pem);
    tm_buf_free(&key);
}

#define WILD(url, keys) "  https://" url ".x.example: {client-id: s, type: email" keys "}\n"

static void wildcards_in_another_order_are_seen(void **state)
{
    (void)state;
    static const char shut[] = "meta-issuers:\n" WILD("a-*", ", disabled: true") WILD("*", "");
    static const char three[] = "meta-issuers:\n" WILD("a-*", "") WILD("b-*", "") WILD("*", "");
    differs(shut, shut, "");
    differs(shut, "meta-issuers:\n" WILD("*", "") WILD("a-*", ", disabled: true"),
            "altered lets in and shuts out: asked before 'https://a-*.x.example' from now on\n");
    differs(three, "meta-issuers:\n" WILD("*", "") WILD("a-*", "") WILD("b-*", ""),
            "altered lets in and shuts out: asked before 'https://a-*.x.example' and 1 more from "
            "now on\n");
    differs("meta-issuers:\n" WILD("b-*", "") WILD("*", ""), three,
            "added lets in: type email, audience 's'\n");
    differs(three, "meta-issuers:\n" WILD("b-*", "") WILD("*", ""),
            "removed shuts out: type email, audience 's'\n");
}

#define CI(template) \
    "oidc-issuers:\n  https://c.example.com: {issuer-url: https://c.example.com, client-id: s, " \
    "type: ci-provider, ci-provider: p}\nci-issuer-metadata: {p: " \
    "{subject-alternative-name-template: '" template "'}}\n"

static void another_template_of_a_provider_is_seen(void **state)
{
    (void)state;
    differs(CI("https://x/{{ .a }}"), CI("https://x/{{ .a }}"), "");
    differs(CI("https://x/{{ .a }}"), CI("https://x/{{ .b }}"),
            "altered lets in and shuts out: the templates of its CI provider: names in "
            "certificates change\n");
}

/* ---- edits ---- */

enum edit { ADD, ADD_WILDCARD, REMOVE, DISABLE, ENABLE };

static int edit(enum edit what, const char *url, const char *text, struct tm_buf *out,
                struct tm_err *e)
{
    const struct oidc_list_text list = {"dir/list", text, strlen(text)};
    const struct oidc_new_issuer n = {
        .url = url,
        .wildcard = what == ADD_WILDCARD,
        .key = {{"client-id", "it's", false}, {"type", "email", false}, {"trial", "true", true}},
        .key_count = 3,
        .rule = {{"g", "x/*"}, {"h", "y"}},
        .rule_count = 2};
    switch (what) {
    case REMOVE:
        return oidc_edit_remove(&list, url, out, e);
    case DISABLE:
    case ENABLE:
        return oidc_edit_disable(&list, url, what == DISABLE, out, e);
    default:
        return oidc_edit_add(&list, &n, out, e);
    }
}

static void becomes(enum edit what, const char *url, const char *before, const char *after)
{
    struct tm_err e = {0};
    struct tm_buf out = {0};
    if (edit(what, url, before, &out, &e) != 0)
        fail_msg("%s\n%s", e.text, before);
    assert_string_equal(tm_buf_str(&out), after);
    tm_buf_free(&out);
}

#define A "https://a.example.com"
#define B "https://b.example.com"
#define KEYS(url) "issuer-url: " url ", client-id: s, type: email"
#define NEW_BLOCK(url, quoted) \
    "  " quoted ":\n    issuer-url: " quoted "\n    client-id: 'it''s'\n    type: email\n" \
    "    trial: true\n    allow:\n      - claim: g\n        glob: 'x/*'\n      - claim: h\n" \
    "        is: y\n"

static void edits_keep_comments_and_order(void **state)
{
    (void)state;
    static const char one[] = "# head\noidc-issuers: # here\n" ISSUER "    # its foot\n# tail\n";
    static const char two[] =
        "oidc-issuers:\n  # first\n  " A ":\n    "
        "issuer-url: " A "\n    client-id: s\n    type: email # mail\n\n  # second\n  " B
        ": {" KEYS(B) "}\n# end\n";
    becomes(ADD, B, one,
            "# head\noidc-issuers: # here\n" ISSUER NEW_BLOCK(B, B) "    # its foot\n# tail\n");
    becomes(ADD_WILDCARD, "https://*.example.com", one,
            "# head\noidc-issuers: # here\n" ISSUER
            "meta-issuers:\n" NEW_BLOCK("", "'https://*.example.com'") "    # its foot\n# tail\n");
    becomes(REMOVE, A, two,
            "oidc-issuers:\n  # first\n\n  # second\n  " B ": {" KEYS(B) "}\n# end\n");
    becomes(REMOVE, B, two,
            "oidc-issuers:\n  # first\n  " A ":\n    issuer-url: " A
            "\n    client-id: s\n    type: email # mail\n\n  # second\n# end\n");
    becomes(DISABLE, A, two,
            "oidc-issuers:\n  # first\n  " A ":\n    issuer-url: " A
            "\n    client-id: s\n    type: email # mail\n    disabled: true\n\n"
            "  # second\n  " B ": {" KEYS(B) "}\n# end\n");
    becomes(DISABLE, B, two,
            "oidc-issuers:\n  # first\n  " A ":\n    issuer-url: " A
            "\n    client-id: s\n    type: email # mail\n\n  # second\n  " B
            ": {" KEYS(B) ", disabled: true}\n# end\n");
    becomes(ENABLE, A, LIST("    disabled: true # for now\n"),
            LIST("    disabled: false # for now\n"));
    becomes(DISABLE, A, "oidc-issuers:\n" ISSUER "    ca-cert: &x |-\n\n      \n",
            "oidc-issuers:\n" ISSUER "    ca-cert: &x |-\n\n      \n    disabled: true\n");
}

static void edits_count_characters_not_bytes(void **state)
{
    (void)state;
    becomes(DISABLE, A,
            "# \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\r\n" LIST("    contact: \xc3\xa9\n"),
            "# \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\r\n" LIST(
                "    contact: \xc3\xa9\n    disabled: true\n"));
    becomes(DISABLE, A,
            "oidc-issuers:\n  " A ":\n    "
            "issuer-url: " A "\n    client-id: s\n    type: email",
            "oidc-issuers:\n  " A ":\n    issuer-url: " A "\n    client-id: s\n    type: email\n"
            "    disabled: true\n");
}

#define JSON_KEYS(url) "\"IssuerURL\": \"" url "\", \"ClientID\": \"s\", \"Type\": \"email\""
#define JSON(inner) "{\"OIDCIssuers\": {" inner "}}\n"

static void json_is_edited_as_json(void **state)
{
    (void)state;
    static const char both[] =
        JSON("\"" A "\": {" JSON_KEYS(A) "},\n  \"" B "\": {" JSON_KEYS(B) "}");
    becomes(REMOVE, A, both, JSON("\"" B "\": {" JSON_KEYS(B) "}"));
    becomes(REMOVE, B, both, JSON("\"" A "\": {" JSON_KEYS(A) "}"));
    becomes(DISABLE, B, both,
            JSON("\"" A "\": {" JSON_KEYS(A) "},\n  \"" B
                                             "\": {" JSON_KEYS(B) ", \"Disabled\": true}"));
    becomes(ADD_WILDCARD, "https://*.example.com", JSON("\"" A "\": {" JSON_KEYS(A) "}"),
            "{\"OIDCIssuers\": {\"" A "\": {" JSON_KEYS(
                A) "}}, \"MetaIssuers\": "
                   "{\"https://*.example.com\": {\"IssuerUrl\": \"https://*.example.com\", "
                   "\"ClientId\": "
                   "\"it's\", \"Type\": \"email\", \"Trial\": true, \"Allow\": [{\"Claim\": \"g\", "
                   "\"Glob\": \"x/*\"}, {\"Claim\": \"h\", \"Is\": \"y\"}]}}}\n");
}

static void an_edit_that_cannot_be_made_changes_nothing(void **state)
{
    (void)state;
    static const char aliased[] =
        "oidc-issuers:\n  " A ": &x\n    "
        "client-id: s\n    type: email\n"
        "    issuer-url: " A "\nmeta-issuers:\n  " B ": {client-id: s, type: email}\n";
    static const struct {
        enum edit what;
        const char *url, *text, *says;
    } rows[] = {
        {ADD, A, LIST(""), "in the list already"},
        {ADD, "http://x?y", LIST(""), "would not load"},
        {REMOVE, A, LIST(""), "would not load after that"}, /* the last one */
        {REMOVE, B, LIST(""), "there is no issuer"},
        {ENABLE, A, LIST(""), "enabled already"},
        {ENABLE, A, LIST("    disabled: false\n"), "enabled already"},
        {DISABLE, A, LIST("    disabled: true\n"), "disabled already"},
        {DISABLE, A, "oidc-issuers: [", "list:"},
        {DISABLE, A, "oidc-issuers:\n  " A ": 1\n", "an issuer must be"},
        {REMOVE, A, aliased, NULL}, /* the anchor is not used: fine */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_err e = {0};
        struct tm_buf out = {0};
        int rc = edit(rows[i].what, rows[i].url, rows[i].text, &out, &e);
        assert_int_equal(rc, rows[i].says != NULL ? -1 : 0);
        if (rows[i].says != NULL && strstr(e.text, rows[i].says) == NULL)
            fail_msg("%zu: %s", i, e.text);
        tm_buf_free(&out);
    }
}

static int add_rule(const char *claim, const char *value, struct tm_buf *out, struct tm_err *e)
{
    static const char text[] = "oidc-issuers:\n" ISSUER;
    const struct oidc_list_text list = {"dir/list", text, strlen(text)};
    const struct oidc_new_issuer n = {
        .url = B,
        .key = {{"client-id", "null", false}, {"type", "email", false}},
        .key_count = 2,
        .rule = {{claim, value}},
        .rule_count = 1};
    return oidc_edit_add(&list, &n, out, e);
}

static void a_rule_is_written_as_it_was_given(void **state)
{
    (void)state;
    static const char *const texts[] = {"null", "Null", "~",   "true", "no",   "1e5", "0x1f",
                                        "17",   "nan",  "a b", " a ",  "it's", "#",   "a: b"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct tm_err e = {0};
        struct tm_buf out = {0};
        char words[64];
        if (add_rule("n", texts[i], &out, &e) != 0)
            fail_msg("%s: %s", texts[i], e.text);
        struct oidc_trust *t = load(tm_buf_str(&out));
        snprintf(words, sizeof(words), "n is '%s'", texts[i]);
        if (strchr(texts[i], '\'') == NULL && !oidc_rules_have(oidc_trust_at(t, 1)->allow, words))
            fail_msg("%s\n%s", words, tm_buf_str(&out));
        oidc_trust_unref(t);
        tm_buf_free(&out);
    }
}

static void a_text_of_two_lines_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"a\nb",
                                        "a\r",
                                        "\tb",
                                        "a\x7f",
                                        "a\xc2\x85"
                                        "b",
                                        "a\xe2\x80\xa8"
                                        "b",
                                        "a\xe2\x80\xa9"
                                        "b"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct tm_err e = {0};
        struct tm_buf out = {0};
        assert_int_equal(add_rule("email", texts[i], &out, &e), -1);
        assert_non_null(strstr(e.text, "control character"));
        assert_int_equal(add_rule(texts[i], "x", &out, &e), -1);
        assert_non_null(strstr(e.text, "control character"));
        tm_buf_free(&out);
    }
}

static void an_alias_is_left_to_a_hand(void **state)
{
    (void)state;
    static const char text[] =
        "define:\n  - &x {" KEYS(A) "}\noidc-issuers:\n  " A ": *x\n  " B ":\n    issuer-url: " B
                                    "\n    client-id: &c s\n"
                                    "    type: &t email\nmeta-issuers:\n  https://*.example.com:\n"
                                    "    client-id: *c\n    type: *t # mail\n";
    struct tm_err e = {0};
    struct tm_buf out = {0};
    assert_int_equal(edit(DISABLE, A, text, &out, &e), -1);
    assert_non_null(strstr(e.text, "by hand"));
    tm_buf_reset(&out);
    assert_int_equal(edit(REMOVE, B, text, &out, &e), -1); /* its anchors are needed */
    assert_non_null(strstr(e.text, "would not load"));
    tm_buf_reset(&out);
    assert_int_equal(edit(DISABLE, "https://*.example.com", text, &out, &e), 0);
    assert_non_null(strstr(tm_buf_str(&out), "type: *t # mail\n    disabled: true\n"));
    tm_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_match_claims_as_written),
        cmocka_unit_test(terms_that_say_nothing_are_refused),
        cmocka_unit_test(json_has_the_same_keys),
        cmocka_unit_test(an_issuer_is_in_force_between_its_times),
        cmocka_unit_test(a_difference_says_who_is_let_in_and_shut_out),
        cmocka_unit_test(another_ca_of_an_issuer_lets_in_and_shuts_out),
        cmocka_unit_test(wildcards_in_another_order_are_seen),
        cmocka_unit_test(another_template_of_a_provider_is_seen),
        cmocka_unit_test(edits_keep_comments_and_order),
        cmocka_unit_test(edits_count_characters_not_bytes),
        cmocka_unit_test(json_is_edited_as_json),
        cmocka_unit_test(an_edit_that_cannot_be_made_changes_nothing),
        cmocka_unit_test(a_rule_is_written_as_it_was_given),
        cmocka_unit_test(a_text_of_two_lines_is_refused),
        cmocka_unit_test(an_alias_is_left_to_a_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

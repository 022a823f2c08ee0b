/* The trusted-issuer list: what loads, what is refused, which issuer a token gets. */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "oidc/trust/internal.h"
#include "oidc/trust/trust.h"

static const char good[] =
    "define:\n  - &gh \"github-workflow\"\n"
    "oidc-issuers:\n"
    "  https://token.example.com:\n"
    "    issuer-url: https://token.example.com\n    client-id: sigstore\n"
    "    type: ci-provider\n    ci-provider: *gh\n    contact: a@example.com\n"
    "meta-issuers:\n"
    "  https://*.region.example.com/id/*:\n    client-id: sigstore\n    type: kubernetes\n"
    "ci-issuer-metadata:\n  *gh:\n"
    "    default-template-values:\n      url: \"https://git.example.com\"\n"
    "    extension-templates:\n      build-signer-uri: \"{{ .url }}/{{ .ref }}\"\n"
    "    subject-alternative-name-template: \"{{ .url }}/{{ .ref }}\"\n";

static void upstream_shape_loads(void **state)
{
    (void)state;
    struct err e = {0};
    struct oidc_trust *t = NULL;
    if (oidc_trust_parse("good", good, strlen(good), &t, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(oidc_trust_count(t), 2);
    const struct oidc_issuer *i = oidc_trust_find(t, "https://token.example.com", 25);
    assert_non_null(i);
    assert_string_equal(i->type_name, "ci-provider");
    assert_non_null(i->provider);
    assert_null(oidc_trust_find(t, "https://token.example.com/", 26));
    i = oidc_trust_find(t, "https://a-1.region.example.com/id/Z_9", 37);
    assert_non_null(i);
    assert_true(i->wildcard);
    oidc_trust_unref(t);
}

static void real_fulcio_config_loads(void **state)
{
    (void)state;
    const char *path = getenv("TENMINT_FULCIO_CONFIG");
    if (path == NULL)
        skip();
    struct err e = {0};
    struct oidc_trust *t = NULL;
    if (oidc_trust_load(path, &t, &e) != 0)
        fail_msg("%s", e.text);
    assert_true(oidc_trust_count(t) > 20);
    oidc_trust_unref(t);
}

static void json_form_loads_and_kebab_in_json_is_refused(void **state)
{
    (void)state;
    static const char json[] = "{\"OIDCIssuers\":{\"https://a.example.com\":{\"IssuerURL\":"
                               "\"https://a.example.com\",\"ClientID\":\"x\",\"Type\":\"email\"}}}";
    static const char kebab[] = "{\"oidc-issuers\":{}}";
    struct err e = {0};
    struct oidc_trust *t = NULL;
    assert_int_equal(oidc_trust_parse("j", json, strlen(json), &t, &e), 0);
    oidc_trust_unref(t);
    assert_int_equal(oidc_trust_parse("k", kebab, strlen(kebab), &t, &e), -1);
    assert_non_null(strstr(e.text, "CamelCase"));
}

#define ONE(body) "oidc-issuers:\n  https://a.example.com:\n    issuer-url: https://a.example.com\n" body

static void bad_configurations_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *why;
    } bad[] = {
        {"", "empty"},
        {"oidc-issuers: {}\n", "no issuer"},
        {"oidc-isuers: {}\n", "unknown key"},
        {"oidc-issuers:\n  https://a.example.com: [1]\n", "mapping is expected"},
        {"oidc-issuers: [\n", "line 2"},
        {ONE("    client-id: x\n    type: email\n    typo: 1\n"), "line 6"},
        {ONE("    client-id: x\n    client-id: y\n    type: email\n"), "duplicate key"},
        {ONE("    type: email\n"), "client-id"},
        {ONE("    client-id: x\n    type: nonsense\n"), "unknown type"},
        {ONE("    client-id: x\n    type: uri\n"), "uri issuer must have SubjectDomain set"},
        {ONE("    client-id: x\n    type: uri\n    subject-domain: b.example.com\n"), "scheme"},
        {ONE("    client-id: x\n    type: uri\n    subject-domain: https://b.other.com\n"),
         "do not match: b.other.com, a.example.com"},
        {ONE("    client-id: x\n    type: uri\n    subject-domain: http://b.example.com\n"),
         "URI schemes do not match"},
        {ONE("    client-id: x\n    type: username\n"), "username issuer must have"},
        {ONE("    client-id: x\n    type: username\n    subject-domain: https://b.example.com\n"),
         "should not contain scheme"},
        {ONE("    client-id: x\n    type: spiffe\n"), "SPIFFETrustDomain set"},
        {ONE("    client-id: x\n    type: spiffe\n    spiffe-trust-domain: A/B\n"), "invalid"},
        {ONE("    client-id: x\n    type: kubernetes\n    issuer-claim: $.a\n"), "only email"},
        {ONE("    client-id: x\n    type: email\n    ca-cert: junk\n"), "CA certificate"},
        {ONE("    client-id: x\n    type: ci-provider\n    ci-provider: none\n"), "ci-issuer-metadata"},
        {ONE("    client-id: x\n    type: email\n    skip-email-verification: maybe\n"), "true or false"},
        {"oidc-issuers:\n  https://a.example.com:\n    issuer-url: https://b.example.com\n"
         "    client-id: x\n    type: email\n", "must equal"},
        {"meta-issuers:\n  https://*.x.example:\n    client-id: x\n    type: spiffe\n",
         "SPIFFE meta issuers"},
        {ONE("    client-id: x\n    type: email\n---\nsecond: 1\n"), "second YAML document"},
        {ONE("    client-id: x\n    type: email\n") "ci-issuer-metadata:\n  p:\n"
         "    subject-alternative-name-template: \"{{ .a | printf }}\"\n", "unsupported"},
        {"{\"OIDCIssuers\":{},\"OIDCIssuers\":{}}", "duplicate"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err e = {0};
        struct oidc_trust *t = NULL;
        if (oidc_trust_parse("bad", bad[i].text, strlen(bad[i].text), &t, &e) == 0)
            fail_msg("row %zu was accepted", i);
        if (strstr(e.text, bad[i].why) == NULL)
            fail_msg("row %zu: '%s' lacks '%s'", i, e.text, bad[i].why);
    }
}

static void wildcards_stay_in_their_segment(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *text;
        bool match;
    } rows[] = {
        {"https://*.example.com", "https://a.example.com", true},
        {"https://*.example.com", "https://a.b.example.com", false},
        {"https://*.example.com", "https://.example.com", false},
        {"https://*.example.com", "https://a.example.com.evil.com", false},
        {"https://*.example.com", "http://evil/https://a.example.com", false},
        {"https://x.com/*", "https://x.com/a/b", false},
        {"https://x.com/*", "https://x.com/", false},
        {"https://x.com/*/", "https://x.com/abc/", true},
        {"https://x.com/*", "https://xycom/a", false},
        {"*a*a", "aaaa", true},
        {"*a*a", "ab", false},
        {"*", "", false},
        {"https://*-x.com", "https://a-x-x.com", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (wildcard_match(rows[i].pattern, rows[i].text, strlen(rows[i].text)) != rows[i].match)
            fail_msg("row %zu: %s against %s", i, rows[i].pattern, rows[i].text);
    }
}

static int look(void *arg, const char *key, struct buf *out, struct err *e)
{
    (void)arg;
    (void)e;
    if (strcmp(key, "a") != 0 && strcmp(key, "x/y") != 0)
        return 1;
    buf_puts(out, "v");
    return 0;
}

static void templates_do_what_upstream_uses(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        const char *result; /* NULL: fails when evaluated */
    } rows[] = {
        {"a", "v"},
        {"nothing", NULL},
        {"{{.a}}", "v"},
        {"{{ .a }}-{{.a}}", "v-v"},
        {"{{ .b }}", NULL},
        {"{{index . \"b\"}}x", "x"},
        {"{{(index . \"x/y\")}}", "v"},
        {"{{if eq .a \"v\"}}yes{{ else }}no{{end}}!", "yes!"},
        {"{{if eq .a \"w\"}}yes{{ else }}no{{end}}!", "no!"},
        {"{{if eq (index . \"b\") \"\"}}1{{end}}2", "12"},
        {"{{if eq .b \"\"}}1{{end}}", NULL},
        {"{{if eq .a \"w\"}}{{if eq .a \"v\"}}1{{end}}2{{end}}3", "3"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err e = {0};
        struct buf out = {0};
        struct template *t = template_compile(rows[i].source, &e);
        assert_non_null(t);
        int rc = template_eval(t, look, NULL, &out, &e);
        assert_int_equal(rc, rows[i].result != NULL ? 0 : -1);
        if (rows[i].result != NULL)
            assert_string_equal(buf_str(&out), rows[i].result);
        template_free(t);
        buf_free(&out);
    }
}

static void templates_beyond_the_subset_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{{", "{{ .a", "{{ .a | html }}", "{{ printf \"x\" }}", "{{- .a }}", "{{ .a -}}", "{{ range .a }}{{end}}",
        "{{ .a.b }}", "{{ $x }}", "{{ if .a }}x{{end}}", "{{ if eq .a \"b\" }}x", "{{ else }}", "{{ end }}",
        "{{ if eq .a \"b\" }}{{else}}{{else}}{{end}}", "{{ index .a \"b\" }}", "{{}}", "{{ . }}",
        "{{ eq .a \"b\" }}", "{{/* c */}}", "{{ index . `b` }}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err e = {0};
        struct template *t = template_compile(bad[i], &e);
        if (t != NULL)
            fail_msg("accepted %s", bad[i]);
        assert_string_not_equal(e.text, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upstream_shape_loads),
        cmocka_unit_test(real_fulcio_config_loads),
        cmocka_unit_test(json_form_loads_and_kebab_in_json_is_refused),
        cmocka_unit_test(bad_configurations_say_why),
        cmocka_unit_test(wildcards_stay_in_their_segment),
        cmocka_unit_test(templates_do_what_upstream_uses),
        cmocka_unit_test(templates_beyond_the_subset_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The trusted-issuer list: what loads, what is refused, which issuer a token gets. */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "oidc/token/types.h"
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

static struct oidc_trust *must_parse(const char *text)
{
    struct tm_err e = {0};
    struct oidc_trust *t = NULL;
    if (oidc_trust_parse("list.yaml", text, strlen(text), &t, &e) != 0)
        fail_msg("%s", e.text);
    return t;
}

static const struct oidc_issuer *find(const struct oidc_trust *t, const char *iss)
{
    return oidc_trust_find(t, iss, strlen(iss));
}

static void upstream_shape_loads(void **state)
{
    (void)state;
    struct oidc_trust *t = must_parse(good);
    assert_int_equal(oidc_trust_count(t), 2);
    const struct oidc_issuer *i = find(t, "https://token.example.com");
    assert_non_null(i);
    assert_string_equal(i->type_name, "ci-provider");
    assert_string_equal(i->client_id, "sigstore");
    assert_string_equal(i->challenge_claim, "sub");
    assert_non_null(i->provider);
    assert_false(i->allow_http);
    assert_null(find(t, "https://token.example.com/"));
    assert_null(find(t, "https://token.example.co"));
    assert_null(oidc_trust_find(t, "https://token.example.com\0x", 27));
    i = find(t, "https://a-1.region.example.com/id/Z_9");
    assert_non_null(i);
    assert_true(i->wildcard);
    oidc_trust_unref(t);
}

static void every_key_arrives(void **state)
{
    (void)state;
    struct oidc_trust *t = must_parse(
        "oidc-issuers:\n"
        "  https://a.example.com: {issuer-url: https://a.example.com, client-id: 1234, type: "
        "email,\n"
        "    issuer-claim: $.x.y, skip-email-verification: true, allow-http: true,\n"
        "    challenge-claim: email, description: \"a\\nb\", contact: ~, environment: }\n"
        "  http://b.example.com: {issuer-url: http://b.example.com, client-id: c, type: spiffe,\n"
        "    spiffe-trust-domain: spiffe://b.test}\n"
        "  https://c.example.com:8443/x: {issuer-url: https://c.example.com:8443/x, client-id: c,\n"
        "    type: uri, subject-domain: https://users.example.com}\n"
        "  https://d.example.com: {issuer-url: https://d.example.com, client-id: c,\n"
        "    type: username, subject-domain: d.example.com}\n"
        "meta-issuers:\n"
        "  https://*.example.com: {issuer-url: \"https://*.example.com\", client-id: w,\n"
        "    type: github-workflow}\n"
        "  https://*.example.org: {client-id: w, type: username, subject-domain: example.org}\n");
    const struct oidc_issuer *i = find(t, "https://a.example.com");
    assert_false(i->wildcard); /* the exact entry wins over the wildcard */
    assert_string_equal(i->client_id, "1234");
    assert_string_equal(i->issuer_claim, "$.x.y");
    assert_string_equal(i->challenge_claim, "email");
    assert_true(i->skip_email_verification);
    assert_true(i->allow_http);
    assert_string_equal(find(t, "http://b.example.com")->spiffe_trust_domain, "b.test");
    assert_string_equal(find(t, "https://c.example.com:8443/x")->subject_domain,
                        "https://users.example.com");
    assert_string_equal(find(t, "https://d.example.com")->type_name, "username");
    i = find(t, "https://z.example.com");
    assert_true(i->wildcard);
    assert_non_null(i->provider); /* the built-in one */
    oidc_trust_unref(t);
}

/* The same issuers with the same settings, in any order. */
static void assert_same_list(const struct oidc_trust *a, const struct oidc_trust *b)
{
    assert_int_equal(oidc_trust_count(a), oidc_trust_count(b));
    for (size_t i = 0; i < oidc_trust_count(a); i++) {
        const struct oidc_issuer *x = oidc_trust_at(a, i);
        size_t k = 0;
        while (k < oidc_trust_count(b) && (oidc_trust_at(b, k)->wildcard != x->wildcard ||
                                           strcmp(oidc_trust_at(b, k)->url, x->url) != 0))
            k++;
        if (k == oidc_trust_count(b))
            fail_msg("%s is missing", x->url);
        const struct oidc_issuer *y = oidc_trust_at(b, k);
        assert_string_equal(x->client_id, y->client_id);
        assert_string_equal(x->type_name, y->type_name);
        assert_string_equal(x->issuer_claim != NULL ? x->issuer_claim : "",
                            y->issuer_claim != NULL ? y->issuer_claim : "");
        assert_string_equal(x->provider != NULL ? x->provider->name : "",
                            y->provider != NULL ? y->provider->name : "");
    }
}

static struct oidc_trust *must_load(const char *path)
{
    struct tm_err e = {0};
    struct oidc_trust *t = NULL;
    if (oidc_trust_load(path, &t, &e) != 0)
        fail_msg("%s", e.text);
    return t;
}

static void the_public_good_list_loads(void **state)
{
    (void)state;
    struct oidc_trust *t = must_load("testdata/config/public-good.yaml");
    assert_int_equal(oidc_trust_count(t), 31);
    assert_string_equal(find(t, "https://gitlab.com")->provider->name, "gitlab-pipeline");
    assert_string_equal(find(t, "https://oidc.circleci.com/org/2f-1")->provider->name,
                        "circleci-job");
    assert_string_equal(find(t, "https://oidc.prod-aks.azure.com/a/")->type_name, "kubernetes");
    assert_null(find(t, "https://oidc.prod-aks.azure.com/a/b/"));
    assert_non_null(find(t, "https://eu.oic.prod-aks.azure.com/a/b/"));
    assert_null(find(t, "https://evil.example/https://oidc.circleci.com/org/x"));
    oidc_trust_unref(t);
}

/* `make fulcio-config FILE=…`: of a Fulcio checkout's config/identity/config.yaml. */
static void a_fulcio_config_says_the_same(void **state)
{
    struct oidc_trust *real = must_load(*state);
    struct oidc_trust *ours = must_load("testdata/config/public-good.yaml");
    assert_same_list(real, ours);
    oidc_trust_unref(real);
    oidc_trust_unref(ours);
}

static void json_says_the_same_as_yaml(void **state)
{
    (void)state;
    static const char json[] =
        "{\"OIDCIssuers\":{\"https://token.example.com\":{\"issuerurl\":"
        "\"https:\\/\\/token.example.com\",\"ClientID\":\"sigstore\",\"Type\":\"ci-provider\","
        "\"CiProvider\":\"github-workflow\",\"Contact\":\"a@example.com\","
        "\"SkipEmailVerification\":false,\"CACert\":null}},\n"
        "\"MetaIssuers\":{\"https://*.region.example.com/id/*\":{\"ClientID\":\"sigstore\","
        "\"Type\":\"kubernetes\"}},\n"
        "\"CIIssuerMetadata\":{\"github-workflow\":{\"DefaultTemplateValues\":{\"url\":"
        "\"https://git.example.com\",\"URL\":\"other\"},\"ExtensionTemplates\":{\"BuildSignerURI\":"
        "\"{{ .url }}/{{ .ref }}\",\"Issuer\":\"x\"},\"SubjectAlternativeNameTemplate\":"
        "\"{{ .url }}/{{ .ref }}\"}}}\n";
    struct oidc_trust *a = must_parse(good);
    struct oidc_trust *b = must_parse(json);
    assert_same_list(a, b);
    oidc_trust_unref(a);
    oidc_trust_unref(b);
}

#define ONE(body) \
    "oidc-issuers:\n  https://a.example.com:\n    issuer-url: https://a.example.com\n" body
#define EMAIL ONE("    client-id: x\n    type: email\n")
#define PROVIDER(body) EMAIL "ci-issuer-metadata:\n  p:\n" body
#define SAN "    subject-alternative-name-template: a\n"
#define META(body) "meta-issuers:\n  https://*.x.example:\n    client-id: x\n" body

struct bad {
    const char *text;
    const char *why;
};

static void assert_refused(const struct bad *bad, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tm_err e = {0};
        struct oidc_trust *t = NULL;
        if (oidc_trust_parse("bad.yaml", bad[i].text, strlen(bad[i].text), &t, &e) == 0)
            fail_msg("row %zu was accepted", i);
        if (strstr(e.text, bad[i].why) == NULL)
            fail_msg("row %zu: '%s' lacks '%s'", i, e.text, bad[i].why);
        if (strncmp(e.text, "bad.yaml:", 9) != 0)
            fail_msg("row %zu: '%s' does not begin with the file", i, e.text);
    }
}

static const struct bad bad_documents[] = {
    {"", "empty"},
    {"# only a comment\n", "empty"},
    {"just text\n", "bad.yaml:1: the issuer list must be a mapping"},
    {"oidc-issuers: {}\n", "no issuer"},
    {"oidc-issuers:\n", "must be a mapping"},
    {"oidc-isuers: {}\n", "bad.yaml:1: unknown key 'oidc-isuers' in the issuer list; did you "
                          "mean 'oidc-issuers'?"},
    {"OIDCIssuers: {}\n", "a YAML file calls it 'oidc-issuers'"},
    {"oidc-issuers:\n  https://a.example.com: [1]\n", "bad.yaml:2: an issuer must be"},
    {"oidc-issuers: [\n", "bad.yaml:2"},
    {"oidc-issuers: *nowhere\n", "undefined alias"},
    {"oidc-issuers: \xff\xfe\n", "bad.yaml"},
    {EMAIL "---\nsecond: 1\n", "bad.yaml:6: a second YAML document"},
    {EMAIL "...\n---\n", "second YAML document"},
    {EMAIL "extra: 1\n", "bad.yaml:6: unknown key 'extra'"},
    {EMAIL "define: text\n", "'define' holds anchors"},
    {EMAIL "oidc-issuers: {}\n", "bad.yaml:6: key 'oidc-issuers' is given twice"},
    {EMAIL "  https://a.example.com: {}\n",
     "bad.yaml:6: 'https://a.example.com' is given twice in oidc-issuers"},
    {EMAIL "  \"\": {}\n", "empty name"},
    {EMAIL "? [a]\n: b\n", "a key must be a string"},
    {ONE("    client-id: x\n    type: email\n    typ: 1\n"), "bad.yaml:6: unknown key 'typ'"},
    {ONE("    client-id: x\n    client-id: y\n    type: email\n"),
     "bad.yaml:5: key 'client-id' is given twice"},
    {ONE("    client-id: [x]\n    type: email\n"), "bad.yaml:4: a string is expected"},
    {ONE("    client-id: {x: y}\n    type: email\n"), "a string is expected"},
    {ONE("    client-id: !!binary eA==\n    type: email\n"), "a string is expected"},
    {ONE("    client-id: \"x\\x01\"\n    type: email\n"), "control character"},
    {ONE("    client-id: \"x\\0\"\n    type: email\n"), "control character"},
    {ONE("    <<: {client-id: x}\n    type: email\n"), "unknown key '<<'"},
    {ONE("    ClientID: x\n    type: email\n"), "a YAML file calls it 'client-id'"},
    {ONE("    client-id: x\n    type: email\n    skip-email-verification: maybe\n"),
     "bad.yaml:6: true or false"},
    {ONE("    client-id: x\n    type: email\n    skip-email-verification: \"true\"\n"),
     "true or false"},
    {ONE("    client-id: x\n    type: email\n    allow-http: yes\n"), "true or false"},
    {"{\"OIDCIssuers\":{},\"OIDCIssuers\":{}}", "duplicate"},
    {"{\"OIDCIssuers\":{},\n\"oidcISSUERS\":{}}", "bad.yaml:2: key 'oidcISSUERS' is given twice"},
    {"{\"oidc-issuers\":{}}", "a JSON file has it without hyphens, in CamelCase"},
    {"{\"OIDCIsuers\":{}}",
     "unknown key 'OIDCIsuers' in the issuer list; did you mean 'oidc-issuers'?"},
    {"{\"define\":[]}", "unknown key 'define'"},
    {"{\"OIDCIssuers\":{}} x", "something follows"},
    {"{\"OIDCIssuers\":{", "JSON line 1"},
    {"{\"OIDCIssuers\":null}", "must be a mapping"},
    {"{\"OIDCIssuers\":{\"https://a\":{\"ClientID\":5}}}", "a string is expected"},
    {"{\"OIDCIssuers\":{\"https://a\":{\"ClientID\":true}}}", "a string is expected"},
    {"{\"OIDCIssuers\":{\"https://a\":{\"AllowHTTP\":\"true\"}}}", "true or false"},
};

static void bad_documents_say_where(void **state)
{
    (void)state;
    assert_refused(bad_documents, sizeof(bad_documents) / sizeof(bad_documents[0]));
}

static const struct bad bad_issuers[] = {
    {ONE("    type: email\n"), "bad.yaml:2: issuer 'https://a.example.com': client-id"},
    {ONE("    client-id: \"\"\n    type: email\n"), "client-id"},
    {ONE("    client-id: ~\n    type: email\n"), "client-id"},
    {ONE("    client-id: x\n"), "type is missing"},
    {ONE("    client-id: x\n    type: nonsense\n"),
     "unknown type 'nonsense': issuer missing challenge claim"},
    {ONE("    client-id: x\n    type: nonsense\n    challenge-claim: sub\n"), "unknown type"},
    {ONE("    client-id: x\n    type: github-worklfow\n"), "did you mean 'github-workflow'?"},
    {ONE("    client-id: x\n    type: uri\n"), "uri issuer must have SubjectDomain set"},
    {ONE("    client-id: x\n    type: uri\n    subject-domain: b.example.com\n"),
     "SubjectDomain for uri must contain scheme"},
    {ONE("    client-id: x\n    type: uri\n    subject-domain: https://b.other.com\n"),
     "hostname top-level and second-level domains do not match: b.other.com, "
     "a.example.com"},
    {ONE("    client-id: x\n    type: uri\n    subject-domain: http://b.example.com\n"),
     "subject (http) and issuer (https) URI schemes do not match"},
    {ONE("    client-id: x\n    type: uri\n    subject-domain: https://com\n"),
     "URI hostname too short: com"},
    {ONE("    client-id: x\n    type: uri\n    subject-domain: "
         "https://u@a.example.com\n"),
     "must contain scheme"},
    {ONE("    client-id: x\n    type: uri\n    subject-domain: "
         "https://a.example.com/p\n"),
     "host only"},
    {ONE("    client-id: x\n    type: username\n"), "username issuer must have SubjectDomain set"},
    {ONE("    client-id: x\n    type: username\n    subject-domain: "
         "https://b.example.com\n"),
     "SubjectDomain for username should not contain scheme"},
    {ONE("    client-id: x\n    type: username\n    subject-domain: b.example.org\n"),
     "domains do not match: b.example.org, a.example.com"},
    {ONE("    client-id: x\n    type: username\n    subject-domain: b!a.example.com\n"),
     "must be a host name"},
    {ONE("    client-id: x\n    type: spiffe\n"), "spiffe issuer must have SPIFFETrustDomain set"},
    {ONE("    client-id: x\n    type: spiffe\n    spiffe-trust-domain: A\n"),
     "spiffe trust domain is invalid"},
    {ONE("    client-id: x\n    type: spiffe\n    spiffe-trust-domain: spiffe://a/b\n"),
     "spiffe trust domain is invalid"},
    {ONE("    client-id: x\n    type: spiffe\n    spiffe-trust-domain: spiffe://\n"),
     "spiffe trust domain is invalid"},
    {ONE("    client-id: x\n    type: kubernetes\n    issuer-claim: $.a\n"),
     "only email issuers can use issuer claim mapping"},
    {ONE("    client-id: x\n    type: email\n    issuer-claim: $.a[*]\n"), "path such as"},
    {ONE("    client-id: x\n    type: email\n    issuer-claim: $..a\n"), "path such as"},
    {ONE("    client-id: x\n    type: email\n    issuer-claim: $\n"), "path such as"},
    {ONE("    client-id: x\n    type: email\n    subject-domain: a.example.com\n"),
     "'subject-domain' means nothing for type email"},
    {ONE("    client-id: x\n    type: uri\n    skip-email-verification: true\n"), "means nothing"},
    {ONE("    client-id: x\n    type: email\n    spiffe-trust-domain: a\n"), "means nothing"},
    {ONE("    client-id: x\n    type: github-workflow\n    ci-provider: p\n"), "means nothing"},
    {ONE("    client-id: x\n    type: email\n    ca-cert: junk\n"),
     "failed to parse CA certificate for issuer https://a.example.com"},
    {ONE("    client-id: x\n    type: ci-provider\n"), "needs the key ci-provider"},
    {ONE("    client-id: x\n    type: ci-provider\n    ci-provider: none\n"),
     "'none' is not in ci-issuer-metadata"},
    /* a built-in type's name is no provider */
    {ONE("    client-id: x\n    type: ci-provider\n    ci-provider: "
         "github-workflow\n") "  https://b.example.com: {issuer-url: "
                              "https://b.example.com, client-id: x,\n"
                              "    type: github-workflow}\n",
     "is not in ci-issuer-metadata"},
    {"oidc-issuers:\n  https://a.example.com:\n    issuer-url: https://b.example.com\n"
     "    client-id: x\n    type: email\n",
     "must equal"},
    {"oidc-issuers:\n  https://a.example.com:\n    client-id: x\n    type: email\n",
     "issuer-url must equal"},
    {"oidc-issuers:\n  https://*.b: {issuer-url: \"https://*.b\", client-id: x, type: "
     "email}\n",
     "'*' belongs under meta-issuers"},
    {"meta-issuers:\n  ftp://a: {client-id: x, type: email}\n", "https URL"},
    {"meta-issuers:\n  http*://a: {client-id: x, type: email}\n", "https URL"},
    {"meta-issuers:\n  https://*: {client-id: x, type: email}\n", "anybody's domain"},
    {"meta-issuers:\n  https://a.example*: {client-id: x, type: email}\n", "anybody's domain"},
    {"meta-issuers:\n  https://a.*/x: {client-id: x, type: email}\n", "anybody's domain"},
    {"meta-issuers:\n  https://a.*:8443: {client-id: x, type: email}\n", "anybody's domain"},
    {"meta-issuers:\n  https://: {client-id: x, type: email}\n", "bad host"},
    {"meta-issuers:\n  https://u:p@a: {client-id: x, type: email}\n", "bad host"},
    {"meta-issuers:\n  https://a/?b: {client-id: x, type: email}\n", "query"},
    {"meta-issuers:\n  \"https://a/ b\": {client-id: x, type: email}\n", "blanks"},
    {META("    type: spiffe\n    spiffe-trust-domain: a\n"), "SPIFFE meta issuers not supported"},
    {META("    type: email\n    issuer-url: https://y.x.example\n"), "must equal"},
    {META("    type: email\n    ca-cert: junk\n"),
     "failed to parse CA certificate for meta issuer https://*.x.example"},
    {META("    type: other\n"), "issuer missing challenge claim"},
    {META("    type: uri\n"), "uri issuer must have SubjectDomain set"},
    {META("    type: username\n"), "username issuer must have SubjectDomain set"},
    {META("    type: kubernetes\n    issuer-claim: $.a\n"), "only email"},
    {META("    type: ci-provider\n    ci-provider: p\n"), "is not in ci-issuer-metadata"},
};

static void bad_issuers_say_why(void **state)
{
    (void)state;
    assert_refused(bad_issuers, sizeof(bad_issuers) / sizeof(bad_issuers[0]));
}

/* What a refusal, a limit or an emergency stop compares is never cut. */
static void an_issuer_url_is_as_long_as_what_is_compared(void **state)
{
    (void)state;
    char path[OIDC_ISSUER_MAX + 1];
    char text[4 * OIDC_ISSUER_MAX];
    static const char *const heads[] = {"https://a.example.com/", "https://*.a.example.com/"};
    for (int wildcard = 0; wildcard <= 1; wildcard++) {
        for (size_t over = 0; over <= 1; over++) {
            size_t len = OIDC_ISSUER_MAX + over - strlen(heads[wildcard]);
            struct tm_err e = {0};
            struct oidc_trust *t = NULL;
            memset(path, 'a', len);
            path[len] = '\0';
            snprintf(text, sizeof(text),
                     wildcard == 1
                         ? "meta-issuers:\n  ? \"%s%s\"\n  : {client-id: x, type: email}\n"
                         : "oidc-issuers:\n  ? \"%s%s\"\n  : {issuer-url: \"%s%s\", "
                           "client-id: x, type: email}\n",
                     heads[wildcard], path, heads[wildcard], path);
            assert_int_equal(oidc_trust_parse("long.yaml", text, strlen(text), &t, &e),
                             over == 0 ? 0 : -1);
            if (over == 1)
                assert_non_null(strstr(e.text, "at most 255 bytes"));
            oidc_trust_unref(t);
        }
    }
}

static void bad_providers_say_why(void **state)
{
    (void)state;
    static const struct bad bad[] = {
        {PROVIDER("    default-template-values: {}\n"),
         "bad.yaml:7: CI provider 'p' has no subject-alternative-name-template"},
        {PROVIDER("    subject-alternative-name-template: \" \"\n"), "has no subject-alternative"},
        {PROVIDER("    subject-alternative-name-template: \"{{ .a | printf }}\"\n"),
         "bad.yaml:8: unsupported"},
        {PROVIDER(SAN "    extension-templates:\n      build-signer-uri: \"{{ .a\"\n"),
         "bad.yaml:10: `{{` is never closed"},
        {PROVIDER(SAN "    extension-templates:\n      build-signer-ur: a\n"),
         "did you mean 'build-signer-uri'"},
        {PROVIDER(SAN "    extension-templates:\n      \"\": a\n"), "unknown key ''"},
        {PROVIDER(SAN "    extension-templates:\n      issuer: \"{{ .a\"\n"), "never closed"},
        {PROVIDER(SAN "    extension-templates:\n      BuildTrigger: a\n"),
         "calls it 'build-trigger'"},
        {PROVIDER(SAN "    extension-templates: [a]\n"), "must be a mapping"},
        {PROVIDER(SAN "    default-template-values:\n      a: [b]\n"), "a string is expected"},
        {PROVIDER(SAN "    default-template-values:\n      a: b\n      a: c\n"),
         "bad.yaml:11: 'a' is given twice in default-template-values"},
        {PROVIDER(SAN "    default-values: {}\n"), "unknown key"},
        {PROVIDER(SAN "  p:\n" SAN), "'p' is given twice in ci-issuer-metadata"},
    };
    assert_refused(bad, sizeof(bad) / sizeof(bad[0]));
}

static void refused_with(struct tm_buf *text, const char *why)
{
    struct tm_err e = {0};
    struct oidc_trust *t = NULL;
    assert_false(buf_failed(text));
    assert_int_equal(oidc_trust_parse("big", (const char *)text->data, text->len, &t, &e), -1);
    if (strstr(e.text, why) == NULL)
        fail_msg("'%s' lacks '%s'", e.text, why);
    tm_buf_free(text);
}

static void repeat(struct tm_buf *b, const char *what, size_t times)
{
    for (size_t i = 0; i < times; i++)
        tm_buf_puts(b, what);
}

static void hostile_documents_are_cheap(void **state)
{
    (void)state;
    struct tm_buf b = {0};
    repeat(&b, "[", 500000);
    refused_with(&b, "nested too deeply");
    repeat(&b, "{a: ", 200000);
    refused_with(&b, "JSON");
    repeat(&b, "define: {a: ", 1);
    repeat(&b, "{a: ", 200000);
    refused_with(&b, "nested too deeply");
    repeat(&b, "- ", 500000);
    refused_with(&b, "nested too deeply");
    repeat(&b, "define: [", 1);
    repeat(&b, "a,", 200000);
    refused_with(&b, "too many values");
    repeat(&b, " ", 1024 * 1024 + 1);
    refused_with(&b, "longer than");
    /* aliases: what one line stands for is counted as often as it is used */
    tm_buf_puts(&b, "define:\n  - &d \"");
    repeat(&b, "x", 4000);
    tm_buf_puts(&b, "\"\n  - &m {");
    for (int i = 0; i < 60; i++)
        tm_buf_printf(&b, "%sk%d: *d", i > 0 ? ", " : "", i);
    tm_buf_puts(&b, "}\nci-issuer-metadata:\n");
    for (int i = 0; i < 200; i++)
        tm_buf_printf(&b,
                      "  p%d: {default-template-values: *m, "
                      "subject-alternative-name-template: a}\n",
                      i);
    refused_with(&b, "expands to more than");
    /* the classic one: not walked, so not expanded */
    tm_buf_puts(&b, "define:\n  - &a [x,x,x,x,x,x,x,x,x]\n");
    for (int c = 'b'; c <= 'j'; c++)
        tm_buf_printf(&b, "  - &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c - 1, c - 1, c - 1,
                      c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
    tm_buf_puts(&b, "oidc-issuers: *j\n");
    refused_with(&b, "must be a mapping");
    tm_buf_puts(&b, "oidc-issuers: &a\n  https://a.example.com: *a\n");
    refused_with(&b, "unknown key");
    tm_buf_puts(&b, "meta-issuers:\n");
    for (int i = 0; i < 1025; i++)
        tm_buf_printf(&b, "  https://h%d.example: {client-id: x, type: email}\n", i);
    refused_with(&b, "more than 1024");
    tm_buf_puts(&b, EMAIL "ci-issuer-metadata:\n");
    for (int i = 0; i < 257; i++)
        tm_buf_printf(&b, "  p%d: {subject-alternative-name-template: a}\n", i);
    refused_with(&b, "more than 256");
    tm_buf_puts(&b, EMAIL "    description: \"");
    repeat(&b, "y", 5000);
    tm_buf_puts(&b, "\"\n");
    refused_with(&b, "longer than 4096");
    tm_buf_append(&b, "define: []\0x", 12);
    refused_with(&b, "NUL");
}

static void files_are_bounded_and_named(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct oidc_trust *t = NULL;
    assert_int_equal(oidc_trust_load("testdata/config/no-such-file.yaml", &t, &e), -1);
    assert_non_null(strstr(e.text, "no-such-file.yaml"));
    assert_int_equal(oidc_trust_load("/dev/zero", &t, &e), -1);
}

static void lists_are_counted_references(void **state)
{
    (void)state;
    struct oidc_trust *t = must_parse(good);
    assert_ptr_equal(oidc_trust_ref(t), t);
    oidc_trust_unref(t);
    assert_int_equal(oidc_trust_count(t), 2);
    oidc_trust_unref(t);
    oidc_trust_unref(NULL);
}

static void plain_http_wants_a_word_of_the_operator(void **state)
{
    (void)state;
#define EXACT(url, more) \
    "oidc-issuers:\n  " url ": {issuer-url: " url ", client-id: x, type: email" more "}\n"
#define PATTERN(url) "meta-issuers:\n  " url ": {client-id: x, type: email}\n"
    static const struct {
        const char *text;
        bool passes; /* without a word for all issuers */
    } rows[] = {
        {EXACT("https://a.example", ""), true},
        {EXACT("http://a.example", ""), false},
        {EXACT("http://a.example", ", allow-http: true"), true},
        {EXACT("http://127.0.0.1:9/x", ""), true},
        {EXACT("http://127.0.0.1.example", ""), false},
        {PATTERN("http://*.example.com"), false},
        {PATTERN("http://127.0.0.1:9/*"), true},
        {PATTERN("https://*.example.com"), true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oidc_trust *t = NULL;
        struct tm_err e = {0};
        if (oidc_trust_parse("t", rows[i].text, strlen(rows[i].text), &t, &e) != 0)
            fail_msg("row %zu: %s", i, e.text);
        if ((oidc_trust_check_http(t, false, &e) == 0) != rows[i].passes)
            fail_msg("row %zu: %s", i, e.text);
        assert_int_equal(oidc_trust_check_http(t, true, &e), 0);
        oidc_trust_unref(t);
    }
}

static void keep_warning(void *arg, const char *text)
{
    struct tm_buf *b = arg;
    tm_buf_printf(b, "%s\n", text);
}

#define ISSUER(url, rest) "  " url ": {issuer-url: '" url "', client-id: c, type: " rest "}\n"
#define PROVIDERS \
    "ci-issuer-metadata:\n" \
    "  public: {subject-alternative-name-template: '{{ .url }}/{{ .p }}', " \
    "default-template-values: {url: 'https://gitlab.com'}}\n" \
    "  own: {subject-alternative-name-template: 'https://gitlab.com.corp.example/{{ .p }}'}\n" \
    "  literal: {subject-alternative-name-template: 'https://github.com/{{ .p }}'}\n"

/* Two servers' acme/app look alike to who checks the repository only. */
static void a_server_of_ones_own_that_names_the_public_one_is_warned_of(void **state)
{
    (void)state;
    static const struct {
        const char *issuer, *says; /* NULL: nothing */
    } rows[] = {
        {ISSUER("https://gitlab.corp.example", "gitlab-pipeline"), "name https://gitlab.com"},
        {ISSUER("https://gitlab.com", "gitlab-pipeline"), NULL},
        {ISSUER("https://GitLab.com", "gitlab-pipeline"), NULL},
        {ISSUER("https://notgitlab.com", "gitlab-pipeline"), "name https://gitlab.com"},
        {ISSUER("https://gitlab.com.evil.example", "gitlab-pipeline"), "name https://gitlab.com"},
        {ISSUER("https://ghe.corp.example/_services/token", "github-workflow"),
         "https://github.com"},
        {ISSUER("https://token.actions.githubusercontent.com", "github-workflow"), NULL},
        {ISSUER("https://token.actions.githubusercontent.com/acme", "github-workflow"), NULL},
        {ISSUER("https://agent.buildkite.com", "buildkite-job"), NULL},
        {ISSUER("https://bk.corp.example", "buildkite-job"), "https://buildkite.com"},
        {ISSUER("https://oidc.codefresh.io", "codefresh-workflow"), NULL},
        {ISSUER("https://gitlab.corp.example", "ci-provider, ci-provider: public"),
         "name https://gitlab.com"},
        {ISSUER("https://gitlab.com", "ci-provider, ci-provider: public"), NULL},
        {ISSUER("https://gitlab.corp.example", "ci-provider, ci-provider: own"), NULL},
        {ISSUER("https://ci.corp.example", "ci-provider, ci-provider: literal"),
         "https://github.com"},
        {ISSUER("https://github.com", "email"), NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_buf text = {0};
        struct tm_buf said = {0};
        tm_buf_printf(&text, "oidc-issuers:\n%s%s", rows[i].issuer, PROVIDERS);
        struct oidc_trust *t = must_parse(tm_buf_str(&text));
        oidc_trust_warn(t, keep_warning, &said);
        const char *got = tm_buf_str(&said);
        if (rows[i].says == NULL
                ? got[0] != '\0'
                : strstr(got, rows[i].says) == NULL || strstr(got, "line 2:") == NULL)
            fail_msg("row %zu: '%s'", i, got);
        oidc_trust_unref(t);
        tm_buf_free(&text);
        tm_buf_free(&said);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2) {
        const struct CMUnitTest one[] = {
            cmocka_unit_test_prestate(a_fulcio_config_says_the_same, argv[1]),
        };
        return cmocka_run_group_tests(one, NULL, NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_of_ones_own_that_names_the_public_one_is_warned_of),
        cmocka_unit_test(plain_http_wants_a_word_of_the_operator),
        cmocka_unit_test(upstream_shape_loads),
        cmocka_unit_test(every_key_arrives),
        cmocka_unit_test(the_public_good_list_loads),
        cmocka_unit_test(json_says_the_same_as_yaml),
        cmocka_unit_test(bad_documents_say_where),
        cmocka_unit_test(bad_issuers_say_why),
        cmocka_unit_test(an_issuer_url_is_as_long_as_what_is_compared),
        cmocka_unit_test(bad_providers_say_why),
        cmocka_unit_test(hostile_documents_are_cheap),
        cmocka_unit_test(files_are_bounded_and_named),
        cmocka_unit_test(lists_are_counted_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

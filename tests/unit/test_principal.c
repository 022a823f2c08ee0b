/* Claims to principals: each kind of subject, and what a value may hold. */
#include "tests/unit/principal_case.h"

static const struct {
    const char *host;
    const char *claims;
    enum tm_identity_san_kind kind;
    const char *san;
    const char *challenge;
    const char *issuer; /* NULL: iss */
} persons_and_workloads_rows[] = {
    {"email.example.com", "{'sub':'1','email':'a.b+c@x-y.example','email_verified':true}",
     IDENTITY_SAN_EMAIL, "a.b+c@x-y.example", "a.b+c@x-y.example", NULL},
    {"email.example.com", "{'sub':'1','email':'A@Example.COM','email_verified':'True'}",
     IDENTITY_SAN_EMAIL, "A@Example.COM", "A@Example.COM", NULL},
    {"skip.example.com", "{'sub':'1','email':'a@b.co'}", IDENTITY_SAN_EMAIL, "a@b.co", "a@b.co",
     NULL},
    {"skip.example.com", "{'sub':'1','email':'a@b.co','email_verified':'False'}",
     IDENTITY_SAN_EMAIL, "a@b.co", "a@b.co", NULL},
    {"dex.example.com",
     "{'sub':'1','email':'a@b.co','email_verified':'true',"
     "'federated_claims':{'connector_id':'https://up.example'}}",
     IDENTITY_SAN_EMAIL, "a@b.co", "a@b.co", "https://up.example"},
    {"dex2.example.com",
     "{'sub':'1','email':'a@b.co','email_verified':true,"
     "'a b':{'c':17}}",
     IDENTITY_SAN_EMAIL, "a@b.co", "a@b.co", "17"},
    {"spiffe.example.com", "{'sub':'spiffe://foo.test/bar/B_z.1-'}", IDENTITY_SAN_URI,
     "spiffe://foo.test/bar/B_z.1-", "spiffe://foo.test/bar/B_z.1-", NULL},
    {"spiffe.example.com", "{'sub':'spiffe://foo.test'}", IDENTITY_SAN_URI, "spiffe://foo.test",
     "spiffe://foo.test", NULL},
    {"uri.example.com", "{'sub':'https://users.example.com/a%20b'}", IDENTITY_SAN_URI,
     "https://users.example.com/a%20b", "https://users.example.com/a%20b", NULL},
    {"uri.example.com", "{'sub':'HTTPS://users.example.com:8443?q'}", IDENTITY_SAN_URI,
     "https://users.example.com:8443?q", "HTTPS://users.example.com:8443?q", NULL},
    {"user.example.com", "{'sub':'j\xc3\xb6rg'}", IDENTITY_SAN_OTHER, "j\xc3\xb6rg!example.com",
     "j\xc3\xb6rg", NULL},
    {"user.example.com", "{'sub':'a@host'}", IDENTITY_SAN_OTHER, "a@host!example.com", "a@host",
     NULL},
    {"kube.example.com",
     "{'sub':'system:x','kubernetes.io':{'namespace':'ns-1',"
     "'pod':{'name':'p'},'serviceaccount':{'name':'sa.1','uid':'u'}}}",
     IDENTITY_SAN_URI, "https://kubernetes.io/namespaces/ns-1/serviceaccounts/sa.1", "system:x",
     NULL},
    {"chain.example.com/", "{'sub':'g/u','act':{'iss':'x'}}", IDENTITY_SAN_URI,
     "https://chain.example.com/g/u", "g/u", NULL},
    {"chain.example.com/", "{'sub':'g?x','email':'a@b.co','email_verified':true}", IDENTITY_SAN_URI,
     "https://chain.example.com/g%3Fx", "a@b.co", NULL},
    {"skip.example.com", "{'sub':'1','email':'a@b.co','email_verified':null}", IDENTITY_SAN_EMAIL,
     "a@b.co", "a@b.co", NULL},
    {"chain.example.com/", "{'sub':'s','email':null,'act':{'sub':'a','act':{'n':[]}}}",
     IDENTITY_SAN_URI, "https://chain.example.com/s", "s", NULL},
    {"user.example.com", "{'sub':'u','n':12345678901234567890,'m':-1e999,'':'','o':{},'l':[null]}",
     IDENTITY_SAN_OTHER, "u!example.com", "u", NULL},
    {"buildkite.example.com", "{'sub':'s','organization_slug':'acme','pipeline_slug':'p q'}",
     IDENTITY_SAN_URI, "https://buildkite.com/acme/p%20q", "s", NULL},
};

static void persons_and_workloads(void **state)
{
    (void)state;
    for (size_t i = 0;
         i < sizeof(persons_and_workloads_rows) / sizeof(persons_and_workloads_rows[0]); i++) {
        char iss[64];
        struct oidc_principal p =
            must_make(persons_and_workloads_rows[i].host, persons_and_workloads_rows[i].claims);
        snprintf(iss, sizeof(iss), "https://%s", persons_and_workloads_rows[i].host);
        const char *issuer = persons_and_workloads_rows[i].issuer != NULL
                                 ? persons_and_workloads_rows[i].issuer
                                 : iss;
        assert_int_equal(p.san_kind, persons_and_workloads_rows[i].kind);
        assert_string_equal(p.san, persons_and_workloads_rows[i].san);
        assert_string_equal(p.challenge, persons_and_workloads_rows[i].challenge);
        assert_string_equal(p.field[IDENTITY_ISSUER], issuer);
        assert_string_equal(p.field[IDENTITY_ISSUER_V1], issuer);
        assert_non_null(p.field[IDENTITY_TOKEN_SUBJECT]);
        for (size_t k = 0; k < IDENTITY_FIELD_COUNT; k++) {
            if (k != IDENTITY_ISSUER && k != IDENTITY_ISSUER_V1 && k != IDENTITY_TOKEN_SUBJECT)
                assert_null(p.field[k]);
        }
        oidc_principal_free(&p);
    }
}

#define MAIL "'sub':'1','email':'a@b.co'"
#define KUBE(ns, sa) \
    "{'sub':'s','kubernetes.io':{'namespace':" ns ",'serviceaccount':{'name':" sa "}}}"
static const struct {
    const char *host;
    const char *claims;
    const char *why;
} bad_claims_are_refused_rows[] = {
    {"email.example.com", "{'sub':'1'}", "'email'"},
    {"email.example.com", "{'email':'a@b.co','email_verified':true}", "'sub'"},
    {"email.example.com", "{'sub':'','email':'a@b.co','email_verified':true}", "'sub'"},
    {"email.example.com", "{'sub':7,'email':'a@b.co','email_verified':true}", "'sub'"},
    {"email.example.com", "{'sub':'1','email':'','email_verified':true}", "'email'"},
    {"email.example.com", "{'sub':'1','email':['a@b.co'],'email_verified':true}", "'email'"},
    {"email.example.com", "{" MAIL "}", "email_verified claim was false"},
    {"email.example.com", "{" MAIL ",'email_verified':false}", "was false"},
    {"email.example.com", "{" MAIL ",'email_verified':'false'}", "was false"},
    {"email.example.com", "{" MAIL ",'email_verified':1}", "not a boolean"},
    {"email.example.com", "{" MAIL ",'email_verified':'TRUE'}", "not a boolean"},
    {"skip.example.com", "{" MAIL ",'email_verified':'yes'}", "not a boolean"},
    {"skip.example.com", "{'sub':'1','email':'a@localhost'}", "email address is not valid"},
    {"dex.example.com", "{" MAIL ",'email_verified':true}", "no claim at issuer-claim"},
    {"dex.example.com", "{" MAIL ",'email_verified':true,'federated_claims':'x'}", "no claim"},
    {"dex.example.com",
     "{" MAIL ",'email_verified':true,"
     "'federated_claims':{'connector_id':{}}}",
     "not a string"},
    {"dex.example.com",
     "{" MAIL ",'email_verified':true,"
     "'federated_claims':{'connector_id':''}}",
     "empty"},
    {"spiffe.example.com", "{'sub':'spiffe://bar.test/x'}", "SPIFFE"},
    {"spiffe.example.com", "{'sub':'spiffe://foo.test.evil/x'}", "SPIFFE"},
    {"spiffe.example.com", "{'sub':'spiffe://foo.test:1/x'}", "SPIFFE"},
    {"spiffe.example.com", "{'sub':'spiffe://u@foo.test/x'}", "SPIFFE"},
    {"spiffe.example.com", "{'sub':'SPIFFE://foo.test/x'}", "SPIFFE"},
    {"spiffe.example.com", "{'sub':'https://foo.test/x'}", "SPIFFE"},
    {"spiffe.example.com", "{'sub':'spiffe://foo.test/'}", "SPIFFE"},
    {"spiffe.example.com", "{'sub':'spiffe://foo.test/a/'}", "SPIFFE"},
    {"spiffe.example.com", "{'sub':'spiffe://foo.test//a'}", "SPIFFE"},
    {"spiffe.example.com", "{'sub':'spiffe://foo.test/a/../b'}", "SPIFFE"},
    {"spiffe.example.com", "{'sub':'spiffe://foo.test/.'}", "SPIFFE"},
    {"spiffe.example.com", "{'sub':'spiffe://foo.test/a%20b'}", "SPIFFE"},
    {"spiffe.example.com", "{'sub':'spiffe://foo.test/a?b'}", "SPIFFE"},
    {"uri.example.com", "{'sub':'a@users.example.com'}", "not a URI"},
    {"uri.example.com", "{'sub':'https://users.example.com/a b'}", "another text"},
    {"uri.example.com", "{'sub':'https://users.example.com/a#'}", "another text"},
    {"chain.example.com/", "{'sub':'../other'}", "another text"},
    {"uri.example.com", "{'sub':'http://users.example.com/x'}", "scheme"},
    {"uri.example.com", "{'sub':'https://example.com/x'}", "hostname"},
    {"uri.example.com", "{'sub':'https://users.example.com.evil.com/x'}", "hostname"},
    {"uri.example.com", "{'sub':'https://users.example.com@evil.com/x'}", "not a URI"},
    {"uri.example.com", "{'sub':'https://users.example.com\\\\@evil.com/x'}", "not a URI"},
    {"uri.example.com", "{'sub':'https:users.example.com'}", "not a URI"},
    {"uri.example.com", "{'sub':'https://users.example.com/%zz'}", "percent"},
    {"user.example.com", "{'sub':'a!b'}", "cannot contain !"},
    {"user.example.com", "{'sub':'a@b.co'}", "email"},
    {"user.example.com", "{'sub':'a\\nb'}", "control character"},
    {"user.example.com", "{'sub':'a\\u007fb'}", "control character"},
    {"user.example.com", "{'sub':'a\\u0085b'}", "a control"},
    {"user.example.com", "{'sub':'a\\u200bb'}", "invisible character"},
    {"user.example.com", "{'sub':'a\\u202eb'}", "invisible character"},
    {"kube.example.com", "{'sub':'s'}", "kubernetes.io"},
    {"kube.example.com", "{'sub':'s','kubernetes.io':'x'}", "kubernetes.io"},
    {"kube.example.com", KUBE("''", "'a'"), "kubernetes.io"},
    {"kube.example.com", KUBE("'a'", "''"), "kubernetes.io"},
    {"kube.example.com", KUBE("1", "'a'"), "kubernetes.io"},
    {"kube.example.com", KUBE("'a/serviceaccounts/b'", "'c'"), "kubernetes.io"},
    {"kube.example.com", KUBE("'..'", "'c'"), "kubernetes.io"},
    {"kube.example.com", KUBE("'a'", "'c?x'"), "kubernetes.io"},
    {"chain.example.com/", "{'sub':'s','email':'a@b.co'}", "was false"},
    {"chain.example.com/", "{'sub':'s','email':5}", "'email' is not a string"},
    {"chain.example.com/", "{'sub':'a%zz'}", "percent"},
    {"buildkite.example.com", "{'sub':'s','organization_slug':'a'}", "'pipeline_slug'"},
    {"buildkite.example.com", "{'sub':'s','organization_slug':1,'pipeline_slug':'p'}",
     "'organization_slug'"},
    {"ci.example.com", "{'sub':'s'}", "'n' is in neither"},
    {"ci.example.com", "{'sub':'s','n':null}", "'n' is in neither"},
    {"ci.example.com", "{'sub':'s','n':9223372036854775808}", "'n' is a number too large"},
    {"ci.example.com", "{'sub':'s','n':-9223372036854775809}", "'n' is a number too large"},
    {"ci.example.com", "{'sub':'s','n':1e999}", "'n' is a number too large"},
    {"ci.example.com", "{'sub':'s','n':[1]}", "Build Trigger: claim 'n'"},
    {"ci.example.com", "{'sub':'s','n':'a\\tb'}", "control character"},
    {"ci.example.com", "{'sub':'s','n':'1','url':''}", "Subject Alternative Name: not a URL"},
    {"ci.example.com", "{'sub':'s','n':'1','url':'javascript:x'}", "not a URL"},
    {"ci.example.com", "{'sub':'s','n':'1','url':'//x'}", "not a URL"},
    {"ci.example.com", "{'sub':'s','n':'1','url':'https://\xc3\xa9'}", "not a URL"},
    {"ci.example.com", "{'sub':'s','n':'1','url':'https://a@b'}", "not a URL"},
    {"ci.example.com", "{'sub':'s','n':'1','path':'?a b'}", "query"},
    {"ci.example.com", "{'sub':'s','n':'1','path':'%'}", "percent"},
};

static void bad_claims_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0;
         i < sizeof(bad_claims_are_refused_rows) / sizeof(bad_claims_are_refused_rows[0]); i++) {
        struct tm_err e = {0};
        struct oidc_principal p;
        if (make(bad_claims_are_refused_rows[i].host, bad_claims_are_refused_rows[i].claims, &p,
                 &e) == 0)
            fail_msg("row %zu was accepted: %s", i, p.san);
        if (strstr(e.text, bad_claims_are_refused_rows[i].why) == NULL)
            fail_msg("row %zu: '%s' lacks '%s'", i, e.text, bad_claims_are_refused_rows[i].why);
        assert_null(p.san); /* nothing is left to free */
    }
}

static void values_are_bounded(void **state)
{
    (void)state;
    char *big = malloc(OIDC_VALUE_MAX + 2);
    assert_non_null(big);
    for (int over = 0; over <= 1; over++) {
        struct tm_err e = {0};
        struct oidc_principal p;
        json_t *v = claims_of("ci.example.com", "{'sub':'s'}");
        memset(big, 'a', OIDC_VALUE_MAX + 1);
        big[OIDC_VALUE_MAX + over] = '\0';
        json_object_set_new(v, "n", json_string(big));
        int rc = make_json("ci.example.com", v, &p, &e);
        assert_int_equal(rc, over == 0 ? 0 : -1);
        if (rc == 0)
            oidc_principal_free(&p);
        else
            assert_non_null(strstr(e.text, "longer than"));
        json_object_set_new(v, "n", json_string("1"));
        json_object_set_new(v, "sub", json_string(big));
        rc = make_json("ci.example.com", v, &p, &e);
        assert_int_equal(rc, over == 0 ? 0 : -1);
        if (rc == 0)
            oidc_principal_free(&p);
        json_decref(v);
    }
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(persons_and_workloads),
        cmocka_unit_test(bad_claims_are_refused),
        cmocka_unit_test(values_are_bounded),
    };
    return cmocka_run_group_tests(tests, load_list, drop_list);
}

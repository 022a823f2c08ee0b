/* Claims to principals: CI jobs, built-in types and configured providers. */
#include "tests/unit/principal_case.h"

struct want {
    enum tm_identity_field field;
    const char *value;
};

static void assert_fields(const struct oidc_principal *p, const struct want *want, size_t count)
{
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++) {
        const char *value = NULL;
        for (size_t k = 0; k < count; k++)
            value = want[k].field == i ? want[k].value : value;
        if (i == IDENTITY_ISSUER || i == IDENTITY_ISSUER_V1 || i == IDENTITY_TOKEN_SUBJECT)
            continue;
        if (value == NULL && p->field[i] != NULL)
            fail_msg("%s is '%s'", tm_identity_table[i].label, p->field[i]);
        if (value != NULL && p->field[i] == NULL)
            fail_msg("%s is left out", tm_identity_table[i].label);
        if (value != NULL)
            assert_string_equal(p->field[i], value);
    }
}

#define FIELDS(p, want) assert_fields((p), (want), sizeof(want) / sizeof((want)[0]))

static const char github[] =
    "{'sub':'repo:acme/app:ref:refs/heads/main','job_workflow_ref':"
    "'acme/app/.github/workflows/r.yml@refs/heads/main','sha':'s1','event_name':'push',"
    "'repository':'acme/app','workflow':'Release','ref':'refs/heads/main','job_workflow_sha':'s2',"
    "'runner_environment':'github-hosted','repository_id':'11','repository_owner':'acme',"
    "'repository_owner_id':'22','repository_visibility':'public','workflow_ref':"
    "'acme/app/.github/workflows/ci.yml@refs/heads/main','workflow_sha':'s3','run_id':'33',"
    "'run_attempt':'1','environment':'prod'}";

static const struct want github_want[] = {
    {IDENTITY_GITHUB_TRIGGER, "push"},
    {IDENTITY_GITHUB_SHA, "s1"},
    {IDENTITY_GITHUB_NAME, "Release"},
    {IDENTITY_GITHUB_REPOSITORY, "acme/app"},
    {IDENTITY_GITHUB_REF, "refs/heads/main"},
    {IDENTITY_BUILD_SIGNER_URI,
     "https://github.com/acme/app/.github/workflows/r.yml@refs/heads/main"},
    {IDENTITY_BUILD_SIGNER_DIGEST, "s2"},
    {IDENTITY_RUNNER_ENVIRONMENT, "github-hosted"},
    {IDENTITY_SOURCE_URI, "https://github.com/acme/app"},
    {IDENTITY_SOURCE_DIGEST, "s1"},
    {IDENTITY_SOURCE_REF, "refs/heads/main"},
    {IDENTITY_SOURCE_ID, "11"},
    {IDENTITY_SOURCE_OWNER_URI, "https://github.com/acme"},
    {IDENTITY_SOURCE_OWNER_ID, "22"},
    {IDENTITY_BUILD_CONFIG_URI,
     "https://github.com/acme/app/.github/workflows/ci.yml@refs/heads/main"},
    {IDENTITY_BUILD_CONFIG_DIGEST, "s3"},
    {IDENTITY_BUILD_TRIGGER, "push"},
    {IDENTITY_RUN_INVOCATION_URI, "https://github.com/acme/app/actions/runs/33/attempts/1"},
    {IDENTITY_SOURCE_VISIBILITY, "public"},
};

static void the_built_in_github_type(void **state)
{
    (void)state;
    struct oidc_principal p = must_make("github.example.com", github);
    assert_string_equal(p.san,
                        "https://github.com/acme/app/.github/workflows/r.yml@refs/heads/main");
    assert_string_equal(p.challenge, "repo:acme/app:ref:refs/heads/main");
    FIELDS(&p, github_want);
    oidc_principal_free(&p);
    /* no claim can move the host or leave its place in the path */
    json_t *v = claims_of("github.example.com", github);
    struct tm_err e = {0};
    json_object_set_new(v, "url", json_string("https://evil.example"));
    json_object_set_new(v, "job_workflow_ref", json_string("a/b/c/d#e"));
    assert_int_equal(make_json("github.example.com", v, &p, &e), 0);
    assert_string_equal(p.san, "https://github.com/a/b/c/d%23e");
    oidc_principal_free(&p);
    static const char *const bad[] = {"a/b/../c", "a//b/c", "/a/b/c"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_object_set_new(v, "job_workflow_ref", json_string(bad[i]));
        assert_int_equal(make_json("github.example.com", v, &p, &e), -1);
    }
    json_decref(v);
}

static const char gitlab[] =
    "{'sub':'project_path:g/p:ref_type:branch:ref:main','project_path':'g/p','pipeline_source':"
    "'push','pipeline_id':'1','ci_config_ref_uri':'gitlab.com/g/p//.gitlab-ci.yml@refs/heads/main',"
    "'job_id':'2','ref':'main','ref_type':'branch','namespace_path':'g','namespace_id':'3',"
    "'project_id':'4','sha':'s1','runner_environment':'gitlab-hosted','runner_id':5,"
    "'ci_config_sha':'s2','project_visibility':'public'}";

static const struct want gitlab_want[] = {
    {IDENTITY_BUILD_SIGNER_URI, "https://gitlab.com/g/p//.gitlab-ci.yml@refs/heads/main"},
    {IDENTITY_BUILD_SIGNER_DIGEST, "s2"},
    {IDENTITY_RUNNER_ENVIRONMENT, "gitlab-hosted"},
    {IDENTITY_SOURCE_URI, "https://gitlab.com/g/p"},
    {IDENTITY_SOURCE_DIGEST, "s1"},
    {IDENTITY_SOURCE_REF, "refs/heads/main"},
    {IDENTITY_SOURCE_ID, "4"},
    {IDENTITY_SOURCE_OWNER_URI, "https://gitlab.com/g"},
    {IDENTITY_SOURCE_OWNER_ID, "3"},
    {IDENTITY_BUILD_CONFIG_URI, "https://gitlab.com/g/p//.gitlab-ci.yml@refs/heads/main"},
    {IDENTITY_BUILD_CONFIG_DIGEST, "s2"},
    {IDENTITY_BUILD_TRIGGER, "push"},
    {IDENTITY_RUN_INVOCATION_URI, "https://gitlab.com/g/p/-/jobs/2"},
    {IDENTITY_SOURCE_VISIBILITY, "public"},
};

static void the_built_in_gitlab_type(void **state)
{
    (void)state;
    struct oidc_principal p = must_make("gitlab.example.com", gitlab);
    assert_string_equal(p.san, "https://gitlab.com/g/p//.gitlab-ci.yml@refs/heads/main");
    FIELDS(&p, gitlab_want);
    oidc_principal_free(&p);
    json_t *v = claims_of("gitlab.example.com", gitlab);
    struct tm_err e = {0};
    json_object_del(v, "ci_config_sha");
    json_object_set_new(v, "ref_type", json_string("tag"));
    assert_int_equal(make_json("gitlab.example.com", v, &p, &e), 0);
    assert_string_equal(p.field[IDENTITY_SOURCE_REF], "refs/tags/main");
    assert_null(p.field[IDENTITY_BUILD_CONFIG_DIGEST]);
    oidc_principal_free(&p);
    json_object_set_new(v, "ref_type", json_string("other"));
    assert_int_equal(make_json("gitlab.example.com", v, &p, &e), -1);
    json_object_set_new(v, "ref_type", json_string("tag"));
    json_object_set_new(v, "runner_id", json_string("5"));
    assert_int_equal(make_json("gitlab.example.com", v, &p, &e), -1);
    assert_non_null(strstr(e.text, "runner_id"));
    json_object_set_new(v, "runner_id", json_integer(0));
    assert_int_equal(make_json("gitlab.example.com", v, &p, &e), -1);
    json_object_set_new(v, "runner_id", json_integer(1));
    json_object_set_new(v, "project_visibility", json_null()); /* as if it were not there */
    assert_int_equal(make_json("gitlab.example.com", v, &p, &e), 0);
    assert_null(p.field[IDENTITY_SOURCE_VISIBILITY]);
    oidc_principal_free(&p);
    json_object_set_new(v, "runner_id", json_real(1.2345678901234567e19)); /* used nowhere */
    assert_int_equal(make_json("gitlab.example.com", v, &p, &e), 0);
    oidc_principal_free(&p);
    json_object_set_new(v, "project_visibility", json_integer(1));
    assert_int_equal(make_json("gitlab.example.com", v, &p, &e), -1);
    assert_non_null(strstr(e.text, "project_visibility"));
    json_decref(v);
}

static void the_built_in_codefresh_type(void **state)
{
    (void)state;
    static const struct want want[] = {
        {IDENTITY_BUILD_SIGNER_URI, "https://g.codefresh.io/build/w"},
        {IDENTITY_BUILD_CONFIG_URI, "https://g.codefresh.io/api/pipelines/p"},
        {IDENTITY_RUN_INVOCATION_URI, "https://g.codefresh.io/build/w"},
        {IDENTITY_RUNNER_ENVIRONMENT, "hybrid"},
        {IDENTITY_SOURCE_URI, "https://git.example/r"},
        {IDENTITY_SOURCE_REF, "main"},
    };
    struct oidc_principal p = must_make(
        "codefresh.example.com",
        "{'sub':'s','account_id':'a','account_name':'acme','pipeline_id':'p','pipeline_name':"
        "'proj/pipe','workflow_id':'w','runner_environment':'hybrid','platform_url':'',"
        "'scm_repo_url':'https://git.example/r','scm_ref':'main'}");
    assert_string_equal(p.san, "https://g.codefresh.io/acme/proj/pipe:a/p");
    FIELDS(&p, want);
    oidc_principal_free(&p);
    p = must_make("codefresh.example.com",
                  "{'sub':'s','account_id':'a','pipeline_id':'p','workflow_id':'w',"
                  "'platform_url':'https://on.prem.example/base/'}");
    assert_string_equal(p.san, "https://on.prem.example/base/:a/p");
    assert_string_equal(p.field[IDENTITY_BUILD_SIGNER_URI], "https://on.prem.example/base/build/w");
    assert_null(p.field[IDENTITY_SOURCE_URI]);
    oidc_principal_free(&p);
}

/* Leaves out each claim of a token in turn; those that matter must be missed. */
static size_t count_needed(const char *host, const char *claims)
{
    json_t *v = claims_of(host, claims);
    const char *key;
    json_t *value;
    size_t needed = 0;
    json_object_foreach(v, key, value)
    {
        struct tm_err e = {0};
        struct oidc_principal p;
        json_t *less = json_copy(v);
        if (strcmp(key, "iss") != 0)
            json_object_del(less, key);
        if (make_json(host, less, &p, &e) == 0) {
            oidc_principal_free(&p);
        } else {
            assert_non_null(strstr(e.text, key));
            needed++;
        }
        if (json_is_string(value) && strcmp(key, "iss") != 0) {
            json_object_set_new(less, key, json_object());
            if (make_json(host, less, &p, &e) == 0)
                oidc_principal_free(&p);
        }
        json_decref(less);
    }
    json_decref(v);
    return needed;
}

static void missing_claims_are_named(void **state)
{
    (void)state;
    assert_int_equal(count_needed("github.example.com", github), 17); /* 16 and sub */
    assert_int_equal(count_needed("gitlab.example.com", gitlab), 14); /* 13 and sub */
}

/* The public list's provider gives what the built-in type gives, and 1.23 more. */
static void the_public_good_providers(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct oidc_trust *t = NULL;
    struct oidc_principal p;
    if (oidc_trust_load("testdata/config/public-good.yaml", &t, &e) != 0)
        fail_msg("%s", e.text);
    json_t *v = claims_of("token.actions.githubusercontent.com", github);
    const char *iss = json_string_value(json_object_get(v, "iss"));
    assert_int_equal(oidc_principal_from_claims(oidc_trust_find(t, iss, strlen(iss)), v, &p, &e),
                     0);
    assert_string_equal(p.field[IDENTITY_DEPLOYMENT_ENVIRONMENT], "prod");
    free(p.field[IDENTITY_DEPLOYMENT_ENVIRONMENT]);
    p.field[IDENTITY_DEPLOYMENT_ENVIRONMENT] = NULL;
    FIELDS(&p, github_want);
    oidc_principal_free(&p);
    json_object_del(v, "environment"); /* defaults to "": left out */
    assert_int_equal(oidc_principal_from_claims(oidc_trust_find(t, iss, strlen(iss)), v, &p, &e),
                     0);
    FIELDS(&p, github_want);
    oidc_principal_free(&p);
    json_decref(v);
    v = claims_of("oidc.circleci.com", "{'sub':'s','oidc.circleci.com/project-id':'p1',"
                                       "'oidc.circleci.com/pipeline-definition-id':'d1',"
                                       "'oidc.circleci.com/ssh-rerun':true}");
    iss = json_string_value(json_object_get(v, "iss"));
    static const struct want circleci[] = {
        {IDENTITY_BUILD_SIGNER_URI,
         "https://circleci.com/api/v2/projects/p1/pipeline-definitions/d1"},
        {IDENTITY_BUILD_CONFIG_URI, "https://circleci.com/api/v2/pipeline//config"},
        {IDENTITY_RUN_INVOCATION_URI, "https://app.circleci.com//workflow//job/"},
        {IDENTITY_RUNNER_ENVIRONMENT, "ssh-rerun"},
    };
    assert_int_equal(oidc_principal_from_claims(oidc_trust_find(t, iss, strlen(iss)), v, &p, &e),
                     0);
    assert_string_equal(p.san, "https://circleci.com/api/v2/projects/p1/pipeline-definitions/d1");
    FIELDS(&p, circleci);
    oidc_principal_free(&p);
    json_decref(v);
    oidc_trust_unref(t);
}

/* A claim beats a default value: a host that is trusted must not be one. */
static void no_claim_moves_the_host_of_the_examples(void **state)
{
    (void)state;
    static const struct {
        const char *file, *host, *claims, *san;
    } row[] = {
        {"github-enterprise", "github.example.com/_services/token", github,
         "https://github.example.com/acme/app/.github/workflows/r.yml@refs/heads/main"},
        {"gitlab-self-hosted", "gitlab.example.com", gitlab,
         "https://gitlab.com/g/p//.gitlab-ci.yml@refs/heads/main"},
    };
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tm_err e = {0};
        struct oidc_trust *t = NULL;
        struct oidc_principal p;
        char path[80];
        snprintf(path, sizeof(path), "config/issuers/%s.yaml", row[i].file);
        assert_int_equal(oidc_trust_load(path, &t, &e), 0);
        json_t *v = claims_of(row[i].host, row[i].claims);
        const char *iss = json_string_value(json_object_get(v, "iss"));
        json_object_set_new(v, "url", json_string("https://evil.example"));
        if (oidc_principal_from_claims(oidc_trust_find(t, iss, strlen(iss)), v, &p, &e) != 0)
            fail_msg("%s: %s", path, e.text);
        assert_string_equal(p.san, row[i].san);
        for (size_t k = 0; k < IDENTITY_FIELD_COUNT; k++)
            assert_true(p.field[k] == NULL || strstr(p.field[k], "evil.example") == NULL);
        oidc_principal_free(&p);
        json_decref(v);
        oidc_trust_unref(t);
    }
}

static void providers_take_claims_before_defaults(void **state)
{
    (void)state;
    static const struct want want[] = {
        {IDENTITY_BUILD_TRIGGER, "12345678901234"},
        {IDENTITY_BUILD_SIGNER_URI, "https://ci.example/true"},
    };
    struct oidc_principal p = must_make("ci.example.com", "{'sub':'s','n':12345678901234,"
                                                          "'x':true,'path':'a/\xc3\xa9 b'}");
    assert_string_equal(p.san, "https://ci.example/a/%C3%A9%20b");
    assert_string_equal(p.field[IDENTITY_ISSUER], "https://ci.example.com");
    assert_string_equal(p.field[IDENTITY_TOKEN_SUBJECT], "s");
    FIELDS(&p, want);
    oidc_principal_free(&p);
    p = must_make("ci.example.com", "{'sub':'s','n':'','x':'\xc3\xa9 b'}");
    assert_string_equal(p.san, "https://ci.example/default");
    assert_null(p.field[IDENTITY_BUILD_TRIGGER]); /* an empty claim beats nothing */
    assert_string_equal(p.field[IDENTITY_BUILD_SIGNER_URI], "https://ci.example/\xc3\xa9 b");
    oidc_principal_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_in_github_type),
        cmocka_unit_test(the_built_in_gitlab_type),
        cmocka_unit_test(the_built_in_codefresh_type),
        cmocka_unit_test(missing_claims_are_named),
        cmocka_unit_test(the_public_good_providers),
        cmocka_unit_test(no_claim_moves_the_host_of_the_examples),
        cmocka_unit_test(providers_take_claims_before_defaults),
    };
    return cmocka_run_group_tests(tests, load_list, drop_list);
}

#include <stdio.h>
#include <string.h>

#include "oidc/principal/types.h"
#include "oidc/trust/provider.h"

/* Built-in types: Fulcio's deprecated hard-coded CI issuers, as data. */
struct builtin {
    const char *const *required; /* string claims */
    const char *const *defaults; /* key, value, … */
    const char *san;
    const char *field[IDENTITY_FIELD_COUNT];
};

struct lookup {
    const json_t *claims;
    const struct oidc_provider *provider; /* or NULL */
    const char *const *defaults;          /* or NULL */
};

/* Claims of any scalar type become text; null, lists and objects do not make an identity. */
static int stringify(const json_t *v, const char *key, struct buf *out, struct err *e)
{
    if (json_is_string(v))
        buf_puts(out, json_string_value(v));
    else if (json_is_integer(v))
        buf_printf(out, "%lld", (long long)json_integer_value(v));
    else if (json_is_boolean(v))
        buf_puts(out, json_is_true(v) ? "true" : "false");
    else
        return err_set(e, "claim '%.100s' is not a string, integer or boolean", key);
    return 0;
}

static int find(void *arg, const char *key, struct buf *out, struct err *e)
{
    const struct lookup *l = arg;
    const json_t *v = json_object_get(l->claims, key);
    if (v != NULL)
        return stringify(v, key, out, e);
    const char *text = l->provider != NULL ? oidc_provider_default_of(l->provider, key) : NULL;
    for (size_t i = 0; l->defaults != NULL && l->defaults[i] != NULL; i += 2) {
        if (strcmp(l->defaults[i], key) == 0)
            text = l->defaults[i + 1];
    }
    if (text == NULL)
        return 1;
    buf_puts(out, text);
    return 0;
}

static int eval(const struct template *t, struct lookup *l, struct buf *out, struct err *e)
{
    buf_reset(out);
    return template_eval(t, find, l, out, e);
}

static int fill(const struct template *san, struct template *const *field, struct lookup *l,
                const json_t *claims, struct oidc_principal *p, struct err *e)
{
    struct buf out = {0};
    int rc = 0;
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT && rc == 0; i++) {
        if (field[i] == NULL)
            continue;
        rc = eval(field[i], l, &out, e);
        if (rc == 0 && out.len > 0)
            rc = principal_set(&p->field[i], buf_str(&out), identity_table[i].label, e);
        if (rc != 0)
            err_wrap(e, "%s", identity_table[i].label);
    }
    if (rc == 0)
        rc = eval(san, l, &out, e);
    if (rc == 0)
        rc = principal_set_uri(p, buf_str(&out), e);
    const char *sub = rc == 0 ? principal_claim(claims, "sub", e) : NULL;
    rc = sub != NULL ? principal_set(&p->challenge, sub, "sub", e) : -1;
    buf_free(&out);
    return rc;
}

int principal_ci(const struct oidc_issuer *issuer, const json_t *claims, struct oidc_principal *p,
                 struct err *e)
{
    struct lookup l = {claims, issuer->provider, NULL};
    return fill(issuer->provider->san, issuer->provider->field, &l, claims, p, e);
}

int principal_builtin_ci(const struct oidc_issuer *issuer, const json_t *claims,
                         struct oidc_principal *p, struct err *e)
{
    const struct builtin *b = issuer->type->data;
    struct lookup l = {claims, NULL, b->defaults};
    struct template *field[IDENTITY_FIELD_COUNT] = {0};
    struct template *san = template_compile(b->san, e);
    int rc = san != NULL ? 0 : -1;
    for (size_t i = 0; b->required[i] != NULL && rc == 0; i++)
        rc = principal_claim(claims, b->required[i], e) != NULL ? 0 : -1;
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT && rc == 0; i++) {
        field[i] = b->field[i] != NULL ? template_compile(b->field[i], e) : NULL;
        rc = b->field[i] != NULL && field[i] == NULL ? -1 : 0;
    }
    if (rc == 0)
        rc = fill(san, field, &l, claims, p, e);
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++)
        template_free(field[i]);
    template_free(san);
    return rc;
}

static const char *const github_required[] = {
    "job_workflow_ref", "sha", "event_name", "repository", "workflow", "ref", "job_workflow_sha",
    "runner_environment", "repository_id", "repository_owner", "repository_owner_id",
    "repository_visibility", "workflow_ref", "workflow_sha", "run_id", "run_attempt", NULL};
static const char *const github_defaults[] = {"url", "https://github.com", NULL};
const struct builtin builtin_github = {
    github_required,
    github_defaults,
    "{{ .url }}/{{ .job_workflow_ref }}",
    {
        [IDENTITY_GITHUB_TRIGGER] = "event_name",
        [IDENTITY_GITHUB_SHA] = "sha",
        [IDENTITY_GITHUB_NAME] = "workflow",
        [IDENTITY_GITHUB_REPOSITORY] = "repository",
        [IDENTITY_GITHUB_REF] = "ref",
        [IDENTITY_BUILD_SIGNER_URI] = "{{ .url }}/{{ .job_workflow_ref }}",
        [IDENTITY_BUILD_SIGNER_DIGEST] = "job_workflow_sha",
        [IDENTITY_RUNNER_ENVIRONMENT] = "runner_environment",
        [IDENTITY_SOURCE_URI] = "{{ .url }}/{{ .repository }}",
        [IDENTITY_SOURCE_DIGEST] = "sha",
        [IDENTITY_SOURCE_REF] = "ref",
        [IDENTITY_SOURCE_ID] = "repository_id",
        [IDENTITY_SOURCE_OWNER_URI] = "{{ .url }}/{{ .repository_owner }}",
        [IDENTITY_SOURCE_OWNER_ID] = "repository_owner_id",
        [IDENTITY_BUILD_CONFIG_URI] = "{{ .url }}/{{ .workflow_ref }}",
        [IDENTITY_BUILD_CONFIG_DIGEST] = "workflow_sha",
        [IDENTITY_BUILD_TRIGGER] = "event_name",
        [IDENTITY_RUN_INVOCATION_URI] =
            "{{ .url }}/{{ .repository }}/actions/runs/{{ .run_id }}/attempts/{{ .run_attempt }}",
        [IDENTITY_SOURCE_VISIBILITY] = "repository_visibility",
    },
};

static const char *const gitlab_required[] = {
    "project_path", "pipeline_source", "pipeline_id", "ci_config_ref_uri", "job_id", "ref",
    "ref_type", "namespace_path", "namespace_id", "project_id", "sha", "runner_environment", NULL};
static const char *const gitlab_defaults[] = {"url", "https://gitlab.com", NULL};
const struct builtin builtin_gitlab = {
    gitlab_required,
    gitlab_defaults,
    "https://{{ .ci_config_ref_uri }}",
    {
        [IDENTITY_BUILD_SIGNER_URI] = "https://{{ .ci_config_ref_uri }}",
        [IDENTITY_BUILD_SIGNER_DIGEST] = "{{ index . \"ci_config_sha\" }}",
        [IDENTITY_RUNNER_ENVIRONMENT] = "runner_environment",
        [IDENTITY_SOURCE_URI] = "{{ .url }}/{{ .project_path }}",
        [IDENTITY_SOURCE_DIGEST] = "sha",
        [IDENTITY_SOURCE_REF] =
            "refs/{{ if eq .ref_type \"branch\" }}heads/{{ else }}tags/{{ end }}{{ .ref }}",
        [IDENTITY_SOURCE_ID] = "project_id",
        [IDENTITY_SOURCE_OWNER_URI] = "{{ .url }}/{{ .namespace_path }}",
        [IDENTITY_SOURCE_OWNER_ID] = "namespace_id",
        [IDENTITY_BUILD_CONFIG_URI] = "https://{{ .ci_config_ref_uri }}",
        [IDENTITY_BUILD_CONFIG_DIGEST] = "{{ index . \"ci_config_sha\" }}",
        [IDENTITY_BUILD_TRIGGER] = "pipeline_source",
        [IDENTITY_RUN_INVOCATION_URI] = "{{ .url }}/{{ .project_path }}/-/jobs/{{ .job_id }}",
        [IDENTITY_SOURCE_VISIBILITY] = "{{ index . \"project_visibility\" }}",
    },
};

static const char *const codefresh_required[] = {"account_id", "pipeline_id", "workflow_id",
                                                 "account_name", "pipeline_name", NULL};
static const char *const codefresh_defaults[] = {"platform_url", "https://g.codefresh.io", NULL};
const struct builtin builtin_codefresh = {
    codefresh_required,
    codefresh_defaults,
    "{{ .platform_url }}/{{ .account_name }}/{{ .pipeline_name }}:{{ .account_id }}/"
    "{{ .pipeline_id }}",
    {
        [IDENTITY_BUILD_SIGNER_URI] = "{{ .platform_url }}/build/{{ .workflow_id }}",
        [IDENTITY_RUNNER_ENVIRONMENT] = "{{ index . \"runner_environment\" }}",
        [IDENTITY_SOURCE_URI] = "{{ index . \"scm_repo_url\" }}",
        [IDENTITY_SOURCE_REF] = "{{ index . \"scm_ref\" }}",
        [IDENTITY_BUILD_CONFIG_URI] = "{{ .platform_url }}/api/pipelines/{{ .pipeline_id }}",
        [IDENTITY_RUN_INVOCATION_URI] = "{{ .platform_url }}/build/{{ .workflow_id }}",
    },
};

static const char *const buildkite_required[] = {"organization_slug", "pipeline_slug", NULL};
const struct builtin builtin_buildkite = {
    buildkite_required,
    NULL,
    "https://buildkite.com/{{ .organization_slug }}/{{ .pipeline_slug }}",
    {0},
};

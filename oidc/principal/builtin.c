#include "oidc/principal/builtin.h"

#include <stddef.h>

static const struct oidc_claim_rule github_rules[] = {
    {CLAIM_NEEDED, "job_workflow_ref"},
    {CLAIM_NEEDED, "sha"},
    {CLAIM_NEEDED, "event_name"},
    {CLAIM_NEEDED, "repository"},
    {CLAIM_NEEDED, "workflow"},
    {CLAIM_NEEDED, "ref"},
    {CLAIM_NEEDED, "job_workflow_sha"},
    {CLAIM_NEEDED, "runner_environment"},
    {CLAIM_NEEDED, "repository_id"},
    {CLAIM_NEEDED, "repository_owner"},
    {CLAIM_NEEDED, "repository_owner_id"},
    {CLAIM_NEEDED, "repository_visibility"},
    {CLAIM_NEEDED, "workflow_ref"},
    {CLAIM_NEEDED, "workflow_sha"},
    {CLAIM_NEEDED, "run_id"},
    {CLAIM_NEEDED, "run_attempt"},
    {CLAIM_END, NULL},
};

#define GITHUB "https://github.com/"

static const struct oidc_builtin_field github_fields[] = {
    {"event_name", IDENTITY_GITHUB_TRIGGER, URL_VERBATIM},
    {"sha", IDENTITY_GITHUB_SHA, URL_VERBATIM},
    {"workflow", IDENTITY_GITHUB_NAME, URL_VERBATIM},
    {"repository", IDENTITY_GITHUB_REPOSITORY, URL_VERBATIM},
    {"ref", IDENTITY_GITHUB_REF, URL_VERBATIM},
    {GITHUB "{{ .job_workflow_ref }}", IDENTITY_BUILD_SIGNER_URI, URL_JOINED},
    {"job_workflow_sha", IDENTITY_BUILD_SIGNER_DIGEST, URL_VERBATIM},
    {"runner_environment", IDENTITY_RUNNER_ENVIRONMENT, URL_VERBATIM},
    {GITHUB "{{ .repository }}", IDENTITY_SOURCE_URI, URL_JOINED},
    {"sha", IDENTITY_SOURCE_DIGEST, URL_VERBATIM},
    {"ref", IDENTITY_SOURCE_REF, URL_VERBATIM},
    {"repository_id", IDENTITY_SOURCE_ID, URL_VERBATIM},
    {GITHUB "{{ .repository_owner }}", IDENTITY_SOURCE_OWNER_URI, URL_JOINED},
    {"repository_owner_id", IDENTITY_SOURCE_OWNER_ID, URL_VERBATIM},
    {GITHUB "{{ .workflow_ref }}", IDENTITY_BUILD_CONFIG_URI, URL_JOINED},
    {"workflow_sha", IDENTITY_BUILD_CONFIG_DIGEST, URL_VERBATIM},
    {"event_name", IDENTITY_BUILD_TRIGGER, URL_VERBATIM},
    {GITHUB "{{ .repository }}/actions/runs/{{ .run_id }}/attempts/{{ .run_attempt }}",
     IDENTITY_RUN_INVOCATION_URI, URL_JOINED},
    {"repository_visibility", IDENTITY_SOURCE_VISIBILITY, URL_VERBATIM},
    {NULL, 0, URL_VERBATIM},
};

const struct oidc_builtin oidc_builtin_github = {
    "github-workflow", github_rules, github_fields, URL_JOINED, GITHUB "{{ .job_workflow_ref }}",
};

static const struct oidc_claim_rule gitlab_rules[] = {
    {CLAIM_NEEDED, "project_path"},
    {CLAIM_NEEDED, "pipeline_source"},
    {CLAIM_NEEDED, "pipeline_id"},
    {CLAIM_NEEDED, "ci_config_ref_uri"},
    {CLAIM_NEEDED, "job_id"},
    {CLAIM_NEEDED, "ref"},
    {CLAIM_REF_TYPE, "ref_type"},
    {CLAIM_NEEDED, "namespace_path"},
    {CLAIM_NEEDED, "namespace_id"},
    {CLAIM_NEEDED, "project_id"},
    {CLAIM_NEEDED, "sha"},
    {CLAIM_NEEDED, "runner_environment"},
    {CLAIM_NUMBER, "runner_id"},
    {CLAIM_OPTIONAL, "ci_config_sha"},
    {CLAIM_OPTIONAL, "project_visibility"},
    {CLAIM_END, NULL},
};

#define GITLAB "https://gitlab.com/"
#define GITLAB_CONFIG "https://{{ .ci_config_ref_uri }}"

static const struct oidc_builtin_field gitlab_fields[] = {
    {GITLAB_CONFIG, IDENTITY_BUILD_SIGNER_URI, URL_PARSED},
    {"{{ index . \"ci_config_sha\" }}", IDENTITY_BUILD_SIGNER_DIGEST, URL_VERBATIM},
    {"runner_environment", IDENTITY_RUNNER_ENVIRONMENT, URL_VERBATIM},
    {GITLAB "{{ .project_path }}", IDENTITY_SOURCE_URI, URL_JOINED},
    {"sha", IDENTITY_SOURCE_DIGEST, URL_VERBATIM},
    {"refs/{{ if eq .ref_type \"branch\" }}heads{{ else }}tags{{ end }}/{{ .ref }}",
     IDENTITY_SOURCE_REF, URL_VERBATIM},
    {"project_id", IDENTITY_SOURCE_ID, URL_VERBATIM},
    {GITLAB "{{ .namespace_path }}", IDENTITY_SOURCE_OWNER_URI, URL_JOINED},
    {"namespace_id", IDENTITY_SOURCE_OWNER_ID, URL_VERBATIM},
    {GITLAB_CONFIG, IDENTITY_BUILD_CONFIG_URI, URL_PARSED},
    {"{{ index . \"ci_config_sha\" }}", IDENTITY_BUILD_CONFIG_DIGEST, URL_VERBATIM},
    {"pipeline_source", IDENTITY_BUILD_TRIGGER, URL_VERBATIM},
    {GITLAB "{{ .project_path }}/-/jobs/{{ .job_id }}", IDENTITY_RUN_INVOCATION_URI, URL_JOINED},
    {"{{ index . \"project_visibility\" }}", IDENTITY_SOURCE_VISIBILITY, URL_VERBATIM},
    {NULL, 0, URL_VERBATIM},
};

const struct oidc_builtin oidc_builtin_gitlab = {
    "gitlab-pipeline", gitlab_rules, gitlab_fields, URL_PARSED, GITLAB_CONFIG,
};

static const struct oidc_claim_rule codefresh_rules[] = {
    {CLAIM_NEEDED, "account_id"},           {CLAIM_NEEDED, "pipeline_id"},
    {CLAIM_NEEDED, "workflow_id"},          {CLAIM_OPTIONAL, "account_name"},
    {CLAIM_OPTIONAL, "pipeline_name"},      {CLAIM_OPTIONAL, "platform_url"},
    {CLAIM_OPTIONAL, "scm_repo_url"},       {CLAIM_OPTIONAL, "scm_ref"},
    {CLAIM_OPTIONAL, "runner_environment"}, {CLAIM_END, NULL},
};

/* An empty platform_url counts as absent; names of an account and a pipeline may be empty. */
#define CODEFRESH \
    "{{ if eq (index . \"platform_url\") \"\" }}https://g.codefresh.io{{ else }}" \
    "{{ .platform_url }}{{ end }}/"

static const struct oidc_builtin_field codefresh_fields[] = {
    {CODEFRESH "build/{{ .workflow_id }}", IDENTITY_BUILD_SIGNER_URI, URL_JOINED_GAPS},
    {"{{ index . \"runner_environment\" }}", IDENTITY_RUNNER_ENVIRONMENT, URL_VERBATIM},
    {"{{ index . \"scm_repo_url\" }}", IDENTITY_SOURCE_URI, URL_VERBATIM},
    {"{{ index . \"scm_ref\" }}", IDENTITY_SOURCE_REF, URL_VERBATIM},
    {CODEFRESH "api/pipelines/{{ .pipeline_id }}", IDENTITY_BUILD_CONFIG_URI, URL_JOINED_GAPS},
    {CODEFRESH "build/{{ .workflow_id }}", IDENTITY_RUN_INVOCATION_URI, URL_JOINED_GAPS},
    {NULL, 0, URL_VERBATIM},
};

const struct oidc_builtin oidc_builtin_codefresh = {
    "codefresh-workflow",
    codefresh_rules,
    codefresh_fields,
    URL_JOINED_GAPS,
    CODEFRESH "{{ index . \"account_name\" }}/{{ index . \"pipeline_name\" }}:{{ .account_id }}/"
              "{{ .pipeline_id }}",
};

static const struct oidc_claim_rule buildkite_rules[] = {
    {CLAIM_NEEDED, "organization_slug"},
    {CLAIM_NEEDED, "pipeline_slug"},
    {CLAIM_END, NULL},
};

static const struct oidc_builtin_field buildkite_fields[] = {{NULL, 0, URL_VERBATIM}};

const struct oidc_builtin oidc_builtin_buildkite = {
    "buildkite-job",
    buildkite_rules,
    buildkite_fields,
    URL_PARSED,
    "https://buildkite.com/{{ .organization_slug }}/{{ .pipeline_slug }}",
};

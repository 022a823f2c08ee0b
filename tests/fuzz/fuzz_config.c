/* The issuer list; what loads must also find issuers and make principals without fault. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oidc/principal/principal.h"
#include "oidc/trust/trust.h"

/* A claim for each name that the built-in types and the corpus use. */
static json_t *claims_for(const char *iss)
{
    static const char *const names[] = {
        "sub",
        "email",
        "job_workflow_ref",
        "sha",
        "event_name",
        "repository",
        "workflow",
        "ref",
        "job_workflow_sha",
        "runner_environment",
        "repository_id",
        "repository_owner",
        "repository_owner_id",
        "repository_visibility",
        "workflow_ref",
        "workflow_sha",
        "run_id",
        "run_attempt",
        "project_path",
        "pipeline_source",
        "pipeline_id",
        "ci_config_ref_uri",
        "job_id",
        "namespace_path",
        "namespace_id",
        "project_id",
        "account_id",
        "workflow_id",
        "organization_slug",
        "pipeline_slug",
        "a",
        "b",
    };
    json_t *v = json_object();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        json_object_set_new(v, names[i], json_string("a/../b%41 \xc3\xa9"));
    json_object_set_new(v, "iss", json_string(iss));
    json_object_set_new(v, "ref_type", json_string("tag"));
    json_object_set_new(v, "runner_id", json_integer(1));
    json_object_set_new(v, "email", json_string("a@b.co"));
    json_object_set_new(v, "email_verified", json_true());
    return v;
}

static void use(const struct oidc_trust *t)
{
    for (size_t i = 0; i < oidc_trust_count(t) && i < 8; i++) {
        const struct oidc_issuer *issuer = oidc_trust_at(t, i);
        const struct oidc_issuer *found = oidc_trust_find(t, issuer->url, strlen(issuer->url));
        if (!issuer->wildcard && (found == NULL || strcmp(found->url, issuer->url) != 0))
            abort();
        struct oidc_principal p;
        struct tm_err e = {0};
        json_t *claims = claims_for(issuer->url);
        if (oidc_principal_from_claims(issuer, claims, &p, &e) == 0) {
            if (p.san == NULL || p.san[0] == '\0' || p.challenge == NULL)
                abort();
            oidc_principal_free(&p);
        }
        json_decref(claims);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct oidc_trust *t = NULL;
    if (oidc_trust_parse("fuzz", (const char *)data, size, &t, &e) == 0) {
        use(t);
        oidc_trust_unref(t);
    } else if (strncmp(e.text, "fuzz:", 5) != 0 && strcmp(e.text, "out of memory") != 0) {
        abort(); /* an error always names the file */
    }
    return 0;
}

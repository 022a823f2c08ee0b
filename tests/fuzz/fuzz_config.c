/* The issuer list; what loads must also find issuers, match rules, make principals, be described
 * and edited without fault, and differ from itself in nothing. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oidc/principal/principal.h"
#include "oidc/trust/diff.h"
#include "oidc/trust/edit.h"
#include "oidc/trust/rules.h"
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
        if (!oidc_rules_allow(issuer->allow, claims, &e) && e.text[0] == '\0')
            abort();
        if (oidc_principal_from_claims(issuer, claims, &p, &e) == 0) {
            if (p.san == NULL || p.san[0] == '\0' || p.challenge == NULL)
                abort();
            oidc_principal_free(&p);
        }
        json_decref(claims);
    }
}

static void no_change(void *arg, const struct oidc_trust_change *c)
{
    (void)arg;
    (void)c;
    abort();
}

/* An edit that is made has been read back by the editor; one that is not made says why. */
static void edit(const struct oidc_trust *t, const uint8_t *data, size_t size)
{
    const struct oidc_list_text list = {"fuzz", (const char *)data, size};
    const char *url = oidc_trust_at(t, oidc_trust_count(t) - 1)->url;
    const struct oidc_new_issuer added = {
        .url = "https://added.example.com",
        .wildcard = size % 2 == 1,
        .key = {{"client-id", "s", false}, {"type", "email", false}},
        .key_count = 2,
        .rule = {{"a", "b*"}},
        .rule_count = 1};
    for (int what = 0; what < 4; what++) {
        struct tm_buf out = {0};
        struct tm_err e = {0};
        int rc = what == 0   ? oidc_edit_add(&list, &added, &out, &e)
                 : what == 1 ? oidc_edit_remove(&list, url, &out, &e)
                             : oidc_edit_disable(&list, url, what == 2, &out, &e);
        if (rc != 0 && e.text[0] == '\0')
            abort();
        tm_buf_free(&out);
    }
    if (oidc_trust_diff(t, t, no_change, NULL) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct oidc_trust *t = NULL;
    if (oidc_trust_parse("fuzz", (const char *)data, size, &t, &e) == 0) {
        use(t);
        edit(t, data, size);
        oidc_trust_unref(t);
    } else if (strncmp(e.text, "fuzz:", 5) != 0 && strcmp(e.text, "out of memory") != 0) {
        abort(); /* an error always names the file */
    }
    return 0;
}

/* A trust list with every issuer type, and principals from claims in JSON. For the tests of
 * oidc/principal. */
#pragma once

#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/strictjson.h"
#include "oidc/principal/principal.h"
#include "oidc/trust/trust.h"

#define EXACT(host, rest) \
    "  https://" host ": {issuer-url: https://" host ", client-id: c, " rest "}\n"

static const char list[] = "oidc-issuers:\n" EXACT("email.example.com", "type: email") EXACT(
    "skip.example.com", "type: email, skip-email-verification: true")
    EXACT("dex.example.com", "type: email, issuer-claim: $.federated_claims.connector_id") EXACT(
        "dex2.example.com", "type: email, issuer-claim: '$[\"a b\"].c'")
        EXACT("spiffe.example.com", "type: spiffe, spiffe-trust-domain: foo.test") EXACT(
            "uri.example.com", "type: uri, subject-domain: https://users.example.com")
            EXACT("user.example.com", "type: username, subject-domain: example.com") EXACT(
                "kube.example.com", "type: kubernetes") EXACT("chain.example.com/",
                                                              "type: chainguard-identity")
                EXACT("github.example.com", "type: github-workflow") EXACT(
                    "gitlab.example.com", "type: gitlab-pipeline") EXACT("codefresh.example.com",
                                                                         "type: codefresh-workflow")
                    EXACT("buildkite.example.com", "type: buildkite-job") EXACT(
                        "ci.example.com",
                        "type: ci-provider, ci-provider: ci") "ci-issuer-metadata:\n  ci:\n"
                                                              "    "
                                                              "subject-alternative-name-template: "
                                                              "\"{{ .url }}/{{ .path }}\"\n"
                                                              "    default-template-values: {url: "
                                                              "'https://ci.example', opt: '', "
                                                              "path: default}\n"
                                                              "    extension-templates: "
                                                              "{build-trigger: n, "
                                                              "deployment-environment: opt,\n"
                                                              "      build-signer-uri: '{{ .url "
                                                              "}}/{{ index . \"x\" }}', issuer: "
                                                              "path, subject: path,\n"
                                                              "      runner-environment: ''}\n";

static struct oidc_trust *trust;

static inline int load_list(void **state)
{
    (void)state;
    struct tm_err e = {0};
    if (oidc_trust_parse("list", list, strlen(list), &trust, &e) == 0)
        return 0;
    print_error("%s\n", e.text);
    return -1;
}

static inline int drop_list(void **state)
{
    (void)state;
    oidc_trust_unref(trust);
    return 0;
}

/* `claims` in JSON with ' for "; iss is added. */
static inline json_t *claims_of(const char *host, const char *claims)
{
    struct tm_err e = {0};
    json_t *v = NULL;
    char *text = strdup(claims);
    assert_non_null(text);
    for (char *s = text; *s != '\0'; s++)
        *s = *s == '\'' ? '"' : *s;
    v = tm_strictjson_parse_wide(text, strlen(text), 1 << 20, &e);
    if (v == NULL)
        fail_msg("%s: %s", e.text, text);
    free(text);
    json_object_set_new(v, "iss", json_sprintf("https://%s", host));
    return v;
}

static inline int make_json(const char *host, const json_t *v, struct oidc_principal *p,
                            struct tm_err *e)
{
    const char *iss = json_string_value(json_object_get(v, "iss"));
    const struct oidc_issuer *i = oidc_trust_find(trust, iss, strlen(iss));
    if (i == NULL)
        fail_msg("no issuer %s", host);
    return oidc_principal_from_claims(i, v, p, e);
}

static inline int make(const char *host, const char *claims, struct oidc_principal *p,
                       struct tm_err *e)
{
    json_t *v = claims_of(host, claims);
    int rc = make_json(host, v, p, e);
    json_decref(v);
    return rc;
}

static inline struct oidc_principal must_make(const char *host, const char *claims)
{
    struct tm_err e = {0};
    struct oidc_principal p;
    if (make(host, claims, &p, &e) != 0)
        fail_msg("%s: %s", host, e.text);
    return p;
}

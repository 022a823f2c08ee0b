#include "oidc/principal/types.h"

#include <string.h>

#include "common/nearest.h"
#include "oidc/principal/builtin.h"

#define EMAIL_KEYS (TAKES_ISSUER_CLAIM | TAKES_SKIP_EMAIL)

static const struct oidc_type types[] = {
    {"email", "email", EMAIL_KEYS, NULL, oidc_make_email, NULL},
    {"spiffe", "sub", TAKES_TRUST_DOMAIN, oidc_check_spiffe, oidc_make_spiffe, NULL},
    {"uri", "sub", TAKES_SUBJECT_DOMAIN, oidc_check_uri, oidc_make_uri, NULL},
    {"username", "sub", TAKES_SUBJECT_DOMAIN, oidc_check_username, oidc_make_username, NULL},
    {"kubernetes", "sub", 0, NULL, oidc_make_kubernetes, NULL},
    {"chainguard-identity", "sub", 0, NULL, oidc_make_chainguard, NULL},
    {"ci-provider", "sub", TAKES_CI_PROVIDER, NULL, oidc_make_ci, NULL},
    {"github-workflow", "sub", 0, NULL, oidc_make_ci, &oidc_builtin_github},
    {"gitlab-pipeline", "sub", 0, NULL, oidc_make_ci, &oidc_builtin_gitlab},
    {"codefresh-workflow", "sub", 0, NULL, oidc_make_ci, &oidc_builtin_codefresh},
    {"buildkite-job", "sub", 0, NULL, oidc_make_ci, &oidc_builtin_buildkite},
};

const struct oidc_type *oidc_type_find(const char *name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    return NULL;
}

const char *oidc_type_name(size_t i)
{
    return i < sizeof(types) / sizeof(types[0]) ? types[i].name : NULL;
}

const char *oidc_type_near(const char *name)
{
    struct tm_nearest near;
    tm_nearest_init(&near, name);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        tm_nearest_try(&near, types[i].name);
    return near.best;
}

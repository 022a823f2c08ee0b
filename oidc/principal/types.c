#include "oidc/principal/types.h"

#include <string.h>

#include "common/nearest.h"
#include "oidc/principal/builtin.h"

#define EMAIL_KEYS (TAKES_ISSUER_CLAIM | TAKES_SKIP_EMAIL)

static const struct oidc_type types[] = {
    {"email", "email", EMAIL_KEYS, NULL, make_email, NULL},
    {"spiffe", "sub", TAKES_TRUST_DOMAIN, check_spiffe, make_spiffe, NULL},
    {"uri", "sub", TAKES_SUBJECT_DOMAIN, check_uri, make_uri, NULL},
    {"username", "sub", TAKES_SUBJECT_DOMAIN, check_username, make_username, NULL},
    {"kubernetes", "sub", 0, NULL, make_kubernetes, NULL},
    {"chainguard-identity", "sub", 0, NULL, make_chainguard, NULL},
    {"ci-provider", "sub", TAKES_CI_PROVIDER, NULL, make_ci, NULL},
    {"github-workflow", "sub", 0, NULL, make_ci, &builtin_github},
    {"gitlab-pipeline", "sub", 0, NULL, make_ci, &builtin_gitlab},
    {"codefresh-workflow", "sub", 0, NULL, make_ci, &builtin_codefresh},
    {"buildkite-job", "sub", 0, NULL, make_ci, &builtin_buildkite},
};

const struct oidc_type *oidc_type_find(const char *name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    return NULL;
}

const char *oidc_type_near(const char *name)
{
    struct nearest near;
    nearest_init(&near, name);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        nearest_try(&near, types[i].name);
    return near.best;
}

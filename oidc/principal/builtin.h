/*
 * CI types whose templates come with the program: Fulcio's deprecated hard-coded ones, as data.
 * They are compiled when an issuer list that uses them loads.
 */
#pragma once

#include "common/identity.h"
#include "oidc/principal/url.h"

enum oidc_claim_kind {
    CLAIM_END,
    CLAIM_NEEDED,   /* a non-empty string */
    CLAIM_OPTIONAL, /* a string, when it is there */
    CLAIM_NUMBER,   /* a number other than 0 */
    CLAIM_REF_TYPE, /* "branch" or "tag" */
};

struct oidc_claim_rule {
    enum oidc_claim_kind kind;
    const char *name;
};

struct oidc_builtin_field {
    const char *source; /* a template; NULL ends the list */
    enum tm_identity_field field;
    enum oidc_url_form form;
};

struct oidc_builtin {
    const char *name;
    const struct oidc_claim_rule *rules;
    const struct oidc_builtin_field *fields;
    enum oidc_url_form san_form;
    const char *san;
};

extern const struct oidc_builtin oidc_builtin_github, oidc_builtin_gitlab, oidc_builtin_codefresh,
    oidc_builtin_buildkite;

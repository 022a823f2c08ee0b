/*
 * CI types whose templates come with the program: Fulcio's deprecated hard-coded ones, as data.
 * They are compiled when an issuer list that uses them loads.
 */
#ifndef TENMINT_OIDC_BUILTIN_H
#define TENMINT_OIDC_BUILTIN_H

#include "common/identity.h"
#include "oidc/principal/url.h"

enum claim_kind {
    CLAIM_END,
    CLAIM_NEEDED,   /* a non-empty string */
    CLAIM_OPTIONAL, /* a string, when it is there */
    CLAIM_NUMBER,   /* an integer other than 0 */
    CLAIM_REF_TYPE, /* "branch" or "tag" */
};

struct claim_rule {
    enum claim_kind kind;
    const char *name;
};

struct builtin_field {
    const char *source; /* a template; NULL ends the list */
    enum identity_field field;
    enum url_form form;
};

struct builtin {
    const char *name;
    const struct claim_rule *rules;
    const struct builtin_field *fields;
    enum url_form san_form;
    const char *san;
};

extern const struct builtin builtin_github, builtin_gitlab, builtin_codefresh, builtin_buildkite;

#endif

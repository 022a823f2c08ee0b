/*
 * The issuer types by one table: a new kind of issuer is one row, a check and a function; a new
 * CI provider is configuration only.
 */
#pragma once

#include "oidc/principal/principal.h"
#include "oidc/principal/url.h"

/* Keys of an issuer that mean something for some types only. */
enum {
    TAKES_ISSUER_CLAIM = 1,
    TAKES_SUBJECT_DOMAIN = 2,
    TAKES_TRUST_DOMAIN = 4,
    TAKES_SKIP_EMAIL = 8,
    TAKES_CI_PROVIDER = 16,
};

struct oidc_builtin; /* templates that come with the type: oidc/principal/builtin.h */

struct oidc_type {
    const char *name;
    const char *challenge; /* the claim that the client signs, as /api/v2/configuration says */
    unsigned takes;
    /* The issuer's own keys, when the list loads; NULL: nothing to check. */
    int (*check)(const struct oidc_issuer *issuer, struct tm_err *e);
    /* Sets SAN, challenge and extensions; iss and sub are set already. */
    int (*make)(const struct oidc_issuer *issuer, const json_t *claims, struct oidc_principal *p,
                struct tm_err *e);
    const struct oidc_builtin *builtin; /* or NULL */
};

const struct oidc_type *oidc_type_find(const char *name); /* NULL: unknown */
const char *oidc_type_name(size_t i);                     /* NULL behind the last */
const char *oidc_type_near(const char *name);             /* what may be meant, or NULL */

/* Checks at load: oidc/principal/checks.c. Texts are upstream's. */
int oidc_check_spiffe(const struct oidc_issuer *issuer, struct tm_err *e);
int oidc_check_uri(const struct oidc_issuer *issuer, struct tm_err *e);
int oidc_check_username(const struct oidc_issuer *issuer, struct tm_err *e);

/* One maker for each kind of subject: oidc/principal/subjects.c, ci.c. */
#define MAKER(name) \
    int name(const struct oidc_issuer *issuer, const json_t *claims, struct oidc_principal *p, \
             struct tm_err *e)
MAKER(oidc_make_email);
MAKER(oidc_make_spiffe);
MAKER(oidc_make_uri);
MAKER(oidc_make_username);
MAKER(oidc_make_kubernetes);
MAKER(oidc_make_chainguard);
MAKER(oidc_make_ci);

/* Sets *to to a copy of `text`, checked: UTF-8 without control characters, 1 to OIDC_VALUE_MAX
 * bytes. `what` names it in the message. */
int oidc_principal_set(char **to, const char *text, const char *what, struct tm_err *e);

/* The SAN as a URL in `form`. */
int oidc_principal_set_uri(struct oidc_principal *p, const char *uri, enum oidc_url_form form,
                           struct tm_err *e);

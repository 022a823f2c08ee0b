/*
 * The issuer types by one table: a new kind of issuer is one row and one function; a new CI
 * provider is configuration only.
 */
#ifndef TENMINT_OIDC_TYPES_H
#define TENMINT_OIDC_TYPES_H

#include "oidc/principal/principal.h"

struct oidc_type {
    const char *name;
    /* Sets SAN, challenge and extensions; issuer and subject are set already. */
    int (*make)(const struct oidc_issuer *issuer, const json_t *claims, struct oidc_principal *p,
                struct err *e);
    const void *data; /* struct builtin * for the built-in CI types */
};

const struct oidc_type *oidc_type_find(const char *name);

/* Sets *to to a copy of `text`, checked: UTF-8 without control bytes, at most OIDC_VALUE_MAX. */
int principal_set(char **to, const char *text, const char *what, struct err *e);

/* A required, non-empty string claim; NULL with `e` set. */
const char *principal_claim(const json_t *claims, const char *name, struct err *e);

/* As principal_set with the SAN percent-encoded the way Go's URL type prints it. */
int principal_set_uri(struct oidc_principal *p, const char *uri, struct err *e);

bool principal_is_email(const char *text);

/* oidc/principal/ci.c */
int principal_ci(const struct oidc_issuer *issuer, const json_t *claims, struct oidc_principal *p,
                 struct err *e);
int principal_builtin_ci(const struct oidc_issuer *issuer, const json_t *claims,
                         struct oidc_principal *p, struct err *e);
extern const struct builtin builtin_github, builtin_gitlab, builtin_codefresh, builtin_buildkite;

#endif

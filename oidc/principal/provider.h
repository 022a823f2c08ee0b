/*
 * A CI provider: templates for the SAN and each extension, and default values. It comes from
 * ci-issuer-metadata, or from a built-in type's table.
 */
#pragma once

#include "common/identity.h"
#include "oidc/principal/builtin.h"
#include "oidc/principal/template.h"

#define PROVIDER_DEFAULTS_MAX 64

struct oidc_provider_default {
    char *key;
    char *value;
};

struct oidc_provider {
    struct oidc_provider *next;
    char *name;
    const struct oidc_builtin *builtin; /* where it comes from, or NULL */
    struct oidc_provider_default *defaults;
    size_t default_count;
    struct oidc_template *san;
    enum oidc_url_form san_form;
    struct oidc_template *field[IDENTITY_FIELD_COUNT]; /* NULL: the extension is left out */
    enum oidc_url_form form[IDENTITY_FIELD_COUNT];
};

struct oidc_provider *oidc_provider_new(const char *name); /* NULL: out of memory */
struct oidc_provider *oidc_provider_new_builtin(const struct oidc_builtin *b, struct tm_err *e);
void oidc_provider_free(struct oidc_provider *p);

int oidc_provider_add_default(struct oidc_provider *p, const char *key, const char *value,
                              struct tm_err *e);

/* A template or a default value has this URL in it, as a whole or with a path after it. */
bool oidc_provider_names(const struct oidc_provider *p, const char *url);

/* Both make the same identity of the same claims. */
bool oidc_provider_same(const struct oidc_provider *a, const struct oidc_provider *b);

/* Borrowed; NULL: none. */
const char *oidc_provider_default(const struct oidc_provider *p, const char *key);

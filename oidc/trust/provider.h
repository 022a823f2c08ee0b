/*
 * A CI provider: templates for the SAN and each extension, and default values. It comes from
 * ci-issuer-metadata, or from a built-in type's table.
 */
#ifndef TENMINT_OIDC_PROVIDER_H
#define TENMINT_OIDC_PROVIDER_H

#include "common/identity.h"
#include "oidc/principal/builtin.h"
#include "oidc/trust/template.h"

#define PROVIDER_DEFAULTS_MAX 64

struct provider_default {
    char *key;
    char *value;
};

struct oidc_provider {
    struct oidc_provider *next;
    char *name;
    const struct builtin *builtin; /* where it comes from, or NULL */
    struct provider_default *defaults;
    size_t default_count;
    struct template *san;
    enum url_form san_form;
    struct template *field[IDENTITY_FIELD_COUNT]; /* NULL: the extension is left out */
    enum url_form form[IDENTITY_FIELD_COUNT];
};

struct oidc_provider *provider_new(const char *name); /* NULL: out of memory */
struct oidc_provider *provider_new_builtin(const struct builtin *b, struct err *e);
void provider_free(struct oidc_provider *p);

int provider_add_default(struct oidc_provider *p, const char *key, const char *value,
                         struct err *e);

/* Borrowed; NULL: none. */
const char *provider_default(const struct oidc_provider *p, const char *key);

#endif

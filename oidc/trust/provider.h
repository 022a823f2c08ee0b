/*
 * A CI provider: templates for the SAN and each extension, and default values.
 */
#ifndef TENMINT_OIDC_PROVIDER_H
#define TENMINT_OIDC_PROVIDER_H

#include "common/identity.h"
#include "oidc/trust/template.h"

#define PROVIDER_DEFAULTS_MAX 32

struct oidc_provider {
    struct oidc_provider *next;
    char *name;
    struct {
        char *key;
        char *value;
    } defaults[PROVIDER_DEFAULTS_MAX];
    size_t default_count;
    struct template *san;
    struct template *field[IDENTITY_FIELD_COUNT]; /* NULL: the extension is left out */
};

struct oidc_provider *oidc_provider_new(const char *name);
void oidc_provider_free(struct oidc_provider *p);
int oidc_provider_default(struct oidc_provider *p, const char *key, const char *value,
                          struct err *e);
const char *oidc_provider_default_of(const struct oidc_provider *p, const char *key);

#endif

#include "oidc/trust/provider.h"

#include <stdlib.h>
#include <string.h>

struct oidc_provider *oidc_provider_new(const char *name)
{
    struct oidc_provider *p = calloc(1, sizeof(*p));
    if (p != NULL && (p->name = strdup(name)) == NULL) {
        free(p);
        return NULL;
    }
    return p;
}

void oidc_provider_free(struct oidc_provider *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->default_count; i++) {
        free(p->defaults[i].key);
        free(p->defaults[i].value);
    }
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++)
        template_free(p->field[i]);
    template_free(p->san);
    free(p->name);
    free(p);
}

int oidc_provider_default(struct oidc_provider *p, const char *key, const char *value,
                          struct err *e)
{
    if (p->default_count == PROVIDER_DEFAULTS_MAX)
        return err_set(e, "more than %d default values", PROVIDER_DEFAULTS_MAX);
    size_t i = p->default_count++;
    p->defaults[i].key = strdup(key);
    p->defaults[i].value = strdup(value);
    return p->defaults[i].key != NULL && p->defaults[i].value != NULL ? 0
                                                                      : err_set(e, "out of memory");
}

const char *oidc_provider_default_of(const struct oidc_provider *p, const char *key)
{
    for (size_t i = 0; i < p->default_count; i++) {
        if (strcmp(p->defaults[i].key, key) == 0)
            return p->defaults[i].value;
    }
    return NULL;
}

#include "oidc/principal/provider.h"

#include "common/grow.h"

#include <stdlib.h>
#include <string.h>

struct oidc_provider *oidc_provider_new(const char *name)
{
    struct oidc_provider *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->san_form = URL_PARSED;
    p->name = strdup(name);
    if (p->name == NULL) {
        free(p);
        return NULL;
    }
    return p;
}

struct oidc_provider *oidc_provider_new_builtin(const struct oidc_builtin *b, struct tm_err *e)
{
    struct oidc_provider *p = oidc_provider_new(b->name);
    if (p == NULL)
        return tm_err_null(e, "out of memory");
    p->builtin = b;
    p->san_form = b->san_form;
    p->san = oidc_template_compile(b->san, e);
    bool good = p->san != NULL;
    for (const struct oidc_builtin_field *f = b->fields; f->source != NULL && good; f++) {
        p->form[f->field] = f->form;
        p->field[f->field] = oidc_template_compile(f->source, e);
        good = p->field[f->field] != NULL;
    }
    if (!good) {
        oidc_provider_free(p);
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
    free(p->defaults);
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++)
        oidc_template_free(p->field[i]);
    oidc_template_free(p->san);
    free(p->name);
    free(p);
}

int oidc_provider_add_default(struct oidc_provider *p, const char *key, const char *value,
                              struct tm_err *e)
{
    if (p->default_count == PROVIDER_DEFAULTS_MAX)
        return tm_err_set(e, "more than %d default values", PROVIDER_DEFAULTS_MAX);
    struct oidc_provider_default *d = tm_grow(&p->defaults, &p->default_count, sizeof(*d), e);
    if (d == NULL)
        return -1;
    d->key = strdup(key);
    d->value = strdup(value);
    return d->key != NULL && d->value != NULL ? 0 : tm_err_set(e, "out of memory");
}

const char *oidc_provider_default(const struct oidc_provider *p, const char *key)
{
    for (size_t i = 0; i < p->default_count; i++) {
        if (strcmp(p->defaults[i].key, key) == 0)
            return p->defaults[i].value;
    }
    return NULL;
}

bool oidc_provider_names(const struct oidc_provider *p, const char *url)
{
    bool named = p->san != NULL && oidc_template_names(p->san, url);
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT && !named; i++)
        named = p->field[i] != NULL && oidc_template_names(p->field[i], url);
    for (size_t i = 0; i < p->default_count && !named; i++)
        named = oidc_template_is_under(p->defaults[i].value, url);
    return named;
}

bool oidc_provider_same(const struct oidc_provider *a, const struct oidc_provider *b)
{
    bool same = a->default_count == b->default_count && a->san_form == b->san_form &&
                oidc_template_same(a->san, b->san);
    for (size_t i = 0; i < a->default_count && same; i++) {
        const char *other = oidc_provider_default(b, a->defaults[i].key);
        same = other != NULL && strcmp(a->defaults[i].value, other) == 0;
    }
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT && same; i++)
        same = a->form[i] == b->form[i] && oidc_template_same(a->field[i], b->field[i]);
    return same;
}

/*
 * CI jobs: SAN and extensions by the provider's templates over claims and default values.
 * Source of the rules: Fulcio pkg/identity/ciprovider/principal.go.
 */
#include <string.h>

#include "oidc/principal/builtin.h"
#include "oidc/token/claim.h"
#include "oidc/principal/types.h"
#include "oidc/principal/provider.h"

struct lookup {
    const json_t *claims;
    const struct oidc_provider *provider;
};

/* A claim, else a default value. */
static int find(void *arg, const char *key, struct tm_buf *out, struct tm_err *e)
{
    const struct lookup *l = arg;
    const json_t *v = oidc_claim_find(l->claims, key);
    if (v != NULL)
        return oidc_claim_text(v, key, out, e);
    const char *text = oidc_provider_default(l->provider, key);
    if (text == NULL)
        return 1;
    tm_buf_puts(out, text);
    return 0;
}

static int check_ref_type(const char *text, struct tm_err *e)
{
    if (text == NULL)
        return -1;
    return strcmp(text, "branch") == 0 || strcmp(text, "tag") == 0
               ? 0
               : tm_err_set(e, "claim 'ref_type' is neither branch nor tag");
}

static int check_claim(const struct oidc_claim_rule *rule, const json_t *claims, struct tm_err *e)
{
    const char *text = NULL;
    switch (rule->kind) {
    case CLAIM_NEEDED:
        return oidc_claim_required(claims, rule->name, e) != NULL ? 0 : -1;
    case CLAIM_OPTIONAL:
        return oidc_claim_optional(claims, rule->name, &text, e);
    case CLAIM_REF_TYPE:
        return check_ref_type(oidc_claim_required(claims, rule->name, e), e);
    case CLAIM_NUMBER:
        return oidc_claim_is_nonzero(claims, rule->name)
                   ? 0
                   : tm_err_set(e, "claim '%s' is missing, 0 or not a number", rule->name);
    case CLAIM_END:
        break;
    }
    return 0;
}

static int check_claims(const struct oidc_builtin *b, const json_t *claims, struct tm_err *e)
{
    for (size_t i = 0; b != NULL && b->rules[i].kind != CLAIM_END; i++) {
        if (check_claim(&b->rules[i], claims, e) != 0)
            return -1;
    }
    return 0;
}

/* The template's result in the form that the provider wants, into `out`. */
static int eval(const struct oidc_template *t, enum oidc_url_form form, struct lookup *l,
                struct tm_buf *out, struct tm_err *e)
{
    struct tm_buf plain = {0};
    tm_buf_reset(out);
    if (form == URL_VERBATIM)
        return oidc_template_eval(t, find, l, out, e);
    int rc = oidc_template_eval(t, find, l, &plain, e);
    const char *text = rc == 0 ? tm_buf_str(&plain) : NULL;
    if (text != NULL)
        rc = oidc_url_write_unique(text, form, out, e);
    else if (rc == 0)
        rc = tm_err_set(e, "out of memory");
    tm_buf_free(&plain);
    return rc;
}

static int set_fields(struct lookup *l, struct oidc_principal *p, struct tm_buf *out,
                      struct tm_err *e)
{
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++) {
        const struct oidc_template *t = l->provider->field[i];
        if (t == NULL)
            continue;
        int rc = eval(t, l->provider->form[i], l, out, e);
        if (rc == 0 && out->len > 0) /* an empty result leaves the extension out */
            rc = oidc_principal_set(&p->field[i], tm_buf_str(out), "the value", e);
        if (rc != 0)
            return tm_err_wrap(e, "%s", tm_identity_table[i].label);
    }
    return 0;
}

MAKER(oidc_make_ci)
{
    struct lookup l = {claims, issuer->provider};
    struct tm_buf out = {0};
    const char *sub = oidc_claim_required(claims, "sub", e);
    int rc = sub != NULL ? oidc_principal_set(&p->challenge, sub, "sub", e) : -1;
    if (rc == 0)
        rc = check_claims(issuer->type->builtin, claims, e);
    if (rc == 0)
        rc = set_fields(&l, p, &out, e);
    if (rc == 0) {
        rc = eval(issuer->provider->san, URL_VERBATIM, &l, &out, e);
        if (rc == 0)
            rc = oidc_principal_set_uri(p, tm_buf_str(&out), issuer->provider->san_form, e);
        if (rc != 0)
            tm_err_wrap(e, "Subject Alternative Name");
    }
    tm_buf_free(&out);
    return rc;
}

/*
 * The schema of the issuer list: one table for YAML and JSON. Source: Fulcio
 * pkg/config/config.go and pkg/certificate/extensions.go.
 */
#include <stdlib.h>
#include <string.h>

#include "common/yamldoc.h"
#include "oidc/trust/internal.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

typedef struct tm_yamldoc_key key_row;

static void *member(void *dest, const key_row *k)
{
    return (char *)dest + k->offset;
}

static int keep(struct tm_yamldoc *d, yaml_node_t *n, const char *text, char **out)
{
    if (text == NULL)
        return -1;
    if (text[0] == '\0') /* as if the key were not there */
        return 0;
    *out = strdup(text);
    return *out != NULL ? 0 : tm_yamldoc_fail(d, n, "out of memory");
}

static int read_text(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *dest)
{
    return keep(d, v, tm_yamldoc_text(d, v, TRUST_VALUE_MAX, YAMLDOC_PLAIN), member(dest, k));
}

static int read_pem(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *dest)
{
    return keep(d, v, tm_yamldoc_text(d, v, TRUST_CA_CERT_MAX, YAMLDOC_LINES), member(dest, k));
}

static int read_bool(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *dest)
{
    return tm_yamldoc_bool(d, v, member(dest, k));
}

/* For people: checked and dropped. */
static int read_note(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *dest)
{
    (void)k;
    (void)dest;
    return tm_yamldoc_text(d, v, TRUST_VALUE_MAX, YAMLDOC_LINES) != NULL ? 0 : -1;
}

/* Upstream's own file keeps its anchors under `define`. */
static int read_anchors(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *dest)
{
    (void)k;
    (void)dest;
    return v->type != YAML_SCALAR_NODE
               ? 0
               : tm_yamldoc_fail(d, v, "'define' holds anchors: a list or a mapping is expected");
}

/* A blank template is none. */
static int compile(struct tm_yamldoc *d, yaml_node_t *v, struct oidc_template **out)
{
    struct tm_err why = {0};
    const char *text = tm_yamldoc_text(d, v, TEMPLATE_MAX, YAMLDOC_LINES);
    if (text == NULL)
        return -1;
    if (text[strspn(text, " \t\r\n")] == '\0')
        return 0;
    *out = oidc_template_compile(text, &why);
    return *out != NULL ? 0 : tm_yamldoc_fail(d, v, "%s", why.text);
}

static int read_template(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *dest)
{
    return compile(d, v, member(dest, k));
}

/* Upstream reads these and then always takes the token's iss and sub. */
static int read_unused_template(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *dest)
{
    (void)k;
    (void)dest;
    struct oidc_template *t = NULL;
    int rc = compile(d, v, &t);
    oidc_template_free(t);
    return rc;
}

#define PUBLIC(field) offsetof(struct oidc_entry, public.field)
static const key_row issuer_keys[] = {
    {"issuer-url", "IssuerURL", read_text, PUBLIC(url)},
    {"client-id", "ClientID", read_text, PUBLIC(client_id)},
    {"type", "Type", read_text, PUBLIC(type_name)},
    {"ci-provider", "CIProvider", read_text, offsetof(struct oidc_entry, ci_provider)},
    {"issuer-claim", "IssuerClaim", read_text, PUBLIC(issuer_claim)},
    {"subject-domain", "SubjectDomain", read_text, PUBLIC(subject_domain)},
    {"spiffe-trust-domain", "SPIFFETrustDomain", read_text, PUBLIC(spiffe_trust_domain)},
    {"challenge-claim", "ChallengeClaim", read_text, PUBLIC(challenge_claim)},
    {"ca-cert", "CACert", read_pem, PUBLIC(ca_cert)},
    {"skip-email-verification", "SkipEmailVerification", read_bool,
     PUBLIC(skip_email_verification)},
    {"allow-http", "AllowHTTP", read_bool, PUBLIC(allow_http)},
    {"description", "Description", read_note, 0},
    {"contact", "Contact", read_note, 0},
    {"environment", "Environment", read_note, 0},
};

static struct oidc_entry *add_entry(struct oidc_trust *t, const char *name, bool wildcard)
{
    struct oidc_entry *grown = realloc(t->entry, (t->count + 1) * sizeof(*grown));
    char *copy = grown != NULL ? strdup(name) : NULL;
    if (grown != NULL)
        t->entry = grown;
    if (copy == NULL)
        return NULL;
    struct oidc_entry *entry = &t->entry[t->count++];
    *entry = (struct oidc_entry){.map_key = copy};
    entry->public.wildcard = wildcard;
    return entry;
}

static int add_issuer(struct tm_yamldoc *d, yaml_node_t *key, const char *name, yaml_node_t *value,
                      struct oidc_trust *t, bool wildcard)
{
    if (t->count == TRUST_ISSUERS_MAX)
        return tm_yamldoc_fail(d, key, "more than %d issuers", TRUST_ISSUERS_MAX);
    struct oidc_entry *entry = add_entry(t, name, wildcard);
    if (entry == NULL)
        return tm_yamldoc_fail(d, key, "out of memory");
    entry->line = tm_yamldoc_line(key);
    return tm_yamldoc_fields(d, value, "an issuer", issuer_keys, COUNT(issuer_keys), entry);
}

static int add_exact(struct tm_yamldoc *d, yaml_node_t *key, const char *name, yaml_node_t *value,
                     void *arg)
{
    return add_issuer(d, key, name, value, arg, false);
}

static int add_wildcard(struct tm_yamldoc *d, yaml_node_t *key, const char *name,
                        yaml_node_t *value, void *arg)
{
    return add_issuer(d, key, name, value, arg, true);
}

static int read_exact(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *dest)
{
    return tm_yamldoc_each(d, v, k->yaml, TRUST_ISSUERS_MAX, add_exact, dest);
}

static int read_wildcards(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *dest)
{
    return tm_yamldoc_each(d, v, k->yaml, TRUST_ISSUERS_MAX, add_wildcard, dest);
}

static int add_default(struct tm_yamldoc *d, yaml_node_t *key, const char *name, yaml_node_t *value,
                       void *arg)
{
    struct tm_err why = {0};
    const char *text = tm_yamldoc_text(d, value, TRUST_VALUE_MAX, YAMLDOC_PLAIN);
    if (text == NULL)
        return -1;
    return oidc_provider_add_default(arg, name, text, &why) == 0
               ? 0
               : tm_yamldoc_fail(d, key, "%s", why.text);
}

static int read_defaults(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *dest)
{
    return tm_yamldoc_each(d, v, k->yaml, PROVIDER_DEFAULTS_MAX, add_default, dest);
}

/* The rows of common/identity.h that have a name; these two last. */
static const key_row extension_keys[] = {
#define ROW(name, arc, enc, yaml, json, label) \
    {yaml, json, read_template, \
     offsetof(struct oidc_provider, field) + IDENTITY_##name * sizeof(struct oidc_template *)},
    IDENTITY_FIELDS(ROW)
#undef ROW
        {"issuer", "Issuer", read_unused_template, 0},
    {"subject", "Subject", read_unused_template, 0},
};

static int read_extensions(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *dest)
{
    return tm_yamldoc_fields(d, v, k->yaml, extension_keys, COUNT(extension_keys), dest);
}

static const key_row provider_keys[] = {
    {"default-template-values", "DefaultTemplateValues", read_defaults, 0},
    {"extension-templates", "ExtensionTemplates", read_extensions, 0},
    {"subject-alternative-name-template", "SubjectAlternativeNameTemplate", read_template,
     offsetof(struct oidc_provider, san)},
};

static int add_provider(struct tm_yamldoc *d, yaml_node_t *key, const char *name,
                        yaml_node_t *value, void *arg)
{
    struct oidc_trust *t = arg;
    struct oidc_provider *p = oidc_provider_new(name);
    if (p == NULL)
        return tm_yamldoc_fail(d, key, "out of memory");
    p->next = t->providers;
    t->providers = p;
    if (tm_yamldoc_fields(d, value, "a CI provider", provider_keys, COUNT(provider_keys), p) != 0)
        return -1;
    return p->san != NULL ? 0
                          : tm_yamldoc_fail(d, key,
                                            "CI provider '%.60s' has no "
                                            "subject-alternative-name-template",
                                            name);
}

static int read_providers(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *dest)
{
    return tm_yamldoc_each(d, v, k->yaml, TRUST_PROVIDERS_MAX, add_provider, dest);
}

static const key_row top_keys[] = {
    {"oidc-issuers", "OIDCIssuers", read_exact, 0},
    {"meta-issuers", "MetaIssuers", read_wildcards, 0},
    {"ci-issuer-metadata", "CIIssuerMetadata", read_providers, 0},
    {"define", NULL, read_anchors, 0},
};

int oidc_trust_read(const char *name, const char *text, size_t len, struct oidc_trust *t,
                    struct tm_err *e)
{
    struct tm_yamldoc d = {.name = name, .max = TRUST_FILE_MAX, .takes_json = true, .e = e};
    yaml_node_t *root = NULL;
    int rc = tm_yamldoc_open(&d, text, len, &root);
    if (rc == 0)
        rc = tm_yamldoc_fields(&d, root, "the issuer list", top_keys, COUNT(top_keys), t);
    tm_yamldoc_close(&d);
    return rc;
}

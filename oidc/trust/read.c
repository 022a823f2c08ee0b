/*
 * The schema of the issuer list: one table for YAML and JSON. Source: Fulcio
 * pkg/config/config.go and pkg/certificate/extensions.go.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/quantity.h"
#include "common/yamldoc.h"
#include "common/yamlmap.h"
#include "oidc/trust/internal.h"
#include "oidc/trust/rules_internal.h"

typedef struct tm_yamlmap_key key_row;

static int keep(struct tm_yamldoc *d, yaml_node_t *n, const char *text, char **out)
{
    if (text == NULL)
        return -1;
    if (text[0] == '\0') /* as if the key were not there */
        return 0;
    *out = strdup(text);
    return *out != NULL ? 0 : tm_yamldoc_fail(d, n, "out of memory");
}

static int read_text(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    (void)k;
    return keep(d, v, tm_yamldoc_text(d, v, TRUST_VALUE_MAX, YAMLDOC_PLAIN), to);
}

static int read_pem(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    (void)k;
    return keep(d, v, tm_yamldoc_text(d, v, TRUST_CA_CERT_MAX, YAMLDOC_LINES), to);
}

static int read_bool(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    (void)k;
    return tm_yamldoc_bool(d, v, to);
}

static int read_time(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    int64_t ms = 0;
    const char *text = tm_yamldoc_text(d, v, TRUST_VALUE_MAX, YAMLDOC_PLAIN);
    if (text == NULL)
        return -1;
    if (tm_clock_parse_rfc3339(text, false, &ms) != 0 || ms < 1000)
        return tm_yamldoc_fail(d, v, "'%s' must be a time such as 2026-12-01T08:00:00Z", k->name);
    *(int64_t *)to = ms / 1000;
    return 0;
}

static int read_lifetime(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    int64_t ms = 0;
    const char *text = tm_yamldoc_text(d, v, TRUST_VALUE_MAX, YAMLDOC_PLAIN);
    if (text == NULL)
        return -1;
    if (tm_quantity_duration(text, &ms) != 0 || ms < 1000 || ms % 1000 != 0)
        return tm_yamldoc_fail(d, v, "'%s' must be a duration such as 30s or 5m", k->name);
    *(int64_t *)to = ms / 1000;
    return 0;
}

/* In the folder TRUST_JWKS_FOLDER beside the list: the process that reads it may read nothing else
 * there. */
static int read_jwks_name(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    const char *slash = strrchr(d->name, '/');
    const char *text = tm_yamldoc_text(d, v, TRUST_VALUE_MAX, YAMLDOC_PLAIN);
    struct tm_buf path = {0};
    if (text == NULL)
        return -1;
    if (text[0] == '\0' || text[0] == '.' || strchr(text, '/') != NULL)
        return tm_yamldoc_fail(d, v,
                               "'%s' must be the name of a file in the folder "
                               "'" TRUST_JWKS_FOLDER "' beside the list",
                               k->name);
    tm_buf_append(&path, d->name, slash != NULL ? (size_t)(slash - d->name) + 1 : 0);
    tm_buf_puts(&path, TRUST_JWKS_FOLDER "/");
    tm_buf_puts(&path, text);
    int rc = keep(d, v, tm_buf_str(&path), to);
    tm_buf_free(&path);
    return rc;
}

static int read_allow(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    (void)k;
    return oidc_rules_read(d, v, to);
}

/* For people: checked and dropped. */
static int read_note(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    (void)k;
    (void)to;
    return tm_yamldoc_text(d, v, TRUST_VALUE_MAX, YAMLDOC_LINES) != NULL ? 0 : -1;
}

/* Upstream's own file keeps its anchors under `define`. */
static int read_anchors(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    (void)k;
    (void)to;
    if (d->json)
        return tm_yamldoc_fail(d, v,
                               "unknown key 'define' in the issuer list: JSON has no anchors");
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

static int read_template(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    (void)k;
    return compile(d, v, to);
}

/* Upstream reads these and then always takes the token's iss and sub. */
static int read_unused_template(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    (void)k;
    (void)to;
    struct oidc_template *t = NULL;
    int rc = compile(d, v, &t);
    oidc_template_free(t);
    return rc;
}

#define READ(name, call, offset) \
    { \
        name, YAMLMAP_CALL, offset, 0, 0, &(call) \
    }
#define END \
    { \
        NULL, YAMLMAP_TEXT, 0, 0, 0, NULL \
    }
#define PUBLIC(field) offsetof(struct oidc_entry, public.field)

static const struct tm_yamlmap_call a_text = {read_text};
static const struct tm_yamlmap_call a_pem = {read_pem};
static const struct tm_yamlmap_call a_boolean = {read_bool};
static const struct tm_yamlmap_call a_note = {read_note};
static const struct tm_yamlmap_call a_time = {read_time};
static const struct tm_yamlmap_call a_lifetime = {read_lifetime};
static const struct tm_yamlmap_call a_jwks_name = {read_jwks_name};
static const struct tm_yamlmap_call the_rules = {read_allow};
static const struct tm_yamlmap_call the_anchors = {read_anchors};
static const struct tm_yamlmap_call a_template = {read_template};
static const struct tm_yamlmap_call a_unused_template = {read_unused_template};

static const key_row issuer_keys[] = {
    READ("issuer-url", a_text, PUBLIC(url)),
    READ("client-id", a_text, PUBLIC(client_id)),
    READ("type", a_text, PUBLIC(type_name)),
    READ("ci-provider", a_text, offsetof(struct oidc_entry, ci_provider)),
    READ("issuer-claim", a_text, PUBLIC(issuer_claim)),
    READ("subject-domain", a_text, PUBLIC(subject_domain)),
    READ("spiffe-trust-domain", a_text, PUBLIC(spiffe_trust_domain)),
    READ("challenge-claim", a_text, PUBLIC(challenge_claim)),
    READ("ca-cert", a_pem, PUBLIC(ca_cert)),
    READ("skip-email-verification", a_boolean, PUBLIC(skip_email_verification)),
    READ("allow-http", a_boolean, PUBLIC(allow_http)),
    READ("disabled", a_boolean, PUBLIC(disabled)),
    READ("trial", a_boolean, PUBLIC(trial)),
    READ("not-before", a_time, PUBLIC(not_before_s)),
    READ("not-after", a_time, PUBLIC(not_after_s)),
    READ("lifetime", a_lifetime, PUBLIC(lifetime_s)),
    READ("jwks-file", a_jwks_name, PUBLIC(jwks_file)),
    READ("allow", the_rules, PUBLIC(allow)),
    READ("description", a_note, 0),
    READ("contact", a_note, 0),
    READ("environment", a_note, 0),
    END,
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
    return tm_yamlmap_section(d, value, issuer_keys, "an issuer", entry);
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

static int read_exact(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    return tm_yamldoc_each(d, v, k->name, TRUST_ISSUERS_MAX, add_exact, to);
}

static int read_wildcards(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    return tm_yamldoc_each(d, v, k->name, TRUST_ISSUERS_MAX, add_wildcard, to);
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

static int read_defaults(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    return tm_yamldoc_each(d, v, k->name, PROVIDER_DEFAULTS_MAX, add_default, to);
}

/* The rows of common/identity.h that have a name; these two last. */
static const key_row extension_keys[] = {
#define ROW(name, arc, enc, yaml, json, label) \
    READ(yaml, a_template, \
         offsetof(struct oidc_provider, field) + \
             IDENTITY_##name * sizeof(struct oidc_template *)),
    IDENTITY_FIELDS(ROW)
#undef ROW
        READ("issuer", a_unused_template, 0),
    READ("subject", a_unused_template, 0),
    END,
};

static int read_extensions(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    return tm_yamlmap_section(d, v, extension_keys, k->name, to);
}

static const struct tm_yamlmap_call the_defaults = {read_defaults};
static const struct tm_yamlmap_call the_extensions = {read_extensions};

static const key_row provider_keys[] = {
    READ("default-template-values", the_defaults, 0),
    READ("extension-templates", the_extensions, 0),
    READ("subject-alternative-name-template", a_template, offsetof(struct oidc_provider, san)),
    END,
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
    if (tm_yamlmap_section(d, value, provider_keys, "a CI provider", p) != 0)
        return -1;
    return p->san != NULL ? 0
                          : tm_yamldoc_fail(d, key,
                                            "CI provider '%.60s' has no "
                                            "subject-alternative-name-template",
                                            name);
}

static int read_providers(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    return tm_yamldoc_each(d, v, k->name, TRUST_PROVIDERS_MAX, add_provider, to);
}

static const struct tm_yamlmap_call the_exact = {read_exact};
static const struct tm_yamlmap_call the_wildcards = {read_wildcards};
static const struct tm_yamlmap_call the_providers = {read_providers};

static const key_row top_keys[] = {
    READ("oidc-issuers", the_exact, 0),
    READ("meta-issuers", the_wildcards, 0),
    READ("ci-issuer-metadata", the_providers, 0),
    READ("define", the_anchors, 0),
    END,
};

int oidc_trust_read(const char *name, const char *text, size_t len, struct oidc_trust *t,
                    struct tm_err *e)
{
    struct tm_yamldoc d = {.name = name, .max = TRUST_FILE_MAX, .takes_json = true, .e = e};
    yaml_node_t *root = NULL;
    int rc = tm_yamldoc_open(&d, text, len, &root);
    if (rc == 0)
        rc = tm_yamlmap_section(&d, root, top_keys, "the issuer list", t);
    tm_yamldoc_close(&d);
    return rc;
}

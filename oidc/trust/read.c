#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "common/strictjson.h"
#include "oidc/trust/internal.h"

/* JSON is read by the same YAML reader (after a strict JSON check); only the key names differ. */
struct reader {
    yaml_document_t doc;
    bool json;
    struct oidc_trust *trust;
};

typedef int (*pair_fn)(struct reader *r, const char *key, yaml_node_t *value, void *arg,
                       struct err *e);

static unsigned line_of(const yaml_node_t *n)
{
    return (unsigned)n->start_mark.line + 1;
}

/* Text of a scalar; NULL with `e` set when it is none, or holds a NUL. */
static const char *text_of(yaml_node_t *n, struct err *e)
{
    if (n != NULL && n->type == YAML_SCALAR_NODE &&
        strlen((const char *)n->data.scalar.value) == n->data.scalar.length)
        return (const char *)n->data.scalar.value;
    err_set(e, "line %u: a plain value is expected", n != NULL ? line_of(n) : 0);
    return NULL;
}

static int each_pair(struct reader *r, yaml_node_t *map, pair_fn fn, void *arg, struct err *e)
{
    if (map->type != YAML_MAPPING_NODE)
        return err_set(e, "line %u: a mapping is expected", line_of(map));
    yaml_node_pair_t *first = map->data.mapping.pairs.start;
    for (yaml_node_pair_t *p = first; p < map->data.mapping.pairs.top; p++) {
        yaml_node_t *key_node = yaml_document_get_node(&r->doc, p->key);
        const char *key = text_of(key_node, e);
        if (key == NULL)
            return -1;
        struct err ignored;
        for (yaml_node_pair_t *q = first; q < p; q++) {
            const char *other = text_of(yaml_document_get_node(&r->doc, q->key), &ignored);
            bool same = r->json ? strcasecmp(other, key) == 0 : strcmp(other, key) == 0;
            if (same)
                return err_set(e, "line %u: duplicate key '%.100s'", line_of(key_node), key);
        }
        struct err why = {0};
        if (fn(r, key, yaml_document_get_node(&r->doc, p->value), arg, &why) != 0) {
            if (strncmp(why.text, "line ", 5) == 0)
                return err_set(e, "%s", why.text);
            return err_set(e, "line %u: %s", line_of(key_node), why.text);
        }
    }
    return 0;
}

static bool named(const struct reader *r, const char *key, const char *yaml, const char *json)
{
    return r->json ? strcasecmp(key, json) == 0 : strcmp(key, yaml) == 0;
}

static int unknown_key(const struct reader *r, const char *key, const char *where, struct err *e)
{
    return err_set(e, "unknown key '%.60s' in %s%s", key, where,
                   r->json && strchr(key, '-') != NULL
                       ? ": a JSON file uses CamelCase keys such as IssuerURL"
                       : "");
}

enum field_kind { FIELD_TEXT, FIELD_BOOL, FIELD_NOTE };

static const struct {
    const char *yaml;
    const char *json;
    enum field_kind kind;
    size_t offset;
} issuer_fields[] = {
    {"issuer-url", "IssuerURL", FIELD_TEXT, offsetof(struct entry, public.url)},
    {"client-id", "ClientID", FIELD_TEXT, offsetof(struct entry, public.client_id)},
    {"type", "Type", FIELD_TEXT, offsetof(struct entry, public.type_name)},
    {"ci-provider", "CIProvider", FIELD_TEXT, offsetof(struct entry, ci_provider)},
    {"issuer-claim", "IssuerClaim", FIELD_TEXT, offsetof(struct entry, public.issuer_claim)},
    {"subject-domain", "SubjectDomain", FIELD_TEXT, offsetof(struct entry, public.subject_domain)},
    {"spiffe-trust-domain", "SPIFFETrustDomain", FIELD_TEXT,
     offsetof(struct entry, public.spiffe_trust_domain)},
    {"challenge-claim", "ChallengeClaim", FIELD_TEXT,
     offsetof(struct entry, public.challenge_claim)},
    {"ca-cert", "CACert", FIELD_TEXT, offsetof(struct entry, public.ca_cert)},
    {"skip-email-verification", "SkipEmailVerification", FIELD_BOOL,
     offsetof(struct entry, public.skip_email_verification)},
    {"allow-http", "AllowHTTP", FIELD_BOOL, offsetof(struct entry, public.allow_http)},
    {"description", "Description", FIELD_NOTE, 0},
    {"contact", "Contact", FIELD_NOTE, 0},
    {"environment", "Environment", FIELD_NOTE, 0},
};

static int set_field(enum field_kind kind, void *member, const char *text, struct err *e)
{
    if (kind == FIELD_BOOL) {
        bool yes = strcmp(text, "true") == 0;
        if (!yes && strcmp(text, "false") != 0)
            return err_set(e, "true or false is expected");
        *(bool *)member = yes;
    } else if (kind == FIELD_TEXT && text[0] != '\0') {
        *(char **)member = strdup(text);
        if (*(char **)member == NULL)
            return err_set(e, "out of memory");
    }
    return 0;
}

static int read_issuer_field(struct reader *r, const char *key, yaml_node_t *value, void *arg,
                             struct err *e)
{
    for (size_t i = 0; i < sizeof(issuer_fields) / sizeof(issuer_fields[0]); i++) {
        if (!named(r, key, issuer_fields[i].yaml, issuer_fields[i].json))
            continue;
        const char *text = text_of(value, e);
        if (text == NULL)
            return -1;
        return set_field(issuer_fields[i].kind, (char *)arg + issuer_fields[i].offset, text, e);
    }
    return unknown_key(r, key, "an issuer", e);
}

static struct entry *add_entry(struct oidc_trust *t, const char *key, bool wildcard, unsigned line)
{
    struct entry *grown =
        t->count < TRUST_ISSUERS_MAX ? realloc(t->entry, (t->count + 1) * sizeof(*grown)) : NULL;
    if (grown == NULL)
        return NULL;
    t->entry = grown;
    struct entry *entry = &grown[t->count];
    *entry = (struct entry){.map_key = strdup(key), .line = line};
    entry->public.wildcard = wildcard;
    if (entry->map_key == NULL)
        return NULL;
    t->count++;
    return entry;
}

static int read_issuer(struct reader *r, const char *key, yaml_node_t *value, void *arg,
                       struct err *e)
{
    const bool *wildcard = arg;
    struct entry *entry = add_entry(r->trust, key, *wildcard, line_of(value));
    if (entry == NULL)
        return err_set(e, "more than %d issuers", TRUST_ISSUERS_MAX);
    return each_pair(r, value, read_issuer_field, entry, e);
}

static int read_default(struct reader *r, const char *key, yaml_node_t *value, void *arg,
                        struct err *e)
{
    (void)r;
    const char *text = text_of(value, e);
    return text != NULL ? oidc_provider_default(arg, key, text, e) : -1;
}

static int compile(yaml_node_t *value, struct template **out, struct err *e)
{
    const char *text = text_of(value, e);
    if (text == NULL)
        return -1;
    if (text[0] == '\0')
        return 0;
    *out = template_compile(text, e);
    return *out != NULL ? 0 : -1;
}

static int read_extension(struct reader *r, const char *key, yaml_node_t *value, void *arg,
                          struct err *e)
{
    struct oidc_provider *p = arg;
    struct template *ignored = NULL;
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++) {
        const struct identity_row *row = &identity_table[i];
        if (row->yaml_key[0] != '\0' && named(r, key, row->yaml_key, row->json_key))
            return compile(value, &p->field[i], e);
    }
    /* Upstream reads these two and then always uses the token's iss and sub. */
    if (named(r, key, "issuer", "Issuer") || named(r, key, "subject", "Subject")) {
        int rc = compile(value, &ignored, e);
        template_free(ignored);
        return rc;
    }
    return unknown_key(r, key, "extension-templates", e);
}

static int read_provider_field(struct reader *r, const char *key, yaml_node_t *value, void *arg,
                               struct err *e)
{
    struct oidc_provider *p = arg;
    if (named(r, key, "default-template-values", "DefaultTemplateValues"))
        return each_pair(r, value, read_default, p, e);
    if (named(r, key, "extension-templates", "ExtensionTemplates"))
        return each_pair(r, value, read_extension, p, e);
    if (named(r, key, "subject-alternative-name-template", "SubjectAlternativeNameTemplate"))
        return compile(value, &p->san, e);
    return unknown_key(r, key, "a CI provider", e);
}

static int read_provider(struct reader *r, const char *key, yaml_node_t *value, void *arg,
                         struct err *e)
{
    (void)arg;
    struct oidc_provider *p = oidc_provider_new(key);
    if (p == NULL)
        return err_set(e, "out of memory");
    p->next = r->trust->providers;
    r->trust->providers = p;
    if (each_pair(r, value, read_provider_field, p, e) != 0)
        return -1;
    return p->san != NULL ? 0 : err_set(e, "CI provider '%.60s' has no "
                                           "subject-alternative-name-template", key);
}

static int read_top(struct reader *r, const char *key, yaml_node_t *value, void *arg, struct err *e)
{
    (void)arg;
    bool exact = false;
    bool wildcard = true;
    if (named(r, key, "oidc-issuers", "OIDCIssuers"))
        return each_pair(r, value, read_issuer, &exact, e);
    if (named(r, key, "meta-issuers", "MetaIssuers"))
        return each_pair(r, value, read_issuer, &wildcard, e);
    if (named(r, key, "ci-issuer-metadata", "CIIssuerMetadata"))
        return each_pair(r, value, read_provider, NULL, e);
    if (!r->json && strcmp(key, "define") == 0)
        return 0; /* upstream's own file keeps its anchors here */
    return unknown_key(r, key, "the issuer list", e);
}

static int check_json(struct reader *r, const char *text, size_t len, struct err *e)
{
    size_t i = 0;
    while (i < len && strchr(" \t\r\n", text[i]) != NULL)
        i++;
    r->json = i < len && text[i] == '{';
    json_t *v = r->json ? strictjson_parse(text, len, TRUST_FILE_MAX, e) : NULL;
    json_decref(v);
    return r->json && v == NULL ? -1 : 0;
}

static int read_document(struct reader *r, yaml_parser_t *parser, struct err *e)
{
    yaml_node_t *root = yaml_document_get_root_node(&r->doc);
    if (root == NULL)
        return err_set(e, "the file is empty");
    if (each_pair(r, root, read_top, NULL, e) != 0)
        return -1;
    yaml_document_t second;
    if (yaml_parser_load(parser, &second) != 1)
        return err_set(e, "line %zu: YAML syntax", parser->problem_mark.line + 1);
    bool more = yaml_document_get_root_node(&second) != NULL;
    yaml_document_delete(&second);
    return more ? err_set(e, "a second YAML document would be ignored: remove it") : 0;
}

int trust_read(const char *text, size_t len, struct oidc_trust *t, struct err *e)
{
    struct reader r = {.trust = t};
    yaml_parser_t parser;
    if (len > TRUST_FILE_MAX || memchr(text, '\0', len) != NULL)
        return err_set(e, "longer than %d bytes, or holds a NUL", TRUST_FILE_MAX);
    if (check_json(&r, text, len, e) != 0)
        return -1;
    if (yaml_parser_initialize(&parser) != 1)
        return err_set(e, "out of memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    int rc;
    if (yaml_parser_load(&parser, &r.doc) != 1) {
        rc = err_set(e, "line %zu: YAML syntax: %s", parser.problem_mark.line + 1,
                     parser.problem != NULL ? parser.problem : "unreadable");
    } else {
        rc = read_document(&r, &parser, e);
        yaml_document_delete(&r.doc);
    }
    yaml_parser_delete(&parser);
    return rc;
}

/* The key `allow` of the issuer list, into compiled rules. */
#include <stdlib.h>
#include <string.h>

#include "common/yamlmap.h"
#include "oidc/token/claim.h"
#include "oidc/trust/rules_internal.h"

typedef struct tm_yamlmap_key key_row;

/* A rule while it is read. */
struct draft {
    struct oidc_rule *rule;
    struct {
        size_t *count; /* of all rules of the issuer */
        size_t depth;
    } within;
    yaml_node_t *texts[RULE_WAYS];
    yaml_node_t *parts[2]; /* all-of, any-of */
};

static int read_list(struct tm_yamldoc *d, yaml_node_t *v, size_t *count, size_t depth,
                     struct oidc_rule_list *out);

static int read_claim(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    struct draft *draft = to;
    const char *text = tm_yamldoc_text(d, v, RULES_TEXT_MAX, YAMLDOC_PLAIN);
    if (text == NULL)
        return -1;
    if (text[0] == '\0')
        return tm_yamldoc_fail(d, v, "'%s' is empty: the name of a claim is expected", k->name);
    if (text[0] == '$' && !oidc_claim_path_ok(text))
        return tm_yamldoc_fail(d, v, "'%.100s' is no path such as $.federated_claims.user_id",
                               text);
    draft->rule->claim = strdup(text);
    return draft->rule->claim != NULL ? 0 : tm_yamldoc_fail(d, v, "out of memory");
}

/* What belongs together is looked at when the whole rule has been read. */
static int read_later(struct tm_yamldoc *d, const key_row *k, yaml_node_t *v, void *to)
{
    (void)d;
    (void)k;
    *(yaml_node_t **)to = v;
    return 0;
}

static const struct tm_yamlmap_call a_claim = {read_claim};
static const struct tm_yamlmap_call a_node = {read_later};

#define ROW(name, call, offset) \
    { \
        name, YAMLMAP_CALL, offset, 0, 0, &(call) \
    }
static const key_row rule_keys[] = {
    ROW("claim", a_claim, 0),
    ROW("is", a_node, offsetof(struct draft, texts[RULE_IS])),
    ROW("glob", a_node, offsetof(struct draft, texts[RULE_GLOB])),
    ROW("match", a_node, offsetof(struct draft, texts[RULE_MATCH])),
    ROW("all-of", a_node, offsetof(struct draft, parts[0])),
    ROW("any-of", a_node, offsetof(struct draft, parts[1])),
    YAMLMAP_END,
};

static struct tm_pattern *compile(enum oidc_rule_way way, const char *text, struct tm_err *e)
{
    struct tm_buf glob = {0};
    struct tm_pattern *p = NULL;
    if (way == RULE_MATCH)
        return tm_pattern_new(text, PATTERN_WHOLE, e);
    oidc_rules_glob(text, &glob);
    if (tm_buf_str(&glob) != NULL)
        p = tm_pattern_new(tm_buf_str(&glob), PATTERN_WHOLE, e);
    else
        tm_err_set(e, "out of memory");
    tm_buf_free(&glob);
    return p;
}

static int add_text(struct tm_yamldoc *d, yaml_node_t *v, struct oidc_rule *r)
{
    struct tm_err why = {0};
    const char *text = tm_yamldoc_text(d, v, RULES_TEXT_MAX, YAMLDOC_PLAIN);
    if (text == NULL)
        return -1;
    if (text[0] == '\0')
        return tm_yamldoc_fail(d, v, "an empty text under '%s' would match nothing that is meant",
                               oidc_rule_ways[r->way]);
    char *copy = strdup(text);
    if (copy == NULL)
        return tm_yamldoc_fail(d, v, "out of memory");
    size_t at = r->text_count++;
    r->text[at] = copy;
    if (r->pattern == NULL)
        return 0;
    r->pattern[at] = compile(r->way, text, &why);
    return r->pattern[at] != NULL ? 0 : tm_yamldoc_fail(d, v, "%s", why.text);
}

/* One text, or a list of them. */
static int read_texts(struct tm_yamldoc *d, yaml_node_t *v, enum oidc_rule_way way,
                      struct oidc_rule *r)
{
    bool list = v->type == YAML_SEQUENCE_NODE;
    const yaml_node_item_t *item = list ? v->data.sequence.items.start : NULL;
    size_t n = list ? (size_t)(v->data.sequence.items.top - item) : 1;
    if (n == 0 || n > RULES_MAX)
        return tm_yamldoc_fail(d, v, "'%s' takes 1 to %d texts", oidc_rule_ways[way], RULES_MAX);
    r->way = way;
    r->text = calloc(n, sizeof(*r->text));
    r->pattern = way != RULE_IS ? calloc(n, sizeof(struct tm_pattern *)) : NULL;
    if (r->text == NULL || (way != RULE_IS && r->pattern == NULL))
        return tm_yamldoc_fail(d, v, "out of memory");
    for (size_t i = 0; i < n; i++) {
        if (add_text(d, list ? yaml_document_get_node(&d->doc, item[i]) : v, r) != 0)
            return -1;
    }
    return 0;
}

static int settle(struct tm_yamldoc *d, yaml_node_t *v, const struct draft *draft)
{
    struct oidc_rule *r = draft->rule;
    int way = -1;
    int ways = 0;
    int combinations = (draft->parts[0] != NULL) + (draft->parts[1] != NULL);
    for (int i = 0; i < RULE_WAYS; i++) {
        if (draft->texts[i] != NULL && ++ways > 0)
            way = i;
    }
    if (combinations == 1 && ways == 0 && r->claim == NULL) {
        r->any = draft->parts[1] != NULL;
        return read_list(d, draft->parts[r->any ? 1 : 0], draft->within.count,
                         draft->within.depth + 1, &r->part);
    }
    if (combinations != 0 || ways != 1 || r->claim == NULL)
        return tm_yamldoc_fail(d, v,
                               "a rule is a 'claim' with one of 'is', 'glob' and 'match', or "
                               "'any-of', or 'all-of'");
    return read_texts(d, draft->texts[way], (enum oidc_rule_way)way, r);
}

static int read_list(struct tm_yamldoc *d, yaml_node_t *v, size_t *count, size_t depth,
                     struct oidc_rule_list *out)
{
    if (v->type != YAML_SEQUENCE_NODE)
        return tm_yamldoc_fail(d, v, "a list of rules is expected");
    const yaml_node_item_t *item = v->data.sequence.items.start;
    size_t n = (size_t)(v->data.sequence.items.top - item);
    if (n == 0)
        return tm_yamldoc_fail(d, v, "an empty list of rules: leave the key out to allow all");
    if (depth > RULES_DEPTH_MAX || (*count += n) > RULES_MAX)
        return tm_yamldoc_fail(d, v, "more than %d rules, or nested deeper than %d", RULES_MAX,
                               RULES_DEPTH_MAX);
    out->item = calloc(n, sizeof(*out->item));
    if (out->item == NULL)
        return tm_yamldoc_fail(d, v, "out of memory");
    for (size_t i = 0; i < n; i++) {
        yaml_node_t *node = yaml_document_get_node(&d->doc, item[i]);
        struct draft draft = {.rule = &out->item[out->count++], .within = {count, depth}};
        if (tm_yamlmap_section(d, node, rule_keys, "a rule", &draft) != 0 ||
            settle(d, node, &draft) != 0)
            return -1;
    }
    return 0;
}

int oidc_rules_read(struct tm_yamldoc *d, yaml_node_t *v, struct oidc_rules **out)
{
    size_t count = 0;
    struct oidc_rules *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return tm_yamldoc_fail(d, v, "out of memory");
    if (read_list(d, v, &count, 0, &r->all) != 0) {
        oidc_rules_free(r);
        return -1;
    }
    *out = r;
    return 0;
}

#include "common/yamldoc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/json/strictjson.h"

unsigned long tm_yamldoc_line(const yaml_node_t *n)
{
    return (unsigned long)n->start_mark.line + 1;
}

int tm_yamldoc_fail(struct tm_yamldoc *d, const yaml_node_t *n, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return tm_err_set(d->e, "%s:%lu: %s", d->name, tm_yamldoc_line(n), text);
}

static int syntax_error(struct tm_yamldoc *d, const yaml_parser_t *parser)
{
    return tm_err_set(d->e, "%s:%lu: %s", d->name, (unsigned long)parser->problem_mark.line + 1,
                      parser->problem != NULL ? parser->problem : "not YAML");
}

struct census {
    size_t depth, nodes, documents;
};

/* NULL: fine, else what is wrong. */
static const char *count_event(struct census *c, yaml_event_type_t type)
{
    switch (type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++c->documents > 1)
            return "a second YAML document would be ignored: remove it";
        break;
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        if (++c->depth > YAMLDOC_DEPTH_MAX)
            return "nested too deeply";
        c->nodes++;
        break;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        c->depth--;
        break;
    case YAML_SCALAR_EVENT:
    case YAML_ALIAS_EVENT:
        c->nodes++;
        break;
    default:
        break;
    }
    return c->nodes > YAMLDOC_NODES_MAX ? "too many values" : NULL;
}

/* Reads the events only: the limits hold before any tree is built. */
static int survey(struct tm_yamldoc *d, const char *text, size_t len)
{
    yaml_parser_t parser;
    yaml_event_t event;
    struct census c = {0};
    int rc = 0;
    bool end = false;
    if (!yaml_parser_initialize(&parser))
        return tm_err_set(d->e, "out of memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    while (rc == 0 && !end) {
        if (!yaml_parser_parse(&parser, &event)) {
            rc = syntax_error(d, &parser);
            break;
        }
        const char *fault = count_event(&c, event.type);
        end = event.type == YAML_STREAM_END_EVENT;
        if (fault != NULL)
            rc = tm_err_set(d->e, "%s:%lu: %s", d->name, (unsigned long)event.start_mark.line + 1,
                            fault);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return rc;
}

/* What begins with '{' is JSON, and must then be so to the end. */
static int check_json(struct tm_yamldoc *d, const char *text, size_t len)
{
    size_t i = 0;
    while (i < len && strchr(" \t\r\n", text[i]) != NULL)
        i++;
    d->json = d->takes_json && i < len && text[i] == '{';
    if (!d->json)
        return 0;
    json_t *v = tm_strictjson_parse(text, len, d->max, d->e);
    if (v == NULL)
        return tm_err_wrap(d->e, "%s", d->name);
    json_decref(v);
    return 0;
}

int tm_yamldoc_open(struct tm_yamldoc *d, const char *text, size_t len, yaml_node_t **root)
{
    yaml_parser_t parser;
    d->budget = YAMLDOC_TEXT_MAX;
    memset(&d->doc, 0, sizeof(d->doc));
    if (len > d->max || memchr(text, '\0', len) != NULL)
        return tm_err_set(d->e, "%s: longer than %zu bytes, or holds a NUL", d->name, d->max);
    if (check_json(d, text, len) != 0 || survey(d, text, len) != 0)
        return -1;
    if (!yaml_parser_initialize(&parser))
        return tm_err_set(d->e, "out of memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    int rc = yaml_parser_load(&parser, &d->doc) ? 0 : syntax_error(d, &parser);
    yaml_parser_delete(&parser);
    if (rc != 0)
        return -1;
    *root = yaml_document_get_root_node(&d->doc);
    return *root != NULL ? 0 : tm_err_set(d->e, "%s: the file is empty", d->name);
}

void tm_yamldoc_close(struct tm_yamldoc *d)
{
    yaml_document_delete(&d->doc);
}

static bool clean(const char *s, size_t len, enum tm_yamldoc_controls controls)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        bool line = c == '\n' || c == '\r' || c == '\t';
        if (c == '\0' || (controls != YAMLDOC_ANY && (c < 0x20 || c == 0x7f) &&
                          !(line && controls == YAMLDOC_LINES)))
            return false;
    }
    return true;
}

static bool is_plain(const yaml_node_t *n)
{
    return n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool is_null(const yaml_node_t *n)
{
    const char *s = (const char *)n->data.scalar.value;
    return is_plain(n) && (strcmp(s, "") == 0 || strcmp(s, "~") == 0 || strcmp(s, "null") == 0 ||
                           strcmp(s, "Null") == 0 || strcmp(s, "NULL") == 0);
}

static bool is_scalar(const yaml_node_t *n)
{
    return n != NULL && n->type == YAML_SCALAR_NODE &&
           (n->tag == NULL || strcmp((const char *)n->tag, YAML_STR_TAG) == 0);
}

const char *tm_yamldoc_text(struct tm_yamldoc *d, yaml_node_t *n, size_t max,
                            enum tm_yamldoc_controls controls)
{
    if (!is_scalar(n) || (d->json && is_plain(n) && !is_null(n))) {
        tm_yamldoc_fail(d, n, "a string is expected");
        return NULL;
    }
    const char *s = (const char *)n->data.scalar.value;
    size_t len = n->data.scalar.length;
    if (is_null(n))
        return "";
    if (!clean(s, len, controls)) {
        tm_yamldoc_fail(d, n, "the string holds a control character");
        return NULL;
    }
    if (len > max) {
        tm_yamldoc_fail(d, n, "the string is longer than %zu bytes", max);
        return NULL;
    }
    if (len >= d->budget) {
        tm_yamldoc_fail(d, n, "the file expands to more than %zu bytes", YAMLDOC_TEXT_MAX);
        return NULL;
    }
    d->budget -= len + 1;
    return s;
}

int tm_yamldoc_bool(struct tm_yamldoc *d, yaml_node_t *n, bool *out)
{
    const char *s = is_scalar(n) && is_plain(n) ? (const char *)n->data.scalar.value : "";
    *out = strcmp(s, "true") == 0;
    return *out || strcmp(s, "false") == 0 ? 0 : tm_yamldoc_fail(d, n, "true or false is expected");
}

struct pair {
    yaml_node_t *map, *key, *value;
    const char *name;
    size_t index;
};

/* Calls `fn` for each pair. The budget also bounds how often an alias may repeat a mapping. */
static int each_pair(struct tm_yamldoc *d, yaml_node_t *map, const char *what,
                     int (*fn)(struct tm_yamldoc *d, const struct pair *p, void *arg), void *arg)
{
    if (map->type != YAML_MAPPING_NODE)
        return tm_yamldoc_fail(d, map, "%s must be a mapping: a mapping is expected", what);
    yaml_node_pair_t *first = map->data.mapping.pairs.start;
    for (yaml_node_pair_t *at = first; at < map->data.mapping.pairs.top; at++) {
        struct pair p = {.map = map,
                         .key = yaml_document_get_node(&d->doc, at->key),
                         .value = yaml_document_get_node(&d->doc, at->value),
                         .index = (size_t)(at - first)};
        p.name = tm_yamldoc_text(d, p.key, YAMLDOC_NAME_MAX, YAMLDOC_PLAIN);
        if (p.name == NULL || fn(d, &p, arg) != 0)
            return -1;
    }
    return 0;
}

static bool is_repeated(struct tm_yamldoc *d, const struct pair *p)
{
    const yaml_node_pair_t *q = p->map->data.mapping.pairs.start;
    for (size_t i = 0; i < p->index; i++) {
        const yaml_node_t *k = yaml_document_get_node(&d->doc, q[i].key);
        if (strcmp((const char *)k->data.scalar.value, p->name) == 0)
            return true;
    }
    return false;
}

struct entries {
    const char *what;
    size_t max;
    tm_yamldoc_pair_fn fn;
    void *arg;
};

static int read_entry(struct tm_yamldoc *d, const struct pair *p, void *arg)
{
    const struct entries *t = arg;
    if (p->name[0] == '\0')
        return tm_yamldoc_fail(d, p->key, "an empty name in %s", t->what);
    if (p->index >= t->max)
        return tm_yamldoc_fail(d, p->key, "more than %zu entries in %s", t->max, t->what);
    if (is_repeated(d, p))
        return tm_yamldoc_fail(d, p->key, "'%.200s' is given twice in %s", p->name, t->what);
    return t->fn(d, p->key, p->name, p->value, t->arg);
}

int tm_yamldoc_each(struct tm_yamldoc *d, yaml_node_t *map, const char *what, size_t max,
                    tm_yamldoc_pair_fn fn, void *arg)
{
    struct entries t = {what, max, fn, arg};
    return each_pair(d, map, what, read_entry, &t);
}

#include "oidc/trust/edit.h"

#include <ctype.h>
#include <string.h>

#include "common/json/jsonstr.h"
#include "common/yamldoc.h"
#include "oidc/trust/diff.h"
#include "oidc/trust/internal.h"
#include "oidc/trust/rules_internal.h"

struct span { /* bytes of the text */
    size_t start, end;
};

struct editor {
    const struct oidc_list_text *list;
    struct oidc_trust *before;
    struct tm_yamldoc doc;
    yaml_node_t *root;
    struct tm_err *e;
    struct span cut;   /* what goes */
    struct tm_buf put; /* what comes in its place */
};

/* ---- where things stand ---- */

/* libyaml counts characters. */
static size_t offset(const struct editor *ed, yaml_mark_t mark)
{
    size_t at = 0;
    for (size_t chars = 0; at < ed->list->len; at++) {
        bool begins = ((unsigned char)ed->list->text[at] & 0xc0) != 0x80;
        if (begins && chars++ == mark.index)
            break;
    }
    return at;
}

static size_t line_start(const struct editor *ed, size_t at)
{
    while (at > 0 && ed->list->text[at - 1] != '\n')
        at--;
    return at;
}

/* The start of the next line, or the end of the text. */
static size_t line_end(const struct editor *ed, size_t at)
{
    if (at > 0 && ed->list->text[at - 1] == '\n')
        return at;
    while (at < ed->list->len && ed->list->text[at++] != '\n')
        continue;
    return at;
}

static yaml_node_t *node(struct editor *ed, int index)
{
    return yaml_document_get_node(&ed->doc.doc, index);
}

/* An alias is the node that it names, which stands before it. */
static bool is_alias(const yaml_node_t *key, const yaml_node_t *value)
{
    return value->start_mark.index < key->end_mark.index;
}

/* Where the last scalar or bracket of a value stands; block mappings end at the next token. */
static size_t value_end(struct editor *ed, const yaml_node_t *n, size_t least)
{
    size_t end = least;
    if (n->type == YAML_MAPPING_NODE && n->data.mapping.style == YAML_BLOCK_MAPPING_STYLE) {
        const yaml_node_pair_t *last = n->data.mapping.pairs.top - 1;
        const yaml_node_t *key = node(ed, last->key);
        const yaml_node_t *value = node(ed, last->value);
        end = offset(ed, key->end_mark);
        return is_alias(key, value) ? end : value_end(ed, value, end);
    }
    if (n->type == YAML_SEQUENCE_NODE && n->data.sequence.style == YAML_BLOCK_SEQUENCE_STYLE) {
        const yaml_node_t *last = node(ed, n->data.sequence.items.top[-1]);
        return last->start_mark.index < n->start_mark.index ? end : value_end(ed, last, end);
    }
    return offset(ed, n->end_mark);
}

struct place { /* a pair of a mapping */
    yaml_node_t *map, *key, *value;
    size_t index, count;
};

static bool same_key(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += *a == '-';
        b += *b == '-';
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
        if (*a == '\0')
            return true;
    }
}

static bool find_pair(struct editor *ed, yaml_node_t *map, const char *name, bool exact,
                      struct place *out)
{
    if (map->type != YAML_MAPPING_NODE)
        return false;
    const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
    size_t count = (size_t)(map->data.mapping.pairs.top - pair);
    for (size_t i = 0; i < count; i++) {
        yaml_node_t *key = node(ed, pair[i].key);
        const char *text = (const char *)key->data.scalar.value;
        if (key->type != YAML_SCALAR_NODE ||
            !(exact ? strcmp(text, name) == 0 : same_key(text, name)))
            continue;
        *out = (struct place){map, key, node(ed, pair[i].value), i, count};
        return true;
    }
    return false;
}

static const char *const sections[] = {"oidc-issuers", "meta-issuers"};

static int by_hand(struct editor *ed, const char *url)
{
    return tm_err_set(ed->e,
                      "%s: the entry of '%.200s' is written in a way that can only be "
                      "changed by hand (an alias, or not on lines of its own)",
                      ed->list->name, url);
}

static int find_entry(struct editor *ed, const char *url, struct place *section,
                      struct place *entry)
{
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (find_pair(ed, ed->root, sections[i], false, section) &&
            find_pair(ed, section->value, url, true, entry))
            return is_alias(entry->key, entry->value) || is_alias(section->key, section->value)
                       ? by_hand(ed, url)
                       : 0;
    }
    return tm_err_set(ed->e, "%s: there is no issuer '%.200s' in the list", ed->list->name, url);
}

static bool is_flow(const yaml_node_t *map)
{
    return map->data.mapping.style == YAML_FLOW_MAPPING_STYLE;
}

/* ---- what is written ---- */

struct form {
    bool flow, json;
    size_t indent; /* of lines, unless flow */
};

static void put_indent(struct tm_buf *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_putc(out, ' ');
}

static void put_text(struct tm_buf *out, const struct form *f, const char *text)
{
    if (f->json) {
        tm_jsonstr_put(out, text, strlen(text));
    } else if (oidc_edit_plain(text)) {
        tm_buf_puts(out, text);
    } else {
        buf_putc(out, '\'');
        for (; *text != '\0'; text++)
            tm_buf_puts(out, *text == '\'' ? "''" : (const char[]){*text, '\0'});
        buf_putc(out, '\'');
    }
}

/* In JSON, `client-id` is ClientId. */
static void put_key(struct tm_buf *out, const struct form *f, const char *name)
{
    bool up = true;
    if (!f->json) {
        tm_buf_puts(out, name);
    } else {
        buf_putc(out, '"');
        for (; *name != '\0'; name++) {
            if (*name != '-')
                buf_putc(out, (unsigned char)(up ? toupper((unsigned char)*name) : *name));
            up = *name == '-';
        }
        buf_putc(out, '"');
    }
    tm_buf_puts(out, ": ");
}

static void put_value(struct tm_buf *out, const struct form *f, const struct oidc_edit_key *k)
{
    put_key(out, f, k->name);
    if (k->is_word)
        tm_buf_puts(out, k->value);
    else
        put_text(out, f, k->value);
}

/* Between the members of one mapping. */
static void put_next(struct tm_buf *out, const struct form *f, size_t deeper, bool first)
{
    if (f->flow) {
        tm_buf_puts(out, first ? "" : ", ");
        return;
    }
    buf_putc(out, '\n');
    put_indent(out, f->indent + deeper);
}

static bool is_glob(const struct oidc_edit_rule *r)
{
    return strpbrk(r->text, "*?") != NULL;
}

static void put_rules(struct tm_buf *out, const struct form *f, const struct oidc_new_issuer *n)
{
    tm_buf_puts(out, f->json ? "\"Allow\":" : "allow:");
    tm_buf_puts(out, f->flow ? " [" : "");
    for (size_t i = 0; i < n->rule_count; i++) {
        const struct oidc_edit_rule *r = &n->rule[i];
        put_next(out, f, 4, i == 0);
        tm_buf_puts(out, f->flow ? "{" : "- ");
        put_value(out, f, &(struct oidc_edit_key){"claim", r->claim, false});
        put_next(out, f, 6, false);
        put_value(out, f, &(struct oidc_edit_key){is_glob(r) ? "glob" : "is", r->text, false});
        tm_buf_puts(out, f->flow ? "}" : "");
    }
    tm_buf_puts(out, f->flow ? "]" : "");
}

static int check_texts(const struct oidc_new_issuer *n, struct tm_err *e)
{
    int rc = oidc_edit_check_text("issuer's URL", n->url, e);
    for (size_t i = 0; i < n->key_count && rc == 0; i++)
        rc = oidc_edit_check_text(n->key[i].name, n->key[i].value, e);
    for (size_t i = 0; i < n->rule_count && rc == 0; i++) {
        rc = oidc_edit_check_text("name of a claim", n->rule[i].claim, e);
        if (rc == 0)
            rc = oidc_edit_check_text("text of a rule", n->rule[i].text, e);
    }
    return rc;
}

/* "URL: …", its keys below it or in braces. */
static void put_issuer(struct tm_buf *out, const struct form *f, const struct oidc_new_issuer *n)
{
    put_text(out, f, n->url);
    tm_buf_puts(out, f->flow ? ": {" : ":");
    put_next(out, f, 2, true);
    put_value(out, f, &(struct oidc_edit_key){"issuer-url", n->url, false});
    for (size_t i = 0; i < n->key_count; i++) {
        put_next(out, f, 2, false);
        put_value(out, f, &n->key[i]);
    }
    if (n->rule_count > 0) {
        put_next(out, f, 2, false);
        put_rules(out, f, n);
    }
    tm_buf_puts(out, f->flow ? "}" : "");
}

/* Where the next pair of a mapping that has some goes, what stands before it included. */
static struct form open_pair(struct editor *ed, const yaml_node_t *map)
{
    const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
    const yaml_node_pair_t *last = map->data.mapping.pairs.top - 1;
    const yaml_node_t *value = node(ed, last->value);
    const yaml_node_t *key = node(ed, last->key);
    struct form f = {.flow = is_flow(map), .json = ed->doc.json};
    size_t end = offset(ed, key->end_mark);
    if (!is_alias(key, value))
        end = value_end(ed, value, end);
    else if (f.flow) /* past the alias itself */
        end += strcspn(ed->list->text + end, ",}");
    f.indent = node(ed, pair->key)->start_mark.column;
    size_t at = f.flow ? end : line_end(ed, end);
    ed->cut = (struct span){at, at};
    if (f.flow)
        tm_buf_puts(&ed->put, ", ");
    else if (at > 0 && ed->list->text[at - 1] != '\n')
        buf_putc(&ed->put, '\n');
    put_indent(&ed->put, f.flow ? 0 : f.indent);
    return f;
}

static void close_pair(struct editor *ed, const struct form *f)
{
    if (!f->flow)
        buf_putc(&ed->put, '\n');
}

/* ---- begin and end ---- */

static int open_list(struct editor *ed, const struct oidc_list_text *list, struct tm_err *e)
{
    *ed = (struct editor){.list = list, .e = e};
    ed->doc =
        (struct tm_yamldoc){.name = list->name, .max = TRUST_FILE_MAX, .takes_json = true, .e = e};
    return oidc_trust_parse(list->name, list->text, list->len, &ed->before, e) == 0
               ? tm_yamldoc_open(&ed->doc, list->text, list->len, &ed->root)
               : -1;
}

struct wanted { /* the one difference that the edit is to make */
    const char *url;
    enum oidc_change change;
    const struct oidc_new_issuer *added; /* or NULL */
    size_t facts;
    bool good;
};

/* The rules that were asked for, to the letter. */
static bool has_rules(const struct oidc_issuer *issuer, const struct oidc_new_issuer *n)
{
    if (oidc_rules_count(issuer->allow) != n->rule_count)
        return false;
    for (size_t i = 0; i < n->rule_count; i++) {
        const struct oidc_rule *have = &issuer->allow->all.item[i];
        const struct oidc_edit_rule *want = &n->rule[i];
        if (have->claim == NULL || strcmp(have->claim, want->claim) != 0 ||
            have->way != (is_glob(want) ? RULE_GLOB : RULE_IS) || have->text_count != 1 ||
            strcmp(have->text[0], want->text) != 0)
            return false;
    }
    return true;
}

static void compare(void *arg, const struct oidc_trust_change *c)
{
    struct wanted *w = arg;
    w->facts++;
    w->good = w->good && c->change == w->change && strcmp(c->issuer->url, w->url) == 0 &&
              (w->added == NULL || has_rules(c->issuer, w->added));
}

/* Reads the new text, too, and holds the structs against each other. */
static int check(struct editor *ed, struct tm_buf *out, struct wanted *w)
{
    struct oidc_trust *after = NULL;
    const char *text = tm_buf_str(out);
    if (text == NULL)
        return tm_err_set(ed->e, "out of memory");
    if (oidc_trust_parse(ed->list->name, text, out->len, &after, ed->e) != 0)
        return tm_err_wrap(ed->e, "the list would not load after that");
    int rc = oidc_trust_diff(ed->before, after, compare, w) >= 0
                 ? 0
                 : tm_err_set(ed->e, "out of memory");
    if (rc == 0 && (!w->good || w->facts != 1))
        rc = by_hand(ed, w->url);
    oidc_trust_unref(after);
    return rc;
}

static int close_list(struct editor *ed, int rc, struct wanted *w, struct tm_buf *out)
{
    tm_yamldoc_close(&ed->doc);
    w->good = true;
    if (rc == 0) {
        tm_buf_append(out, ed->list->text, ed->cut.start);
        tm_buf_append(out, ed->put.data, ed->put.len);
        tm_buf_append(out, ed->list->text + ed->cut.end, ed->list->len - ed->cut.end);
        rc = buf_failed(out) || buf_failed(&ed->put) ? tm_err_set(ed->e, "out of memory")
                                                     : check(ed, out, w);
    }
    tm_buf_free(&ed->put);
    oidc_trust_unref(ed->before);
    return rc;
}

/* ---- the edits ---- */

static int add(struct editor *ed, const struct oidc_new_issuer *issuer)
{
    const char *name = sections[issuer->wildcard ? 1 : 0];
    struct place section;
    struct place there;
    struct form f;
    if (!find_pair(ed, ed->root, name, false, &section)) {
        f = open_pair(ed, ed->root);
        put_key(&ed->put, &f, name);
        if (f.flow)
            buf_putc(&ed->put, '{');
        else
            ed->put.len--; /* the blank */
        f.indent += 2;
        put_next(&ed->put, &f, 0, true);
        put_issuer(&ed->put, &f, issuer);
        tm_buf_puts(&ed->put, f.flow ? "}" : "");
        close_pair(ed, &f);
        return 0;
    }
    if (find_pair(ed, section.value, issuer->url, true, &there))
        return tm_err_set(ed->e, "%s:%lu: '%.200s' is in the list already", ed->list->name,
                          tm_yamldoc_line(there.key), issuer->url);
    if (is_alias(section.key, section.value) || section.value->type != YAML_MAPPING_NODE ||
        section.value->data.mapping.pairs.start == section.value->data.mapping.pairs.top)
        return tm_err_set(ed->e, "%s: '%s' is empty or an alias: remove the key first",
                          ed->list->name, name);
    f = open_pair(ed, section.value);
    put_issuer(&ed->put, &f, issuer);
    close_pair(ed, &f);
    return 0;
}

int oidc_edit_add(const struct oidc_list_text *list, const struct oidc_new_issuer *issuer,
                  struct tm_buf *out, struct tm_err *e)
{
    struct editor ed;
    struct wanted w = {.url = issuer->url, .change = ISSUER_ADDED, .added = issuer};
    int rc = open_list(&ed, list, e);
    if (rc == 0)
        rc = check_texts(issuer, e);
    if (rc == 0)
        rc = add(&ed, issuer);
    return close_list(&ed, rc, &w, out);
}

/* With a comma, before or after it. */
static struct span flow_pair(struct editor *ed, const struct place *p)
{
    const yaml_node_pair_t *pair = p->map->data.mapping.pairs.start;
    struct span s = {offset(ed, p->key->start_mark), offset(ed, p->value->end_mark)};
    if (p->index + 1 < p->count)
        s.end = offset(ed, node(ed, pair[p->index + 1].key)->start_mark);
    else if (p->index > 0)
        s.start = value_end(ed, node(ed, pair[p->index - 1].value), 0);
    return s;
}

static struct span block_pair(struct editor *ed, const struct place *first,
                              const struct place *last)
{
    size_t end = value_end(ed, last->value, offset(ed, last->key->end_mark));
    return (struct span){line_start(ed, offset(ed, first->key->start_mark)), line_end(ed, end)};
}

int oidc_edit_remove(const struct oidc_list_text *list, const char *url, struct tm_buf *out,
                     struct tm_err *e)
{
    struct editor ed;
    struct wanted w = {.url = url, .change = ISSUER_REMOVED};
    struct place section;
    struct place entry;
    int rc = open_list(&ed, list, e);
    if (rc == 0)
        rc = find_entry(&ed, url, &section, &entry);
    if (rc == 0 && is_flow(section.value))
        ed.cut = flow_pair(&ed, &entry);
    else if (rc == 0) /* a section without any goes as a whole */
        ed.cut = block_pair(&ed, entry.count > 1 ? &entry : &section, &entry);
    return close_list(&ed, rc, &w, out);
}

int oidc_edit_disable(const struct oidc_list_text *list, const char *url, bool disabled,
                      struct tm_buf *out, struct tm_err *e)
{
    struct editor ed;
    const struct oidc_edit_key key = {"disabled", disabled ? "true" : "false", true};
    struct wanted w = {.url = url, .change = ISSUER_ALTERED};
    struct place section;
    struct place entry;
    struct place own;
    int rc = open_list(&ed, list, e);
    if (rc == 0)
        rc = find_entry(&ed, url, &section, &entry);
    if (rc == 0 && find_pair(&ed, entry.value, key.name, false, &own)) {
        ed.cut =
            (struct span){offset(&ed, own.value->start_mark), offset(&ed, own.value->end_mark)};
        tm_buf_puts(&ed.put, key.value);
        if (is_alias(own.key, own.value))
            rc = by_hand(&ed, url);
        else if (strcmp((const char *)own.value->data.scalar.value, key.value) == 0)
            rc = tm_err_set(e, "%s: '%.200s' is %s already", list->name, url,
                            disabled ? "disabled" : "enabled");
    } else if (rc == 0 && !disabled) {
        rc = tm_err_set(e, "%s: '%.200s' is enabled already", list->name, url);
    } else if (rc == 0) {
        struct form f = open_pair(&ed, entry.value);
        put_value(&ed.put, &f, &key);
        close_pair(&ed, &f);
    }
    return close_list(&ed, rc, &w, out);
}

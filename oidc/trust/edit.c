#include "oidc/trust/edit.h"

#include <ctype.h>
#include <string.h>

#include "common/yamledit.h"
#include "oidc/trust/diff.h"
#include "oidc/trust/internal.h"
#include "oidc/trust/rules_internal.h"

struct editor {
    const struct oidc_list_text *list;
    struct oidc_trust *before;
    struct tm_yamledit y;
    struct tm_err *e;
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

static const char *const sections[] = {"oidc-issuers", "meta-issuers"};

static int by_hand(struct editor *ed, const char *url)
{
    return tm_err_set(ed->e,
                      "%s: the entry of '%.200s' is written in a way that can only be "
                      "changed by hand (an alias, or not on lines of its own)",
                      ed->list->name, url);
}

static int find_entry(struct editor *ed, const char *url, struct tm_yamlplace *section,
                      struct tm_yamlplace *entry)
{
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (tm_yamledit_find(&ed->y, ed->y.root, sections[i], same_key, section) &&
            tm_yamledit_find(&ed->y, section->value, url, NULL, entry))
            return tm_yamledit_is_alias(entry->key, entry->value) ||
                           tm_yamledit_is_alias(section->key, section->value)
                       ? by_hand(ed, url)
                       : 0;
    }
    return tm_err_set(ed->e, "%s: there is no issuer '%.200s' in the list", ed->list->name, url);
}

/* ---- what is written ---- */

/* In JSON, `client-id` is ClientId. */
static void put_key(struct tm_buf *out, const struct tm_yamlform *f, const char *name)
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

static void put_value(struct tm_buf *out, const struct tm_yamlform *f,
                      const struct oidc_edit_key *k)
{
    put_key(out, f, k->name);
    if (k->is_word)
        tm_buf_puts(out, k->value);
    else
        tm_yamledit_put_text(out, f, k->value);
}

/* Between the members of one mapping. */
static void put_next(struct tm_buf *out, const struct tm_yamlform *f, size_t deeper, bool first)
{
    if (f->flow) {
        tm_buf_puts(out, first ? "" : ", ");
        return;
    }
    buf_putc(out, '\n');
    tm_yamledit_put_indent(out, f->indent + deeper);
}

static bool is_glob(const struct oidc_edit_rule *r)
{
    return strpbrk(r->text, "*?") != NULL;
}

static void put_rules(struct tm_buf *out, const struct tm_yamlform *f,
                      const struct oidc_new_issuer *n)
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
    int rc = tm_yamledit_check_text("issuer's URL", n->url, e);
    for (size_t i = 0; i < n->key_count && rc == 0; i++)
        rc = tm_yamledit_check_text(n->key[i].name, n->key[i].value, e);
    for (size_t i = 0; i < n->rule_count && rc == 0; i++) {
        rc = tm_yamledit_check_text("name of a claim", n->rule[i].claim, e);
        if (rc == 0)
            rc = tm_yamledit_check_text("text of a rule", n->rule[i].text, e);
    }
    return rc;
}

/* "URL: …", its keys below it or in braces. */
static void put_issuer(struct tm_buf *out, const struct tm_yamlform *f,
                       const struct oidc_new_issuer *n)
{
    tm_yamledit_put_text(out, f, n->url);
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

/* ---- begin and end ---- */

static int open_list(struct editor *ed, const struct oidc_list_text *list, struct tm_err *e)
{
    *ed = (struct editor){.list = list, .e = e};
    ed->y.doc =
        (struct tm_yamldoc){.name = list->name, .max = TRUST_FILE_MAX, .takes_json = true, .e = e};
    return oidc_trust_parse(list->name, list->text, list->len, &ed->before, e) == 0
               ? tm_yamledit_open(&ed->y, list->text, list->len)
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
    w->good = true;
    rc = tm_yamledit_close(&ed->y, rc, out);
    if (rc == 0)
        rc = check(ed, out, w);
    oidc_trust_unref(ed->before);
    return rc;
}

/* ---- the edits ---- */

static int add(struct editor *ed, const struct oidc_new_issuer *issuer)
{
    const char *name = sections[issuer->wildcard ? 1 : 0];
    struct tm_yamlplace section;
    struct tm_yamlplace there;
    struct tm_yamlform f;
    if (!tm_yamledit_find(&ed->y, ed->y.root, name, same_key, &section)) {
        f = tm_yamledit_open_pair(&ed->y, ed->y.root);
        put_key(&ed->y.put, &f, name);
        if (f.flow)
            buf_putc(&ed->y.put, '{');
        else
            ed->y.put.len--; /* the blank */
        f.indent += 2;
        put_next(&ed->y.put, &f, 0, true);
        put_issuer(&ed->y.put, &f, issuer);
        tm_buf_puts(&ed->y.put, f.flow ? "}" : "");
        tm_yamledit_close_pair(&ed->y, &f);
        return 0;
    }
    if (tm_yamledit_find(&ed->y, section.value, issuer->url, NULL, &there))
        return tm_err_set(ed->e, "%s:%lu: '%.200s' is in the list already", ed->list->name,
                          tm_yamldoc_line(there.key), issuer->url);
    if (tm_yamledit_is_alias(section.key, section.value) ||
        section.value->type != YAML_MAPPING_NODE ||
        section.value->data.mapping.pairs.start == section.value->data.mapping.pairs.top)
        return tm_err_set(ed->e, "%s: '%s' is empty or an alias: remove the key first",
                          ed->list->name, name);
    f = tm_yamledit_open_pair(&ed->y, section.value);
    put_issuer(&ed->y.put, &f, issuer);
    tm_yamledit_close_pair(&ed->y, &f);
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
static struct tm_yamlspan flow_pair(struct editor *ed, const struct tm_yamlplace *p)
{
    const yaml_node_pair_t *pair = p->map->data.mapping.pairs.start;
    struct tm_yamlspan s = {tm_yamledit_offset(&ed->y, p->key->start_mark),
                            tm_yamledit_offset(&ed->y, p->value->end_mark)};
    if (p->index + 1 < p->count)
        s.end = tm_yamledit_offset(&ed->y,
                                   tm_yamledit_node(&ed->y, pair[p->index + 1].key)->start_mark);
    else if (p->index > 0)
        s.start =
            tm_yamledit_value_end(&ed->y, tm_yamledit_node(&ed->y, pair[p->index - 1].value), 0);
    return s;
}

static struct tm_yamlspan block_pair(struct editor *ed, const struct tm_yamlplace *first,
                                     const struct tm_yamlplace *last)
{
    size_t end =
        tm_yamledit_value_end(&ed->y, last->value, tm_yamledit_offset(&ed->y, last->key->end_mark));
    return (struct tm_yamlspan){
        tm_yamledit_line_start(&ed->y, tm_yamledit_offset(&ed->y, first->key->start_mark)),
        tm_yamledit_line_end(&ed->y, end)};
}

int oidc_edit_remove(const struct oidc_list_text *list, const char *url, struct tm_buf *out,
                     struct tm_err *e)
{
    struct editor ed;
    struct wanted w = {.url = url, .change = ISSUER_REMOVED};
    struct tm_yamlplace section;
    struct tm_yamlplace entry;
    int rc = open_list(&ed, list, e);
    if (rc == 0)
        rc = find_entry(&ed, url, &section, &entry);
    if (rc == 0 && tm_yamledit_is_flow(section.value))
        ed.y.cut = flow_pair(&ed, &entry);
    else if (rc == 0) /* a section without any goes as a whole */
        ed.y.cut = block_pair(&ed, entry.count > 1 ? &entry : &section, &entry);
    return close_list(&ed, rc, &w, out);
}

int oidc_edit_disable(const struct oidc_list_text *list, const char *url, bool disabled,
                      struct tm_buf *out, struct tm_err *e)
{
    struct editor ed;
    const struct oidc_edit_key key = {"disabled", disabled ? "true" : "false", true};
    struct wanted w = {.url = url, .change = ISSUER_ALTERED};
    struct tm_yamlplace section;
    struct tm_yamlplace entry;
    struct tm_yamlplace own;
    int rc = open_list(&ed, list, e);
    if (rc == 0)
        rc = find_entry(&ed, url, &section, &entry);
    if (rc == 0 && tm_yamledit_find(&ed.y, entry.value, key.name, same_key, &own)) {
        ed.y.cut = (struct tm_yamlspan){tm_yamledit_offset(&ed.y, own.value->start_mark),
                                        tm_yamledit_offset(&ed.y, own.value->end_mark)};
        tm_buf_puts(&ed.y.put, key.value);
        if (tm_yamledit_is_alias(own.key, own.value))
            rc = by_hand(&ed, url);
        else if (strcmp((const char *)own.value->data.scalar.value, key.value) == 0)
            rc = tm_err_set(e, "%s: '%.200s' is %s already", list->name, url,
                            disabled ? "disabled" : "enabled");
    } else if (rc == 0 && !disabled) {
        rc = tm_err_set(e, "%s: '%.200s' is enabled already", list->name, url);
    } else if (rc == 0) {
        struct tm_yamlform f = tm_yamledit_open_pair(&ed.y, entry.value);
        put_value(&ed.y.put, &f, &key);
        tm_yamledit_close_pair(&ed.y, &f);
    }
    return close_list(&ed, rc, &w, out);
}

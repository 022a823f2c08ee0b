/* Small changes to the policy's text. The YAML parser says where a node begins and ends; the rest
 * of the file, comments included, stays as the operator wrote it. */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/utf8.h"
#include "tuf/manager/policy/internal.h"

struct span { /* bytes of the text */
    size_t from, to;
};

/* libyaml counts characters. */
static size_t byte_of(const char *text, size_t len, size_t character)
{
    size_t at = tm_utf8_mark((const unsigned char *)text, len); /* which libyaml does not count */
    while (at < len && character > 0) {
        at++;
        while (at < len && ((unsigned char)text[at] & 0xc0) == 0x80)
            at++;
        character--;
    }
    return at;
}

static const yaml_node_t *member(yaml_document_t *doc, const yaml_node_t *map, const char *name)
{
    if (map == NULL || map->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        const yaml_node_t *key = yaml_document_get_node(doc, p->key);
        if (key->type == YAML_SCALAR_NODE &&
            strcmp((const char *)key->data.scalar.value, name) == 0)
            return yaml_document_get_node(doc, p->value);
    }
    return NULL;
}

/* A list's own bytes; of a list in lines, up to the end of its last item. */
static bool list_span(yaml_document_t *doc, const yaml_node_t *list, const char *text, size_t len,
                      struct span *out)
{
    if (list == NULL || list->type != YAML_SEQUENCE_NODE)
        return false;
    const yaml_node_t *last = list;
    if (list->data.sequence.style != YAML_FLOW_SEQUENCE_STYLE &&
        list->data.sequence.items.top > list->data.sequence.items.start)
        last = yaml_document_get_node(doc, list->data.sequence.items.top[-1]);
    out->from = byte_of(text, len, list->start_mark.index);
    out->to = byte_of(text, len, last->end_mark.index);
    return out->to >= out->from;
}

static const yaml_node_t *holders_of(yaml_document_t *doc, const char *role)
{
    const yaml_node_t *root = yaml_document_get_root_node(doc);
    if (strcmp(role, "bins") == 0)
        return member(doc, member(doc, root, "bins"), "holders");
    const yaml_node_t *r = member(doc, member(doc, root, "roles"), role);
    if (r == NULL)
        r = member(doc, member(doc, root, "delegations"), role);
    return member(doc, r, "holders");
}

/* A YAML value that stands for exactly `text`. */
static void write_quoted(const char *text, struct tm_buf *out)
{
    buf_putc(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            buf_putc(out, '\\');
        buf_putc(out, *text);
    }
    buf_putc(out, '"');
}

/* '@' begins no plain scalar. */
static void write_name(const char *holder, struct tm_buf *out)
{
    if (holder[0] == '@')
        write_quoted(holder, out);
    else
        tm_buf_puts(out, holder);
}

static void write_list(const struct tm_yamlmap_list *l, const char *more, struct tm_buf *out)
{
    buf_putc(out, '[');
    for (size_t i = 0; i < l->count; i++) {
        tm_buf_puts(out, i > 0 ? ", " : "");
        write_name(l->item[i], out);
    }
    if (more != NULL) {
        tm_buf_puts(out, l->count > 0 ? ", " : "");
        write_name(more, out);
    }
    buf_putc(out, ']');
}

/* An edit that does not leave a good policy is none. */
static int check(const char *name, struct tm_buf *out, struct tm_err *e)
{
    struct tuf_policy p;
    if (tm_buf_str(out) == NULL)
        return tm_err_set(e, "out of memory");
    if (tuf_policy_parse(name, (const char *)out->data, out->len, &p, e) != 0)
        return -1;
    tuf_policy_free(&p);
    return 0;
}

static void write_online(const char *holder, const struct tm_key_source *s, struct tm_buf *out)
{
    const struct {
        const char *name, *value;
    } rows[] = {
        {"file", s->file},
        {"env", s->env},
        {"password-file", s->password_file},
        {"password-env", s->password_env},
        {"pkcs11-module", s->pkcs11_module},
        {"pkcs11-token", s->pkcs11_token},
        {"pkcs11-key", s->pkcs11_key},
        {"pkcs11-pin-file", s->pin_file},
        {"pkcs11-pin-env", s->pin_env},
        {"key-uri", s->uri},
    };
    const char *sep = "";
    write_name(holder, out);
    tm_buf_puts(out, ": {");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value == NULL)
            continue;
        tm_buf_printf(out, "%s%s: ", sep, rows[i].name);
        write_quoted(rows[i].value, out);
        sep = ", ";
    }
    buf_putc(out, '}');
}

/* The text as nodes, which yaml_document_delete() frees. False: it is no YAML, or out of memory. */
static bool read_document(const char *text, size_t len, yaml_document_t *doc)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return false;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    bool ok = yaml_parser_load(&parser, doc) != 0;
    yaml_parser_delete(&parser);
    return ok;
}

/* Where the first key of `online-keys` begins, in bytes, and how far it is indented. */
static bool find_online(const char *text, size_t len, size_t *at, size_t *indent, bool *flow)
{
    yaml_document_t doc;
    if (!read_document(text, len, &doc))
        return false;
    const yaml_node_t *map = member(&doc, yaml_document_get_root_node(&doc), "online-keys");
    bool found = map != NULL && map->type == YAML_MAPPING_NODE &&
                 map->data.mapping.pairs.top > map->data.mapping.pairs.start;
    if (found) {
        const yaml_node_t *key = yaml_document_get_node(&doc, map->data.mapping.pairs.start->key);
        *at = byte_of(text, len, key->start_mark.index);
        *indent = key->start_mark.column;
        *flow = map->data.mapping.style == YAML_FLOW_MAPPING_STYLE;
    }
    yaml_document_delete(&doc);
    return found;
}

/* The span of `revoked`. False: there is none. */
static bool find_revoked(const char *text, size_t len, struct span *out)
{
    yaml_document_t doc;
    if (!read_document(text, len, &doc))
        return false;
    const yaml_node_t *list = member(&doc, yaml_document_get_root_node(&doc), "revoked");
    bool found = list_span(&doc, list, text, len, out);
    yaml_document_delete(&doc);
    return found;
}

struct holders_span {
    struct span at;
    const struct tm_yamlmap_list *to;
};

static int by_place(const void *a, const void *b)
{
    const struct holders_span *x = a;
    const struct holders_span *y = b;
    return x->at.from < y->at.from ? -1 : x->at.from > y->at.from;
}

/* All spans from one reading of the text: a policy may have thousands of roles. */
static int find_spans(const char *name, const char *text, size_t len,
                      const struct tuf_policy_holders *edits, size_t count,
                      struct holders_span *out, struct tm_err *e)
{
    yaml_document_t doc;
    int rc = 0;
    if (!read_document(text, len, &doc))
        return tm_err_set(e, "%s: it cannot be read as YAML", name);
    for (size_t i = 0; i < count && rc == 0; i++) {
        out[i].to = &edits[i].holders;
        if (!list_span(&doc, holders_of(&doc, edits[i].role), text, len, &out[i].at))
            rc = tm_err_set(e, "%s: role '%s' has no list of holders", name, edits[i].role);
    }
    yaml_document_delete(&doc);
    return rc;
}

int tuf_policy_edit_holders(const char *name, const char *text, size_t len,
                            const struct tuf_policy_holders *edits, size_t count,
                            struct tm_buf *out, struct tm_err *e)
{
    struct holders_span *spans = calloc(count + 1, sizeof(*spans));
    size_t at = 0;
    int rc = spans != NULL ? find_spans(name, text, len, edits, count, spans, e)
                           : tm_err_set(e, "out of memory");
    if (rc == 0)
        qsort(spans, count, sizeof(*spans), by_place);
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (spans[i].at.from < at) /* one list of several roles, by an anchor */
            rc = tm_err_set(e, "%s: roles share one list of holders: change it by hand", name);
        if (rc != 0)
            break;
        tm_buf_append(out, text + at, spans[i].at.from - at);
        write_list(spans[i].to, NULL, out);
        at = spans[i].at.to;
    }
    free(spans);
    if (rc != 0)
        return rc;
    tm_buf_append(out, text + at, len - at);
    return check(name, out, e);
}

int tuf_policy_edit_revoke(const char *name, const char *text, size_t len, const char *holder,
                           struct tm_buf *out, struct tm_err *e)
{
    struct tuf_policy p;
    struct span at;
    if (tuf_policy_parse(name, text, len, &p, e) != 0)
        return -1;
    if (find_revoked(text, len, &at)) {
        tm_buf_append(out, text, at.from);
        write_list(&p.revoked, holder, out);
        tm_buf_append(out, text + at.to, len - at.to);
    } else {
        tm_buf_append(out, text, len);
        tm_buf_printf(out, "%s\n# Keys that no role gets any more.\nrevoked: ",
                      len > 0 && text[len - 1] == '\n' ? "" : "\n");
        write_list(&(struct tm_yamlmap_list){0}, holder, out);
        buf_putc(out, '\n');
    }
    tuf_policy_free(&p);
    return check(name, out, e);
}

int tuf_policy_edit_online(const char *name, const char *text, size_t len, const char *holder,
                           const struct tm_key_source *where, struct tm_buf *out, struct tm_err *e)
{
    size_t at = 0;
    size_t indent = 0;
    bool flow = false;
    if (!find_online(text, len, &at, &indent, &flow))
        return tm_err_set(e, "%s: there is no 'online-keys' to add '%s' to", name, holder);
    tm_buf_append(out, text, at);
    write_online(holder, where, out);
    if (flow)
        tm_buf_puts(out, ", ");
    else
        tm_buf_printf(out, "\n%*s", (int)indent, "");
    tm_buf_append(out, text + at, len - at);
    return check(name, out, e);
}

/* Edits of YAML text: where things stand, and what is written there. */
#include "common/yamledit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json/jsonstr.h"
#include "common/yamlmap.h" /* how large a file may be */

/* ---- begin and end ---- */

int tm_yamledit_open(struct tm_yamledit *ed, const char *text, size_t len)
{
    ed->text = text;
    ed->len = len;
    return tm_yamldoc_open(&ed->doc, text, len, &ed->root);
}

int tm_yamledit_close(struct tm_yamledit *ed, int rc, struct tm_buf *out)
{
    tm_yamldoc_close(&ed->doc);
    if (rc == 0) {
        tm_buf_append(out, ed->text, ed->cut.start);
        tm_buf_append(out, ed->put.data, ed->put.len);
        tm_buf_append(out, ed->text + ed->cut.end, ed->len - ed->cut.end);
        if (buf_failed(out) || buf_failed(&ed->put))
            rc = tm_err_set(ed->doc.e, "out of memory");
    }
    tm_buf_free(&ed->put);
    return rc;
}

/* ---- where things stand ---- */

/* libyaml counts characters. */
size_t tm_yamledit_offset(const struct tm_yamledit *ed, yaml_mark_t mark)
{
    size_t at = 0;
    for (size_t chars = 0; at < ed->len; at++) {
        bool begins = ((unsigned char)ed->text[at] & 0xc0) != 0x80;
        if (begins && chars++ == mark.index)
            break;
    }
    return at;
}

size_t tm_yamledit_line_start(const struct tm_yamledit *ed, size_t at)
{
    while (at > 0 && ed->text[at - 1] != '\n')
        at--;
    return at;
}

size_t tm_yamledit_line_end(const struct tm_yamledit *ed, size_t at)
{
    if (at > 0 && ed->text[at - 1] == '\n')
        return at;
    while (at < ed->len && ed->text[at++] != '\n')
        continue;
    return at;
}

yaml_node_t *tm_yamledit_node(struct tm_yamledit *ed, int index)
{
    return yaml_document_get_node(&ed->doc.doc, index);
}

bool tm_yamledit_is_alias(const yaml_node_t *key, const yaml_node_t *value)
{
    return value->start_mark.index < key->end_mark.index;
}

/* A block mapping ends, for the reader, at the next token. */
size_t tm_yamledit_value_end(struct tm_yamledit *ed, const yaml_node_t *n, size_t least)
{
    size_t end = least;
    if (n->type == YAML_MAPPING_NODE && n->data.mapping.style == YAML_BLOCK_MAPPING_STYLE) {
        const yaml_node_pair_t *last = n->data.mapping.pairs.top - 1;
        const yaml_node_t *key = tm_yamledit_node(ed, last->key);
        const yaml_node_t *value = tm_yamledit_node(ed, last->value);
        end = tm_yamledit_offset(ed, key->end_mark);
        return tm_yamledit_is_alias(key, value) ? end : tm_yamledit_value_end(ed, value, end);
    }
    if (n->type == YAML_SEQUENCE_NODE && n->data.sequence.style == YAML_BLOCK_SEQUENCE_STYLE) {
        const yaml_node_t *last = tm_yamledit_node(ed, n->data.sequence.items.top[-1]);
        return last->start_mark.index < n->start_mark.index ? end
                                                            : tm_yamledit_value_end(ed, last, end);
    }
    return tm_yamledit_offset(ed, n->end_mark);
}

bool tm_yamledit_find(struct tm_yamledit *ed, yaml_node_t *map, const char *name,
                      tm_yamledit_same_fn same, struct tm_yamlplace *out)
{
    if (map->type != YAML_MAPPING_NODE)
        return false;
    const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
    size_t count = (size_t)(map->data.mapping.pairs.top - pair);
    for (size_t i = 0; i < count; i++) {
        yaml_node_t *key = tm_yamledit_node(ed, pair[i].key);
        const char *text = (const char *)key->data.scalar.value;
        if (key->type != YAML_SCALAR_NODE ||
            !(same != NULL ? same(text, name) : strcmp(text, name) == 0))
            continue;
        *out = (struct tm_yamlplace){map, key, tm_yamledit_node(ed, pair[i].value), i, count};
        return true;
    }
    return false;
}

bool tm_yamledit_is_flow(const yaml_node_t *map)
{
    return map->data.mapping.style == YAML_FLOW_MAPPING_STYLE;
}

/* ---- what is written ---- */

void tm_yamledit_put_indent(struct tm_buf *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_putc(out, ' ');
}

/* What stands for something else than its letters, here or to other readers of YAML. */
static bool is_special(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off"};
    char *end;
    (void)strtod(text, &end);
    bool special = *end == '\0';
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        special |= strcasecmp(text, words[i]) == 0;
    return special;
}

/* What YAML reads as it stands, anywhere, as this text and nothing else. */
static bool is_plain(const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               ":/._~-";
    size_t len = strlen(text);
    return len > 0 && strspn(text, safe) == len && isalnum((unsigned char)text[0]) &&
           isalnum((unsigned char)text[len - 1]) && !is_special(text);
}

void tm_yamledit_put_text(struct tm_buf *out, const struct tm_yamlform *f, const char *text)
{
    if (f->json) {
        tm_jsonstr_put(out, text, strlen(text));
    } else if (is_plain(text)) {
        tm_buf_puts(out, text);
    } else {
        buf_putc(out, '\'');
        for (; *text != '\0'; text++)
            tm_buf_puts(out, *text == '\'' ? "''" : (const char[]){*text, '\0'});
        buf_putc(out, '\'');
    }
}

struct tm_yamlform tm_yamledit_open_pair(struct tm_yamledit *ed, const yaml_node_t *map)
{
    const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
    const yaml_node_pair_t *last = map->data.mapping.pairs.top - 1;
    const yaml_node_t *value = tm_yamledit_node(ed, last->value);
    const yaml_node_t *key = tm_yamledit_node(ed, last->key);
    struct tm_yamlform f = {.flow = tm_yamledit_is_flow(map), .json = ed->doc.json};
    size_t end = tm_yamledit_offset(ed, key->end_mark);
    if (!tm_yamledit_is_alias(key, value))
        end = tm_yamledit_value_end(ed, value, end);
    else if (f.flow) /* past the alias itself */
        end += strcspn(ed->text + end, ",}");
    f.indent = tm_yamledit_node(ed, pair->key)->start_mark.column;
    size_t at = f.flow ? end : tm_yamledit_line_end(ed, end);
    ed->cut = (struct tm_yamlspan){at, at};
    if (f.flow)
        tm_buf_puts(&ed->put, ", ");
    else if (at > 0 && ed->text[at - 1] != '\n')
        buf_putc(&ed->put, '\n');
    tm_yamledit_put_indent(&ed->put, f.flow ? 0 : f.indent);
    return f;
}

void tm_yamledit_close_pair(struct tm_yamledit *ed, const struct tm_yamlform *f)
{
    if (!f->flow)
        buf_putc(&ed->put, '\n');
}

int tm_yamledit_check_text(const char *what, const char *text, struct tm_err *e)
{
    static const char *const lines[] = {"\xe2\x80\xa8", "\xe2\x80\xa9"};
    bool bad = false;
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0' && !bad; c++)
        bad = *c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        bad |= strstr(text, lines[i]) != NULL;
    return bad ? tm_err_set(e, "the %s holds a line's end or another control character", what) : 0;
}

/* ---- one value ---- */

static int by_hand(struct tm_yamledit *ed, const char *key)
{
    return tm_err_set(ed->doc.e,
                      "%s: '%.200s' is written in a way that can only be changed by hand (an "
                      "alias, a list, an empty section, or text over several lines)",
                      ed->doc.name, key);
}

static int replace(struct tm_yamledit *ed, const struct tm_yamlplace *at, const char *key,
                   const char *value)
{
    const struct tm_yamlform f = {.json = ed->doc.json};
    const yaml_node_t *n = at->value;
    if (tm_yamledit_is_alias(at->key, n) || n->type != YAML_SCALAR_NODE ||
        n->start_mark.line != n->end_mark.line || n->start_mark.index == n->end_mark.index)
        return by_hand(ed, key);
    ed->cut = (struct tm_yamlspan){tm_yamledit_offset(ed, n->start_mark),
                                   tm_yamledit_offset(ed, n->end_mark)};
    tm_yamledit_put_text(&ed->put, &f, value);
    return 0;
}

/* "a: value", or with more keys mappings in one another. */
static void put_new(struct tm_yamledit *ed, const char *const *path, const char *value,
                    struct tm_yamlform *f)
{
    size_t depth = 0;
    for (; path[1] != NULL; path++, depth++) {
        tm_yamledit_put_text(&ed->put, f, path[0]);
        tm_buf_puts(&ed->put, f->flow ? ": {" : ":\n");
        f->indent += 2;
        tm_yamledit_put_indent(&ed->put, f->flow ? 0 : f->indent);
    }
    tm_yamledit_put_text(&ed->put, f, path[0]);
    tm_buf_puts(&ed->put, ": ");
    tm_yamledit_put_text(&ed->put, f, value);
    for (; f->flow && depth > 0; depth--)
        buf_putc(&ed->put, '}');
    tm_yamledit_close_pair(ed, f);
}

static int set(struct tm_yamledit *ed, const char *const *path, const char *value)
{
    struct tm_yamlplace at = {.value = ed->root};
    for (; path[0] != NULL; path++) {
        yaml_node_t *map = at.value;
        if (map->type != YAML_MAPPING_NODE ||
            map->data.mapping.pairs.start == map->data.mapping.pairs.top)
            return by_hand(ed, path[0]);
        if (!tm_yamledit_find(ed, map, path[0], NULL, &at)) {
            struct tm_yamlform f = tm_yamledit_open_pair(ed, map);
            put_new(ed, path, value, &f);
            return 0;
        }
        if (path[1] == NULL)
            return replace(ed, &at, path[0], value);
        if (tm_yamledit_is_alias(at.key, at.value))
            return by_hand(ed, path[0]);
    }
    return by_hand(ed, "");
}

int tm_yamledit_set(const char *name, const char *text, size_t len, const char *const *path,
                    const char *value, struct tm_buf *out, struct tm_err *e)
{
    struct tm_yamledit ed = {.doc = {.name = name, .max = YAMLMAP_FILE_MAX, .e = e}};
    if (tm_yamledit_check_text("value", value, e) != 0)
        return -1;
    int rc = tm_yamledit_open(&ed, text, len);
    if (rc == 0)
        rc = set(&ed, path, value);
    return tm_yamledit_close(&ed, rc, out);
}

int tm_yamledit_refused(const char *name, struct tm_err *e)
{
    return tm_err_set(e, "'%s' uses YAML (alias, block scalar, list) that this command cannot edit",
                      name);
}

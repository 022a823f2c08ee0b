/*
 * Changes of a YAML file's text that keep all else in it: comments, order, quoting. One span of
 * bytes is cut, and other text put in its place, where the YAML reader's marks say that a value
 * stands. Whoever edits reads the new text again and holds it against the old.
 */
#pragma once

#include "common/buf.h"
#include "common/yamldoc.h"

struct tm_yamlspan { /* bytes of the text */
    size_t start, end;
};

struct tm_yamledit {
    struct tm_yamldoc doc; /* its name, max, takes_json and e are the caller's */
    const char *text;      /* borrowed */
    size_t len;
    yaml_node_t *root;
    struct tm_yamlspan cut; /* what goes */
    struct tm_buf put;      /* what comes in its place; owned */
};

/* Close it also after -1. */
int tm_yamledit_open(struct tm_yamledit *ed, const char *text, size_t len);
/* With rc 0 appends the new text to `out`. Returns rc, or -1: out of memory. */
int tm_yamledit_close(struct tm_yamledit *ed, int rc, struct tm_buf *out);

/* Sets a scalar below block or flow mappings: replaces its value, or adds the key, and mappings on
 * the way to it, at the end of the mapping that is there. `path`: the keys, NULL at their end.
 * -1: it is written in a way that is not edited here (an alias, a block scalar, a list, an empty
 * mapping), or does not parse. `name`: the file, for messages. Appends the new text to `out`. */
int tm_yamledit_set(const char *name, const char *text, size_t len, const char *const *path,
                    const char *value, struct tm_buf *out, struct tm_err *e);

/* For an edit that came out as something else: says that the file `name` cannot be edited. -1. */
int tm_yamledit_refused(const char *name, struct tm_err *e);

/* ---- for other edits ---- */

struct tm_yamlplace { /* a pair of a mapping */
    yaml_node_t *map, *key, *value;
    size_t index, count;
};

/* Two keys are one; NULL: when their bytes are. */
typedef bool (*tm_yamledit_same_fn)(const char *a, const char *b);
bool tm_yamledit_find(struct tm_yamledit *ed, yaml_node_t *map, const char *name,
                      tm_yamledit_same_fn same, struct tm_yamlplace *out);

yaml_node_t *tm_yamledit_node(struct tm_yamledit *ed, int index);
/* An alias is the node that it names, which stands before it. */
bool tm_yamledit_is_alias(const yaml_node_t *key, const yaml_node_t *value);
bool tm_yamledit_is_flow(const yaml_node_t *map);

size_t tm_yamledit_offset(const struct tm_yamledit *ed, yaml_mark_t mark);
size_t tm_yamledit_line_start(const struct tm_yamledit *ed, size_t at);
/* The start of the next line, or the end of the text. */
size_t tm_yamledit_line_end(const struct tm_yamledit *ed, size_t at);
/* Where the last scalar or bracket of a value ends; `least`: when it has none. */
size_t tm_yamledit_value_end(struct tm_yamledit *ed, const yaml_node_t *n, size_t least);

struct tm_yamlform {
    bool flow, json;
    size_t indent; /* of lines, unless flow */
};

/* Where the next pair of a mapping that has some goes: sets `cut`, and begins `put`. */
struct tm_yamlform tm_yamledit_open_pair(struct tm_yamledit *ed, const yaml_node_t *map);
void tm_yamledit_close_pair(struct tm_yamledit *ed, const struct tm_yamlform *f);

void tm_yamledit_put_indent(struct tm_buf *out, size_t n);
/* Quoted where YAML, or JSON, needs it. */
void tm_yamledit_put_text(struct tm_buf *out, const struct tm_yamlform *f, const char *text);

/* Refuses control characters, and what else ends a line: YAML folds it. */
int tm_yamledit_check_text(const char *what, const char *text, struct tm_err *e);

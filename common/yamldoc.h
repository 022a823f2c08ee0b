/*
 * The one place that knows libyaml: a YAML document as a tree, bounded in size and depth before it
 * is built, and in what its aliases expand to. common/yamlmap reads it by tables of types, others
 * by tables of functions. JSON is read by the same code after a strict check: only the names of the
 * keys and the types of scalars differ.
 */
#pragma once

#include <stdbool.h>
#include <yaml.h>

#include "common/err.h"

#define YAMLDOC_TEXT_MAX \
    ((size_t)4 * 1024 * 1024)   /* bytes taken out in all: aliases cost what they expand to */
#define YAMLDOC_DEPTH_MAX 16    /* nesting */
#define YAMLDOC_NODES_MAX 65536 /* scalars, lists, mappings and aliases in the file */
#define YAMLDOC_NAME_MAX 4096   /* bytes of a key */

struct tm_yamldoc {
    const char *name; /* for messages */
    size_t max;       /* bytes of the file */
    bool takes_json;  /* what begins with '{' is JSON, in all strictness */
    struct tm_err *e;
    yaml_document_t doc; /* from here on tm_yamldoc_open's */
    bool json;
    size_t budget; /* bytes of text that may still be taken out */
};

/* Parses exactly one document; the root is never NULL. Call tm_yamldoc_close also after -1. */
int tm_yamldoc_open(struct tm_yamldoc *d, const char *text, size_t len, yaml_node_t **root);
void tm_yamldoc_close(struct tm_yamldoc *d);

unsigned long tm_yamldoc_line(const yaml_node_t *n);

/* "name:line: <fmt>"; returns -1. */
int tm_yamldoc_fail(struct tm_yamldoc *d, const yaml_node_t *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A mapping with free names, each once, at most `max`; `fn` for each. */
typedef int (*tm_yamldoc_pair_fn)(struct tm_yamldoc *d, yaml_node_t *key, const char *name,
                                  yaml_node_t *value, void *arg);
int tm_yamldoc_each(struct tm_yamldoc *d, yaml_node_t *map, const char *what, size_t max,
                    tm_yamldoc_pair_fn fn, void *arg);

/* Escapes bring control characters past the YAML reader. */
enum tm_yamldoc_controls {
    YAMLDOC_PLAIN, /* none is taken */
    YAMLDOC_LINES, /* line breaks and tabs are welcome */
    YAMLDOC_ANY,   /* all but NUL: whoever shows the text cleans it */
};

/* A string of at most `max` bytes, borrowed; null counts as "". NULL: refused. */
const char *tm_yamldoc_text(struct tm_yamldoc *d, yaml_node_t *n, size_t max,
                            enum tm_yamldoc_controls controls);

int tm_yamldoc_bool(struct tm_yamldoc *d, yaml_node_t *n, bool *out);

/*
 * One YAML document as a tree, bounded in size and depth before it is built, and walked by
 * tables of known keys. JSON is read by the same code after a strict check: only the names of
 * the keys and the types of scalars differ.
 */
#ifndef TENMINT_OIDC_TRUST_DOCUMENT_H
#define TENMINT_OIDC_TRUST_DOCUMENT_H

#include <stdbool.h>
#include <yaml.h>

#include "common/err.h"

struct oidc_document {
    const char *name; /* for messages */
    yaml_document_t doc;
    bool json;
    size_t budget; /* bytes of text that may still be taken out */
    struct tm_err *e;
};

struct oidc_document_key {
    const char *yaml; /* exact */
    const char *json; /* any case; NULL: YAML only */
    int (*read)(struct oidc_document *d, const struct oidc_document_key *k, yaml_node_t *value,
                void *dest);
    size_t offset; /* what `read` makes of it */
};

/* Parses; the root is never NULL. Call oidc_document_close also after -1. */
int oidc_document_open(struct oidc_document *d, const char *text, size_t len, yaml_node_t **root);
void oidc_document_close(struct oidc_document *d);

unsigned long oidc_document_line(const yaml_node_t *n);

/* "name:line: <fmt>"; returns -1. */
int oidc_document_fail(struct oidc_document *d, const yaml_node_t *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A mapping whose keys are all in `keys` (`count` of at most 64), each at most once. */
int oidc_document_fields(struct oidc_document *d, yaml_node_t *map, const char *what,
                         const struct oidc_document_key *keys, size_t count, void *dest);

/* A mapping with free names, each once, at most `max`; `fn` for each. */
typedef int (*document_pair_fn)(struct oidc_document *d, yaml_node_t *key, const char *name,
                                yaml_node_t *value, void *arg);
int oidc_document_each(struct oidc_document *d, yaml_node_t *map, const char *what, size_t max,
                       document_pair_fn fn, void *arg);

/* A string of at most `max` bytes, borrowed; null counts as "". NULL: refused. `lines`: line
 * breaks are welcome, no other control character is. */
const char *oidc_document_text(struct oidc_document *d, yaml_node_t *n, size_t max, bool lines);

int oidc_document_bool(struct oidc_document *d, yaml_node_t *n, bool *out);

#endif

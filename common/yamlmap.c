#include "common/yamlmap.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/nearest.h"
#include "common/quantity.h"
#include "common/yamldoc.h"

#define KEYS_MAX 64 /* of a table */
#define FOLDED_MAX 64

static void *at(void *dest, const struct tm_yamlmap_key *k)
{
    return (char *)dest + k->offset;
}

static int wrong(struct tm_yamldoc *r, yaml_node_t *n, const struct tm_yamlmap_key *k,
                 const char *what)
{
    return tm_yamldoc_fail(r, n, "'%s' must be %s", k->name, what);
}

static int read_text(struct tm_yamldoc *r, yaml_node_t *n, const struct tm_yamlmap_key *k,
                     char **out)
{
    const char *s = tm_yamldoc_text(r, n, YAMLMAP_FILE_MAX, YAMLDOC_ANY);
    if (s == NULL || *s == '\0')
        return wrong(r, n, k, "a non-empty string");
    free(*out);
    *out = strdup(s);
    return *out != NULL ? 0 : tm_err_set(r->e, "out of memory");
}

/* A relative path is meant from the folder of the file that names it. */
static int read_path(struct tm_yamldoc *r, yaml_node_t *n, const struct tm_yamlmap_key *k,
                     char **out)
{
    const char *slash = strrchr(r->name, '/');
    struct tm_buf joined = {0};
    if (read_text(r, n, k, out) != 0)
        return -1;
    if ((*out)[0] == '/' || slash == NULL)
        return 0;
    tm_buf_append(&joined, r->name, (size_t)(slash - r->name) + 1);
    tm_buf_puts(&joined, *out);
    free(*out);
    *out = tm_buf_str(&joined) != NULL ? strdup(tm_buf_str(&joined)) : NULL;
    tm_buf_free(&joined);
    return *out != NULL ? 0 : tm_err_set(r->e, "out of memory");
}

static int read_quantity(struct tm_yamldoc *r, yaml_node_t *n, const struct tm_yamlmap_key *k,
                         int64_t *out)
{
    const char *s = tm_yamldoc_text(r, n, YAMLMAP_FILE_MAX, YAMLDOC_ANY);
    int64_t v = 0;
    int rc = -1;
    char range[64];
    const char *what = range;
    snprintf(range, sizeof(range), "a number from %lld to %lld", (long long)k->min,
             (long long)k->max);
    if (k->type == YAMLMAP_DURATION) {
        what = "a duration such as 500ms, 10s, 10m, 24h or 7d";
        rc = s != NULL ? tm_quantity_duration(s, &v) : -1;
    } else if (k->type == YAMLMAP_SIZE) {
        what = "a size such as 4096, 256KiB or 4MiB";
        rc = s != NULL ? tm_quantity_size(s, &v) : -1;
    } else {
        rc = s != NULL ? tm_quantity_count(s, &v) : -1;
    }
    if (rc != 0)
        return wrong(r, n, k, what);
    if (v < k->min || v > k->max)
        return tm_yamldoc_fail(r, n, "'%s' is out of range: %lld to %lld%s", k->name,
                               (long long)k->min, (long long)k->max,
                               k->type == YAMLMAP_DURATION ? " ms"
                               : k->type == YAMLMAP_SIZE   ? " bytes"
                                                           : "");
    *out = v;
    return 0;
}

static int read_bool(struct tm_yamldoc *r, yaml_node_t *n, const struct tm_yamlmap_key *k,
                     bool *out)
{
    const char *s = tm_yamldoc_text(r, n, YAMLMAP_FILE_MAX, YAMLDOC_ANY);
    if (s == NULL || (strcmp(s, "true") != 0 && strcmp(s, "false") != 0))
        return wrong(r, n, k, "true or false");
    *out = s[0] == 't';
    return 0;
}

static int read_texts(struct tm_yamldoc *r, yaml_node_t *n, const struct tm_yamlmap_key *k,
                      struct tm_yamlmap_list *out)
{
    if (n->type != YAML_SEQUENCE_NODE)
        return wrong(r, n, k, "a list of strings");
    size_t count = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    out->item = calloc(count + 1, sizeof(*out->item));
    if (out->item == NULL)
        return tm_err_set(r->e, "out of memory");
    for (size_t i = 0; i < count; i++) {
        yaml_node_t *item = yaml_document_get_node(&r->doc, n->data.sequence.items.start[i]);
        if (read_text(r, item, k, &out->item[i]) != 0)
            return -1;
        out->count = i + 1;
    }
    return 0;
}

static int read_section(struct tm_yamldoc *r, yaml_node_t *n, const struct tm_yamlmap_key *keys,
                        const char *section, void *dest);

static int read_entries(struct tm_yamldoc *r, yaml_node_t *n, const struct tm_yamlmap_key *k,
                        struct tm_yamlmap_entries *out)
{
    if (n->type != YAML_MAPPING_NODE)
        return wrong(r, n, k, "a mapping of names");
    size_t size = (size_t)k->max;
    size_t count = (size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start);
    char *items = calloc(count + 1, size);
    if (items == NULL)
        return tm_err_set(r->e, "out of memory");
    out->item = items;
    for (size_t i = 0; i < count; i++) {
        const yaml_node_pair_t *p = &n->data.mapping.pairs.start[i];
        yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
        char *entry = items + i * size;
        if (read_text(r, key, k, (char **)(void *)entry) != 0)
            return -1;
        const char *name = *(char **)(void *)entry;
        out->count = i + 1;
        for (size_t j = 0; j < i; j++) {
            if (strcmp(*(char **)(void *)(items + j * size), name) == 0)
                return tm_yamldoc_fail(r, key, "'%.64s' is given twice in '%s'", name, k->name);
        }
        if (read_section(r, yaml_document_get_node(&r->doc, p->value), k->keys, name, entry) != 0)
            return -1;
    }
    return 0;
}

static int read_value(struct tm_yamldoc *r, yaml_node_t *n, const struct tm_yamlmap_key *k,
                      void *dest)
{
    switch (k->type) {
    case YAMLMAP_TEXT:
        return read_text(r, n, k, at(dest, k));
    case YAMLMAP_PATH:
        return read_path(r, n, k, at(dest, k));
    case YAMLMAP_BOOL:
        return read_bool(r, n, k, at(dest, k));
    case YAMLMAP_NUMBER:
    case YAMLMAP_DURATION:
    case YAMLMAP_SIZE:
        return read_quantity(r, n, k, at(dest, k));
    case YAMLMAP_TEXTS:
        return read_texts(r, n, k, at(dest, k));
    case YAMLMAP_SECTION:
        return read_section(r, n, k->keys, k->name, at(dest, k));
    case YAMLMAP_ENTRIES:
        return read_entries(r, n, k, at(dest, k));
    case YAMLMAP_CALL:
        return ((const struct tm_yamlmap_call *)k->keys)->read(r, k, n, at(dest, k));
    }
    return tm_err_set(r->e, "internal error: type of '%s'", k->name);
}

/* A key without its hyphens and in small letters, as both notations have it. */
static void fold(const char *name, char out[FOLDED_MAX])
{
    size_t n = 0;
    for (; *name != '\0' && n < FOLDED_MAX - 1; name++) {
        if (*name != '-')
            out[n++] = (char)tolower((unsigned char)*name);
    }
    out[n] = '\0';
}

static bool is_same_folded(const char *a, const char *b)
{
    char x[FOLDED_MAX];
    char y[FOLDED_MAX];
    fold(a, x);
    fold(b, y);
    return x[0] != '\0' && strcmp(x, y) == 0;
}

static bool is_named(const struct tm_yamldoc *d, const struct tm_yamlmap_key *k, const char *name)
{
    if (name[0] == '\0') /* rows without a name are not for the file */
        return false;
    return d->json ? strchr(name, '-') == NULL && is_same_folded(k->name, name)
                   : strcmp(k->name, name) == 0;
}

/* Says what it would be in the other notation, or which key is nearest. */
static int unknown_key(struct tm_yamldoc *d, yaml_node_t *n, const struct tm_yamlmap_key *keys,
                       const char *what, const char *name)
{
    struct tm_nearest near;
    char folded[KEYS_MAX][FOLDED_MAX];
    char own[FOLDED_MAX];
    const char *in = what != NULL ? " in " : "";
    what = what != NULL ? what : "";
    fold(name, own);
    tm_nearest_init(&near, own);
    for (size_t i = 0; keys[i].name != NULL && i < KEYS_MAX; i++) {
        if (is_same_folded(keys[i].name, name))
            return d->json
                       ? tm_yamldoc_fail(d, n,
                                         "unknown key '%.64s'%s%s: a JSON file has it without "
                                         "hyphens, in CamelCase",
                                         name, in, what)
                       : tm_yamldoc_fail(d, n, "unknown key '%.64s'%s%s: a YAML file calls it '%s'",
                                         name, in, what, keys[i].name);
        fold(keys[i].name, folded[i]);
        tm_nearest_try(&near, folded[i]);
    }
    const char *best =
        near.best != NULL ? keys[(size_t)(near.best - folded[0]) / FOLDED_MAX].name : NULL;
    return best != NULL ? tm_yamldoc_fail(d, n, "unknown key '%.64s'%s%s; did you mean '%s'?", name,
                                          in, what, best)
                        : tm_yamldoc_fail(d, n, "unknown key '%.64s'%s%s", name, in, what);
}

int tm_yamlmap_section(struct tm_yamldoc *d, yaml_node_t *n, const struct tm_yamlmap_key *keys,
                       const char *what, void *dest)
{
    uint64_t seen = 0;
    if (n->type != YAML_MAPPING_NODE)
        return what != NULL ? tm_yamldoc_fail(d, n, "%s must be a mapping of keys", what)
                            : tm_yamldoc_fail(d, n, "not a mapping of keys");
    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
        yaml_node_t *key = yaml_document_get_node(&d->doc, p->key);
        yaml_node_t *value = yaml_document_get_node(&d->doc, p->value);
        const char *name = tm_yamldoc_text(d, key, YAMLDOC_NAME_MAX, YAMLDOC_ANY);
        if (name == NULL)
            return tm_yamldoc_fail(d, key, "a key must be a string");
        size_t i = 0;
        while (keys[i].name != NULL && !is_named(d, &keys[i], name))
            i++;
        if (keys[i].name == NULL)
            return unknown_key(d, key, keys, what, name);
        if ((seen >> i & 1) != 0)
            return tm_yamldoc_fail(d, key, "key '%s' is given twice", name);
        seen |= (uint64_t)1 << i;
        if (read_value(d, value, &keys[i], dest) != 0)
            return -1;
    }
    return 0;
}

static int read_section(struct tm_yamldoc *d, yaml_node_t *n, const struct tm_yamlmap_key *keys,
                        const char *name, void *dest)
{
    char what[80];
    snprintf(what, sizeof(what), "'%.64s'", name);
    return tm_yamlmap_section(d, n, keys, what, dest);
}

int tm_yamlmap_read(const char *name, const char *text, size_t len,
                    const struct tm_yamlmap_key *keys, void *dest, struct tm_err *e)
{
    struct tm_yamldoc d = {.name = name, .max = YAMLMAP_FILE_MAX, .e = e};
    yaml_node_t *root = NULL;
    int rc = tm_yamldoc_open(&d, text, len, &root);
    if (rc == 0)
        rc = tm_yamlmap_section(&d, root, keys, NULL, dest);
    tm_yamldoc_close(&d);
    return rc;
}

static void free_entries(const struct tm_yamlmap_key *k, struct tm_yamlmap_entries *l)
{
    for (size_t i = 0; i < l->count; i++) {
        char *entry = (char *)l->item + i * (size_t)k->max;
        free(*(char **)(void *)entry);
        tm_yamlmap_free(k->keys, entry);
    }
    free(l->item);
    *l = (struct tm_yamlmap_entries){0};
}

void tm_yamlmap_free(const struct tm_yamlmap_key *keys, void *dest)
{
    for (const struct tm_yamlmap_key *k = keys; k->name != NULL; k++) {
        if (k->type == YAMLMAP_SECTION) {
            tm_yamlmap_free(k->keys, at(dest, k));
        } else if (k->type == YAMLMAP_TEXT || k->type == YAMLMAP_PATH) {
            char **text = at(dest, k);
            free(*text);
            *text = NULL;
        } else if (k->type == YAMLMAP_TEXTS) {
            struct tm_yamlmap_list *l = at(dest, k);
            for (size_t i = 0; i < l->count; i++)
                free(l->item[i]);
            free(l->item);
            *l = (struct tm_yamlmap_list){0};
        } else if (k->type == YAMLMAP_ENTRIES) {
            free_entries(k, at(dest, k));
        }
    }
}

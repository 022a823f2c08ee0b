/* What two readings of one file by one table differ in. */
#include "common/yamlmap_diff.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PATH_MAX_LEN 256

struct walk {
    tm_yamlmap_diff_fn say;
    void *arg;
};

/* Names are short (YAMLDOC_NAME_MAX), and so are the tables' paths; what is longer is cut. */
static void join(char out[PATH_MAX_LEN], const char *under, const char *name)
{
    snprintf(out, PATH_MAX_LEN, "%.120s%s%.128s", under, *under != '\0' ? "." : "", name);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_texts(const struct tm_yamlmap_list *a, const struct tm_yamlmap_list *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = same_text(a->item[i], b->item[i]);
    return same;
}

/* True for a section, entries and what the table's owner reads: they have no value of their own. */
static bool same_value(const struct tm_yamlmap_key *k, const void *a, const void *b)
{
    switch (k->type) {
    case YAMLMAP_TEXT:
    case YAMLMAP_PATH:
        return same_text(*(char *const *)a, *(char *const *)b);
    case YAMLMAP_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case YAMLMAP_NUMBER:
    case YAMLMAP_DURATION:
    case YAMLMAP_SIZE:
        return *(const int64_t *)a == *(const int64_t *)b;
    case YAMLMAP_TEXTS:
        return same_texts(a, b);
    case YAMLMAP_SECTION:
    case YAMLMAP_ENTRIES:
    case YAMLMAP_CALL:
        break;
    }
    return true;
}

static void walk_table(const struct walk *w, const struct tm_yamlmap_key *keys, const char *under,
                       const void *a, const void *b);

static const char *entry_at(const struct tm_yamlmap_entries *l, size_t size, size_t i)
{
    return (const char *)l->item + i * size;
}

static const char *find_entry(const struct tm_yamlmap_entries *l, size_t size, const char *name)
{
    for (size_t i = 0; i < l->count; i++) {
        const char *entry = entry_at(l, size, i);
        if (strcmp(*(char *const *)(const void *)entry, name) == 0)
            return entry;
    }
    return NULL;
}

/* Entries by their names; the order of them is not looked at. */
static void walk_entries(const struct walk *w, const struct tm_yamlmap_key *k, const char *path,
                         const struct tm_yamlmap_entries *a, const struct tm_yamlmap_entries *b)
{
    size_t size = (size_t)k->max;
    char own[PATH_MAX_LEN];
    for (size_t i = 0; i < a->count; i++) {
        const char *entry = entry_at(a, size, i);
        const char *name = *(char *const *)(const void *)entry;
        const char *other = find_entry(b, size, name);
        join(own, path, name);
        if (other == NULL)
            w->say(w->arg, own, YAMLMAP_REMOVED);
        else
            walk_table(w, k->keys, own, entry, other);
    }
    for (size_t i = 0; i < b->count; i++) {
        const char *name = *(char *const *)(const void *)entry_at(b, size, i);
        join(own, path, name);
        if (find_entry(a, size, name) == NULL)
            w->say(w->arg, own, YAMLMAP_ADDED);
    }
}

static void walk_table(const struct walk *w, const struct tm_yamlmap_key *keys, const char *under,
                       const void *a, const void *b)
{
    for (const struct tm_yamlmap_key *k = keys; k->name != NULL; k++) {
        char path[PATH_MAX_LEN];
        join(path, under, k->name);
        const void *in_a = (const char *)a + k->offset;
        const void *in_b = (const char *)b + k->offset;
        if (k->type == YAMLMAP_SECTION)
            walk_table(w, k->keys, path, in_a, in_b);
        else if (k->type == YAMLMAP_ENTRIES)
            walk_entries(w, k, path, in_a, in_b);
        else if (!same_value(k, in_a, in_b))
            w->say(w->arg, path, YAMLMAP_CHANGED);
    }
}

void tm_yamlmap_diff(const struct tm_yamlmap_key *keys, const void *before, const void *after,
                     tm_yamlmap_diff_fn say, void *arg)
{
    const struct walk w = {say, arg};
    walk_table(&w, keys, "", before, after);
}

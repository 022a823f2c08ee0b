/* Our JSON parser against jansson's: the same texts accepted, the same values made. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/strictjson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned depth_of(const json_t *v)
{
    unsigned deepest = 0;
    const char *key;
    json_t *child;
    size_t i;
    if (json_is_object(v)) {
        json_object_foreach((json_t *)v, key, child)
        {
            unsigned d = depth_of(child);
            deepest = d > deepest ? d : deepest;
        }
        return deepest + 1;
    }
    if (!json_is_array(v))
        return 0;
    json_array_foreach(v, i, child)
    {
        unsigned d = depth_of(child);
        deepest = d > deepest ? d : deepest;
    }
    return deepest + 1;
}

struct seen {
    const json_t *whole; /* or NULL: refused */
    size_t count;
};

static int each(void *arg, const char *key, size_t key_len, json_t *value, struct tm_err *e)
{
    struct seen *s = arg;
    const char *name;
    json_t *inner;
    bool found = s->whole == NULL;
    (void)e;
    s->count++;
    json_object_foreach((json_t *)s->whole, name, inner)
    {
        found |= json_is_object(inner) && json_equal(json_object_getn(inner, key, key_len), value);
    }
    if (!found)
        abort();
    return 0;
}

/* With the members of every object in the outermost set aside: what is a JSON text stays one, and
 * all come. */
static void set_aside(const uint8_t *data, size_t size, const json_t *whole)
{
    struct tm_err e = {0};
    struct seen s = {.whole = whole};
    const struct tm_jsonparse_aside aside = {.path = {NULL}, .depth = 1, .each = each, .arg = &s};
    json_t *v = tm_strictjson_parse_aside((const char *)data, size, &aside, &e);
    const char *name;
    json_t *inner;
    size_t want = 0;
    if (v == NULL && (whole != NULL || e.text[0] == '\0'))
        abort();
    json_object_foreach((json_t *)whole, name, inner)
    {
        want += json_object_size(inner);
        if (json_is_object(inner) ? json_object_size(json_object_get(v, name)) != 0
                                  : !json_equal(json_object_get(v, name), inner))
            abort();
    }
    if (whole != NULL && (s.count != want || (!json_is_object(whole) && !json_equal(v, whole))))
        abort();
    json_decref(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    json_error_t je;
    json_t *ours = tm_strictjson_parse((const char *)data, size, size, &e);
    json_t *theirs =
        json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
    if (ours == NULL && e.text[0] == '\0')
        abort();
    if (ours != NULL && (theirs == NULL || json_equal(ours, theirs) != 1))
        abort();
    /* jansson takes a NUL byte after the value for the end. */
    if (ours == NULL && theirs != NULL && memchr(data, 0, size) == NULL &&
        depth_of(theirs) <= STRICTJSON_DEPTH_MAX)
        abort();
    json_t *wide = tm_strictjson_parse_wide((const char *)data, size, size, &e);
    if (ours != NULL && json_equal(ours, wide) != 1)
        abort();
    json_decref(wide);
    set_aside(data, size, ours);
    json_decref(ours);
    json_decref(theirs);
    ours = tm_strictjson_parse_first((const char *)data, size, size, &e);
    theirs = json_loadb((const char *)data, size,
                        JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &je);
    /* jansson reads a byte beyond a top-level number or word, so only containers compare. */
    if (json_is_object(ours) && (theirs == NULL || json_equal(ours, theirs) != 1))
        abort();
    json_decref(ours);
    json_decref(theirs);
    return 0;
}

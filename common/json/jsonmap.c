#include "common/json/jsonmap.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/jsonmap_internal.h"
#include "common/json/strictjson.h"
#include "common/nearest.h"

static int read_object(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                       const json_t *v, const struct tm_jsonmap *map, void *dest);

struct tm_jsonmap_list tm_jsonmap_list_at(const void *place)
{
    struct tm_jsonmap_list list;
    memcpy(&list, place, sizeof(list));
    return list;
}

static void free_value(const struct tm_jsonmap_member *m, void *place);

static void list_put(void *place, struct tm_jsonmap_list list)
{
    memcpy(place, &list, sizeof(list));
}

static int read_value(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                      const json_t *v, const struct tm_jsonmap_member *m, bool proto, void *place);

/* Room for n items in place of those that stand there. */
static char *new_list(const struct tm_jsonmap_member *m, size_t n, void *place)
{
    free_value(m, place);
    char *items = calloc(n > 0 ? n : 1, m->size);
    list_put(place, (struct tm_jsonmap_list){items, 0});
    return items;
}

static int check_count(const struct tm_jsonmap_at *at, const struct tm_jsonmap_member *m, size_t n,
                       struct tm_err *e)
{
    if (m->max > 0 && n > (uint64_t)m->max)
        return tm_jsonmap_fault(at, e, "has more than %" PRId64 " items", m->max);
    if ((int64_t)n < m->min)
        return n == 0 ? tm_jsonmap_fault(at, e, "is empty")
                      : tm_jsonmap_fault(at, e, "has fewer than %" PRId64 " items", m->min);
    return 0;
}

/* One of a list; JSONMAP_ALONE: or why it cannot be read, in which its place in the list is not
 * named. */
static int read_item(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                     const json_t *v, const struct tm_jsonmap_member *m, bool proto, char *item)
{
    const struct tm_jsonmap_member *each = m->each;
    struct tm_err why = {0};
    const struct tm_jsonmap_reader own = {r->how, &why};
    if ((each->flags & JSONMAP_ALONE) == 0 || r->how->strict)
        return read_value(r, at, v, each, proto, jsonmap_place(item, each));
    if (read_value(&own, NULL, v, each, proto, jsonmap_place(item, each)) == 0)
        return 0;
    free_value(each, jsonmap_place(item, each));
    memset(item, 0, m->size);
    char *text = strdup(why.text);
    memcpy(item + each->has, &text, sizeof(text));
    return text != NULL ? 0 : tm_err_set(r->e, "out of memory");
}

static int read_list(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                     const json_t *v, const struct tm_jsonmap_member *m, bool proto, void *place)
{
    if (!json_is_array(v))
        return tm_jsonmap_fault(at, r->e, "is not an array");
    size_t n = json_array_size(v);
    if (check_count(at, m, n, r->e) != 0)
        return -1;
    char *items = new_list(m, n, place);
    if (items == NULL)
        return tm_err_set(r->e, "out of memory");
    for (size_t i = 0; i < n; i++) {
        struct tm_jsonmap_at here = {.up = at, .index = i};
        list_put(place, (struct tm_jsonmap_list){items, i + 1});
        if (read_item(r, &here, json_array_get(v, i), m, proto, items + i * m->size) != 0)
            return -1;
    }
    return 0;
}

static int read_named(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                      const json_t *v, const struct tm_jsonmap_member *m, bool proto, void *place)
{
    if (!json_is_object(v))
        return tm_jsonmap_fault(at, r->e, "is not an object");
    size_t n = json_object_size(v);
    if (check_count(at, m, n, r->e) != 0)
        return -1;
    char *items = new_list(m, n, place);
    if (items == NULL)
        return tm_err_set(r->e, "out of memory");
    const char *name;
    json_t *one;
    size_t i = 0;
    json_object_foreach((json_t *)v, name, one)
    {
        struct tm_jsonmap_at here = {.up = at, .name = name};
        char *item = items + i++ * m->size;
        char *copy = strdup(name);
        list_put(place, (struct tm_jsonmap_list){items, i});
        if (copy == NULL)
            return tm_err_set(r->e, "out of memory");
        memcpy(item, &copy, sizeof(copy));
        if (read_value(r, &here, one, m->each, proto, jsonmap_place(item, m->each)) != 0)
            return -1;
    }
    return 0;
}

static int read_value(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                      const json_t *v, const struct tm_jsonmap_member *m, bool proto, void *place)
{
    switch (m->kind) {
    case JSONMAP_OBJECT:
        return read_object(r, at, v, m->map, place);
    case JSONMAP_LIST:
        return read_list(r, at, v, m, proto, place);
    case JSONMAP_NAMED:
        return read_named(r, at, v, m, proto, place);
    default:
        return tm_jsonmap_scalar(r, at, v, m, proto, place);
    }
}

/* "publicKey" is also "public_key". */
static bool is_snake(const char *camel, const char *key)
{
    for (; *camel != '\0'; camel++, key++) {
        if (isupper((unsigned char)*camel)) {
            if (*key++ != '_' || *key != tolower((unsigned char)*camel))
                return false;
        } else if (*key != *camel) {
            return false;
        }
    }
    return *key == '\0';
}

static const struct tm_jsonmap_member *find(const struct tm_jsonmap *map, const char *key)
{
    for (const struct tm_jsonmap_member *m = map->members; m->name != NULL; m++) {
        if (strcmp(m->name, key) == 0 || (map->proto && is_snake(m->name, key)))
            return m;
    }
    return NULL;
}

static int refuse_unknown(const struct tm_jsonmap_at *at, const struct tm_jsonmap *map,
                          const char *key, struct tm_err *e)
{
    struct tm_nearest near;
    tm_nearest_init(&near, key);
    for (const struct tm_jsonmap_member *m = map->members; m->name != NULL; m++)
        tm_nearest_try(&near, m->name);
    if (near.best != NULL)
        tm_err_set(e, "unknown member '%.64s'; is '%s' meant?", key, near.best);
    else
        tm_err_set(e, "unknown member '%.64s'", key);
    return tm_jsonmap_wrap(at, e);
}

static int keep(const struct tm_jsonmap *map, const char *key, json_t *value, void *dest,
                struct tm_err *e)
{
    json_t **rest = (json_t **)(void *)((char *)dest + map->rest);
    if (*rest == NULL)
        *rest = json_object();
    return json_object_set(*rest, key, value) == 0 ? 0 : tm_err_set(e, "out of memory");
}

static int read_unknown(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                        const struct tm_jsonmap *map, const char *key, json_t *value, void *dest)
{
    if (map->unknown == JSONMAP_KEEP)
        return keep(map, key, value, dest, r->e);
    return map->unknown == JSONMAP_REFUSE || r->how->strict ? refuse_unknown(at, map, key, r->e)
                                                            : 0;
}

/* JSONMAP_LOOSE: reads it, or leaves the place empty. */
static bool takes(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                  const json_t *value, const struct tm_jsonmap_member *m, bool proto, void *place)
{
    struct tm_err ignored = {0};
    const struct tm_jsonmap_reader own = {r->how, &ignored};
    if (read_value(&own, at, value, m, proto, place) == 0)
        return true;
    free_value(m, place);
    return false;
}

struct met { /* a bit a row */
    uint64_t given;
    uint64_t present; /* and not as good as absent */
};

static int read_member(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                       const struct tm_jsonmap *map, const struct tm_jsonmap_member *m,
                       const char *key, json_t *value, struct met *met, void *dest)
{
    struct tm_jsonmap_at here = {.up = at, .name = m->name};
    uint64_t bit = (uint64_t)1 << (m - map->members);
    if ((met->given & bit) != 0)
        return tm_jsonmap_fault(&here, r->e, "is given twice");
    met->given |= bit;
    if (json_is_null(value) && (map->proto || (m->flags & JSONMAP_NULL) != 0))
        return map->unknown == JSONMAP_KEEP ? keep(map, key, value, dest, r->e) : 0;
    met->present |= bit;
    bool kept = map->unknown == JSONMAP_KEEP;
    bool loose = (m->flags & JSONMAP_LOOSE) != 0 && (kept || !r->how->strict);
    if (loose && !takes(r, &here, value, m, map->proto, jsonmap_place(dest, m))) {
        if (kept)
            return keep(map, key, value, dest, r->e);
        met->present &= ~bit;
        return 0;
    }
    if ((m->flags & JSONMAP_NOTED) != 0)
        *(bool *)((char *)dest + m->has) = true;
    return loose ? 0 : read_value(r, &here, value, m, map->proto, jsonmap_place(dest, m));
}

/* Absent members: refused when required, "" when protobuf's text. */
static int read_absent(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                       const struct tm_jsonmap *map, uint64_t present, void *dest)
{
    for (const struct tm_jsonmap_member *m = map->members; m->name != NULL; m++) {
        struct tm_jsonmap_at here = {.up = at, .name = m->name};
        if ((present >> (m - map->members) & 1) != 0)
            continue;
        if ((m->flags & JSONMAP_REQUIRED) != 0)
            return tm_jsonmap_fault(&here, r->e, "is missing");
        char **text = jsonmap_place(dest, m);
        if (!map->proto || m->kind != JSONMAP_TEXT || *text != NULL)
            continue;
        *text = strdup("");
        if (*text == NULL)
            return tm_err_set(r->e, "out of memory");
    }
    return 0;
}

static int read_object(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                       const json_t *v, const struct tm_jsonmap *map, void *dest)
{
    const char *key;
    json_t *value;
    struct met met = {0};
    if (!json_is_object(v))
        return tm_jsonmap_fault(at, r->e, at != NULL ? "is not an object" : "not an object");
    json_object_foreach((json_t *)v, key, value)
    {
        const struct tm_jsonmap_member *m = find(map, key);
        int rc = m != NULL ? read_member(r, at, map, m, key, value, &met, dest)
                           : read_unknown(r, at, map, key, value, dest);
        if (rc != 0)
            return rc;
    }
    if (read_absent(r, at, map, met.present, dest) != 0)
        return -1;
    return map->check == NULL || map->check(dest, r->how, r->e) == 0 ? 0
                                                                     : tm_jsonmap_wrap(at, r->e);
}

int tm_jsonmap_read(const json_t *v, const struct tm_jsonmap *map, const struct tm_jsonmap_how *how,
                    void *dest, struct tm_err *e)
{
    static const struct tm_jsonmap_how tolerant;
    struct tm_err own = {0};
    const struct tm_jsonmap_reader r = {how != NULL ? how : &tolerant, e != NULL ? e : &own};
    return read_object(&r, NULL, v, map, dest);
}

int tm_jsonmap_parse(const char *text, size_t len, size_t max_len, const struct tm_jsonmap *map,
                     const struct tm_jsonmap_how *how, void *dest, struct tm_err *e)
{
    if (len > max_len)
        return tm_err_set(e, "JSON of %zu bytes is longer than %zu", len, max_len);
    /* An integer beyond 64 bits is for no member here, and may stand in one that nobody reads. */
    json_t *v = tm_strictjson_parse_aside(text, len, NULL, e);
    int rc = v != NULL ? tm_jsonmap_read(v, map, how, dest, e) : -1;
    json_decref(v);
    return rc;
}

/* ---- freeing ---- */

static void free_list(const struct tm_jsonmap_member *m, void *place)
{
    struct tm_jsonmap_list list = tm_jsonmap_list_at(place);
    for (size_t i = 0; i < list.count; i++) {
        char *item = (char *)list.item + i * m->size;
        char *text = NULL;
        if (m->kind == JSONMAP_NAMED)
            memcpy(&text, item, sizeof(text));
        else if ((m->each->flags & JSONMAP_ALONE) != 0)
            memcpy(&text, item + m->each->has, sizeof(text));
        free(text);
        free_value(m->each, jsonmap_place(item, m->each));
    }
    free(list.item);
    list_put(place, (struct tm_jsonmap_list){0});
}

static void free_value(const struct tm_jsonmap_member *m, void *place)
{
    char **text = place;
    json_t **tree = place;
    switch (m->kind) {
    case JSONMAP_TEXT:
        free(*text);
        *text = NULL;
        break;
    case JSONMAP_BASE64:
    case JSONMAP_HEX:
        tm_buf_free(place);
        break;
    case JSONMAP_OBJECT:
        tm_jsonmap_free(m->map, place);
        break;
    case JSONMAP_LIST:
    case JSONMAP_NAMED:
        free_list(m, place);
        break;
    case JSONMAP_TREE:
        json_decref(*tree);
        *tree = NULL;
        break;
    case JSONMAP_OWN:
        if (m->type->free != NULL)
            m->type->free(place);
        break;
    default: /* a number owns nothing */
        break;
    }
}

void tm_jsonmap_free(const struct tm_jsonmap *map, void *dest)
{
    for (const struct tm_jsonmap_member *m = map->members; m->name != NULL; m++)
        free_value(m, jsonmap_place(dest, m));
    if (map->unknown == JSONMAP_KEEP) {
        json_t **rest = (json_t **)(void *)((char *)dest + map->rest);
        json_decref(*rest);
        *rest = NULL;
    }
}

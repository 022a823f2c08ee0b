/* A struct back into the object that common/json/jsonmap.h reads. */
#include <inttypes.h>
#include <string.h>

#include "common/b64.h"
#include "common/hex.h"
#include "common/json/jsonmap_internal.h"

#define WHOLE ((unsigned)JSONMAP_REQUIRED | (unsigned)JSONMAP_ALWAYS)

struct writer {
    struct tm_err *e;
    bool failed; /* `e` is set */
};

static json_t *write_value(struct writer *w, const struct tm_jsonmap_member *m, bool proto,
                           const void *place);
static json_t *write_object(struct writer *w, const struct tm_jsonmap *map, const void *from);

static json_t *failed(struct writer *w, const char *name, const char *reason)
{
    tm_err_set(w->e, "%s%s%s%s", name != NULL ? "'" : "", name != NULL ? name : "",
               name != NULL ? "' " : "", reason);
    w->failed = true;
    return NULL;
}

static json_t *made(struct writer *w, json_t *v)
{
    return v != NULL ? v : failed(w, NULL, "out of memory");
}

static json_t *write_text(struct writer *w, const struct tm_jsonmap_member *m, bool proto,
                          const char *text)
{
    bool empty = text == NULL || (proto && *text == '\0');
    if (empty && (m->flags & WHOLE) == 0)
        return NULL;
    json_t *v = json_string(text != NULL ? text : "");
    return v != NULL ? v : failed(w, m->name, "is not UTF-8, or memory is out");
}

static json_t *write_integer(struct writer *w, const struct tm_jsonmap_member *m, int64_t n)
{
    if (n == 0 && (m->flags & JSONMAP_OMIT) != 0)
        return NULL;
    return made(w,
                (m->flags & JSONMAP_QUOTED) != 0 ? json_sprintf("%" PRId64, n) : json_integer(n));
}

static json_t *write_bytes(struct writer *w, const struct tm_jsonmap_member *m,
                           const struct tm_buf *bytes)
{
    struct tm_buf text = {0};
    if (bytes->len == 0 && (m->flags & WHOLE) == 0)
        return NULL;
    if (m->kind == JSONMAP_BASE64) {
        tm_b64_encode(B64_STD, bytes->data, bytes->len, &text);
    } else {
        unsigned char *hex = tm_buf_reserve(&text, 2 * bytes->len + 1);
        if (hex != NULL) {
            tm_hex_encode(bytes->data, bytes->len, (char *)hex);
            text.len = 2 * bytes->len;
        }
    }
    const char *s = tm_buf_str(&text);
    json_t *v = made(w, s != NULL ? json_stringn_nocheck(s, text.len) : NULL);
    tm_buf_free(&text);
    return v;
}

static json_t *write_enum(struct writer *w, const struct tm_jsonmap_member *m, int value)
{
    for (const struct tm_jsonmap_name *n = m->names; n->text != NULL; n++) {
        if (n->value == value)
            return made(w, json_string(n->text));
    }
    return NULL;
}

static json_t *write_list(struct writer *w, const struct tm_jsonmap_member *m, bool proto,
                          const void *place)
{
    struct tm_jsonmap_list list = tm_jsonmap_list_at(place);
    bool named = m->kind == JSONMAP_NAMED;
    if (list.count == 0 && (m->flags & WHOLE) == 0)
        return NULL;
    json_t *all = made(w, named ? json_object() : json_array());
    /* An item is written also when it is empty: leaving it out would move the others. */
    struct tm_jsonmap_member each = *m->each;
    each.flags |= JSONMAP_REQUIRED;
    for (size_t i = 0; i < list.count && !w->failed; i++) {
        const char *item = (const char *)list.item + i * m->size;
        const char *name = NULL;
        json_t *one = write_value(w, &each, proto, item + each.place);
        if (named)
            memcpy(&name, item, sizeof(name));
        if (!w->failed &&
            (named ? json_object_set_new(all, name, one) : json_array_append_new(all, one)) != 0)
            failed(w, m->name, "has an item that cannot be written");
    }
    if (!w->failed)
        return all;
    json_decref(all);
    return NULL;
}

static json_t *write_own(struct writer *w, const struct tm_jsonmap_member *m, const void *place)
{
    struct tm_err e = {0};
    json_t *v = m->type->write != NULL ? m->type->write(place, &e) : NULL;
    if (v == NULL && e.text[0] != '\0')
        failed(w, m->name, e.text);
    return v;
}

static json_t *write_nested(struct writer *w, const struct tm_jsonmap_member *m, const void *place)
{
    json_t *v = write_object(w, m->map, place);
    if (v == NULL || (m->flags & JSONMAP_OMIT) == 0 || json_object_size(v) > 0)
        return v;
    json_decref(v);
    return NULL;
}

/* NULL: it is absent, or w->failed. */
static json_t *write_value(struct writer *w, const struct tm_jsonmap_member *m, bool proto,
                           const void *place)
{
    switch (m->kind) {
    case JSONMAP_TEXT:
        return write_text(w, m, proto, *(const char *const *)place);
    case JSONMAP_BOOL:
        return json_boolean(*(const bool *)place);
    case JSONMAP_INTEGER:
        return write_integer(w, m, *(const int64_t *)place);
    case JSONMAP_BASE64:
    case JSONMAP_HEX:
        return write_bytes(w, m, place);
    case JSONMAP_ENUM:
        return write_enum(w, m, *(const int *)place);
    case JSONMAP_OBJECT:
        return write_nested(w, m, place);
    case JSONMAP_LIST:
    case JSONMAP_NAMED:
        return write_list(w, m, proto, place);
    case JSONMAP_TREE:
        return json_incref(*(json_t *const *)place);
    case JSONMAP_OWN:
        return write_own(w, m, place);
    }
    return failed(w, m->name, "is of no kind (internal error)");
}

static json_t *write_object(struct writer *w, const struct tm_jsonmap *map, const void *from)
{
    const char *at = from;
    json_t *v = made(w, json_object());
    for (const struct tm_jsonmap_member *m = map->members; m->name != NULL && !w->failed; m++) {
        if ((m->flags & JSONMAP_NOTED) != 0 && !*(const bool *)(at + m->has))
            continue;
        json_t *one = write_value(w, m, map->proto, at + m->place);
        if (one != NULL && json_object_set_new(v, m->name, one) != 0)
            made(w, NULL);
    }
    json_t *rest =
        map->unknown == JSONMAP_KEEP ? *(json_t *const *)(const void *)(at + map->rest) : NULL;
    if (!w->failed && rest != NULL && json_object_update_missing(v, rest) != 0)
        made(w, NULL);
    if (!w->failed)
        return v;
    json_decref(v);
    return NULL;
}

json_t *tm_jsonmap_write(const struct tm_jsonmap *map, const void *from, struct tm_err *e)
{
    struct writer w = {.e = e};
    return write_object(&w, map, from);
}

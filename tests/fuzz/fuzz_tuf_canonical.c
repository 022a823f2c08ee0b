/* Canonical JSON: what can be parsed again gives the same bytes, in whatever order members came. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/strictjson.h"
#include "tuf/metadata/canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Members in reverse order. */
static json_t *reversed(const json_t *v)
{
    if (!json_is_object(v))
        return json_deep_copy(v);
    size_t n = json_object_size(v);
    const char **keys = calloc(n + 1, sizeof(*keys));
    json_t *out = json_object();
    const char *key;
    json_t *value;
    size_t i = 0;
    if (keys == NULL || out == NULL)
        abort();
    json_object_foreach((json_t *)v, key, value) keys[i++] = key;
    while (i-- > 0)
        json_object_set_new(out, keys[i], reversed(json_object_get(v, keys[i])));
    free(keys);
    return out;
}

static int same(const struct tm_buf *a, const struct tm_buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct tm_buf first = {0};
    struct tm_buf second = {0};
    json_t *v = tm_strictjson_parse((const char *)data, size, size, &e);
    if (v == NULL)
        return 0;
    if (tuf_canonical_write(v, &first, &e) == 0) {
        json_t *other = reversed(v);
        if (tuf_canonical_write(other, &second, &e) != 0 || !same(&first, &second))
            abort();
        json_decref(other);
        /* Raw control characters are no JSON; all else must come back. */
        other = tm_strictjson_parse((const char *)first.data, first.len, first.len, &e);
        tm_buf_reset(&second);
        if (other != NULL && (tuf_canonical_write(other, &second, &e) != 0 ||
                              !same(&first, &second) || !json_equal(v, other)))
            abort();
        json_decref(other);
    } else if (e.text[0] == '\0') {
        abort();
    }
    tm_buf_free(&first);
    tm_buf_free(&second);
    json_decref(v);
    return 0;
}

#include "common/json/strictjson.h"

#include <stdint.h>

#include "common/json/jsonparse.h"

static json_t *first(const char *text, size_t len, size_t max_len, size_t max_values, size_t *used,
                     struct err *e)
{
    if (len <= max_len)
        return jsonparse(text, len, STRICTJSON_DEPTH_MAX, max_values, used, e);
    err_set(e, "JSON of %zu bytes is longer than %zu", len, max_len);
    return NULL;
}

json_t *strictjson_parse_first(const char *text, size_t len, size_t max_len, struct err *e)
{
    size_t used = 0;
    return first(text, len, max_len, STRICTJSON_REQUEST_VALUES_MAX, &used, e);
}

/* `v`, or NULL when something follows it. */
static json_t *whole(json_t *v, const char *text, size_t used, size_t len, struct err *e)
{
    if (v == NULL || used == len)
        return v;
    jsonparse_fault(text, used, "something follows the value", e);
    json_decref(v);
    return NULL;
}

json_t *strictjson_parse(const char *text, size_t len, size_t max_len, struct err *e)
{
    size_t used = 0;
    json_t *v = first(text, len, max_len, SIZE_MAX, &used, e);
    return whole(v, text, used, len, e);
}

json_t *strictjson_parse_aside(const char *text, size_t len, const struct jsonparse_aside *aside,
                               struct err *e)
{
    size_t used = 0;
    json_t *v = jsonparse_aside(text, len, STRICTJSON_DEPTH_MAX, aside, &used, e);
    return whole(v, text, used, len, e);
}

const char *strictjson_str(const json_t *obj, const char *key)
{
    return json_string_value(json_object_get(obj, key));
}

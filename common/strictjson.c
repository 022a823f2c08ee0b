#include "common/strictjson.h"

#include <stdint.h>

#include "common/jsonparse.h"

json_t *strictjson_parse_first(const char *text, size_t len, size_t max_len, struct err *e)
{
    size_t used = 0;
    if (len > max_len) {
        err_set(e, "JSON of %zu bytes is longer than %zu", len, max_len);
        return NULL;
    }
    return jsonparse(text, len, STRICTJSON_DEPTH_MAX, STRICTJSON_REQUEST_VALUES_MAX, &used, e);
}

json_t *strictjson_parse(const char *text, size_t len, size_t max_len, struct err *e)
{
    size_t used = 0;
    if (len > max_len) {
        err_set(e, "JSON of %zu bytes is longer than %zu", len, max_len);
        return NULL;
    }
    json_t *v = jsonparse(text, len, STRICTJSON_DEPTH_MAX, SIZE_MAX, &used, e);
    if (v != NULL && used != len) {
        jsonparse_fault(text, used, "something follows the value", e);
        json_decref(v);
        return NULL;
    }
    return v;
}

const char *strictjson_str(const json_t *obj, const char *key)
{
    return json_string_value(json_object_get(obj, key));
}

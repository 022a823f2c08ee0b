#include "common/json/strictjson.h"

#include <stdint.h>

#include "common/json/jsonparse.h"

static json_t *first(const char *text, size_t len, size_t max_len, size_t max_values, size_t *used,
                     struct tm_err *e)
{
    if (len <= max_len)
        return tm_jsonparse(text, len, STRICTJSON_DEPTH_MAX, max_values, used, e);
    return tm_err_null(e, "JSON of %zu bytes is longer than %zu", len, max_len);
}

json_t *tm_strictjson_parse_first(const char *text, size_t len, size_t max_len, struct tm_err *e)
{
    size_t used = 0;
    return first(text, len, max_len, STRICTJSON_REQUEST_VALUES_MAX, &used, e);
}

/* `v`, or NULL when something follows it. */
static json_t *whole(json_t *v, const char *text, size_t used, size_t len, struct tm_err *e)
{
    if (v == NULL || used == len)
        return v;
    tm_jsonparse_fault(text, used, "something follows the value", e);
    json_decref(v);
    return NULL;
}

json_t *tm_strictjson_parse(const char *text, size_t len, size_t max_len, struct tm_err *e)
{
    size_t used = 0;
    json_t *v = first(text, len, max_len, SIZE_MAX, &used, e);
    return whole(v, text, used, len, e);
}

json_t *tm_strictjson_parse_wide(const char *text, size_t len, size_t max_len, struct tm_err *e)
{
    size_t used = 0;
    if (len > max_len)
        return tm_err_null(e, "JSON of %zu bytes is longer than %zu", len, max_len);
    json_t *v = tm_jsonparse_wide(text, len, STRICTJSON_DEPTH_MAX, &used, e);
    return whole(v, text, used, len, e);
}

json_t *tm_strictjson_parse_aside(const char *text, size_t len,
                                  const struct tm_jsonparse_aside *aside, struct tm_err *e)
{
    return tm_jsonparse_aside(text, len, STRICTJSON_DEPTH_MAX, aside, e);
}

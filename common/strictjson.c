#include "common/strictjson.h"

#include <stdbool.h>
#include <string.h>

/*
 * jansson recurses to 2048 levels; a pre-scan keeps hostile nesting away from
 * the parser. Brackets inside strings do not count.
 */
static bool too_deep(const char *text, size_t len)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > STRICTJSON_DEPTH_MAX)
                return true;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

/* Our own words for jansson's codes: its texts quote the input. */
static const char *reason(enum json_error_code code)
{
    switch (code) {
    case json_error_out_of_memory:
        return "out of memory";
    case json_error_invalid_utf8:
        return "not UTF-8";
    case json_error_premature_end_of_input:
        return "ends too early";
    case json_error_end_of_input_expected:
        return "something follows the value";
    case json_error_duplicate_key:
        return "duplicate key";
    case json_error_numeric_overflow:
        return "number out of range";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "NUL in a string";
    default:
        return "syntax error";
    }
}

static json_t *parse(const char *text, size_t len, size_t max_len, size_t flags, struct err *e)
{
    if (len > max_len) {
        err_set(e, "JSON of %zu bytes is longer than %zu", len, max_len);
        return NULL;
    }
    if (too_deep(text, len)) {
        err_set(e, "JSON is nested deeper than %d levels", STRICTJSON_DEPTH_MAX);
        return NULL;
    }
    json_error_t je;
    json_t *v = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | flags, &je);
    if (v == NULL)
        err_set(e, "JSON line %d, column %d: %s", je.line, je.column, reason(json_error_code(&je)));
    return v;
}

json_t *strictjson_parse(const char *text, size_t len, size_t max_len, struct err *e)
{
    return parse(text, len, max_len, 0, e);
}

json_t *strictjson_parse_first(const char *text, size_t len, size_t max_len, struct err *e)
{
    return parse(text, len, max_len, JSON_DISABLE_EOF_CHECK, e);
}

const char *strictjson_str(const json_t *obj, const char *key)
{
    return json_string_value(json_object_get(obj, key));
}

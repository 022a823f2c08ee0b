#include "tuf/verify/trust/protojson.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/clock.h"
#include "common/nearest.h"

/* google/protobuf/timestamp.proto: from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z. */

int tuf_protojson_known(const json_t *v, const char *const *names, struct tm_err *e)
{
    if (!json_is_object(v))
        return tm_err_set(e, "is not an object");
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)v, key, member)
    {
        struct tm_nearest near;
        tm_nearest_init(&near, key);
        const char *const *n = names;
        for (; *n != NULL && strcmp(*n, key) != 0; n++)
            tm_nearest_try(&near, *n);
        if (*n != NULL)
            continue;
        return near.best != NULL
                   ? tm_err_set(e, "unknown member '%.64s'; is '%s' meant?", key, near.best)
                   : tm_err_set(e, "unknown member '%.64s'", key);
    }
    return 0;
}

json_t *tuf_protojson_get(const json_t *obj, const char *name)
{
    json_t *v = json_object_get(obj, name);
    return json_is_null(v) ? NULL : v;
}

int tuf_protojson_text(const json_t *obj, const char *name, const char **out, struct tm_err *e)
{
    const json_t *v = tuf_protojson_get(obj, name);
    if (v != NULL && !json_is_string(v))
        return tm_err_set(e, "'%s' is not a string", name);
    *out = v != NULL ? json_string_value(v) : "";
    return 0;
}

int tuf_protojson_text_copy(const json_t *obj, const char *name, char **out, struct tm_err *e)
{
    const char *text;
    if (tuf_protojson_text(obj, name, &text, e) != 0)
        return -1;
    char *copy = strdup(text);
    if (copy == NULL)
        return tm_err_set(e, "out of memory");
    free(*out);
    *out = copy;
    return 0;
}

int tuf_protojson_bytes(const json_t *obj, const char *name, size_t max_bytes, struct tm_buf *out,
                        struct tm_err *e)
{
    const char *text;
    size_t before = out->len;
    if (tuf_protojson_text(obj, name, &text, e) != 0)
        return -1;
    if (tm_b64_decode(B64_ANY, text, strlen(text), out) != 0)
        return tm_err_set(e, "'%s' is not base64", name);
    if (out->len - before > max_bytes)
        return tm_err_set(e, "'%s' is longer than %zu bytes", name, max_bytes);
    return 0;
}

int tuf_protojson_int64(const json_t *obj, const char *name, int64_t *out, struct tm_err *e)
{
    const json_t *v = tuf_protojson_get(obj, name);
    *out = json_is_integer(v) ? json_integer_value(v) : 0;
    if (v == NULL || json_is_integer(v))
        return 0;
    const char *text = json_string_value(v);
    char again[24];
    if (text == NULL)
        return tm_err_set(e, "'%s' is not an integer", name);
    *out = strtoll(text, NULL, 10);
    snprintf(again, sizeof(again), "%" PRId64, *out);
    return strcmp(text, again) == 0 ? 0 : tm_err_set(e, "'%s' is not a 64-bit integer", name);
}

int tuf_protojson_uint32(const json_t *obj, const char *name, uint32_t *out, struct tm_err *e)
{
    int64_t v;
    if (tuf_protojson_int64(obj, name, &v, e) != 0)
        return -1;
    if (v < 0 || v > UINT32_MAX)
        return tm_err_set(e, "'%s' is not a 32-bit unsigned integer", name);
    *out = (uint32_t)v;
    return 0;
}

int tuf_protojson_object(const json_t *obj, const char *name, json_t **out, struct tm_err *e)
{
    *out = tuf_protojson_get(obj, name);
    return *out == NULL || json_is_object(*out) ? 0 : tm_err_set(e, "'%s' is not an object", name);
}

int tuf_protojson_array(const json_t *obj, const char *name, size_t max_items, json_t **out,
                        struct tm_err *e)
{
    *out = tuf_protojson_get(obj, name);
    if (*out != NULL && !json_is_array(*out))
        return tm_err_set(e, "'%s' is not an array", name);
    if (json_array_size(*out) > max_items)
        return tm_err_set(e, "'%s' has more than %zu items", name, max_items);
    return 0;
}

static int read_end(const json_t *range, const char *name, bool round_up, bool *has, int64_t *ms,
                    struct tm_err *e)
{
    const char *text;
    if (tuf_protojson_text(range, name, &text, e) != 0)
        return -1;
    *has = tuf_protojson_get(range, name) != NULL;
    if (*has && tm_clock_parse_rfc3339(text, round_up, ms) != 0)
        return tm_err_set(e, "'%s' is not a time such as 2026-01-02T03:04:05Z", name);
    return 0;
}

int tuf_protojson_validity(const json_t *obj, const char *name, struct tuf_validity *out,
                           struct tm_err *e)
{
    static const char *const known[] = {"start", "end", NULL};
    json_t *range;
    *out = (struct tuf_validity){0};
    if (tuf_protojson_object(obj, name, &range, e) != 0)
        return -1;
    if (range == NULL)
        return 0;
    if (tuf_protojson_known(range, known, e) != 0 ||
        read_end(range, "start", true, &out->has_start, &out->start_ms, e) != 0 ||
        read_end(range, "end", false, &out->has_end, &out->end_ms, e) != 0)
        return tm_err_wrap(e, "'%s'", name);
    if (out->has_start && out->has_end && out->end_ms < out->start_ms)
        return tm_err_set(e, "'%s' ends before it starts", name);
    return 0;
}

int tuf_protojson_put_text(json_t *obj, const char *name, const char *text)
{
    return json_object_set_new(obj, name, json_string(text));
}

int tuf_protojson_put_bytes(json_t *obj, const char *name, const void *data, size_t len)
{
    struct tm_buf text = {0};
    tm_b64_encode(B64_STD, data, len, &text);
    int rc = tm_buf_str(&text) != NULL ? tuf_protojson_put_text(obj, name, tm_buf_str(&text)) : -1;
    tm_buf_free(&text);
    return rc;
}

/* No fraction or three digits, as protobuf prints it. */
static int put_time(json_t *obj, const char *name, int64_t ms)
{
    char text[32];
    int64_t rest = ms % 1000 < 0 ? ms % 1000 + 1000 : ms % 1000;
    tm_clock_format((ms - rest) / 1000, text);
    if (rest != 0)
        snprintf(text + 19, sizeof(text) - 19, ".%03dZ", (int)rest);
    return tuf_protojson_put_text(obj, name, text);
}

int tuf_protojson_put_validity(json_t *obj, const char *name, const struct tuf_validity *v)
{
    json_t *range = json_object();
    if (range == NULL || (v->has_start && put_time(range, "start", v->start_ms) != 0) ||
        (v->has_end && put_time(range, "end", v->end_ms) != 0)) {
        json_decref(range);
        return -1;
    }
    return json_object_set_new(obj, name, range);
}

#include "tuf/metadata/canonical.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/json/jsondump.h"
#include "common/json/jsonnumber.h"
#include "common/json/strictjson.h"

static int write_value(const json_t *v, unsigned depth, struct tm_buf *out, struct tm_err *e);

static int fraction(struct tm_err *e)
{
    return tm_err_set(e, "a number with a fraction or an exponent has no canonical form");
}

void tuf_canonical_string(const char *s, size_t len, struct tm_buf *out)
{
    buf_putc(out, '"');
    size_t run = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] != '"' && s[i] != '\\')
            continue;
        tm_buf_append(out, s + run, i - run);
        buf_putc(out, '\\');
        run = i;
    }
    tm_buf_append(out, s + run, len - run);
    buf_putc(out, '"');
}

static int write_object(const json_t *v, unsigned depth, struct tm_buf *out, struct tm_err *e)
{
    size_t n;
    struct tm_json_member *m = tm_json_members(v, &n);
    int rc = 0;
    if (m == NULL)
        return tm_err_set(e, "out of memory");
    buf_putc(out, '{');
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (i > 0)
            buf_putc(out, ',');
        tuf_canonical_string(m[i].key, strlen(m[i].key), out);
        buf_putc(out, ':');
        rc = write_value(m[i].value, depth, out, e);
    }
    buf_putc(out, '}');
    free(m);
    return rc;
}

static int write_array(const json_t *v, unsigned depth, struct tm_buf *out, struct tm_err *e)
{
    size_t i;
    json_t *item;
    buf_putc(out, '[');
    json_array_foreach(v, i, item)
    {
        if (i > 0)
            buf_putc(out, ',');
        if (write_value(item, depth, out, e) != 0)
            return -1;
    }
    buf_putc(out, ']');
    return 0;
}

static int write_value(const json_t *v, unsigned depth, struct tm_buf *out, struct tm_err *e)
{
    if (depth == 0)
        return tm_err_set(e, "nested deeper than %d", STRICTJSON_DEPTH_MAX);
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return write_object(v, depth - 1, out, e);
    case JSON_ARRAY:
        return write_array(v, depth - 1, out, e);
    case JSON_STRING:
        if (tm_jsonnumber_big(v) != NULL) {
            tm_buf_append(out, tm_jsonnumber_big(v), json_string_length(v) - 1);
            return 0;
        }
        tuf_canonical_string(json_string_value(v), json_string_length(v), out);
        return 0;
    case JSON_INTEGER:
        tm_buf_printf(out, "%lld", (long long)json_integer_value(v));
        return 0;
    case JSON_TRUE:
        tm_buf_puts(out, "true");
        return 0;
    case JSON_FALSE:
        tm_buf_puts(out, "false");
        return 0;
    case JSON_NULL:
        tm_buf_puts(out, "null");
        return 0;
    default:
        return fraction(e);
    }
}

int tuf_canonical_check(const json_t *v, struct tm_err *e)
{
    const char *key;
    size_t i;
    json_t *inner;
    if (json_is_real(v))
        return fraction(e);
    json_object_foreach((json_t *)v, key, inner)
    {
        if (tuf_canonical_check(inner, e) != 0)
            return -1;
    }
    json_array_foreach(v, i, inner)
    {
        if (tuf_canonical_check(inner, e) != 0)
            return -1;
    }
    return 0;
}

int tuf_canonical_write(const json_t *v, struct tm_buf *out, struct tm_err *e)
{
    /* One more than the parser's limit: its depth counts containers, ours the values in them. */
    if (write_value(v, STRICTJSON_DEPTH_MAX + 1, out, e) != 0)
        return -1;
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

int tuf_canonical_sha256(const json_t *v, char hex[65], struct tm_err *e)
{
    struct tm_buf b = {0};
    unsigned char md[32];
    int rc = tuf_canonical_write(v, &b, e);
    if (rc == 0 && EVP_Digest(b.data, b.len, md, NULL, EVP_sha256(), NULL) != 1)
        rc = tm_err_openssl(e, "SHA-256");
    if (rc == 0)
        tm_hex_encode(md, sizeof(md), hex);
    tm_buf_free(&b);
    return rc;
}

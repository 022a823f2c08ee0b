#include "common/json/jsondump.h"

#include <stdlib.h>
#include <string.h>

#include "common/json/jsonnumber.h"
#include "common/json/jsonstr.h"

#define BLOCK 65536

struct tm_jsondump {
    const struct tm_jsondump_to *to;
    struct tm_buf text; /* not handed on yet */
    unsigned depth;     /* of open objects and arrays */
    bool open;          /* the innermost has its bracket, and an item before the next one */
};

static int put_value(struct tm_jsondump *d, const json_t *v, struct tm_err *e);

static int hand_on(struct tm_jsondump *d, size_t when, struct tm_err *e)
{
    if (buf_failed(&d->text))
        return tm_err_set(e, "out of memory");
    if (d->text.len < when)
        return 0;
    int rc = d->text.len > 0 ? d->to->write(d->to->arg, d->text.data, d->text.len, e) : 0;
    tm_buf_reset(&d->text);
    return rc;
}

static void put_special(struct tm_buf *out, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    const char *at = c != '\0' ? strchr(from, c) : NULL;
    if (at != NULL) {
        buf_putc(out, '\\');
        buf_putc(out, (unsigned char)to[at - from]);
    } else if (c < 0x20) {
        tm_buf_printf(out, "\\u%04X", c);
    } else {
        buf_putc(out, c);
    }
}

static void put_string(struct tm_buf *out, const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    const unsigned char *end = p + len;
    buf_putc(out, '"');
    while (p < end) {
        size_t n = tm_jsonstr_plain(p, (size_t)(end - p));
        tm_buf_append(out, p, n);
        p += n;
        if (p < end)
            put_special(out, *p++);
    }
    buf_putc(out, '"');
}

static void new_line(struct tm_jsondump *d)
{
    if (!d->to->indented)
        return;
    buf_putc(&d->text, '\n');
    for (unsigned i = 0; i < d->depth; i++)
        buf_putc(&d->text, ' ');
}

static void open_items(struct tm_jsondump *d, unsigned char bracket)
{
    buf_putc(&d->text, bracket);
    d->depth++;
    d->open = false;
}

static void next_item(struct tm_jsondump *d)
{
    if (d->open)
        buf_putc(&d->text, ',');
    new_line(d);
    d->open = true;
}

/* An empty one stays on its line. */
static void close_items(struct tm_jsondump *d, unsigned char bracket)
{
    d->depth--;
    if (d->open)
        new_line(d);
    buf_putc(&d->text, bracket);
    d->open = true; /* it is an item of the next outer one */
}

int tm_jsondump_member(struct tm_jsondump *d, const char *key, size_t key_len, const json_t *value,
                       struct tm_err *e)
{
    next_item(d);
    put_string(&d->text, key, key_len);
    tm_buf_puts(&d->text, d->to->indented ? ": " : ":");
    return put_value(d, value, e) == 0 ? hand_on(d, BLOCK, e) : -1;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct tm_json_member *)a)->key, ((const struct tm_json_member *)b)->key);
}

struct tm_json_member *tm_json_members(const json_t *object, size_t *count)
{
    struct tm_json_member *m = calloc(json_object_size(object) + 1, sizeof(*m));
    const char *key;
    json_t *value;
    bool sorted = true; /* as most files come: nothing is moved then */
    *count = 0;
    if (m == NULL)
        return NULL;
    json_object_foreach((json_t *)object, key, value)
    {
        m[*count] = (struct tm_json_member){key, value};
        sorted = sorted && (*count == 0 || by_key(&m[*count - 1], &m[*count]) < 0);
        ++*count;
    }
    if (!sorted)
        qsort(m, *count, sizeof(*m), by_key);
    return m;
}

static int put_members(struct tm_jsondump *d, const json_t *v, struct tm_err *e)
{
    if (json_object_size(v) == 0)
        return d->to->fill != NULL ? d->to->fill(d->to->fill_arg, v, d, e) : 0;
    size_t count;
    struct tm_json_member *m = tm_json_members(v, &count);
    int rc = 0;
    if (m == NULL)
        return tm_err_set(e, "out of memory");
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = tm_jsondump_member(d, m[i].key, strlen(m[i].key), m[i].value, e);
    free(m);
    return rc;
}

static int put_elements(struct tm_jsondump *d, const json_t *v, struct tm_err *e)
{
    size_t i;
    json_t *item;
    json_array_foreach(v, i, item)
    {
        next_item(d);
        if (put_value(d, item, e) != 0 || hand_on(d, BLOCK, e) != 0)
            return -1;
    }
    return 0;
}

static int append(const char *data, size_t len, void *buf)
{
    tm_buf_append(buf, data, len);
    return 0;
}

static int put_value(struct tm_jsondump *d, const json_t *v, struct tm_err *e)
{
    if (json_is_string(v)) {
        if (tm_jsonnumber_big(v) != NULL)
            tm_buf_append(&d->text, tm_jsonnumber_big(v), json_string_length(v) - 1);
        else
            put_string(&d->text, json_string_value(v), json_string_length(v));
        return 0;
    }
    if (json_is_integer(v)) {
        tm_buf_put_int(&d->text, json_integer_value(v));
        return 0;
    }
    if (!json_is_object(v) && !json_is_array(v))
        return json_dump_callback(v, append, &d->text, JSON_ENCODE_ANY) == 0
                   ? 0
                   : tm_err_set(e, "a value that has no text, or out of memory");
    bool object = json_is_object(v);
    open_items(d, object ? '{' : '[');
    int rc = object ? put_members(d, v, e) : put_elements(d, v, e);
    close_items(d, object ? '}' : ']');
    return rc;
}

int tm_jsondump(const json_t *v, const struct tm_jsondump_to *to, struct tm_err *e)
{
    struct tm_jsondump d = {.to = to};
    int rc = put_value(&d, v, e) == 0 ? hand_on(&d, 0, e) : -1;
    tm_buf_free(&d.text);
    return rc;
}

int tm_jsondump_to_buf(void *buf, const void *data, size_t len, struct tm_err *e)
{
    tm_buf_append(buf, data, len);
    return buf_failed(buf) ? tm_err_set(e, "out of memory") : 0;
}

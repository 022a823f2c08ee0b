/* The kinds of common/json/jsonmap.h that are one value. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/hex.h"
#include "common/json/jsonmap_internal.h"

#define EXACT_MAX 9007199254740992.0 /* 2^53: below it every integer is a double of its own */

static int put_path(const struct tm_jsonmap_at *at, char *out, size_t size)
{
    char name[66] = "";
    int n = at->up != NULL ? put_path(at->up, out, size) : 0;
    if (n < 0 || (size_t)n >= size)
        return n;
    if (at->name == NULL)
        snprintf(name, sizeof(name), "[%zu]", at->index);
    else
        snprintf(name, sizeof(name), "%s%.64s", n > 0 ? "." : "", at->name);
    return n + snprintf(out + n, size - (size_t)n, "%s", name);
}

/* The object that has it: the last step that is a name, and what comes before. */
static const struct tm_jsonmap_at *holder(const struct tm_jsonmap_at *at)
{
    while (at != NULL && at->name == NULL)
        at = at->up;
    return at != NULL ? at->up : NULL;
}

int tm_jsonmap_fault(const struct tm_jsonmap_at *at, struct tm_err *e, const char *reason, ...)
{
    char path[200] = "";
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, reason);
    vsnprintf(text, sizeof(text), reason, ap);
    va_end(ap);
    if (at == NULL)
        return tm_err_set(e, "%s", text);
    put_path(at, path, sizeof(path));
    const struct tm_jsonmap_at *in = holder(at);
    if (in == NULL)
        return tm_err_set(e, "'%s' %s", path, text);
    char above[200] = "";
    put_path(in, above, sizeof(above));
    size_t cut = strlen(above);
    return tm_err_set(e, "%s: '%s' %s", above, path + cut + (path[cut] == '.' ? 1 : 0), text);
}

int tm_jsonmap_wrap(const struct tm_jsonmap_at *at, struct tm_err *e)
{
    char path[200] = "";
    if (at == NULL)
        return -1;
    put_path(at, path, sizeof(path));
    return tm_err_wrap(e, "%s", path);
}

/* Not one that hides a NUL, which only our own parser makes. */
static const char *text_of(const json_t *v)
{
    const char *text = json_string_value(v);
    return text != NULL && strlen(text) == json_string_length(v) ? text : NULL;
}

static int check_bytes(const struct tm_jsonmap_at *at, const struct tm_jsonmap_member *m, size_t n,
                       struct tm_err *e)
{
    if (m->min > 0 && n == 0)
        return tm_jsonmap_fault(at, e, "is empty");
    if (m->max > 0 && n > (uint64_t)m->max)
        return tm_jsonmap_fault(at, e, "is longer than %" PRId64 " bytes", m->max);
    if ((int64_t)n < m->min)
        return tm_jsonmap_fault(at, e, "has %zu bytes, not %" PRId64, n, m->min);
    return 0;
}

static int read_text(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                     const json_t *v, const struct tm_jsonmap_member *m, void *place)
{
    const char *text = text_of(v);
    char **out = place;
    if (text == NULL)
        return tm_jsonmap_fault(at, r->e, "is not a string");
    if (check_bytes(at, m, strlen(text), r->e) != 0)
        return -1;
    char *copy = strdup(text);
    if (copy == NULL)
        return tm_err_set(r->e, "out of memory");
    free(*out);
    *out = copy;
    return 0;
}

static int read_bytes(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                      const json_t *v, const struct tm_jsonmap_member *m, struct tm_buf *out)
{
    const char *text = text_of(v);
    bool hex = m->kind == JSONMAP_HEX;
    if (text == NULL)
        return tm_jsonmap_fault(at, r->e, "is not a string");
    tm_buf_reset(out);
    if ((hex ? tm_hex_decode(text, strlen(text), out)
             : tm_b64_decode(B64_ANY, text, strlen(text), out)) != 0)
        return tm_jsonmap_fault(at, r->e, hex ? "is not hex" : "is not base64");
    return check_bytes(at, m, out->len, r->e);
}

/* "12", "-3": no leading zeros, plus, blank or fraction. */
static bool integer_text(const char *text, int64_t *out)
{
    char again[24];
    *out = strtoll(text, NULL, 10);
    snprintf(again, sizeof(again), "%" PRId64, *out);
    return strcmp(text, again) == 0;
}

static bool integer(const json_t *v, bool proto, int64_t *out)
{
    double d = json_real_value(v);
    const char *text = text_of(v);
    if (json_is_integer(v)) {
        *out = json_integer_value(v);
        return true;
    }
    if (!proto)
        return false;
    if (json_is_real(v) && d == floor(d) && fabs(d) < EXACT_MAX) {
        *out = (int64_t)d;
        return true;
    }
    return text != NULL && integer_text(text, out);
}

static int read_integer(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                        const json_t *v, const struct tm_jsonmap_member *m, bool proto,
                        int64_t *out)
{
    int64_t n = 0;
    if (!integer(v, proto, &n))
        return tm_jsonmap_fault(at, r->e, proto ? "is not a 64-bit integer" : "is not an integer");
    if ((m->min != 0 || m->max != 0) && (n < m->min || n > m->max))
        return tm_jsonmap_fault(at, r->e, "is out of range: %" PRId64 " to %" PRId64, m->min,
                                m->max);
    *out = n;
    return 0;
}

static int unknown_enum(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                        const struct tm_jsonmap_member *m, const char *text, int *out)
{
    struct tm_err e = {0};
    tm_jsonmap_fault(at, &e, "is '%.64s', which is unknown here", text);
    if (r->how->strict || (m->flags & JSONMAP_MUST_KNOW) != 0)
        return tm_err_set(r->e, "%s", e.text);
    if (r->how->note != NULL)
        r->how->note(r->how->arg, e.text);
    *out = JSONMAP_UNKNOWN;
    return 0;
}

static int read_enum(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                     const json_t *v, const struct tm_jsonmap_member *m, bool proto, int *out)
{
    const char *text = text_of(v);
    char number[24];
    bool numeric = proto && json_is_integer(v);
    if (text == NULL && !numeric)
        return tm_jsonmap_fault(at, r->e, "is not a string");
    for (const struct tm_jsonmap_name *n = m->names; n->text != NULL; n++) {
        if (numeric ? n->number == json_integer_value(v) : strcmp(n->text, text) == 0) {
            *out = n->value;
            return 0;
        }
    }
    snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    return unknown_enum(r, at, m, numeric ? number : text, out);
}

static int read_bool(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                     const json_t *v, bool *out)
{
    if (!json_is_boolean(v))
        return tm_jsonmap_fault(at, r->e, "is neither true nor false");
    *out = json_is_true(v);
    return 0;
}

static int read_own(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                    const json_t *v, const struct tm_jsonmap_member *m, void *place)
{
    struct tm_err why = {0};
    return m->type->read(v, place, r->how, &why) == 0 ? 0
                                                      : tm_jsonmap_fault(at, r->e, "%s", why.text);
}

int tm_jsonmap_scalar(const struct tm_jsonmap_reader *r, const struct tm_jsonmap_at *at,
                      const json_t *v, const struct tm_jsonmap_member *m, bool proto, void *place)
{
    json_t **tree = place;
    switch (m->kind) {
    case JSONMAP_TEXT:
        return read_text(r, at, v, m, place);
    case JSONMAP_BOOL:
        return read_bool(r, at, v, place);
    case JSONMAP_INTEGER:
        return read_integer(r, at, v, m, proto, place);
    case JSONMAP_BASE64:
    case JSONMAP_HEX:
        return read_bytes(r, at, v, m, place);
    case JSONMAP_ENUM:
        return read_enum(r, at, v, m, proto, place);
    case JSONMAP_TREE:
        json_decref(*tree);
        *tree = json_incref((json_t *)v);
        return 0;
    case JSONMAP_OWN:
        return read_own(r, at, v, m, place);
    default:
        return tm_jsonmap_fault(at, r->e, "is of no kind (internal error)");
    }
}

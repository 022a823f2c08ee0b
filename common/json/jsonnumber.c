#include "common/json/jsonnumber.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char syntax[] = "syntax error";

struct number {
    const unsigned char *p, *end;
    const char *reason;
    enum tm_jsonnumber_beyond beyond;
};

static json_t *fault(struct number *s, const char *reason)
{
    s->reason = reason;
    return NULL;
}

static json_t *read_real(struct number *s, const unsigned char *from)
{
    size_t n = (size_t)(s->p - from);
    char *copy = strndup((const char *)from, n);
    if (copy == NULL)
        return fault(s, "out of memory");
    double d = strtod(copy, NULL);
    free(copy);
    if (isinf(d) && s->beyond == JSONNUMBER_REAL)
        d = copysign(DBL_MAX, d);
    return isinf(d) ? fault(s, "number out of range") : json_real(d);
}

static size_t digits(struct number *s)
{
    const unsigned char *from = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return (size_t)(s->p - from);
}

static json_t *big(struct number *s, const unsigned char *from)
{
    size_t n = (size_t)(s->p - from);
    char *text = malloc(n + 1);
    if (text == NULL)
        return fault(s, "out of memory");
    text[0] = '\0';
    memcpy(text + 1, from, n);
    json_t *v = json_stringn_nocheck(text, n + 1);
    free(text);
    return v;
}

const char *tm_jsonnumber_big(const json_t *v)
{
    const char *text = json_string_value(v);
    return text != NULL && text[0] == '\0' && json_string_length(v) > 1 ? text + 1 : NULL;
}

static json_t *out_of_range(struct number *s, const unsigned char *from)
{
    return s->beyond == JSONNUMBER_REAL     ? read_real(s, from)
           : s->beyond == JSONNUMBER_DIGITS ? big(s, from)
                                            : fault(s, "number out of range");
}

static json_t *read_integer(struct number *s, const unsigned char *from)
{
    bool negative = *from == '-';
    unsigned long long limit = (unsigned long long)LLONG_MAX + (negative ? 1 : 0);
    unsigned long long v = 0;
    for (const unsigned char *p = from + (negative ? 1 : 0); p < s->p; p++) {
        unsigned d = (unsigned)(*p - '0');
        if (v > (limit - d) / 10)
            return out_of_range(s, from);
        v = v * 10 + d;
    }
    return json_integer((json_int_t)(negative ? 0 - v : v));
}

static json_t *read_number(struct number *s)
{
    const unsigned char *from = s->p;
    bool real = false;
    if (*s->p == '-')
        s->p++;
    const unsigned char *first = s->p;
    size_t n = digits(s);
    if (n == 0 || (n > 1 && *first == '0'))
        return fault(s, syntax);
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        real = true;
        if (digits(s) == 0)
            return fault(s, syntax);
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        s->p++;
        real = true;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        if (digits(s) == 0)
            return fault(s, syntax);
    }
    return real ? read_real(s, from) : read_integer(s, from);
}

json_t *tm_jsonnumber(const unsigned char **at, const unsigned char *end,
                      enum tm_jsonnumber_beyond beyond, const char **reason)
{
    struct number s = {.p = *at, .end = end, .beyond = beyond};
    json_t *v = read_number(&s);
    *at = s.p;
    *reason = s.reason;
    return v;
}

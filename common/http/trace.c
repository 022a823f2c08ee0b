#include "common/http/trace.h"

#include <string.h>

#define DIGITS "0123456789abcdef"

/* `len` digits, not all of them zeros where `some` is asked for, and then `end`. */
static bool is_id(const char *p, size_t len, bool some, char end)
{
    return strspn(p, DIGITS) == len && p[len] == end && (!some || strspn(p, "0") < len);
}

bool tm_http_trace_is_valid(const char *text)
{
    return strlen(text) == HTTP_TRACE_LEN && memcmp(text, "00-", 3) == 0 &&
           is_id(text + 3, 32, true, '-') && is_id(text + 36, 16, true, '-') &&
           is_id(text + 53, 2, false, '\0');
}

const char *tm_http_trace_of(struct tm_http_exchange *x)
{
    const char *text = tm_http_header(x, "traceparent");
    return text != NULL && tm_http_trace_is_valid(text) ? text : NULL;
}

struct tm_jlog_field tm_http_trace_field(struct tm_http_exchange *x)
{
    const char *trace = tm_http_trace_of(x);
    return trace != NULL ? JLOG_STR("traceparent", trace) : JLOG_END;
}

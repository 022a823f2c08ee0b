/*
 * By which ids a request is spoken of: ours, which its answer has as X-Request-Id, and the
 * caller's, W3C Trace Context level 1 §3.2. Both stand in each log line about a request.
 */
#pragma once

#include <stdbool.h>

#include "common/http/http.h"
#include "common/jlog.h"
#include "common/request_id.h"

#define HTTP_TRACE_LEN 55 /* of a traceparent of version 00 */

/* Whether it is "00-" 32 digits "-" 16 digits "-" 2 digits, lower case, with neither id all zeros.
 * Other versions are not looked into: what is logged is of a form that is known. */
bool tm_http_trace_is_valid(const char *text);

/* The request's traceparent, borrowed from it; NULL: none, or one of another form. */
const char *tm_http_trace_of(struct tm_http_exchange *x);
/* The same for a line's end: JLOG_END where there is none. */
struct tm_jlog_field tm_http_trace_field(struct tm_http_exchange *x);

/* How the fields of each line about a request end. */
#define JLOG_REQUEST_END(x, id) \
    JLOG_STR("remote", tm_http_remote(x)), JLOG_STR("request", (id)), tm_http_trace_field(x), \
        JLOG_END

/*
 * W3C Trace Context, level 1 §3.2: by which id other systems speak of a request.
 */
#pragma once

#include <stdbool.h>

#include "common/http/http.h"

#define TRACE_LEN 55 /* of a traceparent of version 00 */

/* Whether it is "00-" 32 digits "-" 16 digits "-" 2 digits, lower case, with neither id all zeros.
 * Other versions are not looked into: what is logged is of a form that is known. */
bool ca_trace_is_valid(const char *text);

/* The request's traceparent, borrowed from it; NULL: none, or one of another form. */
const char *ca_trace_of(struct tm_http_exchange *x);

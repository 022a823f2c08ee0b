/*
 * The header fields of an HTTP/2 request (RFC 9113 §8.3), as nghttp2 hands them over one by one,
 * bounded as those of HTTP/1 (head.h), and the check of the request that they make.
 */
#pragma once

#include "common/buf.h"
#include "common/http/head.h"

struct tm_http_fields { /* zero-initialise */
    struct tm_buf text; /* names and values, each with a NUL */
    struct {
        size_t name, value; /* where they begin in `text` */
    } at[HTTP_FIELDS_MAX];
    size_t count;
    bool too_many; /* for the bounds: nothing more was kept */
    /* Of a request that was checked; all in `text`. */
    const char *method;
    char *path; /* decoded, without the query */
    struct {
        const char *name, *value;
    } argument[HTTP_ARGUMENTS_MAX];
    size_t arguments;
    bool expects; /* waits for 100 Continue */
};

/* Keeps one field; a name begins with ':' for what stands in HTTP/1's first line. */
void tm_http_fields_add(struct tm_http_fields *f, const void *name, size_t name_len,
                        const void *value, size_t value_len);

/* The request that they are. `ended`: no body follows. -1: refuse it. Once, after the last field.
 */
int tm_http_fields_check(struct tm_http_fields *f, bool ended);

/* The first field of this name, case ignored, or argument of the query; NULL: none. */
const char *tm_http_fields_get(const struct tm_http_fields *f, const char *name);
const char *tm_http_fields_argument(const struct tm_http_fields *f, const char *name);
/* Appends the values of all fields of this name, commas between them. */
void tm_http_fields_join(const struct tm_http_fields *f, const char *name, struct tm_buf *out);

void tm_http_fields_free(struct tm_http_fields *f);

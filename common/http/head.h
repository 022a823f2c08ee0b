/*
 * The head of a request (RFC 9112 §2 to §6), bytes to a struct. Whatever a proxy in front could
 * read in another way is refused, so that no body ever becomes a request of its own: bare line
 * ends, folded lines, blanks before a colon, control characters, a length or an encoding that is
 * given twice, both, or in any but the plainest form.
 */
#ifndef TENMINT_COMMON_HTTP_HEAD_H
#define TENMINT_COMMON_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX ((size_t)16 * 1024) /* bytes; the legacy API has the token there */
#define HTTP_FIELDS_MAX 64

struct tm_http_field {
    const char *name, *value; /* in the parsed text, NUL-terminated */
};

struct tm_http_head {
    const char *method;
    char *path;       /* as it was sent, without the query */
    char *query;      /* as it was sent, without the '?'; NULL: none */
    unsigned minor;   /* HTTP/1.minor: 0 or 1 */
    bool chunked;     /* the body is; else it has `length` bytes */
    bool expects;     /* waits for 100 Continue */
    bool keep_alive;  /* the connection may serve another request */
    uint64_t length;  /* bytes of the body */
    const char *host; /* NULL: none, which HTTP/1.0 may do */
    size_t count;     /* of field */
    struct tm_http_field field[HTTP_FIELDS_MAX];
};

enum tm_http_head_end { HEAD_MORE, HEAD_WHOLE, HEAD_BAD };

/*
 * Looks for the end of a head in the first `len` bytes of a request. `*scanned` is 0 at first and
 * then what the last call left. HEAD_WHOLE: `*end` is where the body begins. HEAD_BAD: it can
 * never become one.
 */
enum tm_http_head_end tm_http_head_find(const char *data, size_t len, size_t *scanned, size_t *end);

/* Takes apart the `len` bytes that HEAD_WHOLE found, in place: `out` points into them, and they
 * live as long. -1: refuse the request and close the connection. */
int tm_http_head_parse(char *text, size_t len, struct tm_http_head *out);

/* The first field of this name in any case, or NULL. */
const char *tm_http_head_value(const struct tm_http_head *h, const char *name);

#endif

/*
 * A check of a request's head (RFC 9112 §2 to §6) before libmicrohttpd reads it. Whatever a proxy
 * in front could read in another way is refused, so that no body ever becomes a request of its own:
 * bare line ends, folded lines, blanks before a colon, control characters, a length or an encoding
 * that is given twice, both, or in any but the plainest form.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX ((size_t)12 * 1024) /* bytes; the legacy API has the token there */
#define HTTP_FIELDS_MAX 64
#define HTTP_ARGUMENTS_MAX 32 /* of a query: each is a piece of memory later */

struct tm_http_head {   /* what says where a request ends, and how it is answered */
    const char *method; /* in the text */
    unsigned minor;     /* HTTP/1.minor: 0 or 1 */
    bool chunked;       /* the body is; else it has `length` bytes */
    bool expects;       /* waits for 100 Continue */
    bool last;          /* no request of this connection follows, as far as the client says */
    uint64_t length;    /* bytes of the body */
    size_t origin;      /* "http://host" of the target, which names what Host does: where it */
    size_t origin_len;  /* stands in the text, and its length; 0: none */
};

enum tm_http_head_end { HEAD_MORE, HEAD_WHOLE, HEAD_BAD };

/*
 * Looks for the end of a head in the first `len` bytes of a request. `*scanned` is 0 at first and
 * then what the last call left. HEAD_WHOLE: `*end` is where the body begins. HEAD_BAD: it can
 * never become one.
 */
enum tm_http_head_end tm_http_head_find(const char *data, size_t len, size_t *scanned, size_t *end);

/* Checks the `len` bytes that HEAD_WHOLE found, a copy, since it cuts them into texts: `out` points
 * into them. -1: refuse the request and close the connection. */
int tm_http_head_check(char *text, size_t len, struct tm_http_head *out);

/*
 * Rewrites a head that was accepted, the text as it came, into the form that libmicrohttpd is
 * given: without the origin, blanks behind values, cookies and Expect. Its new length, never more.
 */
size_t tm_http_head_plain(char *text, size_t len, const struct tm_http_head *h);

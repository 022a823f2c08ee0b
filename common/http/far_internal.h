/* What the files of the far side share: forms, and the functions behind http.h's. */
#pragma once

#include "common/http/far.h"
#include "common/ipc/loop.h"

#define FAR_HEADERS 5
#define FAR_ARGUMENTS 10
extern const char *const tm_http_far_headers[FAR_HEADERS];
extern const char *const tm_http_far_arguments[FAR_ARGUMENTS];

enum { FAR_HTTP_ASK, FAR_HTTP_GONE, FAR_HTTP_ANSWER };

struct tm_http_ask {
    uint64_t id;
    uint64_t method;
    uint64_t http2;      /* 1: it came by HTTP/2 */
    uint64_t started_us; /* monotonic, which all processes share; of the end of its head */
    uint64_t asked_us;   /* when this was sent */
    const char *path, *remote;
    const char *header[FAR_HEADERS];
    const char *argument[FAR_ARGUMENTS];
    struct tm_ipc_bytes body;
};

struct tm_http_gone { /* nobody waits for its answer any more */
    uint64_t id;
};

struct tm_http_answer {
    uint64_t id;
    uint64_t status;
    const char *type;    /* NULL: none */
    const char *headers; /* "Name: value\n" …, trailers as "!Name: value\n" */
    struct tm_ipc_bytes body;
    int file; /* in place of the body; or -1 */
    uint64_t size;
    uint64_t passed; /* file and body are what a tm_http_source passed */
};

#define FAR_HTTP_BODY_MAX ((size_t)8 << 20) /* bytes, of an ask or an answer */

extern const struct tm_ipc_protocol tm_http_far_protocol;

/* A far exchange, known by its address's lowest bit. */
struct tm_http_far;
static inline struct tm_http_far *tm_http_far_of(const void *x)
{
    uintptr_t p = (uintptr_t)x;
    return (p & 1) != 0 ? (struct tm_http_far *)(p - 1) : NULL;
}

const char *tm_http_far_header(struct tm_http_far *f, const char *name);
enum tm_http_method tm_http_far_method_of(const struct tm_http_far *f);
const char *tm_http_far_path(const struct tm_http_far *f);
const char *tm_http_far_mount_name(const struct tm_http_far *f);
const char *tm_http_far_query(struct tm_http_far *f, const char *name);
const struct tm_buf *tm_http_far_body(const struct tm_http_far *f);
const char *tm_http_far_remote(const struct tm_http_far *f);
int64_t tm_http_far_elapsed_us(const struct tm_http_far *f);
void tm_http_far_set_state(struct tm_http_far *f, void *state, void (*release)(void *state));
void *tm_http_far_state(const struct tm_http_far *f);
void tm_http_far_reply_stream(struct tm_http_far *f, unsigned status, const char *content_type,
                              const struct tm_http_source *source);
void tm_http_far_reply_fd(struct tm_http_far *f, unsigned status, const char *content_type, int fd,
                          uint64_t size);
void tm_http_far_reply(struct tm_http_far *f, unsigned status, const char *content_type,
                       struct tm_buf *body);
void tm_http_far_reply_header(struct tm_http_far *f, const char *name, const char *value);
void tm_http_far_reply_trailer(struct tm_http_far *f, const char *name, const char *value);
bool tm_http_far_is_http2(const struct tm_http_far *f);
void tm_http_far_reply_canned(struct tm_http_far *f, unsigned status, const char *content_type,
                              const struct tm_buf *body);
void *tm_http_far_wait_begin(struct tm_http_far *f);
void tm_http_far_wait_cancel(struct tm_http_far *f);
void tm_http_far_wake(struct tm_http_far *f);
bool tm_http_far_wait_expired(const struct tm_http_far *f);

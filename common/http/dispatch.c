/* What handlers call: each function asks which kind of exchange it has. */
#include "common/http/either.h"

const char *tm_http_header(struct tm_http_exchange *x, const char *name)
{
    struct tm_http_far *far = tm_http_far_of(x);
    return far != NULL ? tm_http_far_header(far, name) : tm_http_near_header(x, name);
}

enum tm_http_method tm_http_method_of(const struct tm_http_exchange *x)
{
    struct tm_http_far *far = tm_http_far_of(x);
    return far != NULL ? tm_http_far_method_of(far) : tm_http_near_method_of(x);
}

const char *tm_http_path(const struct tm_http_exchange *x)
{
    struct tm_http_far *far = tm_http_far_of(x);
    return far != NULL ? tm_http_far_path(far) : tm_http_near_path(x);
}

const char *tm_http_mount_name(const struct tm_http_exchange *x)
{
    struct tm_http_far *far = tm_http_far_of(x);
    return far != NULL ? tm_http_far_mount_name(far) : tm_http_near_mount_name(x);
}

const char *tm_http_query(struct tm_http_exchange *x, const char *name)
{
    struct tm_http_far *far = tm_http_far_of(x);
    return far != NULL ? tm_http_far_query(far, name) : tm_http_near_query(x, name);
}

const struct tm_buf *tm_http_body(const struct tm_http_exchange *x)
{
    struct tm_http_far *far = tm_http_far_of(x);
    return far != NULL ? tm_http_far_body(far) : tm_http_near_body(x);
}

const char *tm_http_remote(const struct tm_http_exchange *x)
{
    struct tm_http_far *far = tm_http_far_of(x);
    return far != NULL ? tm_http_far_remote(far) : tm_http_near_remote(x);
}

int64_t tm_http_elapsed_us(const struct tm_http_exchange *x)
{
    struct tm_http_far *far = tm_http_far_of(x);
    return far != NULL ? tm_http_far_elapsed_us(far) : tm_http_near_elapsed_us(x);
}

void tm_http_set_state(struct tm_http_exchange *x, void *state, void (*release)(void *state))
{
    struct tm_http_far *far = tm_http_far_of(x);
    if (far != NULL)
        tm_http_far_set_state(far, state, release);
    else
        tm_http_near_set_state(x, state, release);
}

void *tm_http_state(const struct tm_http_exchange *x)
{
    struct tm_http_far *far = tm_http_far_of(x);
    return far != NULL ? tm_http_far_state(far) : tm_http_near_state(x);
}

void tm_http_reply_stream(struct tm_http_exchange *x, unsigned status, const char *content_type,
                          const struct tm_http_source *source)
{
    struct tm_http_far *far = tm_http_far_of(x);
    if (far != NULL)
        tm_http_far_reply_stream(far, status, content_type, source);
    else
        tm_http_near_reply_stream(x, status, content_type, source);
}

void tm_http_reply_fd(struct tm_http_exchange *x, unsigned status, const char *content_type, int fd,
                      uint64_t size)
{
    struct tm_http_far *far = tm_http_far_of(x);
    if (far != NULL)
        tm_http_far_reply_fd(far, status, content_type, fd, size);
    else
        tm_http_near_reply_fd(x, status, content_type, fd, size);
}

void tm_http_reply(struct tm_http_exchange *x, unsigned status, const char *content_type,
                   struct tm_buf *body)
{
    struct tm_http_far *far = tm_http_far_of(x);
    if (far != NULL)
        tm_http_far_reply(far, status, content_type, body);
    else
        tm_http_near_reply(x, status, content_type, body);
}

void tm_http_reply_header(struct tm_http_exchange *x, const char *name, const char *value)
{
    struct tm_http_far *far = tm_http_far_of(x);
    if (far != NULL)
        tm_http_far_reply_header(far, name, value);
    else
        tm_http_near_reply_header(x, name, value);
}

void tm_http_reply_trailer(struct tm_http_exchange *x, const char *name, const char *value)
{
    struct tm_http_far *far = tm_http_far_of(x);
    if (far != NULL)
        tm_http_far_reply_trailer(far, name, value);
    else
        tm_http_near_reply_trailer(x, name, value);
}

void tm_http_limit_wait(struct tm_http_exchange *x, int64_t ms)
{
    struct tm_http_far *far = tm_http_far_of(x);
    if (far == NULL)
        tm_http_near_limit_wait(x, ms);
}

bool tm_http_is_http2(const struct tm_http_exchange *x)
{
    struct tm_http_far *far = tm_http_far_of(x);
    return far != NULL ? tm_http_far_is_http2(far) : tm_http_near_is_http2(x);
}

void *tm_http_wait_begin(struct tm_http_exchange *x)
{
    struct tm_http_far *far = tm_http_far_of(x);
    return far != NULL ? tm_http_far_wait_begin(far) : tm_http_near_wait_begin(x);
}

void tm_http_wait_cancel(struct tm_http_exchange *x)
{
    struct tm_http_far *far = tm_http_far_of(x);
    if (far != NULL)
        tm_http_far_wait_cancel(far);
    else
        tm_http_near_wait_cancel(x);
}

bool tm_http_wait_expired(const struct tm_http_exchange *x)
{
    struct tm_http_far *far = tm_http_far_of(x);
    return far != NULL ? tm_http_far_wait_expired(far) : tm_http_near_wait_expired(x);
}

void tm_http_wake(void *waiter)
{
    struct tm_http_far *far = tm_http_far_of(waiter);
    if (far != NULL)
        tm_http_far_wake(far);
    else
        tm_http_near_wake(waiter);
}

void tm_http_reply_canned(struct tm_http_exchange *x, unsigned status, struct tm_http_canned *c)
{
    struct tm_http_far *far = tm_http_far_of(x);
    if (far != NULL)
        tm_http_far_reply_canned(far, status, tm_http_canned_type(c), tm_http_canned_body(c));
    else
        tm_http_near_reply_canned(x, status, c);
}

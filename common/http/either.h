/* The two kinds of exchange by their own names: for dispatch.c. */
#pragma once

#include "common/http/far_internal.h"

const char *tm_http_near_header(struct tm_http_exchange *x, const char *name);
enum tm_http_method tm_http_near_method_of(const struct tm_http_exchange *x);
const char *tm_http_near_path(const struct tm_http_exchange *x);
const char *tm_http_near_mount_name(const struct tm_http_exchange *x);
const char *tm_http_near_query(struct tm_http_exchange *x, const char *name);
const struct tm_buf *tm_http_near_body(const struct tm_http_exchange *x);
const char *tm_http_near_remote(const struct tm_http_exchange *x);
int64_t tm_http_near_elapsed_us(const struct tm_http_exchange *x);
void tm_http_near_set_state(struct tm_http_exchange *x, void *state, void (*release)(void *state));
void *tm_http_near_state(const struct tm_http_exchange *x);
void tm_http_near_reply_stream(struct tm_http_exchange *x, unsigned status,
                               const char *content_type, const struct tm_http_source *source);
void tm_http_near_reply_fd(struct tm_http_exchange *x, unsigned status, const char *content_type,
                           int fd, uint64_t size);
void tm_http_near_reply(struct tm_http_exchange *x, unsigned status, const char *content_type,
                        struct tm_buf *body);
void tm_http_near_reply_header(struct tm_http_exchange *x, const char *name, const char *value);
void tm_http_near_reply_trailer(struct tm_http_exchange *x, const char *name, const char *value);
void tm_http_near_reply_canned(struct tm_http_exchange *x, unsigned status,
                               struct tm_http_canned *c);
void tm_http_near_limit_wait(struct tm_http_exchange *x, int64_t ms);
bool tm_http_near_is_http2(const struct tm_http_exchange *x);
const char *tm_http_canned_type(const struct tm_http_canned *c);
const struct tm_buf *tm_http_canned_body(const struct tm_http_canned *c);
void *tm_http_near_wait_begin(struct tm_http_exchange *x);
void tm_http_near_wait_cancel(struct tm_http_exchange *x);
void tm_http_near_wake(void *waiter);
bool tm_http_near_wait_expired(const struct tm_http_exchange *x);

/* What hub.c, service.c and fetch_pool.c share. */
#pragma once

#include "common/fetch/far.h"

#define FAR_PEM_MAX ((size_t)4 << 20)
#define FAR_POOLS_MAX 16 /* at once, of one hub */
#define FAR_TRANSFERS_MAX 4096
#define FAR_BODY_MAX ((size_t)1 << 20)

enum { FAR_ASK, FAR_ANSWER };

struct tm_fetch_ask { /* struct tm_fetch_request as it travels */
    uint64_t id;
    uint64_t pool, transfers; /* which of the asker's pools, and its limit */
    const char *url;
    uint64_t has_body;
    struct tm_ipc_bytes body;
    const char *headers; /* a line for each, '\n' after it */
    const char *ca_pem;
    uint64_t flags;
    uint64_t timeout_ms, stall_ms, max_bytes, delay_ms;
};
enum { FAR_CA_ONLY = 1, FAR_ALLOW_HTTP = 2, FAR_GZIP = 4, FAR_NO_PROXY = 8 };

struct tm_fetch_answer { /* struct tm_fetch_response likewise */
    uint64_t id;
    uint64_t failed;
    uint64_t status;
    struct tm_ipc_bytes body;
    uint64_t max_age_s, retry_after_s;
    uint64_t flags;
    const char *content_type;
    const char *why;
};
enum { FAR_TIMED_OUT = 1, FAR_LIMIT_BROKEN = 2 };

extern const struct tm_ipc_protocol tm_fetch_protocol;

/* hub.c: what a pool that stands on a hub does */
struct tm_fetch_far; /* one pool's share of the hub */
struct tm_fetch_far *tm_fetch_far_new(struct tm_fetch_hub *h, unsigned transfers, struct tm_err *e);
void tm_fetch_far_free(struct tm_fetch_far *f); /* ends what is under way */
int tm_fetch_far_start(struct tm_fetch_far *f, const struct tm_fetch_request *req,
                       fetch_done_fn done, void *arg, struct tm_err *e);

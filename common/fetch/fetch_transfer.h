/*
 * One libcurl transfer with our limits; shared by tm_fetch_run and the pool. Internal to fetch*.c.
 */
#pragma once

#include <curl/curl.h>

#include "common/fetch/fetch.h"

struct tm_transfer {
    CURL *easy;
    struct fetch_session *session; /* that lent `easy`; or NULL */
    struct curl_slist *headers;
    char *url;  /* owned: where the transfer is now */
    char *body; /* owned copy of the POST body */
    size_t body_len;
    char *ca; /* owned: PEM handed to curl */
    size_t max_bytes;
    size_t received; /* decoded */
    bool too_large;
    bool is_encoded;           /* once is enough: gzip in gzip would cost what no limit counts */
    bool odd_coding;           /* a content encoding that was not asked for */
    char why[CURL_ERROR_SIZE]; /* libcurl's own words */
    int (*sink)(void *arg, const void *data, size_t len);
    void *sink_arg;
    int redirects;
    struct tm_fetch_response response;
};

/* NULL with `e` set when the request itself is refused. */
struct tm_transfer *tm_transfer_new(const struct tm_fetch_request *req, struct tm_err *e);
void tm_transfer_free(struct tm_transfer *t);

/* fetch_reason.c: why curl gave up, in words that tell an unknown CA, another name and an expired
 * certificate apart. Returns -1. */
int tm_transfer_reason(const struct tm_transfer *t, CURLcode code, struct tm_err *e);

enum tm_transfer_next { TRANSFER_DONE, TRANSFER_AGAIN, TRANSFER_FAILED };

/* After curl finished with `code`: fills the response, or points the handle at a redirect on
 * the same origin (AGAIN), or says in `e` why it failed. */
enum tm_transfer_next tm_transfer_finish(struct tm_transfer *t, CURLcode code, struct tm_err *e);

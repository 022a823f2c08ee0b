/*
 * Where a log's files come from: a directory or a web server, read by path under one prefix.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct ca_store;

struct ca_store_options {
    const char *location; /* a directory, or the http(s) URL that paths are appended to */
    const char *ca_pem;   /* HTTPS: further trusted CAs; or NULL */
    bool allow_http;      /* http:// beyond loopback */
    int64_t timeout_ms;   /* one file; 0: 30 s */
};

bool ca_store_is_url(const char *location);

struct ca_store *ca_store_open(const struct ca_store_options *o, struct tm_err *e);
void ca_store_free(struct ca_store *s); /* NULL is fine */

/* Appends the file's bytes, at most `max`. 1: read, 0: there is none, -1: failed. */
int ca_store_get(struct ca_store *s, const char *path, size_t max, struct tm_buf *out,
                 struct tm_err *e);

/* This file is wanted next: may begin to fetch it. At most STORE_AHEAD at a time, else ignored. */
#define STORE_AHEAD 8
void ca_store_want(struct ca_store *s, const char *path, size_t max);

/* "DIR/path" or "URL/path", for messages. */
void ca_store_name(const struct ca_store *s, const char *path, char *out, size_t size);

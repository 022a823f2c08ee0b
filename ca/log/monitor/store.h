/*
 * Where a log's files come from: a directory or a web server, read by path under one prefix.
 */
#ifndef TENMINT_CA_MONITOR_STORE_H
#define TENMINT_CA_MONITOR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct store;

struct store_options {
    const char *location; /* a directory, or the http(s) URL that paths are appended to */
    const char *ca_pem;   /* HTTPS: further trusted CAs; or NULL */
    bool allow_http;      /* http:// beyond loopback */
    int64_t timeout_ms;   /* one file; 0: 30 s */
};

bool store_is_url(const char *location);

struct store *store_open(const struct store_options *o, struct err *e);
void store_free(struct store *s); /* NULL is fine */

/* Appends the file's bytes, at most `max`. 1: read, 0: there is none, -1: failed. */
int store_get(struct store *s, const char *path, size_t max, struct buf *out, struct err *e);

/* This file is wanted next: may begin to fetch it. At most STORE_AHEAD at a time, else ignored. */
#define STORE_AHEAD 8
void store_want(struct store *s, const char *path, size_t max);

/* "DIR/path" or "URL/path", for messages. */
void store_name(const struct store *s, const char *path, char *out, size_t size);

#endif

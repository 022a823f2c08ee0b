/*
 * The log over HTTP, below one prefix: static-ct-api (checkpoint, tiles, issuers) out of the
 * directory, and RFC 6962's read API (§4.3 to §4.8) on the same data.
 */
#pragma once

#include "common/http/http.h"
#include "ca/log/engine/log.h"
#include "ca/log/engine/reader.h"
#include "ca/log/engine/view.h"

struct ca_log_server;

struct ca_log_serve_options { /* borrowed, and must outlive the server */
    struct ca_log *log;
    struct ca_log_retired *retired; /* instead of `log`: it is served as it ended */
    const char *prefix;             /* "/log": begins with '/', does not end with one */
    /* Calls `add` with the DER of each root that is accepted now; or NULL. get-roots has these, and
     * those that the chains of earlier entries end in. */
    void (*roots)(void *ctx, log_root_fn add, void *arg);
    void *roots_ctx;
    struct tm_jlog *jlog; /* what is wrong when the answer is 500; or NULL */
};

struct ca_log_server *ca_log_server_new(const struct ca_log_serve_options *o, struct tm_err *e);
void ca_log_server_free(struct ca_log_server *s); /* NULL is fine */

/* The mount to serve it by. */
struct tm_http_mount ca_log_server_mount(struct ca_log_server *s);

/* For tm_http_relay_options.open: get-entries made in the process that has the connection, of a
 * tile's open file and the issuers that its entries name. */
int ca_log_entries_open(int fd, const struct tm_buf *with, struct tm_http_source *out);

#define LOG_GET_ENTRIES_MAX 256 /* of one reply; a tile's end ends it sooner */

/*
 * The log over HTTP, below one prefix: static-ct-api (checkpoint, tiles, issuers) out of the
 * directory, and RFC 6962's read API (§4.3 to §4.8) on the same data.
 */
#ifndef TENMINT_CA_LOG_SERVE_H
#define TENMINT_CA_LOG_SERVE_H

#include "common/http/http.h"
#include "ca/log/engine/log.h"
#include "ca/log/engine/reader.h"
#include "ca/log/engine/view.h"

struct log_server;

struct log_serve_options { /* borrowed, and must outlive the server */
    struct log *log;
    struct log_retired *retired; /* instead of `log`: it is served as it ended */
    const char *prefix;          /* "/log": begins with '/', does not end with one */
    /* Calls `add` with the DER of each root that is accepted now; or NULL. get-roots has these, and
     * those that the chains of earlier entries end in. */
    void (*roots)(void *ctx, log_root_fn add, void *arg);
    void *roots_ctx;
    struct jlog *jlog; /* what is wrong when the answer is 500; or NULL */
};

struct log_server *log_server_new(const struct log_serve_options *o, struct err *e);
void log_server_free(struct log_server *s); /* NULL is fine */

/* The mount to serve it by. */
struct http_mount log_server_mount(struct log_server *s);

#define LOG_GET_ENTRIES_MAX 256 /* of one reply; a tile's end ends it sooner */

#endif

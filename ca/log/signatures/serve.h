/*
 * A log of signatures over HTTP, below one prefix ("/api/v2" for clients of Rekor v2): POST
 * PREFIX/log/entries, and tlog-tiles: GET PREFIX/checkpoint, PREFIX/tile/….
 */
#ifndef TENMINT_CA_LOG_SIGNATURES_SERVE_H
#define TENMINT_CA_LOG_SIGNATURES_SERVE_H

#include "ca/log/engine/view.h"
#include "ca/log/signatures/siglog.h"
#include "common/http/http.h"

struct ca_sig_server;

struct ca_sig_serve_options { /* borrowed, and must outlive the server */
    struct ca_siglog *log;
    struct ca_log_retired *retired; /* instead of `log`: it takes nothing more, 405 */
    const char *prefix;
    struct tm_jlog *jlog; /* why an entry was refused; or NULL */
};

struct ca_sig_server *ca_sig_server_new(const struct ca_sig_serve_options *o, struct tm_err *e);
void ca_sig_server_free(struct ca_sig_server *s); /* NULL is fine */

struct tm_http_mount ca_sig_server_mount(struct ca_sig_server *s);

#endif

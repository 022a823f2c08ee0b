/*
 * A log of signatures over HTTP, below one prefix ("/api/v2" for clients of Rekor v2): POST
 * PREFIX/log/entries, and tlog-tiles: GET PREFIX/checkpoint, PREFIX/tile/…, both also without the
 * prefix's "/api/v2".
 */
#pragma once

#include "ca/log/engine/view.h"
#include "ca/log/signatures/siglog.h"
#include "common/http/http.h"

struct ca_sig_server;

/* Clients of Rekor v2 write below BASE/api/v2; readers of tiles look at BASE itself. */
#define SIG_SHORT_END "/api/v2"
extern const char *const ca_sig_short_names[];

struct ca_sig_serve_options { /* borrowed, and must outlive the server */
    struct ca_siglog *log;
    struct ca_log_retired *retired; /* instead of `log`: it takes nothing more, 405 */
    const char *prefix;
    struct tm_jlog *jlog; /* why an entry was refused; or NULL */
};

struct ca_sig_server *ca_sig_server_new(const struct ca_sig_serve_options *o, struct tm_err *e);
void ca_sig_server_free(struct ca_sig_server *s); /* NULL is fine */

struct tm_http_mount ca_sig_server_mount(struct ca_sig_server *s);

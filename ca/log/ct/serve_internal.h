/* What serve.c (files) and ct_v1.c (RFC 6962's read API) share. */
#pragma once

#include "ca/log/engine/reader.h"
#include "ca/log/ct/serve.h"

struct ca_log_server {
    struct ca_log_serve_options o;
    struct ca_log_view view;
};

#define LOG_SERVE_BRIEF "no-cache" /* Cache-Control of what changes */

/* A chain's certificates, a u24 length before each; entries of one log have few chains. */
struct ca_log_chain_cache {
    struct tm_buf fingerprints;
    struct tm_buf der;          /* of them */
    const struct tm_buf *given; /* where they are to be found, in place of the log's directory:
                                   each after its fingerprint and length; NULL: there */
};

void ca_log_serve_put_b64(struct tm_buf *out, const void *data, size_t len); /* in quotes */

/* Appends "leaf_input":…,"extra_data":… (RFC 6962 §4.6). -1: an issuer cannot be read. */
int ca_log_serve_put_entry(const char *directory, struct ca_log_chain_cache *cache,
                           const struct tm_entry *n, struct tm_buf *out, struct tm_err *e);

/* The answer with entries start to end, all of one tile whose width is given. `*whole`: one piece
 * is all of it. Release the source, or reply with it. */
int ca_log_serve_entries(const char *directory, uint64_t start, uint64_t end, unsigned width,
                         struct tm_http_source *out, bool *whole, struct tm_err *e);

/* {"error_message":…}, RFC 6962 §4 */
void ca_log_serve_error(struct tm_http_exchange *x, unsigned status, const char *message);

/* Answers prefix + "ct/v1/" + name. */
void ca_log_serve_ct_v1(struct ca_log_server *s, const char *name, struct tm_http_exchange *x);

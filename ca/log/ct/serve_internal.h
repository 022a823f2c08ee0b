/* What serve.c (files) and ct_v1.c (RFC 6962's read API) share. */
#ifndef TENMINT_CA_LOG_SERVE_INTERNAL_H
#define TENMINT_CA_LOG_SERVE_INTERNAL_H

#include "ca/log/engine/reader.h"
#include "ca/log/ct/serve.h"

struct ca_log_server {
    struct ca_log_serve_options o;
    struct ca_log_view view;
};

#define LOG_SERVE_BRIEF "no-cache" /* Cache-Control of what changes */

/* {"error_message":…}, RFC 6962 §4 */
void ca_log_serve_error(struct tm_http_exchange *x, unsigned status, const char *message);

/* Answers prefix + "ct/v1/" + name. */
void ca_log_serve_ct_v1(struct ca_log_server *s, const char *name, struct tm_http_exchange *x);

#endif

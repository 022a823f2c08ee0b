/* What serve.c (files) and ct_v1.c (RFC 6962's read API) share. */
#ifndef TENMINT_CA_LOG_SERVE_INTERNAL_H
#define TENMINT_CA_LOG_SERVE_INTERNAL_H

#include "ca/log/engine/reader.h"
#include "ca/log/ct/serve.h"

struct log_server {
    struct log_serve_options o;
    struct log_view view;
};

/* {"error_message":…}, RFC 6962 §4 */
void log_serve_error(struct http_exchange *x, unsigned status, const char *message);

/* Answers prefix + "ct/v1/" + name. */
void log_serve_ct_v1(struct log_server *s, const char *name, struct http_exchange *x);

#endif

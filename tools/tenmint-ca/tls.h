/*
 * The server's TLS files, judged before the HTTP library gets them: it would only say "no".
 */
#ifndef TENMINT_TOOLS_TENMINT_CA_TLS_H
#define TENMINT_TOOLS_TENMINT_CA_TLS_H

#include "common/buf.h"
#include "common/err.h"

/* Reads both files as PEM text; the key (0600, not encrypted) must be that of the first
 * certificate. Free `key_out` with buf_free_secret, also on -1. */
int tls_read(const char *certificate, const char *key, struct buf *certificate_out,
             struct buf *key_out, struct err *e);

#endif

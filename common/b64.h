/*
 * Base64 (RFC 4648 §4 and §5), strict: no white space, no stray bits in the
 * last symbol, nothing after the padding. OpenSSL's decoder skips white space
 * and takes trailing garbage, so it cannot serve for tokens and requests.
 */
#pragma once

#include "common/buf.h"

enum tm_b64_kind {
    B64_STD,      /* '+' '/', padded: RFC 6962, PEM-like JSON fields */
    B64_URL_BARE, /* '-' '_', unpadded: JOSE (RFC 7515 §2) */
    B64_ANY,      /* either alphabet (not mixed), padding optional: proto-JSON `bytes` */
};

/* Appends the decoded bytes. -1 on any fault (the buffer is then unchanged) or out of memory. */
int tm_b64_decode(enum tm_b64_kind kind, const char *text, size_t len, struct tm_buf *out);

/* Appends the encoding (B64_STD padded, B64_URL_BARE unpadded). */
void tm_b64_encode(enum tm_b64_kind kind, const void *data, size_t len, struct tm_buf *out);
